//! Which job is next: owners take turns, and whoever holds a job and beats keeps it.
//!
//! A holder is dead when it was silent for a whole lease, and somebody saw it twice: a lease that is found to have run out
//! is lengthened by a third first. A clock that is set forward or a machine that slept makes every lease run out at once,
//! and every holder that lives beats again within that time.

use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Value};
use uuid::Uuid;

use super::{Claimed, Queue, is_duplicate, milliseconds, statement};
use crate::domain::{
    ids::{JobId, UserId},
    job::{Job, JobKind},
};

/// A job that fails this often is dead: with the pauses between, after about two hours.
const MAX_ATTEMPTS: i32 = 20;
/// A job that takes its process down this often is dead.
const MAX_CRASHES: i32 = 5;

/// Every owner who has a job of a kind waiting, found by a walk along the index from one to the next.
const WAITING: &str = "waiting (kind, owner) AS (\
     SELECT free.kind, (SELECT owner FROM job WHERE state = 'queued' AND job.kind = free.kind ORDER BY owner LIMIT 1) \
     FROM free UNION ALL \
     SELECT waiting.kind, (SELECT owner FROM job WHERE state = 'queued' AND job.kind = waiting.kind \
     AND owner > waiting.owner ORDER BY owner LIMIT 1) \
     FROM waiting WHERE waiting.owner IS NOT NULL)";
/// No subject has two jobs running.
const IS_FREE: &str =
    "NOT EXISTS (SELECT 1 FROM job AS other WHERE other.subject = due.subject AND other.state = 'running')";

/// A kind of job that there is a slot for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeKind {
    pub kind: JobKind,
    /// The owners who have as many of it running as one may.
    pub busy: Vec<UserId>,
}

impl FreeKind {
    /// A slot for every kind there is, and for everybody.
    pub fn every() -> Vec<Self> {
        JobKind::ALL.map(|kind| Self { kind, busy: Vec::new() }).to_vec()
    }
}

/// What was taken from the queue.
enum Taken {
    Nothing,
    /// A job that this version should be able to read, and cannot.
    Unreadable,
    Job(Box<Claimed>),
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: Uuid,
    payload: sea_orm::JsonValue,
    owner: Uuid,
    attempts: i32,
    deaths: i32,
    postponed: i32,
    trace: Option<String>,
}

impl Queue {
    /// Takes the next job that is due, of a kind that there is a slot for: of the owner who has the fewest of it running,
    /// the oldest. A job whose holder is dead comes before all of them. What a newer version enqueued is left to it.
    pub async fn claim(&self, free: &[FreeKind]) -> Result<Option<Claimed>, DbErr> {
        loop {
            let taken = match self.claim_the_abandoned(free).await? {
                Taken::Nothing => self.claim_the_next(free).await?,
                taken => taken,
            };
            match taken {
                Taken::Job(claimed) => return Ok(Some(*claimed)),
                Taken::Nothing => return Ok(None),
                // It is dead now; another one may be due.
                Taken::Unreadable => {}
            }
        }
    }

    async fn claim_the_next(&self, free: &[FreeKind]) -> Result<Taken, DbErr> {
        if free.is_empty() {
            return Ok(Taken::Nothing);
        }
        let lock = self.skip_locked();
        let kinds: Vec<String> = free.iter().map(|free| format!("(CAST('{}' AS text))", free.kind.name())).collect();
        let (mut not_busy, mut values) = (vec!["waiting.owner IS NOT NULL".to_owned()], vec![self.clock.now().into()]);
        for FreeKind { kind, busy } in free.iter().filter(|free| !free.busy.is_empty()) {
            let names: Vec<String> =
                (values.len()..values.len() + busy.len()).map(|at| format!("${}", at + 3)).collect();
            let names = names.join(", ");
            not_busy.push(format!("(waiting.kind <> '{}' OR waiting.owner NOT IN ({names}))", kind.name()));
            values.extend(busy.iter().map(|owner| owner.0.into()));
        }
        let job = format!(
            "WITH RECURSIVE free (kind) AS (VALUES {}), {WAITING} \
             SELECT next.id FROM (SELECT waiting.kind, waiting.owner, \
             (SELECT due.id FROM job AS due WHERE due.state = 'queued' AND due.kind = waiting.kind \
             AND due.owner = waiting.owner AND due.run_at <= $3 AND {IS_FREE} \
             ORDER BY due.run_at, due.id LIMIT 1 {lock}) AS id \
             FROM waiting WHERE {}) AS turn \
             JOIN job AS next ON next.id = turn.id \
             ORDER BY (SELECT count(*) FROM job AS running WHERE running.state = 'running' \
             AND running.kind = turn.kind AND running.owner = turn.owner), next.run_at, next.id LIMIT 1",
            kinds.join(", "),
            not_busy.join(" AND ")
        );
        self.take(&job, values).await
    }

    /// Takes this job alone, also before it is due; nothing where it is not waiting, or runs elsewhere.
    pub async fn claim_now(&self, job: Job) -> Result<Option<Claimed>, DbErr> {
        let lock = self.skip_locked();
        let sql = format!(
            "SELECT due.id FROM job AS due WHERE due.state = 'queued' AND due.dedupe_key = $3 AND {IS_FREE} {lock}"
        );
        Ok(match self.take(&sql, [job.dedupe_key().into()]).await? {
            Taken::Job(claimed) => Some(*claimed),
            Taken::Nothing | Taken::Unreadable => None,
        })
    }

    /// Notes whose lease has run out, and gives them a third of it more. To be called every second or so.
    pub async fn suspect_the_silent(&self) -> Result<(), DbErr> {
        let backend = self.conn.get_database_backend();
        let now = milliseconds(backend);
        let sql = format!(
            "UPDATE job SET is_suspected = TRUE, lease_ends = {now} + $1 \
             WHERE state = 'running' AND NOT is_suspected AND lease_ends < {now}"
        );
        let grace = self.lease.num_milliseconds() - self.lease_before_suspicion();
        self.conn.execute_raw(statement(backend, &sql, [grace.into()])).await.map(drop)
    }

    /// In milliseconds.
    pub(super) fn lease_before_suspicion(&self) -> i64 {
        self.lease.num_milliseconds() * 2 / 3
    }

    async fn claim_the_abandoned(&self, free: &[FreeKind]) -> Result<Taken, DbErr> {
        if free.is_empty() {
            return Ok(Taken::Nothing);
        }
        let now = milliseconds(self.conn.get_database_backend());
        let lock = self.skip_locked();
        let kinds: Vec<String> = free.iter().map(|free| format!("'{}'", free.kind.name())).collect();
        let sql = format!(
            "SELECT id FROM job AS due WHERE state = 'running' AND kind IN ({}) AND is_suspected \
             AND lease_ends < {now} ORDER BY lease_ends, id LIMIT 1 {lock}",
            kinds.join(", ")
        );
        self.take(&sql, []).await
    }

    /// Takes the job whose id `sql` gives, where its parameters begin behind the second.
    async fn take(&self, sql: &str, more: impl IntoIterator<Item = Value>) -> Result<Taken, DbErr> {
        let backend = self.conn.get_database_backend();
        let now = milliseconds(backend);
        let holder = match self.holder.load(Ordering::Relaxed) {
            0 => "NULL".to_owned(),
            holder => holder.to_string(),
        };
        let sql = format!(
            "UPDATE job SET attempts = attempts + 1, holder = {holder}, \
             deaths = deaths + CASE WHEN state = 'running' THEN 1 ELSE 0 END, \
             state = 'running', lease_token = $1, lease_ends = {now} + $2, is_suspected = FALSE \
             WHERE id = ({sql}) RETURNING id, payload, owner, attempts, deaths, postponed, trace"
        );
        let token = self.clock.new_id();
        let values = [token.into(), self.lease_before_suspicion().into()].into_iter().chain(more);
        let row = match self.conn.query_one_raw(statement(backend, &sql, values)).await {
            Ok(row) => row,
            // Another process took another job of the same subject in the same instant.
            Err(error) if is_duplicate(&error) => None,
            Err(error) => return Err(error),
        };
        let Some(row) = row else { return Ok(Taken::Nothing) };
        let row = ClaimedRow::from_query_result(&row, "")?;
        let job = match serde_json::from_value(row.payload) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(job = %row.id, %error, "a job that cannot be deserialized was marked as dead");
                let sql = "UPDATE job SET state = 'dead', lease_token = NULL, last_error = $2 WHERE id = $1";
                let values = [row.id.into(), error.to_string().into()];
                self.conn.execute_raw(statement(backend, sql, values)).await?;
                return Ok(Taken::Unreadable);
            }
        };
        Ok(Taken::Job(Box::new(Claimed {
            id: JobId(row.id),
            job,
            is_exhausted: row.attempts > MAX_ATTEMPTS || row.deaths >= MAX_CRASHES,
            owner: (!row.owner.is_nil()).then_some(UserId(row.owner)),
            trace: row.trace,
            attempts: row.attempts,
            postponed: row.postponed,
            token,
        })))
    }

    fn skip_locked(&self) -> &'static str {
        if self.conn.get_database_backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" }
    }
}
