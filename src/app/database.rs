//! The database: found, connected and brought up to date.

use anyhow::Context;
use migration::MigratorTrait;

use crate::{
    config::Config,
    db::{self, Connections, Db},
    machine, secrets,
    worker::Worker,
};

/// Connections for jobs beside those for requests. Their statements are short, and more connections than a machine has
/// use for cost every request: on PostgreSQL twenty more made the slowest tickets three times as slow, and SQLite has a
/// thread for each and one writer.
const JOB_CONNECTIONS: u32 = 4;
const JOB_CONNECTIONS_ON_SQLITE: u32 = 2;

/// Connects to the configured database, and makes the file of a SQLite database where there is none.
///
/// # Errors
/// When it does not answer.
pub async fn connect(config: &Config) -> anyhow::Result<Db> {
    let url = url(config);
    if let Some(file) = db::sqlite_file(&url)? {
        secrets::make_private(&file)?;
    }
    let jobs = u32::try_from(Worker::jobs_at_once(config.jobs.worker_slots())).unwrap_or(u32::MAX / 2);
    let most = if url.starts_with("sqlite") { JOB_CONNECTIONS_ON_SQLITE } else { JOB_CONNECTIONS };
    let main = config.database.database_connections.saturating_add(jobs.min(most));
    let connections = Connections { main, slow: slow_reads() };
    Db::connect(&url, connections).await.context("the database does not answer: check DATABASE_URL")
}

/// Connects to the configured database, which has to be there with Darkroom's tables.
///
/// # Errors
/// When there is none, or it does not answer.
pub(super) async fn connect_existing(config: &Config) -> anyhow::Result<Db> {
    let url = url(config);
    if let Some(file) = db::sqlite_file(&url)? {
        anyhow::ensure!(
            file.exists(),
            "there is no database at {}: start the server first, or set DATA_DIR or DATABASE_URL",
            file.display()
        );
    }
    let db = connect(config).await?;
    let has_tables = migration::Migrator::has_run(db.conn()).await?;
    anyhow::ensure!(has_tables, "the database is empty: start the server first, or set DATABASE_URL");
    Ok(db)
}

/// Connects to the configured database to look into it; `None` where the server has not made it yet.
///
/// # Errors
/// When it does not answer.
pub async fn look_into(config: &Config) -> anyhow::Result<Option<Db>> {
    let url = url(config);
    if db::sqlite_file(&url)?.is_some_and(|file| !file.exists()) {
        return Ok(None);
    }
    let db = Db::connect(&url, Connections { main: 1, slow: 1 }).await?;
    db.ping().await?;
    Ok(Some(db))
}

/// Which of this version's migrations a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// None, and none of any other version's.
    Never,
    Partly {
        pending: usize,
    },
    /// All, and perhaps those of a newer version.
    Completely,
}

/// Says how far a database is migrated; changes nothing.
///
/// # Errors
/// When it does not answer, or its user may not read.
pub async fn migrated(db: &Db) -> anyhow::Result<Migrated> {
    let conn = db.conn();
    if !migration::Migrator::has_run(conn).await? {
        return Ok(Migrated::Never);
    }
    if migration::Migrator::is_behind(conn).await? {
        return Ok(Migrated::Completely);
    }
    Ok(match migration::Migrator::get_pending_migrations(conn).await?.len() {
        0 => Migrated::Completely,
        pending => Migrated::Partly { pending },
    })
}

/// The configured database, or a file in DATA_DIR.
pub(super) fn url(config: &Config) -> String {
    let default = || Db::sqlite_url(&config.server.data_dir.join("darkroom.sqlite"));
    config.database.database_url.clone().unwrap_or_else(default)
}

/// Brings the database up to date; of processes that start together, one does.
pub async fn migrate(db: &Db) -> anyhow::Result<()> {
    let turn = db.migration_lock().await?;
    if migration::Migrator::is_behind(db.conn()).await? {
        tracing::warn!("the database schema was migrated by a newer version; no migrations are run");
    } else {
        migration::Migrator::up(db.conn(), None).await.context("the database migration failed")?;
    }
    if let Some(turn) = turn {
        turn.commit().await?;
    }
    Ok(())
}

/// Searches keep a core busy each: more at once would only take it from everybody else.
fn slow_reads() -> u32 {
    u32::try_from(machine::cores()).unwrap_or(2).clamp(2, 8)
}
