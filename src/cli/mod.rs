//! Door: the operator's commands.

mod assets;
mod doctor;
mod jobs;
mod log;
mod regenerate;
mod seed;
mod serve;
mod settings;
mod storage;
mod sweep;
mod token;
mod user;
mod variants;

use std::path::PathBuf;

use clap::{FromArgMatches, Parser, Subcommand};

use crate::{
    accounts::NewAdmin,
    app::{self, App},
    config::{self, Config, Setting},
    graphql,
    imaging::sandbox,
    machine,
};

/// An image upload server with a GraphQL API.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// A file of TOML with settings by area; flags and environment variables come before it.
    #[arg(id = "config", long = "config", env = "DARKROOM_CONFIG", global = true, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers requests, and runs jobs beside them. The default.
    Serve {
        /// Leave the jobs to workers of their own.
        #[arg(long)]
        no_worker: bool,
    },
    /// Runs jobs alone.
    Worker,
    /// Brings the database up to date, and ends.
    Migrate,
    /// Tries the configuration as users would, and says what to change. Leaves nothing behind; ends with 1 where anything failed.
    Doctor {
        /// Print one object of JSON with all findings.
        #[arg(long)]
        json: bool,
    },
    /// Prints the settings that are in force, as a file of TOML; secrets are hidden.
    Config,
    /// Prints the GraphQL schema.
    Schema,
    /// Prints an API token for a user, who is made if there is none. Good for everything, for 24 hours.
    Token {
        /// The user's address.
        email: String,
    },
    /// Makes accounts, and changes what they may do.
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// Completes, expires and removes what nobody else does, now instead of within the hour.
    Sweep {
        /// Only lists the objects that would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Has the servers make images anew whose variants, facts or metadata are out of date: one at a time, with the lowest
    /// priority, while everybody goes on seeing what there is.
    Regenerate {
        /// Which images to examine, several conditions together: `outdated` for what is missing or was made with other
        /// settings, which is the default, `all`, `before=2026-11-20T08:30:00Z` for what was made before, `owner=EMAIL`,
        /// `content-type=image/avif`.
        #[arg(long = "where", value_name = "CONDITION")]
        conditions: Vec<regenerate::Condition>,
        /// Start nothing: print how far the latest regeneration has come.
        #[arg(long, conflicts_with_all = ["conditions", "cancel"])]
        status: bool,
        /// Start nothing: cancel the running regeneration.
        #[arg(long, conflicts_with_all = ["conditions", "follow"])]
        cancel: bool,
        /// Print the progress until the regeneration ends. It goes on when this command is stopped.
        #[arg(long)]
        follow: bool,
    },
    /// Shows the jobs of the queue, and has dead ones run again.
    Jobs {
        #[command(subcommand)]
        command: jobs::JobsCommand,
    },
    /// Makes the bucket of an S3 elsewhere ready.
    Storage {
        #[command(subcommand)]
        command: storage::StorageCommand,
    },
    /// Stores a front end's own files in the bucket, and tells where they are.
    Assets {
        #[command(subcommand)]
        command: assets::AssetsCommand,
    },
    /// Fills the database with plausible images, for demos and measurements. They have rows, but no objects.
    Seed {
        /// How many.
        #[arg(long)]
        images: u32,
        /// Whose they are; made if there is none.
        #[arg(long, default_value = "demo@localhost")]
        owner: String,
    },
    /// Makes one image, as a server tells it to: not for people.
    #[command(hide = true)]
    Imaging,
    /// Makes the variants of local files, and prints a table of them.
    Variants {
        /// Images of any format that can be uploaded.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where to write them.
        #[arg(long)]
        out: PathBuf,
        /// Print an object of JSON for each file in place of the table: with the facts, the metadata and the failure.
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// Reads the command line, the environment and the file of settings, and does what was asked for.
    ///
    /// # Errors
    /// Whatever stands in the way, for the operator to read.
    pub fn main() -> anyhow::Result<()> {
        let (matches, settings) = config::read::<Self>()?;
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).run(&settings)
    }

    /// Does what was asked for.
    ///
    /// # Errors
    /// Whatever stands in the way, for the operator to read.
    #[expect(clippy::print_stdout, reason = "the schema is what was asked for")]
    fn run(self, settings: &[Setting]) -> anyhow::Result<()> {
        let config = self.config;
        let command = self.command.unwrap_or(Command::Serve { no_worker: false });
        if let Command::Imaging = command {
            return Ok(sandbox::run()?);
        }
        machine::give_freed_memory_back();
        let _traces = log::start(&config.server)?;
        warn_of_unknown_variables();
        match command {
            Command::Imaging => Ok(()),
            Command::Config => settings::print(&config, settings),
            Command::Doctor { json } => block_on(doctor::run(config, json)),
            Command::Schema => {
                print!("{}", graphql::sdl());
                Ok(())
            }
            Command::Variants { files, out, json } => block_on(variants::run(&config, &files, &out, json)),
            Command::Serve { no_worker } => block_on(serve::serve(config, no_worker, settings::in_force(settings))),
            Command::Worker => block_on(serve::work(config)),
            Command::Token { email } => block_on(token::run(config, email)),
            Command::User { command } => block_on(user::run(config, command)),
            Command::Jobs { command } => block_on(jobs::run(config, command)),
            Command::Regenerate { conditions, status, cancel, follow } => {
                let task = match (status, cancel) {
                    (true, _) => regenerate::Task::Show { follow },
                    (_, true) => regenerate::Task::Cancel,
                    _ => regenerate::Task::Start { follow },
                };
                block_on(regenerate::run(config, conditions, task))
            }
            Command::Storage { command } => block_on(storage::run(config, command)),
            Command::Assets { command } => block_on(assets::run(config, command)),
            Command::Sweep { dry_run } => block_on(sweep::run(config, dry_run)),
            Command::Seed { images, owner } => block_on(seed::run(config, images, owner)),
            Command::Migrate => block_on(async { app::migrate(&app::connect(&config).await?).await }),
        }
    }
}

fn warn_of_unknown_variables() {
    for (name, meant) in
        config::unknown_variables::<Cli>(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
    {
        let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        tracing::warn!("the environment variable {name} is not a known setting{hint}");
    }
}

/// Makes what an empty database lacks, and says what nobody could know otherwise.
#[expect(clippy::print_stderr, reason = "beside what was asked for")]
async fn bootstrap(app: &App) -> anyhow::Result<()> {
    if let Some(NewAdmin { email, generated_password: Some(password) }) = app.bootstrap().await? {
        eprintln!("created the administrator {email} with the password {password} (shown only once)");
    }
    Ok(())
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
