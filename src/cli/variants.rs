//! `variants FILE… --out DIR`: what the server would make of local files, by the same process.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use serde::Serialize;

use crate::{
    app,
    config::Config,
    domain::{
        failure::Failure, ids::UserId, image::Facts, metadata::Metadata, variant::VariantName,
        variant_spec::VariantSpec,
    },
    imaging::sandbox::{Made, Priority, Sandbox, SandboxError, Spent},
};

/// What was made of one file.
#[derive(Default, Serialize)]
struct Report {
    file: PathBuf,
    /// In bytes.
    size: usize,
    facts: Option<Facts>,
    metadata: Option<Box<Metadata>>,
    variants: Vec<Written>,
    spent: Option<Spent>,
    /// What a person who uploaded it would be told.
    failure: Option<Failure>,
    /// What ended it, for operators.
    error: Option<String>,
}

#[derive(Serialize)]
struct Written {
    name: VariantName,
    path: PathBuf,
    width: u32,
    height: u32,
    /// In bytes.
    size: usize,
    /// In milliseconds since the file was begun.
    after: u128,
}

/// Makes the variants of each file. A file that cannot be read is a row of its own, and the last word.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
pub async fn run(config: &Config, files: &[PathBuf], out: &Path, is_json: bool) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| format!("{} cannot be created", out.display()))?;
    let set = app::variants(config)?;
    let specs: Vec<VariantSpec> = set.iter().cloned().collect();
    let sandbox = app::sandbox(config, set)?;
    if !is_json {
        println!("{:<32} {:<12} {:>11} {:>10} {:>8}", "file", "variant", "pixels", "bytes", "ms");
    }
    let mut failed = 0;
    for file in files {
        let mut report = Report { file: file.clone(), ..Report::default() };
        if let Err(error) = make(&sandbox, specs.clone(), out, &mut report).await {
            report.failure = error.downcast_ref().and_then(failure_of);
            report.error = Some(format!("{error:#}"));
            failed += 1;
        }
        if is_json { println!("{}", serde_json::to_string(&report)?) } else { print(&report) }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} files could not be processed", files.len());
    Ok(())
}

fn failure_of(error: &SandboxError) -> Option<Failure> {
    match error {
        SandboxError::Image(error) => error.as_failure(),
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch for the operator")]
async fn make(sandbox: &Sandbox, specs: Vec<VariantSpec>, out: &Path, report: &mut Report) -> anyhow::Result<()> {
    // A copy that nobody changes while it is read.
    let mut copy = tempfile::tempfile()?;
    report.size = usize::try_from(std::io::copy(&mut fs::File::open(&report.file)?, &mut copy)?)?;
    let started = Instant::now();
    let stem = report.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut work = sandbox.begin(UserId(uuid::Uuid::nil()), copy, None, specs, Priority::Awaited).await?;
    loop {
        match work.next().await? {
            Made::Facts(facts, _, metadata) => (report.facts, report.metadata) = (Some(facts), Some(metadata)),
            Made::Variant(made) => {
                let path = out.join(format!("{stem}_{}.{}", made.name, made.format.extension()));
                fs::write(&path, &made.bytes)?;
                let (size, after) = (made.bytes.len(), started.elapsed().as_millis());
                let (name, width, height) = (made.name, made.width, made.height);
                report.variants.push(Written { name, path, width, height, size, after });
            }
            Made::All(spent) => {
                report.spent = Some(spent);
                return Ok(());
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "rows of the table")]
fn print(report: &Report) {
    let name = report.file.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(32).collect();
    let row = |what: &str, (width, height): (u32, u32), bytes: usize, ms: &str| {
        println!("{name:<32} {what:<12} {:>11} {bytes:>10} {ms:>8}", format!("{width}x{height}"));
    };
    if let Some(facts) = &report.facts {
        row("(original)", (facts.width, facts.height), report.size, "");
    }
    for made in &report.variants {
        row(made.name.as_str(), (made.width, made.height), made.size, &made.after.to_string());
    }
    for note in report.metadata.iter().flat_map(|metadata| &metadata.notes) {
        println!("{name:<32} {note}");
    }
    if let Some(spent) = report.spent {
        let memory = spent.peak_memory / (1024 * 1024);
        println!("{name:<32} {} ms of CPU, {memory} MiB at its peak", spent.cpu_ms);
    }
    if let Some(error) = &report.error {
        println!("{name:<32} {error}");
    }
}
