//! The command line. Each command is a file of `cli`.

use clap::Parser;
use darkroom::cli::Cli;

fn main() -> anyhow::Result<()> {
    Cli::parse().run()
}
