//! `regenerate`: has the servers make images anew that are out of date.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    domain::{
        error::ServiceError,
        format::ImageFormat,
        regeneration::{Regeneration, RegenerationFilter, RegenerationState, Tally},
    },
};

/// How often the progress is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Start { follow: bool },
    Show { follow: bool },
    Cancel,
}

/// One condition on the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Outdated,
    All,
    Before(DateTime<Utc>),
    Owner(String),
    ContentType(ImageFormat),
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "outdated" => Ok(Self::Outdated),
            None if text == "all" => Ok(Self::All),
            Some(("before", time)) => {
                let time = DateTime::parse_from_rfc3339(time);
                time.map(|time| Self::Before(time.to_utc())).map_err(|_| "use a time like 2026-11-20T08:30:00Z".into())
            }
            Some(("owner", email)) => Ok(Self::Owner(email.to_owned())),
            Some(("content-type", name)) => {
                let format = ImageFormat::from_content_type(name);
                format.map(Self::ContentType).ok_or_else(|| format!("{name} is not a supported content type"))
            }
            _ => Err("use outdated, all, before=TIME, owner=EMAIL or content-type=TYPE".to_owned()),
        }
    }
}

pub async fn run(config: Config, conditions: Vec<Condition>, task: Task) -> anyhow::Result<()> {
    let app = App::build_on_existing(config, Clock::default()).await?;
    let uploads = &app.services.uploads;
    let run = match task {
        Task::Start { .. } => {
            let filter = filter(&app, conditions).await?;
            Some(uploads.start_regeneration(filter).await.map_err(readable)?)
        }
        Task::Show { .. } => uploads.latest_regeneration().await.map_err(readable)?,
        Task::Cancel => Some(uploads.cancel_regeneration().await.map_err(readable)?),
    };
    let Some(mut run) = run else { bail!("no regeneration was ever started") };
    print(&run);
    if matches!(task, Task::Start { follow: true } | Task::Show { follow: true }) {
        while run.state == RegenerationState::Running {
            tokio::time::sleep(EVERY).await;
            let latest = uploads.latest_regeneration().await.map_err(readable)?;
            let before = std::mem::replace(&mut run, latest.context("the regeneration is gone")?);
            if run != before {
                print(&run);
            }
        }
    }
    Ok(())
}

async fn filter(app: &App, conditions: Vec<Condition>) -> anyhow::Result<RegenerationFilter> {
    let mut filter = RegenerationFilter::default();
    for condition in conditions {
        match condition {
            Condition::Outdated => {}
            Condition::All => filter.made_before = Some(app.clock.now()),
            Condition::Before(time) => filter.made_before = Some(time),
            Condition::ContentType(format) => filter.format = Some(format),
            Condition::Owner(email) => {
                let user = app.services.accounts.find(&email).await.map_err(readable)?;
                filter.owner = Some(user.with_context(|| format!("there is no user {email}"))?.id);
            }
        }
    }
    Ok(filter)
}

#[expect(clippy::print_stdout, reason = "the progress is what was asked for")]
fn print(run: &Regeneration) {
    let Tally { examined, remade, failed } = run.tally;
    println!("{}: {examined} of {} images examined, {remade} remade, {failed} failed", run.state.name(), run.total);
}

/// A refusal in its own words.
fn readable(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Refused(refusals) => {
            let messages: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
            anyhow::anyhow!(messages.join(" "))
        }
        error => error.into_anyhow(),
    }
}
