//! Whether those who hold jobs live, as PostgreSQL sees it: each process that runs jobs has a session with a lock of its own, and
//! when the process ends, so does the session. A lease tells it too, but only when it has run out.
//!
//! A session may break and its process live: so it is dead only when two looks in a row find no lock, and then the token of its
//! jobs keeps it from doing harm. A machine that loses its power leaves its session open for long: there the lease is what tells.

use std::{collections::HashSet, sync::atomic::Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, FromQueryResult};

use super::{Queue, statement};

/// What tells these locks from others in the database.
const CLASS: i32 = 0x6461_726b;

/// This process's session, and what it saw of the others.
pub struct Presence {
    queue: Queue,
    /// This process's lock.
    holder: i32,
    session: Option<DatabaseConnection>,
    /// Who had no lock in the last look.
    missing: HashSet<i32>,
}

impl Queue {
    /// Begins to show that this process lives. Nothing on SQLite, where the lease alone tells it.
    pub fn presence(&self) -> Option<Presence> {
        self.session_url.as_ref()?;
        let holder = i32::from_be_bytes(self.clock.random_bytes()) & i32::MAX;
        Some(Presence { queue: self.clone(), holder, session: None, missing: HashSet::new() })
    }
}

impl Presence {
    /// Looks after this process's lock, and at those of the others. To be called every second or so.
    ///
    /// # Errors
    /// When the database does not answer: what is claimed meanwhile is told by its lease.
    pub async fn look(&mut self) -> Result<(), DbErr> {
        let is_held = self.hold().await;
        let holder = if matches!(is_held, Ok(true)) { self.holder } else { 0 };
        self.queue.holder.store(holder, Ordering::Relaxed);
        if is_held.is_err() {
            self.session = None;
        }
        is_held?;
        let missing = self.without_lock().await?;
        let dead: Vec<i32> = missing.intersection(&self.missing).copied().collect();
        self.missing = missing;
        if !dead.is_empty() {
            self.queue.abandon(&dead).await?;
        }
        Ok(())
    }

    /// Takes the lock, unless the session has it.
    async fn hold(&mut self) -> Result<bool, DbErr> {
        #[derive(FromQueryResult)]
        struct Row {
            is_held: bool,
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => self.open().await?,
        };
        let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() \
                   AND classid = CAST($1 AS oid) AND objid = CAST($2 AS oid)) THEN TRUE \
                   ELSE pg_try_advisory_lock($1, $2) END AS is_held";
        let asked = statement(session.get_database_backend(), sql, [CLASS.into(), self.holder.into()]);
        let row = Row::find_by_statement(asked).one(&session).await?;
        self.session = Some(session);
        Ok(row.is_some_and(|row| row.is_held))
    }

    /// One connection, which is never changed for another while it lives.
    async fn open(&self) -> Result<DatabaseConnection, DbErr> {
        let url = self.queue.session_url.as_deref().unwrap_or_default();
        let mut options = ConnectOptions::new(url);
        options.min_connections(1).max_connections(1).sqlx_logging(false);
        options.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        Database::connect(options).await
    }

    /// Those who hold jobs, and whose lock anybody could take.
    async fn without_lock(&self) -> Result<HashSet<i32>, DbErr> {
        #[derive(FromQueryResult)]
        struct Row {
            holder: i32,
        }
        let sql = "SELECT holder FROM (SELECT DISTINCT holder FROM job WHERE state = 'running' AND holder IS NOT NULL) AS found \
                   WHERE pg_try_advisory_xact_lock($1, holder)";
        let conn = &self.queue.conn;
        let rows =
            Row::find_by_statement(statement(conn.get_database_backend(), sql, [CLASS.into()])).all(conn).await?;
        Ok(rows.into_iter().map(|row| row.holder).collect())
    }
}

impl Queue {
    /// Has the jobs of the dead taken up by whoever looks next.
    async fn abandon(&self, dead: &[i32]) -> Result<(), DbErr> {
        let dead: Vec<String> = dead.iter().map(ToString::to_string).collect();
        let sql = format!(
            "UPDATE job SET is_suspected = TRUE, lease_ends = 0 WHERE state = 'running' AND holder IN ({})",
            dead.join(", ")
        );
        let done = self.conn.execute_raw(statement(self.conn.get_database_backend(), &sql, [])).await?;
        if done.rows_affected() > 0 {
            tracing::warn!(jobs = done.rows_affected(), "a process ended while it ran jobs; they are taken over");
            self.announce();
        }
        Ok(())
    }
}
