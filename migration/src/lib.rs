//! The database's changes in their order. Each is frozen once it has landed, works on SQLite and Postgres
//! alike, and imports nothing of the server's: entities change, history does not.

use std::collections::HashSet;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{
    MigrationTrait, SchemaManager, async_trait,
    sea_orm::{ConnectionTrait, DatabaseConnection, DbErr},
};

mod m20261120_000001_accounts;
mod m20261120_000002_images;
mod m20261120_000003_jobs;
mod m20261120_000004_library;
mod m20261120_000005_search;
mod m20261120_000006_counts;
mod m20261120_000007_imaging;
mod m20261121_000008_turns;
mod m20261121_000009_events;
mod m20261121_000010_job_kinds;
mod m20261122_000011_search_by_date;
mod m20261122_000012_changed_lately;
mod m20261122_000013_regeneration;
mod m20261122_000014_holders;
mod m20261122_000015_traces;
mod m20261122_000016_credentials;
mod m20261122_000017_groups;
mod m20261122_000018_mails;
mod m20261123_000019_sharing;
mod m20261123_000020_people;
mod m20261123_000021_second_factor;
mod m20261123_000022_passkeys;
mod m20261123_000023_multipart;
mod m20261123_000024_webhooks;

/// Runs what has not been run yet.
pub struct Migrator;

impl Migrator {
    /// Whether any of these changes, or those of a newer version, were made to the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_run(conn: &DatabaseConnection) -> Result<bool, DbErr> {
        // Asked first: reading what has run makes the table of it, and this only looks.
        let has_table = SchemaManager::new(conn).has_table("seaql_migrations").await?;
        Ok(has_table && !Self::get_migration_models(conn).await?.is_empty())
    }

    /// Whether a newer version migrated the database, which has all of these changes and more. Servers of both versions
    /// work on it then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_behind<C: ConnectionTrait>(conn: &C) -> Result<bool, DbErr> {
        let run = Self::get_migration_models(conn).await?;
        let run: HashSet<String> = run.into_iter().map(|model| model.version).collect();
        let known = Self::migrations();
        Ok(run.len() > known.len() && known.iter().all(|migration| run.contains(migration.name())))
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_accounts::Migration),
            Box::new(m20261120_000002_images::Migration),
            Box::new(m20261120_000003_jobs::Migration),
            Box::new(m20261120_000004_library::Migration),
            Box::new(m20261120_000005_search::Migration),
            Box::new(m20261120_000006_counts::Migration),
            Box::new(m20261120_000007_imaging::Migration),
            Box::new(m20261121_000008_turns::Migration),
            Box::new(m20261121_000009_events::Migration),
            Box::new(m20261121_000010_job_kinds::Migration),
            Box::new(m20261122_000011_search_by_date::Migration),
            Box::new(m20261122_000012_changed_lately::Migration),
            Box::new(m20261122_000013_regeneration::Migration),
            Box::new(m20261122_000014_holders::Migration),
            Box::new(m20261122_000015_traces::Migration),
            Box::new(m20261122_000016_credentials::Migration),
            Box::new(m20261122_000017_groups::Migration),
            Box::new(m20261122_000018_mails::Migration),
            Box::new(m20261123_000019_sharing::Migration),
            Box::new(m20261123_000020_people::Migration),
            Box::new(m20261123_000021_second_factor::Migration),
            Box::new(m20261123_000022_passkeys::Migration),
            Box::new(m20261123_000023_multipart::Migration),
            Box::new(m20261123_000024_webhooks::Migration),
        ]
    }
}
