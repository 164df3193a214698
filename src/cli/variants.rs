//! `variants FILE… --out DIR`: the image pipeline on local files.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;

use crate::{
    domain::variant::VariantType,
    imaging::{Decoded, Limits},
};

/// Makes the variants of each file. A file that cannot be read is a row of its own, and the last word.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
pub fn run(files: &[PathBuf], out: &Path, max_pixels: u64) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    println!("{:<32} {:<10} {:>11} {:>10} {:>8}", "file", "variant", "pixels", "bytes", "ms");
    let mut failed = 0;
    for file in files {
        if let Err(error) = make(file, out, Limits { max_pixels }) {
            println!("{:<32} {error:#}", name_of(file));
            failed += 1;
        }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} files were not made", files.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "rows of the table")]
#[expect(clippy::disallowed_methods, reason = "a stopwatch for the operator")]
fn make(file: &Path, out: &Path, limits: Limits) -> anyhow::Result<()> {
    let bytes = fs::read(file)?;
    let row = |name: &str, size: String, bytes: usize, started: Instant| {
        let ms = started.elapsed().as_millis();
        println!("{:<32} {name:<10} {size:>11} {bytes:>10} {ms:>8}", name_of(file));
    };
    let started = Instant::now();
    let decoded = Decoded::from_any(&bytes, limits)?;
    let facts = decoded.facts()?;
    row("(original)", format!("{}x{}", facts.width, facts.height), bytes.len(), started);
    for kind in VariantType::ALL {
        let started = Instant::now();
        let encoded = decoded.variant(kind)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        fs::write(out.join(format!("{stem}_{}.webp", kind.name())), &encoded.bytes)?;
        row(kind.name(), format!("{}x{}", encoded.width, encoded.height), encoded.bytes.len(), started);
    }
    Ok(())
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().chars().take(32).collect()
}
