//! The command line. Each command is a file of `cli`.

use std::process::ExitCode;

use darkroom::cli::Cli;

/// GraphQL allocates a little for every field. By a profile of lists, the system's allocator took a sixth of the CPU,
/// this one a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn main() -> ExitCode {
    match Cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
