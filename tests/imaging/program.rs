//! The program as a person runs it on files: what it says of each, and what it took.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use wait4::Wait4;

/// What `darkroom variants` said and took, the processes that it started included.
pub struct Ran {
    pub rows: Vec<String>,
    /// In bytes, of the largest of the processes.
    pub peak_memory: u64,
    /// Of all of them.
    pub cpu: Duration,
}

impl Ran {
    /// The row that ends a file's: what it took, or why it was not made.
    pub fn end_of(&self, file: &str) -> &str {
        let name: String = file.chars().take(32).collect();
        let mut rows = self.rows.iter().filter_map(|row| row.strip_prefix(&format!("{name:<32} ")));
        rows.next_back().unwrap_or_else(|| panic!("no row of {file}: {:#?}", self.rows))
    }
}

/// Makes the variants of files in a folder.
pub fn variants_of(folder: &Path, files: &[String]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_darkroom"))
        .current_dir(folder)
        .env("RUST_BACKTRACE", "0")
        .args(["variants", "--out", "made"])
        .args(files)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().expect("a pipe"), &mut said).expect("text");
    let used = child.wait4().expect("an end").rusage;
    Ran { rows: said.lines().map(str::to_owned).collect(), peak_memory: used.maxrss, cpu: used.utime + used.stime }
}

/// Whether a row is that of a file that was made.
pub fn is_made(row: &str) -> bool {
    row.contains("ms of CPU")
}
