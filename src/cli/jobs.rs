//! `jobs`: what waits, runs and died, and how it comes back.

use anyhow::Context;
use clap::Subcommand;
use uuid::Uuid;

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    domain::error::ServiceError,
    queue::{JobRow, Revived},
};

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Lists at most 1000 jobs in the order in which they are due.
    List {
        /// Only those that failed too often, and run no more.
        #[arg(long)]
        dead: bool,
    },
    /// Has dead jobs run again: one by its id, or all of them.
    Retry {
        /// The id of a dead job, as `darkroom jobs list --dead` prints it.
        #[arg(required_unless_present = "all")]
        id: Option<Uuid>,
        /// Every dead job.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

pub async fn run(config: Config, command: JobsCommand) -> anyhow::Result<()> {
    let app = App::build_on_existing(config, Clock::default()).await?;
    match command {
        JobsCommand::List { dead } => list(&app, dead).await,
        JobsCommand::Retry { id, .. } => retry(&app, id).await,
    }
}

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
async fn list(app: &App, only_dead: bool) -> anyhow::Result<()> {
    for JobRow { id, kind, subject, state, attempts, run_at, last_error, .. } in app.queue.list(only_dead).await? {
        let due = run_at.format("%Y-%m-%dT%H:%M:%SZ");
        let error = last_error.unwrap_or_default().replace('\n', " ");
        println!("{id} {state:7} {kind:20} {subject} due {due} attempts {attempts} {error}");
    }
    Ok(())
}

async fn retry(app: &App, id: Option<Uuid>) -> anyhow::Result<()> {
    if let Some(id) = id {
        let found = app.queue.find_dead(id).await?;
        let job = found.context("there is no dead job with this id: see `darkroom jobs list --dead`")?;
        return retry_one(app, &job).await;
    }
    let mut after = None;
    loop {
        let page = app.queue.dead_behind(after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for job in &page {
            retry_one(app, job).await?;
        }
    }
}

#[expect(clippy::print_stdout, reason = "what became of each is what was asked for")]
async fn retry_one(app: &App, job: &JobRow) -> anyhow::Result<()> {
    let outcome = match app.services.uploads.revive(job).await.map_err(ServiceError::into_anyhow)? {
        Revived::Queued => "will run again",
        Revived::NotDead => "is not dead",
        Revived::WaitsAlready => "is already waiting",
        Revived::NotNeeded => "is not needed any more, and was removed",
        Revived::OfANewerVersion => "is about an image that only a newer version of the server knows, and stays dead",
    };
    println!("{} {} {outcome}", job.id, job.kind);
    Ok(())
}
