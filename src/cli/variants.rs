//! `variants FILE… --out DIR`: what the server would make of local files, by the same process.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;

use crate::{
    app,
    config::Config,
    domain::ids::UserId,
    imaging::sandbox::{Made, Sandbox},
};

/// Makes the variants of each file. A file that cannot be read is a row of its own, and the last word.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
pub async fn run(config: &Config, files: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| format!("{} cannot be created", out.display()))?;
    let sandbox = app::sandbox(config)?;
    let variants = app::variants(config)?;
    println!("{:<32} {:<12} {:>11} {:>10} {:>8}", "file", "variant", "pixels", "bytes", "ms");
    let mut failed = 0;
    for file in files {
        if let Err(error) = make(&sandbox, variants.iter().cloned().collect(), file, out).await {
            println!("{:<32} {error:#}", name_of(file));
            failed += 1;
        }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} files could not be processed", files.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "rows of the table")]
#[expect(clippy::disallowed_methods, reason = "a stopwatch for the operator")]
async fn make(
    sandbox: &Sandbox,
    variants: Vec<crate::domain::variant_spec::VariantSpec>,
    file: &Path,
    out: &Path,
) -> anyhow::Result<()> {
    // A copy that nobody changes while it is read.
    let mut copy = tempfile::tempfile()?;
    let size = usize::try_from(std::io::copy(&mut fs::File::open(file)?, &mut copy)?)?;
    let started = Instant::now();
    let row = |name: &str, pixels: (u32, u32), bytes: usize| {
        let (pixels, ms) = (format!("{}x{}", pixels.0, pixels.1), started.elapsed().as_millis());
        println!("{:<32} {name:<12} {pixels:>11} {bytes:>10} {ms:>8}", name_of(file));
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let mut work = sandbox.begin(UserId(uuid::Uuid::nil()), copy, None, variants).await?;
    loop {
        match work.next().await? {
            Made::Facts(facts, ..) => row("(original)", (facts.width, facts.height), size),
            Made::Variant(made) => {
                let name = format!("{stem}_{}.{}", made.name, made.format.extension());
                fs::write(out.join(name), &made.bytes)?;
                row(made.name.as_str(), (made.width, made.height), made.bytes.len());
            }
            Made::All(spent) => {
                let (cpu, memory) = (spent.cpu_ms, spent.peak_memory / (1024 * 1024));
                println!("{:<32} {cpu} ms of CPU, {memory} MiB at its peak", name_of(file));
                return Ok(());
            }
        }
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().chars().take(32).collect()
}
