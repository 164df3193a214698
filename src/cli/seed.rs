//! `seed --images N`: plausible images for demos and measurements.

use super::bootstrap;
use crate::{app::App, clock::Clock, config::Config, domain::error::ServiceError};

#[expect(clippy::print_stdout, reason = "what was asked for was done")]
pub async fn run(config: Config, images: u32, owner: String) -> anyhow::Result<()> {
    anyhow::ensure!(owner.contains('@'), "{owner} is not an email address");
    let address = config.server.bind;
    let app = App::build(config, address, Clock::default()).await?;
    bootstrap(&app).await?;
    let owner = app.services.accounts.find_or_make(&owner).await.map_err(ServiceError::into_anyhow)?;
    app.services.library.seed(owner.id, images).await.map_err(ServiceError::into_anyhow)?;
    println!("{images} images for {}", owner.email);
    Ok(())
}
