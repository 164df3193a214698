//! `token EMAIL`: an access token for curl, GraphiQL and tests.

use crate::{accounts::NewAdmin, app::App, clock::Clock, config::Config, domain::error::ServiceError};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the token is what was asked for, and nothing else")]
pub async fn run(config: Config, email: String) -> anyhow::Result<()> {
    anyhow::ensure!(email.contains('@'), "{email} is no email address");
    let address = config.bind;
    let app = App::build(config, address, Clock::default()).await?;
    if let Some(NewAdmin { email, generated_password: Some(password) }) = app.bootstrap().await? {
        eprintln!("made the administrator {email} with the password {password} (shown this once)");
    }
    let accounts = &app.services.accounts;
    let user = accounts.find_or_make(&email).await.map_err(ServiceError::into_anyhow)?;
    let access = accounts.print_token(&user).map_err(ServiceError::into_anyhow)?;
    println!("{}", access.token);
    Ok(())
}
