//! A run through the library that makes anew what is out of date: after a change of the variants, or for images from before
//! something was kept of them.
//!
//! The job examines images until one was made anew, notes how far it came, and has itself run again. Where it is killed, it goes on
//! behind the last image that was noted; those made anew since are up to date, and are passed over.

use super::Uploads;
use crate::{
    db,
    domain::{
        caller::Caller,
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::RegenerationId,
        job::{Job, JobError},
        regeneration::{Regeneration, RegenerationFilter, RegenerationState, Remade, Tally},
        user::Permission,
    },
};

/// How many images one job examines at most.
const PAGE: u64 = 100;

impl Uploads {
    /// Whether the caller may deal with runs.
    ///
    /// # Errors
    /// `Unauthenticated` or `Forbidden`.
    pub fn check_regenerates(caller: &Caller) -> ServiceResult<()> {
        caller.with(Permission::ChangeAnyImage).map(drop)
    }

    /// Begins a run, for an administrator.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`, or as `start_regeneration`.
    pub async fn regenerate_for(&self, caller: &Caller, filter: RegenerationFilter) -> ServiceResult<Regeneration> {
        caller.with(Permission::ChangeAnyImage)?;
        self.start_regeneration(filter).await
    }

    /// Begins a run, for the operator.
    ///
    /// # Errors
    /// `INVALID_VALUE` for a time to come, and `INVALID_STATE` where a run is running.
    pub async fn start_regeneration(&self, filter: RegenerationFilter) -> ServiceResult<Regeneration> {
        let now = self.now();
        if filter.made_before.is_some_and(|before| before > now) {
            let why = "The time must not be in the future.";
            return Err(Refusal::on("madeBefore", UserErrorCode::InvalidValue, why).into());
        }
        let run = Regeneration {
            id: RegenerationId(self.inner.clock.new_id()),
            state: RegenerationState::Running,
            total: db::regenerations::count(self.inner.db.conn(), &filter).await?,
            filter,
            examined_through: None,
            tally: Tally::default(),
            started_at: now,
            ended_at: None,
        };
        let transaction = self.inner.db.begin().await?;
        if !db::regenerations::insert(&transaction, &run).await? {
            let why = "A regeneration is running: wait for its end, or cancel it.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        self.inner.queue.enqueue(&transaction, Job::Regenerate, now).await?;
        transaction.commit().await?;
        self.tell_of_jobs();
        Ok(run)
    }

    /// The run that began last, for an administrator.
    ///
    /// # Errors
    /// `Unauthenticated` or `Forbidden`.
    pub async fn regeneration_for(&self, caller: &Caller) -> ServiceResult<Option<Regeneration>> {
        caller.with(Permission::ChangeAnyImage)?;
        self.latest_regeneration().await
    }

    /// The run that began last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn latest_regeneration(&self) -> ServiceResult<Option<Regeneration>> {
        Ok(db::regenerations::latest(self.inner.db.conn()).await?)
    }

    /// Ends the run that is running, for an administrator. What was made anew stays.
    ///
    /// # Errors
    /// `Unauthenticated`, `Forbidden`, or as `cancel_regeneration`.
    pub async fn cancel_regeneration_for(&self, caller: &Caller) -> ServiceResult<Regeneration> {
        caller.with(Permission::ChangeAnyImage)?;
        self.cancel_regeneration().await
    }

    /// Ends the run that is running, for the operator.
    ///
    /// # Errors
    /// `INVALID_STATE` where none is running.
    pub async fn cancel_regeneration(&self) -> ServiceResult<Regeneration> {
        let conn = self.inner.db.conn();
        let not_running = || Refusal::of(UserErrorCode::InvalidState, "No regeneration is running.");
        let run = db::regenerations::running(conn).await?.ok_or_else(not_running)?;
        let now = self.now();
        if !db::regenerations::end(conn, run.id, RegenerationState::Cancelled, now).await? {
            return Err(not_running().into());
        }
        Ok(Regeneration { state: RegenerationState::Cancelled, ended_at: Some(now), ..run })
    }

    /// The job: examines images until one was made anew.
    ///
    /// # Errors
    /// When something is amiss that is not the image's fault: what was done stays done.
    pub async fn regenerate(&self) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(run) = db::regenerations::running(conn).await? else { return Ok(()) };
        let page = db::regenerations::page(conn, &run.filter, run.examined_through, PAGE).await?;
        if page.is_empty() {
            let is_ended = db::regenerations::end(conn, run.id, RegenerationState::Finished, self.now()).await?;
            tracing::info!(is_ended, tally = ?run.tally, "a regeneration came to its end");
            return Ok(());
        }
        let mut tally = run.tally;
        for examined in page {
            let outcome = self.remake(&run, examined.id(), examined.lacks_rows).await;
            // What is amiss here costs this image its turn, and the run a pause, which grows; an outage only the pause.
            let (counted, amiss) = match outcome {
                Ok(remade) => (remade, None),
                Err(JobError::Failed(error)) => (Remade::Failed, Some(error)),
                Err(outage @ JobError::Outage(_)) => return Err(outage),
            };
            tally.count(counted);
            let goes_on = db::regenerations::advance(conn, run.id, examined.id(), tally).await?;
            if let Some(error) = amiss.filter(|_| goes_on) {
                return Err(JobError::Failed(error));
            }
            // One image a job, so that a process that is told to stop need not wait for more.
            if !goes_on || counted != Remade::NotNeeded {
                break;
            }
        }
        Ok(self.inner.queue.enqueue(conn, Job::Regenerate, self.now()).await?)
    }

    /// Has a run go on whose job was lost.
    pub(super) async fn requeue_regeneration(&self) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        if db::regenerations::running(conn).await?.is_some() {
            self.inner.queue.enqueue(conn, Job::Regenerate, self.now()).await?;
        }
        Ok(())
    }
}
