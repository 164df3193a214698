//! Accounts: who signs in.

use clap::Args;

/// What the compose file of an earlier version had.
const PUBLISHED_SECRET: &str = "only-for-a-laptop-change-me-everywhere-else";
/// In bytes: as long as the hash that signs tokens.
const MIN_SECRET: usize = 32;

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

impl AccountsConfig {
    /// The configured secret, if there is one.
    ///
    /// # Errors
    /// When it is too short, or known to everybody.
    pub fn jwt_secret(&self) -> anyhow::Result<Option<&str>> {
        let Some(secret) = &self.jwt_secret else { return Ok(None) };
        anyhow::ensure!(secret.len() >= MIN_SECRET, "JWT_SECRET needs at least {MIN_SECRET} bytes");
        anyhow::ensure!(secret != PUBLISHED_SECRET, "JWT_SECRET has a published value: generate one of your own");
        Ok(Some(secret))
    }
}
