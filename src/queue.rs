//! Hand: the job queue, a table beside the rows that its jobs are about.
//!
//! A job is enqueued in the transaction that changes its image, claimed in one statement under a lease,
//! and fenced by a token: whoever lost the lease can neither finish nor retry it. Knows no other hand.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, Value};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    clock::Clock,
    domain::{
        ids::{ImageId, JobId},
        job::Job,
    },
};

/// A job that fails this often is dead: with the backoff below, after about two hours.
const MAX_ATTEMPTS: i32 = 20;
/// A job that takes its process down this often is dead.
const MAX_DEATHS: i32 = 5;
const LONGEST_BACKOFF: TimeDelta = TimeDelta::minutes(10);

/// The queue of this process's database.
#[derive(Clone)]
pub struct Queue {
    conn: DatabaseConnection,
    clock: Clock,
    lease: TimeDelta,
    news: Arc<Notify>,
}

/// A job under lease.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: JobId,
    pub job: Job,
    /// It failed or killed too often: give its image up, then bury it.
    pub is_exhausted: bool,
    attempts: i32,
    token: Uuid,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: Uuid,
    payload: sea_orm::JsonValue,
    attempts: i32,
    deaths: i32,
}

impl Queue {
    /// A queue whose claims last for `lease` without a heartbeat.
    pub fn new(conn: DatabaseConnection, clock: Clock, lease: TimeDelta) -> Self {
        Self { conn, clock, lease, news: Arc::default() }
    }

    /// How often a claim has to be renewed.
    pub fn heartbeat_period(&self) -> Duration {
        (self.lease / 3).to_std().unwrap_or(Duration::from_secs(1))
    }

    /// Adds a job to run from `run_at` on. The same job that waits already stays as it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enqueue(
        &self,
        transaction: &impl ConnectionTrait,
        job: Job,
        run_at: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let payload = serde_json::to_value(job).map_err(|error| DbErr::Json(error.to_string()))?;
        let sql = "INSERT INTO job (id, payload, dedupe_key, subject, state, attempts, deaths, run_at, created_at) \
                   VALUES ($1, $2, $3, $4, 'queued', 0, 0, $5, $6) \
                   ON CONFLICT (dedupe_key) WHERE state = 'queued' DO NOTHING";
        let values = [
            self.clock.new_id().into(),
            payload.into(),
            job.dedupe_key().into(),
            job.subject().into(),
            run_at.into(),
            self.clock.now().into(),
        ];
        transaction.execute_raw(statement(transaction.get_database_backend(), sql, values)).await?;
        Ok(())
    }

    /// Takes back a job that waits, because what it was for has come about.
    ///
    /// # Errors
    /// When the database does not answer.
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

    /// Takes the next job that is due, or whose holder fell silent. No subject has two jobs running.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim(&self) -> Result<Option<Claimed>, DbErr> {
        self.claim_where("", None).await
    }

    /// Takes this job alone, also before it is due; nothing where it is not waiting, or runs elsewhere.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_now(&self, job: Job) -> Result<Option<Claimed>, DbErr> {
        let sql = "UPDATE job SET run_at = $1 WHERE dedupe_key = $2 AND state = 'queued'";
        let values = [self.clock.now().into(), job.dedupe_key().into()];
        self.conn.execute_raw(statement(self.conn.get_database_backend(), sql, values)).await?;
        self.claim_where("AND due.dedupe_key = $4", Some(job.dedupe_key().into())).await
    }

    async fn claim_where(&self, condition: &str, value: Option<Value>) -> Result<Option<Claimed>, DbErr> {
        let backend = self.conn.get_database_backend();
        let lock = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE job SET attempts = attempts + 1, \
             deaths = deaths + CASE WHEN state = 'running' THEN 1 ELSE 0 END, \
             state = 'running', lease_token = $1, lease_until = $2 \
             WHERE id = (SELECT id FROM job AS due WHERE \
             ((due.state = 'queued' AND due.run_at <= $3 AND NOT EXISTS \
             (SELECT 1 FROM job AS other WHERE other.subject = due.subject AND other.state = 'running')) \
             OR (due.state = 'running' AND due.lease_until < $3)) {condition} \
             ORDER BY due.run_at, due.id LIMIT 1 {lock}) RETURNING id, payload, attempts, deaths"
        );
        let now = self.clock.now();
        let token = self.clock.new_id();
        let values = [token.into(), (now + self.lease).into(), now.into()].into_iter().chain(value);
        let row = match self.conn.query_one_raw(statement(backend, &sql, values)).await {
            Ok(row) => row,
            // Another process took another job of the same subject in the same instant.
            Err(error) if is_duplicate(&error) => None,
            Err(error) => return Err(error),
        };
        let Some(row) = row else { return Ok(None) };
        let row = ClaimedRow::from_query_result(&row, "")?;
        Ok(Some(Claimed {
            id: JobId(row.id),
            job: serde_json::from_value(row.payload).map_err(|error| DbErr::Json(error.to_string()))?,
            is_exhausted: row.attempts > MAX_ATTEMPTS || row.deaths >= MAX_DEATHS,
            attempts: row.attempts,
            token,
        }))
    }

    /// Renews the lease. Says whether it was still held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn heartbeat(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        let until = self.clock.now() + self.lease;
        self.if_held(claimed, "UPDATE job SET lease_until = $3", vec![until.into()]).await
    }

    /// The job is done. Says whether the lease was still held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        self.if_held(claimed, "DELETE FROM job", vec![]).await
    }

    /// The job goes back, to run again after a pause that grows with its attempts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retry(&self, claimed: &Claimed, why: &str) -> Result<bool, DbErr> {
        let doubled = TimeDelta::seconds(1 << claimed.attempts.clamp(0, 10));
        let pause = doubled.min(LONGEST_BACKOFF);
        let run_at = self.clock.now() + pause + self.clock.jitter(pause / 2);
        let sql = "UPDATE job SET state = 'queued', lease_token = NULL, run_at = $3, last_error = $4";
        self.put_back(claimed, sql, vec![run_at.into(), why.into()]).await
    }

    /// The job is dead: kept for the operator to look at, never to run again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bury(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        self.if_held(claimed, "UPDATE job SET state = 'dead', lease_token = NULL", vec![]).await
    }

    /// Hands a job back at once, for a worker that is shutting down.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release(&self, claimed: &Claimed) -> Result<bool, DbErr> {
        let sql = "UPDATE job SET state = 'queued', lease_token = NULL, attempts = attempts - 1";
        self.put_back(claimed, sql, vec![]).await
    }

    async fn put_back(&self, claimed: &Claimed, change: &str, more: Vec<Value>) -> Result<bool, DbErr> {
        match self.if_held(claimed, change, more).await {
            // The same job was enqueued meanwhile and stands for this one.
            Err(error) if is_duplicate(&error) => self.finish(claimed).await,
            outcome => outcome,
        }
    }

    /// What waits or runs, in the order in which it would: for `darkroom doctor` and tests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending(&self) -> Result<Vec<Job>, DbErr> {
        let sql = "SELECT payload FROM job WHERE state <> 'dead' ORDER BY run_at, id LIMIT 1000";
        let rows = self.conn.query_all_raw(statement(self.conn.get_database_backend(), sql, [])).await?;
        let payloads = rows.iter().map(|row| row.try_get::<sea_orm::JsonValue>("", "payload"));
        payloads.map(|json| serde_json::from_value(json?).map_err(|error| DbErr::Json(error.to_string()))).collect()
    }

    /// Those of these images that no job waits or runs for.
    ///
    /// # Errors
    /// When the database does not answer.
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

fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, sql, values)
}
