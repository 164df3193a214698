//! `storage`: a bucket made ready, and a library brought from one storage to another.

use clap::Subcommand;
use futures_util::{StreamExt, stream};

use crate::{
    app::{self, StoragePlace},
    clock::Clock,
    config::Config,
    storage::{BucketFault, ObjectStore, S3, SetupStep, StorageKey, Transfer, Transferred},
};

/// Objects that are brought over at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Makes the bucket where it is not there, and sets its CORS rules for CORS_ORIGINS and its lifecycle rules, which replace
    /// those that it has. May be repeated.
    Setup,
    /// Copies all objects of the library to another storage, and compares their checksums. Servers may run meanwhile. May be
    /// repeated: what is there is not copied again.
    Copy {
        /// Where they are: `embedded` for DATA_DIR, `s3` for the bucket that the settings name, or a file of TOML whose area
        /// [storage] names another.
        #[arg(long, value_name = "STORAGE")]
        from: StoragePlace,
        /// Where they shall be.
        #[arg(long, value_name = "STORAGE")]
        to: StoragePlace,
        /// Read what is there already, in place of trusting the checksums that storages tell.
        #[arg(long)]
        verify: bool,
    },
}

pub async fn run(config: Config, command: StorageCommand) -> anyhow::Result<()> {
    match command {
        StorageCommand::Setup => set_up(config).await,
        StorageCommand::Copy { from, to, verify } => Box::pin(copy(&config, &from, &to, verify)).await,
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

/// How many objects came to which end.
#[derive(Default)]
struct Counts {
    copied: u64,
    bytes: u64,
    already_there: u64,
    newer_there: u64,
    gone: u64,
    failed: u64,
}

#[expect(clippy::print_stdout, reason = "what was done is what was asked for")]
async fn copy(config: &Config, from: &StoragePlace, to: &StoragePlace, verify: bool) -> anyhow::Result<()> {
    anyhow::ensure!(from != to, "--from and --to are the same storage");
    let clock = Clock::default();
    from.require(config)?;
    let (from, to) = (from.open(config, &clock).await?, to.open(config, &clock).await?);
    let transfer = Transfer { from: from.s3, to: to.s3, spool: app::spool(config), verify };
    for (name, s3) in [("--from", &transfer.from), ("--to", &transfer.to)] {
        s3.inspect().await.map_err(|fault| anyhow::anyhow!("the storage of {name} cannot be used: {fault}"))?;
    }
    let mut counts = Counts::default();
    // What moves from the first to the second meanwhile is found in one of them.
    for prefix in [StorageKey::INCOMING, StorageKey::IMAGES] {
        copy_all(&transfer, prefix, &mut counts).await?;
    }
    let Counts { copied, bytes, already_there, newer_there, gone, failed } = counts;
    println!("copied {copied} objects of {bytes} bytes; {already_there} were there already");
    if newer_there + gone > 0 {
        println!("left {newer_there} that are newer there, and {gone} that were removed meanwhile");
    }
    anyhow::ensure!(failed == 0, "{failed} objects were not copied: run the command again");
    Ok(())
}

/// Page by page, so that a library of any size can be copied.
async fn copy_all(transfer: &Transfer, prefix: &str, counts: &mut Counts) -> anyhow::Result<()> {
    let mut continuation = None;
    loop {
        let page = transfer.from.list(prefix, continuation).await?;
        let keys = page.objects.into_iter().map(|object| object.key);
        let mut ended = stream::iter(keys)
            .map(async |key| {
                let outcome = transfer.bring(&key).await;
                (key, outcome)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((key, outcome)) = ended.next().await {
            match outcome {
                Ok(outcome) => {
                    if outcome == Transferred::NewerThere {
                        tracing::warn!("{key} is another object there, which was stored later and stays");
                    }
                    counts.add(outcome);
                }
                Err(error) => {
                    counts.failed += 1;
                    tracing::error!("{key} was not copied: {:#}", anyhow::Error::from(error));
                }
            }
        }
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(());
        }
        tracing::info!("copied {} objects of {}; {} were there already", counts.copied, prefix, counts.already_there);
    }
}

impl Counts {
    const fn add(&mut self, outcome: Transferred) {
        match outcome {
            Transferred::Copied(bytes) => {
                self.copied += 1;
                self.bytes += bytes;
            }
            Transferred::AlreadyThere => self.already_there += 1,
            Transferred::NewerThere => self.newer_there += 1,
            Transferred::Gone => self.gone += 1,
        }
    }
}
