//! Whether those who hold jobs live, as PostgreSQL sees it: each process that runs jobs has a session with a lock of its own, and
//! when the process ends, so does the session. A lease tells it too, but only when it has run out.
//!
//! A session may break and its process live, which takes its lock again at once: so it is dead only when all looks of some seconds
//! found no lock, and then the token of its jobs keeps it from doing harm. A machine that loses its power leaves its session open
//! for long: there the lease is what tells.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, FromQueryResult};
use tokio::time::{Instant, timeout};

use super::{Queue, statement};

/// What tells these locks from others in the database.
const CLASS: i32 = 0x6461_726b;
/// How long a lock has to be missing, in looks that all succeeded: longer than a process takes to connect again.
const GONE: Duration = Duration::from_secs(4);
/// How long the database may take for a look.
const PATIENCE: Duration = Duration::from_secs(3);

/// This process's session, and what it saw of the others.
pub struct Presence {
    queue: Queue,
    /// This process's lock.
    holder: i32,
    session: Option<DatabaseConnection>,
    /// Who has had no lock since when.
    missing: HashMap<i32, Instant>,
}

impl Queue {
    /// Begins to show that this process lives. Nothing on SQLite, where the lease alone tells it.
    pub fn presence(&self) -> Option<Presence> {
        self.session_url.as_ref()?;
        let holder = i32::from_be_bytes(self.clock.random_bytes()) & i32::MAX;
        Some(Presence { queue: self.clone(), holder, session: None, missing: HashMap::new() })
    }
}

impl Presence {
    /// Looks after this process's lock, and at those of the others. To be called every second or so.
    ///
    /// # Errors
    /// When the database does not answer: what is claimed meanwhile is told by its lease.
    pub async fn look(&mut self) -> Result<(), DbErr> {
        let held = match self.hold_in_time().await {
            // The session broke: the lock is taken again before anybody misses it.
            Err(_) => self.hold_in_time().await,
            held => held,
        };
        let holder = if matches!(held, Ok(true)) { self.holder } else { 0 };
        self.queue.holder.store(holder, Ordering::Relaxed);
        let looked = match held {
            Ok(_) => in_time(self.without_lock()).await,
            Err(error) => Err(error),
        };
        let Ok(missing) = looked else {
            self.missing.clear();
            return looked.map(drop);
        };
        let now = Instant::now();
        self.missing.retain(|holder, _| missing.contains(holder));
        for holder in missing {
            self.missing.entry(holder).or_insert(now);
        }
        let dead: Vec<i32> =
            self.missing.iter().filter(|(_, since)| since.elapsed() >= GONE).map(|(holder, _)| *holder).collect();
        if !dead.is_empty() {
            self.queue.abandon(&dead).await?;
        }
        Ok(())
    }

    /// A session that does not answer is given up.
    async fn hold_in_time(&mut self) -> Result<bool, DbErr> {
        let session = self.session.take();
        let (session, is_held) = in_time(self.hold(session)).await?;
        self.session = Some(session);
        Ok(is_held)
    }

    /// Takes the lock, unless the session has it.
    async fn hold(&self, session: Option<DatabaseConnection>) -> Result<(DatabaseConnection, bool), DbErr> {
        #[derive(FromQueryResult)]
        struct Row {
            is_held: bool,
        }
        let session = match session {
            Some(session) => session,
            None => self.open().await?,
        };
        let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() \
                   AND classid = CAST($1 AS oid) AND objid = CAST($2 AS oid)) THEN TRUE \
                   ELSE pg_try_advisory_lock($1, $2) END AS is_held";
        let asked = statement(session.get_database_backend(), sql, [CLASS.into(), self.holder.into()]);
        let row = Row::find_by_statement(asked).one(&session).await?;
        Ok((session, row.is_some_and(|row| row.is_held)))
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
    async fn without_lock(&self) -> Result<Vec<i32>, DbErr> {
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

async fn in_time<T>(asked: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = || DbErr::Custom("the database did not answer in time".to_owned());
    timeout(PATIENCE, asked).await.map_err(|_| late())?
}

impl Queue {
    /// Has the jobs of the dead taken up by whoever looks next.
    async fn abandon(&self, dead: &[i32]) -> Result<(), DbErr> {
        let dead: Vec<String> = dead.iter().map(ToString::to_string).collect();
        let sql = format!(
            "UPDATE job SET is_suspected = TRUE, lease_ends = 0, holder = NULL WHERE state = 'running' AND holder IN ({})",
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
