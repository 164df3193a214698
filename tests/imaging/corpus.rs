//! Any folder of pictures through the pipeline: `IMAGE_CORPUS=dir cargo test --test imaging corpus`.

use std::io::Write;

use walkdir::WalkDir;

use crate::{pictures, program, skip::is_skipped};

/// In bytes.
const MAX_MEMORY: u64 = 600 * 1024 * 1024;
const MAX_SECONDS: u64 = 10;

#[test]
fn every_file_of_the_corpus_ends_within_its_bounds() {
    let folder = pictures::corpus();
    if is_skipped(folder.is_some(), "a folder of pictures: IMAGE_CORPUS") {
        return;
    }
    let folder = folder.expect("a folder");
    // Not by print, which tests keep to themselves.
    let mut table = std::io::stderr().lock();
    writeln!(table, "{:<44} {:>8} {:>8}  end", "file", "MiB", "CPU ms").expect("a table");
    let files = WalkDir::new(&folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    for file in files.filter(|file| file.file_type().is_file()) {
        let name = file.path().strip_prefix(&folder).expect("within").display().to_string();
        let out = tempfile::TempDir::new().expect("a folder");
        let ran = program::variants_of(out.path(), &[file.path().display().to_string()]);
        let end = ran.end_of(&file.file_name().to_string_lossy());
        let mebibytes = ran.peak_memory / (1024 * 1024);
        writeln!(table, "{name:<44} {mebibytes:>8} {:>8}  {end}", ran.cpu.as_millis()).expect("a table");
        let is_told = program::is_made(end) || end.starts_with("the file is") || end.starts_with("the image has");
        assert!(is_told, "{name}: {end}");
        assert!(ran.peak_memory < MAX_MEMORY, "{name}: {mebibytes} MiB");
        // Of CPU, which a busy machine does not change; debug builds are given twice the time.
        let most = if cfg!(debug_assertions) { 2 * MAX_SECONDS } else { MAX_SECONDS };
        assert!(ran.cpu.as_secs() < most, "{name}: {:?}", ran.cpu);
    }
}
