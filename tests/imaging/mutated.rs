//! Thousands of files with something wrong with them: bits turned over, ends cut off, pieces of others put in.
//!
//! `MUTATIONS=n` makes more of them, `MUTATION_SEED=n` the same again.

use std::{io::Write, path::PathBuf};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::program;

const FORMATS: [&[&str]; 6] = [
    &["420.jpg", "progressive.jpg", "cmyk_profile.jpg", "grey.jpg"],
    &["rgb.png", "alpha.png", "palette.png", "p3.png", "apng.png"],
    &["lossy.webp", "lossless.webp", "alpha.webp", "moving.webp"],
    &["still.gif", "moving.gif"],
    &["420.heic", "444.heic", "alpha.heic"],
    &["420.avif", "444.avif", "alpha.avif", "10bit.avif", "moving.avif"],
];
/// In bytes: what a picture of a few thousand pixels may take at most, whatever is wrong with it; a broken header may
/// say that it has fifty million.
const MAX_MEMORY: u64 = 600 * 1024 * 1024;
/// How many files a process is given, so that what it says can be kept.
const AT_ONCE: usize = 250;

#[expect(clippy::disallowed_methods, reason = "the one way to tell a test anything")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn mutated(draw: &mut StdRng, original: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let at = |draw: &mut StdRng| draw.random_range(0..original.len());
    match draw.random_range(0..4) {
        0 => bytes.truncate(at(draw)),
        1 => {
            for _ in 0..draw.random_range(1..10) {
                let at = at(draw);
                bytes[at] ^= 1 << draw.random_range(0..8);
            }
        }
        // Most of what can be said wrongly is said at the beginning.
        2 => {
            for _ in 0..draw.random_range(1..6) {
                let at = draw.random_range(0..original.len().min(600));
                bytes[at] = draw.random();
            }
        }
        _ => {
            let (at, from) = (at(draw), draw.random_range(0..other.len()));
            let length = draw.random_range(1..200).min(other.len() - from);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, other[from..from + length].iter().copied());
        }
    }
    bytes
}

#[test]
fn files_with_something_wrong_end_and_take_nobody_along() {
    let seed = number("MUTATION_SEED").unwrap_or_else(rand::random);
    let each = usize::try_from(number("MUTATIONS").unwrap_or(5000)).expect("a number").div_ceil(FORMATS.len());
    let mut said = std::io::stderr().lock();
    writeln!(said, "MUTATION_SEED={seed}, {each} files of each format").expect("a line");
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    for names in FORMATS {
        let mut draw = StdRng::seed_from_u64(seed);
        let originals: Vec<Vec<u8>> =
            names.iter().map(|name| std::fs::read(fixtures.join(name)).expect("a fixture")).collect();
        let (mut made, mut panicked, mut peak) = (0, 0, 0);
        for batch in (0..each).collect::<Vec<_>>().chunks(AT_ONCE) {
            let folder = TempDir::new().expect("a folder");
            let files: Vec<String> = batch.iter().map(|at| format!("{at:05}")).collect();
            for file in &files {
                let original = &originals[draw.random_range(0..originals.len())];
                let other = &originals[draw.random_range(0..originals.len())];
                std::fs::write(folder.path().join(file), mutated(&mut draw, original, other)).expect("a file");
            }
            let ran = program::variants_of(folder.path(), &files);
            for file in &files {
                let end = ran.end_of(file);
                let is_told = end.starts_with("the file is") || end.starts_with("the image has");
                assert!(program::is_made(end) || is_told, "seed {seed}, {}: {file}: {end}", names[0]);
                made += usize::from(program::is_made(end));
                panicked += usize::from(end.contains("panicked") || end.contains("crashes the decoder"));
            }
            peak = peak.max(ran.peak_memory);
        }
        let mebibytes = peak / (1024 * 1024);
        writeln!(said, "{:<20} {made} made, {panicked} ended their process, {mebibytes} MiB at most", names[0])
            .expect("a line");
        assert!(peak < MAX_MEMORY, "seed {seed}, {}: {mebibytes} MiB", names[0]);
        assert!(made > 0 && made < each, "seed {seed}, {}: {made} of {each} were made", names[0]);
    }
}
