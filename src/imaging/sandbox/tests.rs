//! A process that was taken over by a file, played by a program that sends what it was told to.

use std::{fs, os::unix::fs::PermissionsExt};

use serde::Serialize;
use tempfile::TempDir;

use super::{protocol::head, *};
use crate::domain::{variant::VariantFormat, variant_spec::VariantSet};

/// Sends the first message, and the second one without end.
struct Program {
    folder: TempDir,
}

impl Program {
    fn new(first: &impl Serialize, then: &impl Serialize) -> Self {
        let folder = TempDir::new().expect("a folder");
        for (name, message) in [("first", head(first, &[])), ("then", head(then, &[]))] {
            fs::write(folder.path().join(name), message.expect("a message")).expect("a file");
        }
        let at = folder.path().display();
        let script = format!("#!/bin/sh\n/bin/cat {at}/first\nwhile /bin/cat {at}/then; do :; done\n");
        fs::write(folder.path().join("program"), script).expect("a file");
        let executable = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path().join("program"), executable).expect("a program");
        Self { folder }
    }

    fn sandbox(&self) -> Sandbox {
        let limits = Limits { max_pixels: 1000 };
        let program = self.folder.path().join("program");
        Sandbox::new(SandboxSettings { program, limits, variants: VariantSet::default(), memory: 1 << 30, cores: 2 })
    }

    async fn begin(&self, sandbox: &Sandbox) -> Result<Work, SandboxError> {
        let file = File::open(self.folder.path().join("first")).expect("a file");
        sandbox.begin(UserId(uuid::Uuid::nil()), file, None, Vec::new(), Priority::Awaited).await
    }
}

fn facts() -> Response {
    let facts = Facts { width: 1, height: 1, placeholder: String::new(), dominant_colour: None, is_animated: false };
    let fingerprint = Fingerprint { sha256: [0; 32], perceptual_hash: 0 };
    Response::Facts { facts, fingerprint, metadata: Box::default() }
}

#[tokio::test]
async fn facts_are_taken_once_and_variants_only_as_ordered() {
    let opened = Response::Opened { memory: 1, is_shut_in: false };
    let program = Program::new(&opened, &facts());
    let sandbox = program.sandbox();
    let mut work = program.begin(&sandbox).await.expect("a process");
    assert!(matches!(work.next().await, Ok(Made::Facts(..))));
    assert!(matches!(work.next().await, Err(SandboxError::Process(_))), "facts without end");
    assert_eq!(sandbox.is_sandboxed(), Some(false), "what the first process says of itself is known from then on");

    let name = VariantSet::default().iter().next().expect("a variant").name.clone();
    let format = VariantFormat::WebP;
    let program = Program::new(&opened, &Response::Variant { name, format, width: 1, height: 1 });
    let mut work = program.begin(&program.sandbox()).await.expect("a process");
    assert!(matches!(work.next().await, Err(SandboxError::Process(_))), "a variant that nobody ordered");
}
