//! The sandbox: who is let in when, under which limits, and what becomes of a process that ends before its time.

use std::{fs::File, io::Write, os::unix::fs::PermissionsExt, path::Path};

use darkroom::{
    domain::{
        ids::UserId,
        variant_spec::{VariantSet, VariantSpec},
    },
    imaging::{
        ImagingError, Limits,
        sandbox::{Made, Priority, Sandbox, SandboxError, SandboxSettings},
    },
};
use futures_util::poll;
use tempfile::TempDir;

use crate::pictures;

const MEBIBYTE: u64 = 1024 * 1024;

fn sandbox(program: &Path, memory: u64) -> Sandbox {
    let limits = Limits { max_pixels: 50_000_000 };
    let (program, variants) = (program.to_owned(), VariantSet::default());
    Sandbox::new(SandboxSettings { program, limits, variants, memory, cores: 2 })
}

fn ours(memory: u64) -> Sandbox {
    sandbox(Path::new(env!("CARGO_BIN_EXE_darkroom")), memory)
}

fn thumbnail() -> Vec<VariantSpec> {
    vec![darkroom::domain::variant::VariantType::Thumbnail.into()]
}

fn large() -> File {
    file(&pictures::jpeg(&pictures::drawing(3000, 2000)))
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("to be written");
    file
}

fn user(number: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(number))
}

#[tokio::test]
async fn images_wait_for_memory_and_one_that_wants_all_of_it_gets_it() {
    let sandbox = ours(64 * MEBIBYTE);
    let mut first = sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited).await.expect("room");
    let mut second = Box::pin(sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited));
    assert!(poll!(&mut second).is_pending());
    // Until the first one has said everything, there is no room, however often anybody asks.
    while !matches!(first.next().await.expect("a picture"), Made::All(_)) {
        assert!(poll!(&mut second).is_pending());
    }
    drop(first);
    let mut second = second.await.expect("room");
    while !matches!(second.next().await.expect("a picture"), Made::All(_)) {}

    let roomy = ours(1024 * MEBIBYTE);
    let both = (
        roomy.begin(user(1), large(), None, thumbnail(), Priority::Awaited).await,
        roomy.begin(user(1), large(), None, thumbnail(), Priority::Awaited).await,
    );
    assert!(both.0.is_ok() && both.1.is_ok(), "two at once where there is memory for two");
}

#[tokio::test]
async fn no_owner_has_all_the_memory_while_another_waits() {
    let sandbox = ours(300 * MEBIBYTE);
    let first = sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited).await.expect("room");
    let mut second = Box::pin(sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited));
    let mut third = Box::pin(sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited));
    assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
    let small = file(&pictures::jpeg(&pictures::drawing(300, 200)));
    // Whoever came later has less, and is let in while the others wait.
    let other = sandbox.begin(user(2), small, None, thumbnail(), Priority::Awaited);
    let (other, waiting) = (other.await, (poll!(&mut second).is_pending(), poll!(&mut third).is_pending()));
    assert!(other.is_ok() && (waiting.0 || waiting.1));
    drop(first);
}

#[tokio::test]
async fn a_process_has_limits_and_no_sockets_and_none_of_the_servers_environment() {
    let sandbox = ours(64 * MEBIBYTE);
    let work = sandbox.begin(user(1), large(), None, thumbnail(), Priority::Awaited).await.expect("room");
    let process = work.process().expect("a process");
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).expect("a process that runs");
    let limits = read("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).expect("a limit");
        line[name.len()..].split_whitespace().next().expect("a number").to_owned()
    };
    assert!(["20", "120"].contains(&limit("Max cpu time").as_str()), "{limits}");
    assert_eq!(limit("Max core file size"), "0");
    assert!(limit("Max data size").parse::<u64>().expect("a number") < 1024 * MEBIBYTE, "{limits}");
    let status = read("status");
    for shut in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(shut), "{status}");
    }
    let environment = read("environ");
    assert_eq!(environment.trim_end_matches('\0').split('\0').count(), 1, "{environment}");
}

/// What comes of an image whose process does this.
async fn with_script(script: &str) -> SandboxError {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("program");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a program");
    let begun = sandbox(&program, 64 * MEBIBYTE).begin(user(1), file(b"x"), None, thumbnail(), Priority::Awaited).await;
    begun.expect_err("no image")
}

#[tokio::test]
async fn the_file_is_blamed_for_what_it_did_and_for_nothing_else() {
    let is_corrupt = |error: &SandboxError| matches!(error, SandboxError::Image(ImagingError::Corrupt(_)));
    for (script, whose) in [
        ("ulimit -c 0; kill -SEGV $$", true),
        ("ulimit -c 0; kill -ABRT $$", true),
        ("kill -KILL $$", false),
        ("exit 1", false),
    ] {
        let error = with_script(&format!("cat > /dev/null & {script}")).await;
        assert_eq!(is_corrupt(&error), whose, "{script}: {error}");
    }
    let error = with_script("ulimit -S -t 1; while :; do :; done").await;
    assert!(error.to_string().contains("CPU time limit"), "{error}");
    let error =
        sandbox(Path::new("/nowhere"), MEBIBYTE).begin(user(1), file(b"x"), None, thumbnail(), Priority::Awaited).await;
    assert!(matches!(error, Err(SandboxError::Process(_))));
}
