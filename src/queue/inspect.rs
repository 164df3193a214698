//! What an operator sees of the queue, and how what died comes back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use uuid::Uuid;

use super::{Queue, is_duplicate, statement};
use crate::domain::{
    ids::JobId,
    job::{Job, JobKind},
};

/// How many jobs are read at once.
const MAX_ROWS: u64 = 1000;

/// A job as it lies in the queue, of whatever version.
#[derive(Debug, Clone, FromQueryResult)]
pub struct JobRow {
    pub id: Uuid,
    pub kind: String,
    pub subject: Uuid,
    /// `queued`, `running` or `dead`.
    pub state: String,
    pub attempts: i32,
    pub run_at: DateTime<Utc>,
    pub last_error: Option<String>,
    payload: sea_orm::JsonValue,
}

/// What became of a dead job that was to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revived {
    Queued,
    /// It is not dead, or not there.
    NotDead,
    /// The same job waits already, and stands for it.
    WaitsAlready,
    /// Its image is gone, or was processed since.
    NotNeeded,
    /// Its image has a state that this version does not know. It stays dead.
    OfANewerVersion,
}

/// How many jobs of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    pub kind: JobKind,
    /// By state: `queued`, `running` and `dead`.
    pub counts: [(&'static str, u64); 3],
    /// How long the one that is due longest has waited.
    pub oldest_due: Duration,
}

impl JobRow {
    /// The job, where this version can read it.
    pub fn job(&self) -> Option<Job> {
        serde_json::from_value(self.payload.clone()).ok()
    }
}

impl Queue {
    /// How many jobs there are, of every kind that this version knows.
    pub async fn depth(&self) -> Result<Vec<Depth>, DbErr> {
        #[derive(FromQueryResult)]
        struct Row {
            kind: String,
            state: String,
            jobs: i64,
            first: DateTime<Utc>,
        }
        let sql = "SELECT kind, state, count(*) AS jobs, min(run_at) AS first FROM job GROUP BY kind, state";
        let found = statement(self.conn.get_database_backend(), sql, []);
        let rows = Row::find_by_statement(found).all(&self.conn).await?;
        let now = self.clock.now();
        let of_kind = |kind: JobKind| {
            let find = |state: &str| rows.iter().find(|row| row.kind == kind.name() && row.state == state);
            let counts = ["queued", "running", "dead"]
                .map(|state| (state, find(state).map_or(0, |row| u64::try_from(row.jobs).unwrap_or(0))));
            let oldest_due = find("queued").and_then(|row| (now - row.first).to_std().ok()).unwrap_or_default();
            Depth { kind, counts, oldest_due }
        };
        Ok(JobKind::ALL.into_iter().map(of_kind).collect())
    }

    /// At most 1000 jobs in the order in which they are due: the dead alone, or all.
    pub async fn list(&self, only_dead: bool) -> Result<Vec<JobRow>, DbErr> {
        let condition = if only_dead { "WHERE state = 'dead'" } else { "" };
        self.rows(&format!("{condition} ORDER BY run_at, id"), None).await
    }

    /// At most 1000 dead jobs in the order of their ids: behind one of them, or the first.
    pub async fn dead_behind(&self, id: Option<Uuid>) -> Result<Vec<JobRow>, DbErr> {
        let condition = if id.is_some() { "AND id > $1" } else { "" };
        self.rows(&format!("WHERE state = 'dead' {condition} ORDER BY id"), id).await
    }

    /// A dead job.
    pub async fn find_dead(&self, id: Uuid) -> Result<Option<JobRow>, DbErr> {
        Ok(self.rows("WHERE state = 'dead' AND id = $1", Some(id)).await?.pop())
    }

    async fn rows(&self, which: &str, id: Option<Uuid>) -> Result<Vec<JobRow>, DbErr> {
        let sql = format!(
            "SELECT id, kind, subject, state, attempts, run_at, last_error, payload FROM job {which} LIMIT {MAX_ROWS}"
        );
        let values: Vec<sea_orm::Value> = id.into_iter().map(Into::into).collect();
        let found = sea_orm::Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values);
        JobRow::find_by_statement(found).all(&self.conn).await
    }

    /// Has a dead job run again, as if it had never failed.
    pub async fn revive(&self, id: JobId) -> Result<Revived, DbErr> {
        let sql = "UPDATE job SET state = 'queued', attempts = 0, deaths = 0, postponed = 0, run_at = $2 \
                   WHERE id = $1 AND state = 'dead'";
        let values = [id.0.into(), self.clock.now().into()];
        match self.conn.execute_raw(statement(self.conn.get_database_backend(), sql, values)).await {
            Ok(done) if done.rows_affected() == 1 => Ok(Revived::Queued),
            Ok(_) => Ok(Revived::NotDead),
            Err(error) if is_duplicate(&error) => Ok(Revived::WaitsAlready),
            Err(error) => Err(error),
        }
    }

    /// Removes a dead job.
    pub async fn remove_dead(&self, id: JobId) -> Result<(), DbErr> {
        let sql = "DELETE FROM job WHERE id = $1 AND state = 'dead'";
        self.conn.execute_raw(statement(self.conn.get_database_backend(), sql, [id.0.into()])).await.map(drop)
    }
}
