//! Hand: the database. Rows in, domain types out; decides nothing and knows no other hand.
//!
//! Every function takes a connection, which may be a transaction of the service that calls, and fails where the database
//! does not answer.

mod entity;
mod image_row;
mod recording;
mod slow_reads;
mod sql;

pub mod album_images;
pub mod albums;
pub mod api_tokens;
pub mod audit;
pub mod categories;
pub mod counts;
pub mod data_exports;
pub mod event_log;
pub mod external_identities;
pub mod fingerprints;
pub mod groups;
pub mod identities;
pub mod image_writes;
pub mod images;
pub mod listing;
pub mod mails;
pub mod metadata;
pub mod multipart_uploads;
pub mod passkeys;
pub mod regenerations;
pub mod removals;
pub mod search;
pub mod second_factors;
pub mod sessions;
pub mod share_links;
pub mod shares;
pub mod users;
pub mod variants;
pub mod webhook_deliveries;
pub mod webhooks;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, future::select_ok};
use sea_orm::{
    AccessMode, ColumnTrait, Condition, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, DbBackend, DbErr, IsolationLevel, RuntimeErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
    sqlx::{
        self, Executor,
        postgres::PgPoolOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use uuid::Uuid;

use self::{recording::Recorder, slow_reads::SlowReads};
pub use sea_orm::{ConnectionTrait as Connection, DatabaseTransaction as Transaction};

pub use self::{recording::Recording, slow_reads::SlowRead};
use crate::domain::{
    error::ServiceError,
    ids::{AlbumId, ImageId, UserId},
    job::JobError,
    sharing::Shareable,
};

/// The key of the advisory lock for migrations: a number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x6461_726b_726f_6f6d;

/// To compile a statement takes PostgreSQL longer than to run any of ours; what it expects of a search is far too much.
const WITHOUT_JIT: &str = "SET jit = off";

/// How long one may wait for a connection.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// After how long without an answer a new connection is asked for one.
const BUSY: Duration = Duration::from_millis(300);
/// How long a connection that answered is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);

/// The connections of this process.
#[derive(Clone)]
pub struct Db {
    connection: DatabaseConnection,
    /// For a connection of its own, to ask for a sign of life on.
    alone: ConnectOptions,
    slow_reads: SlowReads,
    recorder: Recorder,
}

/// How many connections this process may have.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// For requests and jobs together.
    pub main: u32,
    /// For slow reads alone.
    pub slow: u32,
}

impl Db {
    /// Connects, and for SQLite makes the file where there is none.
    ///
    /// # Errors
    /// When the URL is none, or nobody answers there.
    pub async fn connect(url: &str, connections: Connections) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(url);
        options.sqlx_logging(false).acquire_timeout(ACQUIRE_WITHIN).max_connections(connections.main);
        // A round trip before every statement would be a third of a list.
        options.test_before_acquire_if_idle_for(TRUSTED);
        options.map_sqlx_sqlite_opts(with_our_settings);
        options.map_sqlx_postgres_pool_opts(with_postgres_settings);
        let mut alone = options.clone();
        alone.max_connections(1);
        let mut connection = Database::connect(options).await.map_err(|error| without(error, url))?;
        let recorder = Recorder::default();
        let noting = recorder.clone();
        connection.set_metric_callback(move |sent| noting.note(sent.statement));
        let slow_reads = SlowReads::open(url, connections.slow, &connection, &recorder)?;
        Ok(Self { connection, alone, slow_reads, recorder })
    }

    /// The URL of a SQLite database in a file.
    pub fn sqlite_url(file: &Path) -> String {
        format!("sqlite://{}", file.display())
    }

    /// For reading, and for single statements.
    pub const fn conn(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// For a read that may take long, on behalf of a user. Waits until one of the few connections for them is free.
    ///
    /// # Errors
    /// `RateLimited` when too many reads of this user wait already.
    pub async fn slow_read(&self, user: UserId) -> Result<SlowRead, ServiceError> {
        self.slow_reads.begin(user).await
    }

    /// Begins a transaction that will write. On SQLite it takes the write lock at once: one that
    /// reads first and then writes would fail with BUSY instead of waiting.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.connection.begin_with_options(immediate).await
    }

    /// Begins to read what belongs together: all statements see the same moment.
    pub async fn begin_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        // SQLite's transactions do so anyway.
        let is_postgres = self.connection.get_database_backend() == DbBackend::Postgres;
        let snapshot = TransactionOptions {
            isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: is_postgres.then_some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        self.connection.begin_with_options(snapshot).await
    }

    /// Begins to keep what is sent to the database, for a test to look at.
    pub fn record(&self) -> Recording {
        self.recorder.start()
    }

    /// Waits until no other process is at what only one may do at a time, and holds it off until the transaction
    /// ends. Nothing on SQLite, where a folder has one server.
    pub async fn migration_lock(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        if !locks_rows(&self.connection) {
            return Ok(None);
        }
        let turn = self.connection.begin().await?;
        // It waits while others migrate, and while this process does.
        turn.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        turn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        Ok(Some(turn))
    }

    /// Has the planner look at what is there: after very many rows came at once.
    pub async fn analyze(&self) -> Result<(), DbErr> {
        self.connection.execute_unprepared("ANALYZE").await.map(drop)
    }

    /// How many connections there are for requests and jobs.
    pub fn connected(&self) -> Connected {
        let connection = &self.connection;
        let (open, idle, most) = if locks_rows(connection) {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        } else {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        };
        Connected { open: open.into(), idle: idle as u64, most: most.into() }
    }

    /// The database's own time.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn time(&self) -> Result<DateTime<Utc>, DbErr> {
        let sql = if locks_rows(&self.connection) {
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
        } else {
            "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)"
        };
        let asked = Statement::from_string(self.connection.get_database_backend(), sql);
        let row = self.connection.query_one_raw(asked).await?;
        let milliseconds = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        let time = milliseconds.and_then(DateTime::from_timestamp_millis);
        time.ok_or_else(|| DbErr::Custom("the database told no time".to_owned()))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), DbErr> {
        // All others may be busy, or stand still where the database has moved.
        let fresh = async {
            tokio::time::sleep(BUSY).await;
            let connection = Database::connect(self.alone.clone()).await?;
            connection.ping().await?;
            connection.close().await
        };
        select_ok([self.connection.ping().boxed(), fresh.boxed()]).await.map(|((), _)| ())
    }
}

/// The password of a URL is for nobody's eyes, also where it cannot be read.
fn without(error: DbErr, url: &str) -> DbErr {
    if error.to_string().contains(url) {
        return DbErr::Custom("DATABASE_URL is not the URL of a PostgreSQL or SQLite database".to_owned());
    }
    error
}

/// A process that stands still within a transaction lets go of its locks after ten seconds: others wait for them.
fn with_postgres_settings(pool: PgPoolOptions) -> PgPoolOptions {
    pool.after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute("SET idle_in_transaction_session_timeout = '10s'").await?;
            connection.execute(WITHOUT_JIT).await?;
            Ok(())
        })
    })
}

/// The file of a SQLite database; `None` for a database in memory and for any other kind.
///
/// # Errors
/// When the URL cannot be read.
pub fn sqlite_file(url: &str) -> Result<Option<PathBuf>, DbErr> {
    if !url.starts_with("sqlite:") {
        return Ok(None);
    }
    let file = sqlite_options(url)?.get_filename().to_owned();
    let is_in_memory = url.contains(":memory:") || url.contains("mode=memory");
    Ok((!is_in_memory).then_some(file))
}

fn sqlite_options(url: &str) -> Result<SqliteConnectOptions, DbErr> {
    let options = url.parse::<SqliteConnectOptions>();
    options.map(with_our_settings).map_err(|error| DbErr::Custom(format!("DATABASE_URL: {error}")))
}

fn with_our_settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A committed upload survives the power going off, not just kill -9.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(20))
        .foreign_keys(true)
}

impl From<DbErr> for ServiceError {
    fn from(error: DbErr) -> Self {
        if is_outage(&error) { Self::DatabaseUnavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

impl From<DbErr> for JobError {
    fn from(error: DbErr) -> Self {
        ServiceError::from(error).into()
    }
}

/// Whether the database was away or overloaded, rather than asked for something that it cannot do.
fn is_outage(error: &DbErr) -> bool {
    let (DbErr::Exec(error) | DbErr::Query(error)) = error else {
        return matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(error) = error else { return false };
    match error.as_ref() {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_outage_code(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// PostgreSQL: connection exceptions, a server that is out of resources, one that shuts down or starts, a disk error,
/// a statement that was cancelled. SQLite: busy, locked, interrupted, an I/O error, a full disk.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>, <https://www.sqlite.org/rescode.html>
fn is_outage_code(code: &str) -> bool {
    let of_postgres = code.len() == 5 && ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    // The lowest byte of an extended code is its primary code.
    let of_sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 9 | 10 | 13));
    // A transaction in which this process stood still.
    let was_idle = code == "25P03";
    of_postgres || was_idle || (code.len() < 5 && of_sqlite)
}

/// How many connections to the database there are.
#[derive(Debug, Clone, Copy)]
pub struct Connected {
    pub open: u64,
    /// Of these, those that nobody uses.
    pub idle: u64,
    /// How many there may be.
    pub most: u64,
}

/// What became of a row that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    Done,
    /// There is one that says the same.
    Duplicate,
}

impl Saved {
    fn of<T>(outcome: Result<T, DbErr>) -> Result<Self, DbErr> {
        match outcome {
            Ok(_) => Ok(Self::Done),
            Err(error) if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))) => {
                Ok(Self::Duplicate)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether rows can be locked one by one; SQLite locks whole.
fn locks_rows(conn: &impl ConnectionTrait) -> bool {
    conn.get_database_backend() == DbBackend::Postgres
}

/// A count or a size. The columns are signed, the values are not.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The other way; sizes end at 2^53.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The columns of whatever is of an image or of an album.
const fn columns_of(of: Shareable) -> (Option<Uuid>, Option<Uuid>) {
    match of {
        Shareable::Image(id) => (Some(id.0), None),
        Shareable::Album(id) => (None, Some(id.0)),
    }
}

/// The other way; a row of a newer version may be of something else.
fn shareable(image: Option<Uuid>, album: Option<Uuid>) -> Option<Shareable> {
    match (image, album) {
        (Some(image), _) => Some(Shareable::Image(ImageId(image))),
        (None, album) => Some(Shareable::Album(AlbumId(album?))),
    }
}

/// The condition that a row is of one of these.
fn is_one_of<C: ColumnTrait>(of: &[Shareable], image: C, album: C) -> Condition {
    let columns = of.iter().map(|one| columns_of(*one));
    let (images, albums): (Vec<_>, Vec<_>) = columns.unzip();
    let images: Vec<_> = images.into_iter().flatten().collect();
    let albums: Vec<_> = albums.into_iter().flatten().collect();
    // An empty list is left out: with one, SQLite reads the whole table.
    Condition::any()
        .add_option((!images.is_empty() || albums.is_empty()).then(|| image.is_in(images)))
        .add_option((!albums.is_empty()).then(|| album.is_in(albums)))
}

/// The strings of a JSON column that is a list of them.
fn strings(json: sea_orm::JsonValue) -> Vec<String> {
    serde_json::from_value(json).unwrap_or_else(|error| {
        tracing::warn!(%error, "a list that this version cannot read is treated as empty");
        Vec::new()
    })
}
