//! Tests that need what is not there.

use std::io::Write;

/// Whether the running test is skipped, because what it needs is not there. Says so past the capture of its output.
pub fn is_skipped(is_there: bool, needs: &str) -> bool {
    if !is_there {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Whoever closed stderr does not want to know.
        let _ = writeln!(std::io::stderr().lock(), "skipped: {test}: it needs {needs}");
    }
    !is_there
}
