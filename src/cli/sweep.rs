//! `sweep`: what the hourly job does, now; or a list of what it would remove.

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    domain::{error::ServiceError, job::Job},
    worker::Ran,
};

#[expect(clippy::print_stdout, reason = "the list is what was asked for")]
pub async fn run(config: Config, dry_run: bool) -> anyhow::Result<()> {
    let app = App::build_on_existing(config, Clock::default()).await?;
    let uploads = &app.services.uploads;
    if dry_run {
        let (mut objects, mut bytes) = (0_u64, 0);
        let print = |orphan: crate::uploads::Orphan| {
            println!("{} {:>10} {}", orphan.modified.format("%Y-%m-%dT%H:%M:%SZ"), orphan.size, orphan.key);
            objects += 1;
            bytes += orphan.size;
        };
        uploads.find_orphans(print).await.map_err(ServiceError::into_anyhow)?;
        println!("{objects} objects of {bytes} bytes would be removed");
        return Ok(());
    }
    uploads.schedule_sweep().await.map_err(ServiceError::into_anyhow)?;
    match app.worker().run_now(Job::Sweep).await? {
        Ran::ToItsEnd => println!("sweep finished; see the log for details"),
        Ran::Elsewhere => println!("a sweep is running already"),
        Ran::InVain => anyhow::bail!("the sweep failed and will be retried; see the log for the reason"),
    }
    Ok(())
}
