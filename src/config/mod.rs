//! What the operator decides, by area. Flags come before environment variables, and these before a file of TOML.

mod accounts;
mod database;
mod file;
mod images;
mod jobs;
mod limits;
mod server;
mod storage;

use clap::Args;

pub use self::{
    accounts::AccountsConfig,
    database::DatabaseConfig,
    file::{Setting, read, unknown_variables},
    images::ImagesConfig,
    jobs::JobsConfig,
    limits::LimitsConfig,
    server::{LogFormat, ServerConfig},
    storage::StorageConfig,
};

/// The configuration. Every default suits a laptop.
#[derive(Debug, Clone, Args)]
pub struct Config {
    #[command(flatten)]
    pub server: ServerConfig,
    #[command(flatten)]
    pub database: DatabaseConfig,
    #[command(flatten)]
    pub storage: StorageConfig,
    #[command(flatten)]
    pub images: ImagesConfig,
    #[command(flatten)]
    pub accounts: AccountsConfig,
    #[command(flatten)]
    pub jobs: JobsConfig,
    #[command(flatten)]
    pub limits: LimitsConfig,
}

impl Config {
    /// Checks that there is a database, for commands that would be of no use on a new one.
    ///
    /// # Errors
    /// When the embedded database would have to be made.
    pub fn expect_database(&self) -> anyhow::Result<()> {
        let file = self.server.data_dir.join("darkroom.sqlite");
        anyhow::ensure!(
            self.database.database_url.is_some() || file.exists(),
            "there is no database in {}: start the server first, or say by --data-dir or DATABASE_URL where it is",
            self.server.data_dir.display()
        );
        Ok(())
    }
}
