//! Accounts: who signs in.

use clap::Args;

/// What the operator decided about who signs in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Accounts")]
pub struct AccountsConfig {
    /// What access tokens are signed with, 32 bytes at least; made and kept in DATA_DIR on embedded storage.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, global = true)]
    pub jwt_secret: Option<String>,

    /// The first user of an empty database.
    #[arg(long, env = "ADMIN_EMAIL", default_value = "admin@localhost", global = true)]
    pub admin_email: String,

    /// The first user's password; without it, one is made and printed once.
    #[arg(long, env = "ADMIN_PASSWORD", hide_env_values = true, global = true)]
    pub admin_password: Option<String>,
}
