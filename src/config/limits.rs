//! Limits: how much everybody may take.

use clap::Args;

/// What the operator decided about how much everybody may take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitsConfig {
    /// What each user may have in the storage, in bytes; without it, as much as they like.
    #[arg(long, env = "STORAGE_QUOTA", global = true)]
    pub storage_quota: Option<u64>,

    /// How many uploads each user may have unfinished; 0 is no limit.
    #[arg(long, env = "MAX_UNFINISHED_UPLOADS", default_value_t = 500, global = true)]
    pub max_unfinished_uploads: u32,

    /// How many bytes these may have announced together.
    #[arg(long, env = "MAX_UNFINISHED_BYTES", default_value_t = 5 * 1024 * 1024 * 1024, global = true)]
    pub max_unfinished_bytes: u64,

    /// How many points a user can spend at once, as the schema's @cost reckons them; a fifth of it for each address
    /// without a token. 0 is no limit.
    #[arg(long, env = "RATE_LIMIT_POINTS", default_value_t = 200_000, global = true)]
    pub rate_limit_points: u32,

    /// How many of these points come back each second.
    #[arg(long, env = "RATE_LIMIT_RESTORE", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub rate_limit_restore: u32,

    /// How many connections clients may have open; never more than the files that the process may have open allow.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(16..), global = true)]
    pub max_connections: u32,

    /// How many of them may come from one address that is no trusted proxy.
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000,
          value_parser = clap::value_parser!(u32).range(4..), global = true)]
    pub max_connections_per_address: u32,

    /// How many WebSockets each caller may have open.
    #[arg(long, env = "MAX_WEBSOCKETS", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub max_websockets: u32,

    /// How many operations each caller may have running on WebSockets, on all of them together.
    #[arg(long, env = "MAX_SUBSCRIPTIONS", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub max_subscriptions: u32,

    /// How many operations of one caller run at once. Below DATABASE_CONNECTIONS, others never wait behind one.
    #[arg(long, env = "MAX_CONCURRENT_OPERATIONS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=256), global = true)]
    pub max_concurrent_operations: u32,
}
