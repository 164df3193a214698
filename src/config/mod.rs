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
    accounts::{AccountsConfig, SignUpBy},
    database::DatabaseConfig,
    file::{Setting, read, read_alone, unknown_variables},
    images::ImagesConfig,
    jobs::JobsConfig,
    limits::LimitsConfig,
    server::{LogFormat, ServerConfig},
    storage::{SentBy, StorageConfig},
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
