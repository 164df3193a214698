//! The machine: whether images are made in a sandbox, and how many files may be open.

use std::io::Write;

use uuid::Uuid;

use super::Report;
use crate::{
    app,
    config::Config,
    domain::ids::UserId,
    imaging::sandbox::{Made, Priority},
    machine,
};

/// A GIF of one pixel.
const PIXEL: [u8; 35] = *b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

pub(super) async fn examine(config: &Config, report: &mut Report) {
    let check = "machine.sandbox";
    match try_sandbox(config).await {
        Ok(true) => report.passed(check),
        Ok(false) => report.failed(
            check,
            "Images are processed without a sandbox: Landlock or seccomp is not available to this process.",
            "Use Linux 5.13 or later with Landlock enabled, and a container that allows landlock_* and seccomp.",
        ),
        Err(error) => report.failed(
            check,
            format!("No image can be processed: {error:#}."),
            "Check VARIANTS and IMAGE_MEMORY_BUDGET, and that this program may start itself.",
        ),
    }
    let for_connections = config.limits.max_connections as usize * app::files_of_connection(config);
    let (files, wanted) = (machine::open_files(), for_connections + app::FILES_OF_OUR_OWN);
    if files >= wanted {
        report.passed("machine.open_files");
    } else {
        let problem = format!("This process may have {files} files open; MAX_CONNECTIONS needs {wanted}.");
        let advice =
            "Raise the limit (ulimit -n, LimitNOFILE of systemd, ulimits of compose), or lower MAX_CONNECTIONS.";
        report.warn("machine.open_files", problem, advice);
    }
}

/// Makes an image of one pixel, and says whether that was done in a sandbox.
async fn try_sandbox(config: &Config) -> anyhow::Result<bool> {
    let sandbox = app::sandbox(config, app::variants(config)?)?;
    let mut file = tempfile::tempfile()?;
    file.write_all(&PIXEL)?;
    let mut work = sandbox.begin(UserId(Uuid::nil()), file, None, Vec::new(), Priority::Awaited).await?;
    while !matches!(work.next().await?, Made::All(_)) {}
    Ok(sandbox.is_sandboxed() == Some(true))
}
