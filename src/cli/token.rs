//! `token EMAIL`: an API token for curl, GraphiQL and tests.

use super::bootstrap;
use crate::{app::App, clock::Clock, config::Config, domain::error::ServiceError};

#[expect(clippy::print_stdout, reason = "the token is what was asked for, and nothing else")]
pub async fn run(config: Config, email: String) -> anyhow::Result<()> {
    anyhow::ensure!(email.contains('@'), "{email} is not an email address");
    let app = App::build_on_existing(config, Clock::default()).await?;
    bootstrap(&app).await?;
    let accounts = &app.services.accounts;
    let user = accounts.find_or_make(&email).await.map_err(ServiceError::into_anyhow)?;
    let token = accounts.print_token(&user).await.map_err(ServiceError::into_anyhow)?;
    println!("{token}");
    Ok(())
}
