//! The database: reached, migrated, of the same time; and what processes tell each other by.

use chrono::TimeDelta;

use super::Report;
use crate::{
    app::{self, Migrated},
    clock::Clock,
    config::Config,
    db::Db,
    events::Carrier,
};

/// How far two clocks may be apart before jobs and tickets suffer.
const SKEW: TimeDelta = TimeDelta::seconds(5);

pub(super) async fn examine(config: &Config, clock: &Clock, report: &mut Report) {
    match app::look_into(config).await {
        Ok(Some(db)) => {
            report.passed("database.reached");
            migrated(&db, report).await;
            time(&db, clock, report).await;
        }
        Ok(None) => {
            report.skipped("database.reached", "The server makes the database when it starts for the first time.");
        }
        Err(error) => {
            let advice = "Check host, port, user, password and name in DATABASE_URL, and that the database is running.";
            report.failed("database.reached", format!("The database does not answer: {error}."), advice);
        }
    }
    if let Some(carrier) = app::carrier(config, config.accounts.jwt_secret.as_deref().unwrap_or_default()) {
        others(&carrier, clock, report).await;
    }
}

async fn migrated(db: &Db, report: &mut Report) {
    let check = "database.migrated";
    match app::migrated(db).await {
        Ok(Migrated::Completely) => report.passed(check),
        Ok(Migrated::Partly { pending }) => report.warn(
            check,
            format!("The database lacks {pending} of this version's migrations."),
            "Run `darkroom migrate`; a server does so when it starts.",
        ),
        Ok(Migrated::Never) => report.warn(
            check,
            "The database is empty.",
            "Check the name of the database in DATABASE_URL if you expect images in it; otherwise the server fills it.",
        ),
        Err(error) => report.failed(
            check,
            format!("The migrations cannot be read: {error}."),
            "Check that the user in DATABASE_URL may read and create tables.",
        ),
    }
}

async fn time(db: &Db, clock: &Clock, report: &mut Report) {
    match db.time().await {
        Ok(theirs) => super::clock_of("database.clock", "the database", theirs, clock, SKEW, report),
        Err(error) => report.skipped("database.clock", format!("The database does not tell the time: {error}.")),
    }
}

async fn others(carrier: &Carrier, clock: &Clock, report: &mut Report) {
    let (check, advice) = match carrier {
        Carrier::Redis { .. } => (
            "redis.reached",
            "Check REDIS_URL, and that Redis is running; without REDIS_URL, PostgreSQL's NOTIFY is used.",
        ),
        Carrier::Postgres(_) => (
            "database.notify",
            "Connect to PostgreSQL itself or to a pooler that keeps sessions: transaction pooling loses LISTEN and NOTIFY.",
        ),
    };
    let fault = carrier.try_out(clock.new_id()).await.err();
    report.judge(check, fault.map(|error| (format!("Processes do not hear each other: {error}."), advice)));
}
