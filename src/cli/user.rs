//! `user`: accounts, for the operator.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::bootstrap;
use crate::{
    app::App,
    clock::Clock,
    config::Config,
    domain::{
        error::{ServiceError, ServiceResult},
        user::Permission,
    },
};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes an account, and prints its password unless that was given.
    Add {
        /// The address that the user signs in with.
        email: String,
        /// With every permission.
        #[arg(long)]
        admin: bool,
        /// Read the password from the first line of the standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Sets a user's password, and prints it unless it was given. All log-ins and tokens of the user end.
    Passwd {
        /// The user's address.
        email: String,
        /// Read the password from the first line of the standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Puts a user into a group, or makes them an administrator.
    Grant {
        /// The user's address.
        email: String,
        #[command(flatten)]
        right: Right,
    },
    /// Takes a user out of a group, or makes them no longer an administrator.
    Revoke {
        /// The user's address.
        email: String,
        #[command(flatten)]
        right: Right,
    },
    /// Lists all users by address, with their groups and permissions.
    List,
    /// Shuts a user out: all log-ins and tokens end, and nobody can sign in as them.
    Disable {
        /// The user's address.
        email: String,
    },
    /// Removes the second factor of a user who lost it.
    #[command(name = "reset-2fa")]
    Reset2fa {
        /// The user's address.
        email: String,
    },
    /// Lets a user in again.
    Enable {
        /// The user's address.
        email: String,
    },
}

/// What is given or taken.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Right {
    /// The name of a group.
    #[arg(long)]
    group: Option<String>,
    /// Every permission.
    #[arg(long)]
    admin: bool,
}

pub async fn run(config: Config, command: UserCommand) -> anyhow::Result<()> {
    let app = App::build_on_existing(config, Clock::default()).await?;
    bootstrap(&app).await?;
    let accounts = &app.services.accounts;
    match command {
        UserCommand::Add { email, admin, password_stdin } => {
            let (_, generated) = said(accounts.add_user(&email, password(password_stdin)?, admin).await)?;
            print(generated);
        }
        UserCommand::Passwd { email, password_stdin } => {
            print(said(accounts.set_password_of(&email, password(password_stdin)?).await)?);
        }
        UserCommand::Grant { email, right } => set(&app, &email, right, true).await?,
        UserCommand::Revoke { email, right } => set(&app, &email, right, false).await?,
        UserCommand::List => list(&app).await?,
        UserCommand::Disable { email } => said(accounts.set_active(&email, false).await)?,
        UserCommand::Reset2fa { email } => said(accounts.reset_second_factor(&email).await)?,
        UserCommand::Enable { email } => said(accounts.set_active(&email, true).await)?,
    }
    Ok(())
}

async fn set(app: &App, email: &str, right: Right, is_given: bool) -> anyhow::Result<()> {
    let accounts = &app.services.accounts;
    said(match right.group {
        Some(group) => accounts.set_member(email, &group, is_given).await,
        None => accounts.set_admin(email, is_given).await,
    })
}

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
async fn list(app: &App) -> anyhow::Result<()> {
    let accounts = &app.services.accounts;
    let mut after: Option<String> = None;
    loop {
        let users = said(accounts.page_of_users(after.as_deref()).await)?;
        let Some(last) = users.last() else { return Ok(()) };
        after = Some(last.email.clone());
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let groups = said(accounts.groups_of(&ids).await)?;
        for user in &users {
            let groups = groups.get(&user.id).map(Vec::as_slice).unwrap_or_default();
            let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
            let permissions = groups.iter().flat_map(|group| group.permissions).map(Permission::name);
            let permissions: Vec<_> = if user.is_admin { vec!["ADMINISTRATOR"] } else { permissions.collect() };
            let state = if user.deactivated_at.is_some() { "disabled" } else { "active" };
            println!("{} {state} [{}] {}", user.email, names.join(", "), permissions.join(" "));
        }
    }
}

/// The first line of the standard input, where that is to be the password.
fn password(is_given: bool) -> anyhow::Result<Option<String>> {
    if !is_given {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("reading the password from the standard input failed")?;
    Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
}

#[expect(clippy::print_stdout, reason = "the password is shown once, and nothing else")]
fn print(generated: Option<String>) {
    if let Some(generated) = generated {
        println!("{generated}");
    }
}

/// What was refused, in the words that clients read.
fn said<T>(outcome: ServiceResult<T>) -> anyhow::Result<T> {
    match outcome {
        Err(ServiceError::Refused(refusals)) => {
            let messages: Vec<_> = refusals.into_iter().map(|refusal| refusal.message).collect();
            bail!("{}", messages.join(" "))
        }
        outcome => outcome.map_err(ServiceError::into_anyhow),
    }
}
