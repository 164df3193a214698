//! `storage`: the bucket made ready.

use clap::Subcommand;

use crate::{
    app,
    clock::Clock,
    config::Config,
    storage::{BucketFault, S3, SetupStep},
};

#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Makes the bucket where it is not there, and sets its CORS rules for CORS_ORIGINS and its lifecycle rules, which replace
    /// those that it has. May be repeated.
    Setup,
}

pub async fn run(config: Config, command: StorageCommand) -> anyhow::Result<()> {
    match command {
        StorageCommand::Setup => set_up(config).await,
    }
}

#[expect(clippy::print_stdout, reason = "what was done is what was asked for")]
async fn set_up(config: Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        !config.storage.is_embedded(),
        "the storage inside the server needs no setup: set AWS_STORAGE_BUCKET_NAME for another"
    );
    let clock = Clock::default();
    let (settings, _) = app::storage_settings(&config, config.server.bind, &clock)?;
    let origins = config.server.cors_origins()?;
    let s3 = S3::connect(settings, clock).await?;
    let mut refused = 0;
    for step in SetupStep::ALL {
        let what = match step {
            SetupStep::Bucket => "the bucket is there",
            SetupStep::Cors => "its CORS rules let in pages of CORS_ORIGINS",
            SetupStep::Lifecycle => "its lifecycle rules remove incomplete multipart uploads",
        };
        match s3.set_up(step, &origins).await {
            Ok(()) => println!("done     {what}"),
            Err(BucketFault::Unreachable(why)) => anyhow::bail!("the storage does not answer: {why}"),
            Err(BucketFault::Answered { status, code, message }) => {
                refused += 1;
                println!("refused  {what}: {status} {code}: {message}");
            }
        }
    }
    anyhow::ensure!(
        refused == 0,
        "the storage refused {refused} of {} steps: do them in its own console",
        SetupStep::ALL.len()
    );
    Ok(())
}
