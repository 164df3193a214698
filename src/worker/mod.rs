//! Door: jobs come in from the queue and are handed to the service whose work they are. Decides nothing.

mod slots;

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument;

use self::slots::Slots;
use crate::{
    accounts::Accounts,
    domain::{
        ids::UserId,
        job::{Job, JobError},
    },
    library::Library,
    measures,
    queue::{Claimed, FreeKind, Queue},
    trace::{self, step},
    uploads::Uploads,
    webhooks::Webhooks,
};

/// How long another process's job may wait for this one to look.
const POLL: Duration = Duration::from_secs(1);
/// How soon the end of a job is noted again that the database did not take.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);

/// What became of a job that was to run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// Another process has it.
    Elsewhere,
    ToItsEnd,
    /// It is to be tried again; the log says why.
    InVain,
}

/// Whose work jobs are.
#[derive(Clone)]
pub struct WorkerServices {
    pub uploads: Uploads,
    pub library: Library,
    pub accounts: Accounts,
    pub webhooks: Webhooks,
}

/// Runs jobs, several at once.
#[derive(Clone)]
pub struct Worker {
    queue: Queue,
    services: WorkerServices,
    slots: Slots,
    /// How long running jobs may take to end once the process is told to stop.
    grace: Duration,
}

impl Worker {
    /// A worker that processes so many images at once, and gives them `grace` when it is told to stop.
    pub fn new(queue: Queue, services: WorkerServices, images: usize, grace: Duration) -> Self {
        Self { queue, services, slots: Slots::new(images), grace }
    }

    /// How many jobs run at once where so many images are processed: each needs a connection to the database.
    pub const fn jobs_at_once(images: usize) -> usize {
        Slots::in_all(images)
    }

    /// Runs jobs until it is told to stop, then lets those that run come to their end.
    pub async fn run(self, stop: CancellationToken) {
        let running = TaskTracker::new();
        let abandon = CancellationToken::new();
        let suspecting = AbortOnDropHandle::new(tokio::spawn(suspect_again_and_again(self.queue.clone())));
        let looking = AbortOnDropHandle::new(tokio::spawn(look_again_and_again(self.services.webhooks.clone())));
        while !stop.is_cancelled() {
            match self.queue.claim(&self.slots.free()).await {
                Ok(Some(claimed)) => {
                    let (worker, abandon) = (self.clone(), abandon.clone());
                    let slot = self.slots.take(claimed.job.kind(), claimed.owner);
                    running.spawn(async move {
                        tokio::select! {
                            _ = worker.execute(&claimed) => {}
                            () = abandon.cancelled() => worker.hand_back(&claimed).await,
                        }
                        drop(slot);
                        // Something may wait for the slot.
                        worker.queue.announce();
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(error = ?error, "claiming a job failed"),
            }
            tokio::select! {
                () = self.queue.wait(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
        drop(looking);
        running.close();
        if tokio::time::timeout(self.grace, running.wait()).await.is_err() {
            abandon.cancel();
            running.wait().await;
        }
        // Last of all: until here others have to see that this process lives.
        drop(suspecting);
    }

    /// Runs every job that is due, and every one that follows from them, one after the other: for tests.
    pub async fn run_all(&self) -> anyhow::Result<()> {
        while let Some(claimed) = self.queue.claim(&FreeKind::every()).await? {
            self.execute(&claimed).await;
        }
        Ok(())
    }

    /// Runs this job now, if it waits.
    pub async fn run_now(&self, job: Job) -> anyhow::Result<Ran> {
        let Some(claimed) = self.queue.claim_now(job).await? else { return Ok(Ran::Elsewhere) };
        Ok(if self.execute(&claimed).await { Ran::ToItsEnd } else { Ran::InVain })
    }

    /// Says whether the job came to its end.
    async fn execute(&self, claimed: &Claimed) -> bool {
        let (kind, subject) = (claimed.job.kind().name(), claimed.job.subject());
        let span = step!(format!("job {kind}"), otel.kind = "consumer", %subject);
        trace::continue_from(&span, claimed.trace.as_deref());
        self.execute_and_settle(claimed).instrument(span).await
    }

    async fn execute_and_settle(&self, claimed: &Claimed) -> bool {
        let (kind, began) = (claimed.job.kind().name(), Instant::now());
        let performed = async {
            let outcome = self.perform(claimed).await;
            let is_done = outcome.is_ok();
            measures::job(kind, if is_done { "done" } else { "failed" }, began.elapsed());
            if let Err(error) = &outcome {
                trace::failed(&tracing::Span::current(), &error.to_string());
            }
            self.settle(claimed, outcome).await;
            is_done
        };
        tokio::select! {
            is_done = performed => is_done,
            () = self.lose_lease(claimed) => {
                measures::job(kind, "lost", began.elapsed());
                tracing::warn!(job = claimed.job.kind().name(), subject = %claimed.job.subject(), "lost the lease of a job");
                false
            }
        }
    }

    async fn perform(&self, claimed: &Claimed) -> Result<(), JobError> {
        let WorkerServices { uploads, library, accounts, webhooks } = &self.services;
        match claimed.job {
            Job::Process { image } if claimed.is_exhausted => Ok(uploads.give_up(image).await?),
            Job::CompleteUnattended { .. } | Job::SendMail { .. } | Job::ExportData { .. } if claimed.is_exhausted => {
                Ok(())
            }
            Job::CompleteUnattended { image } => uploads.complete_unattended(image).await,
            Job::Process { image } => uploads.process(image).await,
            Job::Discard { image } => uploads.discard(image).await,
            Job::Forget { image } => uploads.forget(image).await,
            Job::Sweep => self.sweep().await,
            Job::Index => Ok(uploads.index().await.map(drop)?),
            Job::Regenerate => uploads.regenerate().await,
            Job::SendMail { mail } => accounts.send_mail(mail).await,
            Job::ExportData { export } => Box::pin(library.run_export(export)).await,
            Job::RemoveUser { user } => self.remove(user).await,
            Job::DispatchEvents => webhooks.dispatch().await,
            Job::Deliver { webhook } => Box::pin(webhooks.deliver(webhook)).await,
        }
    }

    async fn sweep(&self) -> Result<(), JobError> {
        self.services.library.remove_exports(None).await?;
        self.services.accounts.requeue_removals().await?;
        self.services.webhooks.remove_old_deliveries().await?;
        self.services.uploads.run_sweep().await.map(drop)
    }

    /// Shuts a user out, removes what they have, and then them.
    async fn remove(&self, user: UserId) -> Result<(), JobError> {
        let WorkerServices { uploads, library, accounts, .. } = &self.services;
        let Some(removal) = accounts.begin_removal(user).await? else { return Ok(()) };
        let is_clear = uploads.clear_out(user, removal.heir).await?;
        library.remove_exports(Some(user)).await?;
        if is_clear {
            accounts.finish_removal(&removal).await?;
        } else {
            accounts.continue_removal(&removal).await?;
        }
        Ok(())
    }

    /// Notes how a job ended, however long the database is away: the lease is renewed meanwhile, or lost.
    async fn settle(&self, claimed: &Claimed, outcome: Result<(), JobError>) {
        let (job, subject) = (claimed.job.kind().name(), claimed.job.subject());
        if let Err(error) = &outcome {
            tracing::warn!(job, %subject, %error, "an attempt at a job failed; it will be retried");
        }
        loop {
            let settled = match &outcome {
                Ok(()) if claimed.is_exhausted && claimed.job.kind().may_be_given_up() => {
                    tracing::error!(job, %subject, "gave up on a job after too many attempts");
                    self.queue.mark_dead(claimed).await
                }
                Ok(()) => self.queue.finish(claimed).await,
                Err(JobError::Failed(error)) => self.queue.retry(claimed, &format!("{error:#}")).await,
                Err(JobError::Outage(error)) => self.queue.postpone(claimed, &format!("{error:#}")).await,
            };
            let Err(error) = settled else { return };
            tracing::error!(job, %subject, error = ?error, "recording the outcome of a job failed; it will be retried");
            tokio::time::sleep(SETTLE_AGAIN).await;
        }
    }

    /// Renews the lease again and again; ends when it is somebody else's.
    async fn lose_lease(&self, claimed: &Claimed) {
        loop {
            tokio::time::sleep(self.queue.heartbeat_period()).await;
            match self.queue.heartbeat(claimed).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(error = ?error, "sending a heartbeat failed"),
            }
        }
    }

    async fn hand_back(&self, claimed: &Claimed) {
        if let Err(error) = self.queue.release(claimed).await {
            tracing::warn!(error = ?error, "returning a job to the queue failed; its lease will expire");
        }
    }
}

/// Looks every second whether webhooks are to be told of something.
async fn look_again_and_again(webhooks: Webhooks) {
    loop {
        if let Err(error) = webhooks.look().await {
            tracing::warn!(error = ?error, "looking for events for webhooks failed");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Looks every second for holders that fell silent, and for those that ended.
async fn suspect_again_and_again(queue: Queue) {
    let mut presence = queue.presence();
    loop {
        if let Err(error) = queue.suspect_the_silent().await {
            tracing::warn!(error = ?error, "the check for workers without heartbeats failed");
        }
        if let Some(presence) = &mut presence
            && let Err(error) = presence.look().await
        {
            tracing::warn!(error = ?error, "the check for workers that ended failed");
        }
        tokio::time::sleep(POLL).await;
    }
}
