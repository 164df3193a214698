//! Reads that may take long: on connections of their own, a few at a time, fair among users, and ended when nobody waits
//! for them any more. Everybody else's reads and writes never wait behind them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        ConnectOptions, Connection, Executor, Row,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::SqlitePoolOptions,
    },
};

use super::{ACQUIRE_WITHIN, TRUSTED, WITHOUT_JIT, recording::Recorder, sqlite_options};
use crate::{
    domain::{error::ServiceError, ids::UserId},
    permits::{FairPermits, Permit, Share},
};

/// How many steps of SQLite's machine lie between two looks at whether anybody still waits: about a millisecond.
const STEPS: i32 = 20_000;
/// In KiB, as SQLite writes it: enough for the upper pages of the indexes of a million images.
const CACHE: &str = "-8192";
/// How many reads of one user may wait.
const WAITING_OF_ONE: usize = 64;
/// How soon it is asked again whether a cancelled statement has ended.
const SETTLED_AGAIN: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// All connections for slow reads.
#[derive(Clone)]
pub(super) struct SlowReads {
    permits: FairPermits<UserId>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

/// One connection, and the way to end its statement.
struct Reader {
    connection: DatabaseConnection,
    stop: Stop,
}

#[derive(Clone)]
enum Stop {
    /// Looked at by the machine that runs the statement.
    Sqlite(Arc<AtomicBool>),
    /// The server's process for this connection, which another connection cancels.
    Postgres(Arc<AtomicI32>, DatabaseConnection),
}

/// A connection for slow reads. Dropped before `finish`, it ends what still runs on it.
pub struct SlowRead {
    reader: Option<Reader>,
    reads: SlowReads,
    permit: Option<Permit<UserId>>,
}

impl SlowReads {
    /// So many at once, of one user half of them.
    pub(super) fn open(url: &str, count: u32, main: &DatabaseConnection, recorder: &Recorder) -> Result<Self, DbErr> {
        let readers = (0..count).map(|_| Reader::open(url, main, recorder)).collect::<Result<Vec<_>, _>>()?;
        let (all, of_one) = (u64::from(count), u64::from(count.div_ceil(2)));
        let permits = FairPermits::new(Share { all, of_one, waiting_of_one: WAITING_OF_ONE });
        Ok(Self { permits, idle: Arc::new(Mutex::new(readers)) })
    }

    pub(super) async fn begin(&self, user: UserId) -> Result<SlowRead, ServiceError> {
        let busy = |_| ServiceError::RateLimited { retry_after: Duration::from_secs(1) };
        let permit = self.permits.acquire(user, 1).await.map_err(busy)?;
        let reader = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // There are as many permits as readers.
        let reader =
            reader.ok_or_else(|| ServiceError::Internal(anyhow::anyhow!("no connection for slow reads is left")))?;
        Ok(SlowRead { reader: Some(reader), reads: self.clone(), permit: Some(permit) })
    }

    fn give_back(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl Reader {
    fn open(url: &str, main: &DatabaseConnection, recorder: &Recorder) -> Result<Self, DbErr> {
        let (mut connection, stop) =
            if url.starts_with("sqlite") { Self::open_sqlite(url)? } else { Self::open_postgres(url, main)? };
        let noting = recorder.clone();
        connection.set_metric_callback(move |sent| noting.note(sent.statement));
        Ok(Self { connection, stop })
    }

    fn open_sqlite(url: &str) -> Result<(DatabaseConnection, Stop), DbErr> {
        let is_unwanted = Arc::new(AtomicBool::new(false));
        let looked_at = Arc::clone(&is_unwanted);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_WITHIN);
        let pool = pool.test_before_acquire(false);
        let pool = pool.after_connect(move |connection, _| {
            let is_unwanted = Arc::clone(&looked_at);
            Box::pin(async move {
                let goes_on = move || !is_unwanted.load(Ordering::Relaxed);
                connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
                Ok(())
            })
        });
        let options = sqlite_options(url)?.pragma("cache_size", CACHE).disable_statement_logging();
        let pool = pool.connect_lazy_with(options);
        Ok((SqlxSqliteConnector::from_sqlx_sqlite_pool(pool), Stop::Sqlite(is_unwanted)))
    }

    fn open_postgres(url: &str, main: &DatabaseConnection) -> Result<(DatabaseConnection, Stop), DbErr> {
        let process = Arc::new(AtomicI32::new(0));
        let noted = Arc::clone(&process);
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_WITHIN);
        // A round trip before every statement, only where the connection may be dead.
        let pool = pool.test_before_acquire(false).before_acquire(|connection, known| {
            Box::pin(async move { Ok(known.idle_for <= TRUSTED || connection.ping().await.is_ok()) })
        });
        let pool = pool.after_connect(move |connection, _| {
            let noted = Arc::clone(&noted);
            Box::pin(async move {
                connection.execute(WITHOUT_JIT).await?;
                let row = sea_orm::sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut *connection).await?;
                noted.store(row.try_get(0)?, Ordering::Relaxed);
                Ok(())
            })
        });
        let options: PgConnectOptions = url.parse().map_err(|error| DbErr::Custom(format!("DATABASE_URL: {error}")))?;
        let connection =
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(options.disable_statement_logging()));
        Ok((connection, Stop::Postgres(process, main.clone())))
    }

    /// Ends what runs, and waits until it has ended.
    async fn settle(&self) {
        let mut pause = SETTLED_AGAIN;
        loop {
            match &self.stop {
                Stop::Sqlite(is_unwanted) => is_unwanted.store(true, Ordering::Relaxed),
                Stop::Postgres(process, main) => {
                    let cancel = format!("SELECT pg_cancel_backend({})", process.load(Ordering::Relaxed));
                    if let Err(error) = main.execute_unprepared(&cancel).await {
                        tracing::debug!(error = ?error, "cancelling an abandoned statement failed");
                    }
                }
            }
            // The connection answers again once its statement has ended.
            let answers = tokio::time::timeout(SETTLED_AGAIN, self.connection.ping()).await;
            if let Stop::Sqlite(is_unwanted) = &self.stop {
                is_unwanted.store(false, Ordering::Relaxed);
            }
            match answers {
                Ok(Ok(())) => return,
                // Its database may be away.
                Ok(Err(_)) => tokio::time::sleep(pause).await,
                Err(_) => {}
            }
            pause = (2 * pause).min(MAX_PAUSE);
        }
    }
}

impl SlowRead {
    /// The connection. Only for reading: what is ended is not undone.
    pub fn conn(&self) -> Result<&DatabaseConnection, DbErr> {
        let reader = self.reader.as_ref();
        reader
            .map(|reader| &reader.connection)
            .ok_or_else(|| DbErr::Custom("the slow read is already finished".to_owned()))
    }

    /// Everything was read.
    pub fn finish(mut self) {
        if let Some(reader) = self.reader.take() {
            self.reads.give_back(reader);
        }
    }
}

impl Drop for SlowRead {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let (reads, permit) = (self.reads.clone(), self.permit.take());
        // Outside a runtime the process is ending.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                reader.settle().await;
                reads.give_back(reader);
                drop(permit);
            });
        }
    }
}
