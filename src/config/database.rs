//! Database: the database.

use clap::Args;

/// What the operator decided about the database.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// postgres://… or sqlite://…; by default a SQLite file in DATA_DIR.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// redis://… or rediss://…: what processes tell each other of changes by, in the place of PostgreSQL's NOTIFY. For many servers.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    pub redis_url: Option<String>,

    /// How many connections to the database requests may have; jobs have a few more, slow reads some
    /// of their own.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1000), global = true)]
    pub database_connections: u32,
}
