//! Hand: the job queue, a table beside the rows that its jobs are about.
//!
//! A job is enqueued in the transaction that changes its image, claimed in one statement under a lease,
//! and fenced by a token: whoever lost the lease can neither finish nor retry it. Knows no other hand.
//!
//! When a job is due is told by our clock; whether its holder lives, by the database's, which all processes share.

mod claim;
mod inspect;
mod presence;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicI32},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, Value};
use tokio::sync::Notify;
use uuid::Uuid;

pub use self::{
    claim::FreeKind,
    inspect::{Depth, JobRow, Revived},
    presence::Presence,
};
use crate::{
    clock::Clock,
    domain::{
        ids::{ImageId, JobId, UserId},
        job::Job,
    },
    trace,
};

const MAX_BACKOFF: TimeDelta = TimeDelta::minutes(10);
/// After an outage the next attempt is not to wait for long.
const MAX_POSTPONEMENT: TimeDelta = TimeDelta::minutes(1);
/// How many heartbeats a lease is long.
const BEATS: i32 = 6;

/// The queue of this process's database.
#[derive(Clone)]
pub struct Queue {
    conn: DatabaseConnection,
    clock: Clock,
    lease: TimeDelta,
    news: Arc<Notify>,
    /// Where to open the session that shows that this process lives.
    session_url: Option<String>,
    /// Whose lock that session has; 0 while it has none.
    holder: Arc<AtomicI32>,
}

/// A job under lease.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: JobId,
    pub job: Job,
    /// It failed or killed too often: give its image up, then mark it dead.
    pub is_exhausted: bool,
    /// Whose image or webhook it is about, where it is about one.
    pub owner: Option<UserId>,
    /// The span that it was enqueued in, as `traceparent` names it.
    pub trace: Option<String>,
    attempts: i32,
    postponed: i32,
    token: Uuid,
}

impl Queue {
    /// A queue whose claims last for `lease` without a heartbeat.
    pub fn new(conn: DatabaseConnection, clock: Clock, lease: TimeDelta) -> Self {
        Self { conn, clock, lease, news: Arc::default(), session_url: None, holder: Arc::default() }
    }

    /// With sessions by which processes see at once that another has ended: of PostgreSQL, at this URL.
    #[must_use]
    pub fn with_sessions(self, url: String) -> Self {
        Self { session_url: Some(url), ..self }
    }

    /// How often a claim has to be renewed.
    pub fn heartbeat_period(&self) -> Duration {
        (self.lease / BEATS).to_std().unwrap_or(Duration::from_secs(1))
    }

    /// Adds a job to run from `run_at` on. The same job that waits already stays as it is.
    pub async fn enqueue(
        &self,
        transaction: &impl ConnectionTrait,
        job: Job,
        run_at: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let payload = serde_json::to_value(job).map_err(|error| DbErr::Json(error.to_string()))?;
        let sql = "INSERT INTO job (id, payload, dedupe_key, subject, owner, state, attempts, deaths, run_at, created_at, trace) \
                   VALUES ($1, $2, $3, $4, coalesce((SELECT owner_id FROM image WHERE image.id = $4), \
                   (SELECT owner_id FROM webhook WHERE webhook.id = $4), $7), \
                   'queued', 0, 0, $5, $6, $8) \
                   ON CONFLICT (dedupe_key) WHERE state = 'queued' DO NOTHING";
        let values = [
            self.clock.new_id().into(),
            payload.into(),
            job.dedupe_key().into(),
            job.subject().into(),
            run_at.into(),
            self.clock.now().into(),
            // What is about nobody's image or webhook takes its turn like an owner of its own.
            Uuid::nil().into(),
            trace::current().into(),
        ];
        transaction.execute_raw(statement(transaction.get_database_backend(), sql, values)).await?;
        Ok(())
    }

    /// Takes back a job that waits, because what it was for has come about.
    pub async fn withdraw(&self, transaction: &impl ConnectionTrait, job: Job) -> Result<(), DbErr> {
        let sql = "DELETE FROM job WHERE dedupe_key = $1 AND state = 'queued'";
        let values = [job.dedupe_key().into()];
        transaction.execute_raw(statement(transaction.get_database_backend(), sql, values)).await?;
        Ok(())
    }

    /// Wakes this process's worker: to be called once the transaction that enqueued is committed.
    pub fn announce(&self) {
        self.news.notify_one();
    }

    /// Waits until there is news, or until `poll` has passed: other processes enqueue too.
    pub async fn wait(&self, poll: Duration) {
        let _ = tokio::time::timeout(poll, self.news.notified()).await;
    }

    /// Renews the lease. Says whether it was still held.
    pub async fn heartbeat(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        let sql = format!(
            "UPDATE job SET lease_ends = {} + $3, is_suspected = FALSE",
            milliseconds(self.conn.get_database_backend())
        );
        self.if_held(claimed, &sql, vec![self.lease_before_suspicion().into()]).await
    }

    /// The job is done. Says whether the lease was still held.
    pub async fn finish(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        self.if_held(claimed, "DELETE FROM job", vec![]).await
    }

    /// The job goes back, to run again after a pause that grows with its attempts.
    pub async fn retry(&self, claimed: &Claimed, why: &str) -> Result<bool, DbErr> {
        let pause = pause(claimed.attempts, MAX_BACKOFF);
        let run_at = self.clock.now() + pause + self.clock.jitter(pause / 2);
        let sql = "UPDATE job SET state = 'queued', lease_token = NULL, holder = NULL, run_at = $3, last_error = $4";
        self.put_back(claimed, sql, vec![run_at.into(), why.into()]).await
    }

    /// The job goes back, to run again soon: an outage ended the attempt, which does not count.
    pub async fn postpone(&self, claimed: &Claimed, why: &str) -> Result<bool, DbErr> {
        let pause = pause(claimed.postponed, MAX_POSTPONEMENT);
        let run_at = self.clock.now() + pause + self.clock.jitter(pause / 2);
        let sql = "UPDATE job SET state = 'queued', lease_token = NULL, holder = NULL, run_at = $3, last_error = $4, \
                   attempts = attempts - 1, postponed = postponed + 1";
        self.put_back(claimed, sql, vec![run_at.into(), why.into()]).await
    }

    /// The job is dead: kept for the operator to look at, never to run again.
    pub async fn mark_dead(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        self.if_held(claimed, "UPDATE job SET state = 'dead', lease_token = NULL", vec![]).await
    }

    /// Hands a job back at once, for a worker that is shutting down.
    pub async fn release(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        let sql = "UPDATE job SET state = 'queued', lease_token = NULL, holder = NULL, attempts = attempts - 1";
        self.put_back(claimed, sql, vec![]).await
    }

    async fn put_back(&self, claimed: &Claimed, change: &str, more: Vec<Value>) -> Result<bool, DbErr> {
        match self.if_held(claimed, change, more).await {
            // The same job was enqueued meanwhile and stands for this one.
            Err(error) if is_duplicate(&error) => self.finish(claimed).await,
            outcome => outcome,
        }
    }

    /// What waits or runs and can be read, in the order in which it would: for tests.
    pub async fn pending(&self) -> Result<Vec<Job>, DbErr> {
        let sql = "SELECT payload FROM job WHERE state <> 'dead' ORDER BY run_at, id LIMIT 1000";
        let rows = self.conn.query_all_raw(statement(self.conn.get_database_backend(), sql, [])).await?;
        let payloads = rows.iter().map(|row| row.try_get::<sea_orm::JsonValue>("", "payload"));
        let payloads: Vec<_> = payloads.collect::<Result<_, _>>()?;
        Ok(payloads.into_iter().filter_map(|payload| serde_json::from_value(payload).ok()).collect())
    }

    /// Those of these images that no job waits or runs for.
    pub async fn without_job(&self, images: &[ImageId]) -> Result<Vec<ImageId>, DbErr> {
        let names: Vec<String> = (1..=images.len()).map(|at| format!("${at}")).collect();
        let sql = format!("SELECT subject FROM job WHERE state <> 'dead' AND subject IN ({})", names.join(", "));
        let values = images.iter().map(|image| image.0.into());
        let rows = self.conn.query_all_raw(statement(self.conn.get_database_backend(), &sql, values)).await?;
        let busy = rows.iter().map(|row| row.try_get("", "subject")).collect::<Result<HashSet<Uuid>, _>>()?;
        Ok(images.iter().copied().filter(|image| !busy.contains(&image.0)).collect())
    }

    async fn if_held(&self, claimed: &Claimed, change: &str, more: Vec<Value>) -> Result<bool, DbErr> {
        let sql = format!("{change} WHERE id = $1 AND lease_token = $2 AND state = 'running'");
        let values = [claimed.id.0.into(), claimed.token.into()].into_iter().chain(more);
        let done = self.conn.execute_raw(statement(self.conn.get_database_backend(), &sql, values)).await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Twice as long each time.
fn pause(times: i32, longest: TimeDelta) -> TimeDelta {
    TimeDelta::seconds(1 << times.clamp(0, 10)).min(longest)
}

/// The database's clock, in milliseconds since 1970.
const fn milliseconds(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, sql, values)
}
