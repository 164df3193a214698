//! Accounts: who signs in.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use url::Url;

use crate::domain::user::{Permission, Permissions, SignUp};

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

    /// Who may have an account: `closed` for whom administrators create one, `invite` for whom they invite by mail, too,
    /// `open` for everybody who confirms an email address.
    #[arg(long, env = "SIGN_UP", value_enum, default_value_t = SignUpBy::Closed, global = true)]
    pub sign_up: SignUpBy,

    /// Permissions that need more than a password, with commas between: `MANAGE_USERS,DELETE_ANY_IMAGE`, or `all`.
    #[arg(long, env = "REQUIRE_2FA", default_value = "", global = true)]
    pub require_2fa: String,

    /// A file of TOML with providers of identities that users can sign in by (OpenID Connect).
    #[arg(long, env = "OIDC_PROVIDERS", global = true)]
    pub oidc_providers: Option<PathBuf>,

    /// The domain that passkeys are of; by default the host of PUBLIC_URL. Where front ends are on other hosts, the domain
    /// that all of them are on: `example.com` for `app.example.com` and `images.example.com`.
    #[arg(long, env = "PASSKEY_DOMAIN", global = true)]
    pub passkey_domain: Option<String>,

    /// The server that sends mails: `smtps://user:password@host`, `smtp://host:587?tls=required`. Without one, mails are
    /// written into the log where PUBLIC_URL is this machine's, and are not sent elsewhere.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, global = true)]
    pub smtp_url: Option<String>,

    /// The sender of mails, such as `Images <images@example.com>`; required with SMTP_URL.
    #[arg(long, env = "MAIL_FROM", global = true)]
    pub mail_from: Option<String>,

    /// How long the audit log keeps its entries, in seconds: a day to ten years.
    #[arg(long, env = "AUDIT_RETENTION", default_value_t = 31_536_000,
          value_parser = clap::value_parser!(u32).range(86_400..=315_360_000), global = true)]
    pub audit_retention: u32,

    /// Where the links in mails lead: pages of the front end below this URL, by default PUBLIC_URL/account.
    #[arg(long, env = "ACCOUNT_URL", global = true)]
    pub account_url: Option<Url>,
}

/// Who may have an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignUpBy {
    Closed,
    Invite,
    Open,
}

impl From<SignUpBy> for SignUp {
    fn from(sign_up: SignUpBy) -> Self {
        match sign_up {
            SignUpBy::Closed => Self::Closed,
            SignUpBy::Invite => Self::Invite,
            SignUpBy::Open => Self::Open,
        }
    }
}

impl AccountsConfig {
    /// The mail server and the sender, if mails are to be sent.
    ///
    /// # Errors
    /// When there is a server, but nobody who sends.
    pub fn smtp(&self) -> anyhow::Result<Option<(&str, &str)>> {
        let Some(url) = &self.smtp_url else { return Ok(None) };
        let from = self.mail_from.as_deref().context("MAIL_FROM is required with SMTP_URL")?;
        Ok(Some((url, from)))
    }

    /// The permissions that need a second factor.
    ///
    /// # Errors
    /// When there is no permission of a name.
    pub fn require_2fa(&self) -> anyhow::Result<Permissions> {
        if self.require_2fa.trim().eq_ignore_ascii_case("all") {
            return Ok(Permissions::all());
        }
        let names = self.require_2fa.split(',').map(str::trim).filter(|name| !name.is_empty());
        let named = names.map(|name| {
            let permission = Permission::named(&name.to_uppercase());
            permission.with_context(|| format!("REQUIRE_2FA: there is no permission `{name}`"))
        });
        named.collect()
    }

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
