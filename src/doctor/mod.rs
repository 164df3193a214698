//! `doctor`: tries a configuration as its users would, and says what to change. Leaves nothing behind.

mod browsers;
mod client;
mod database;
mod machine;
mod settings;
mod storage;
mod tickets;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{clock::Clock, config::Config};

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// It could not be tried.
    Skipped { why: String },
    /// It works, and will not always.
    Warning { problem: String, advice: String },
    /// It does not work.
    Failed { problem: String, advice: String },
}

/// One check, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried, such as `ticket.too_large`: stays the same from version to version.
    pub check: &'static str,
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Everything that was tried, in its order.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many checks failed.
    pub fn failures(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Failed { .. })).count()
    }

    fn passed(&mut self, check: &'static str) {
        self.findings.push(Finding { check, verdict: Verdict::Passed });
    }

    fn skipped(&mut self, check: &'static str, why: impl Into<String>) {
        self.findings.push(Finding { check, verdict: Verdict::Skipped { why: why.into() } });
    }

    fn warn(&mut self, check: &'static str, problem: impl Into<String>, advice: impl Into<String>) {
        let verdict = Verdict::Warning { problem: problem.into(), advice: advice.into() };
        self.findings.push(Finding { check, verdict });
    }

    fn failed(&mut self, check: &'static str, problem: impl Into<String>, advice: impl Into<String>) {
        let verdict = Verdict::Failed { problem: problem.into(), advice: advice.into() };
        self.findings.push(Finding { check, verdict });
    }

    /// Passed where nothing is said, failed otherwise.
    fn judge(&mut self, check: &'static str, fault: Option<(String, &str)>) {
        match fault {
            None => self.passed(check),
            Some((problem, advice)) => self.failed(check, problem, advice),
        }
    }
}

/// Tries everything that a server with this configuration needs.
pub async fn examine(config: &Config, clock: &Clock) -> Report {
    let mut report = Report::default();
    settings::examine(config, &mut report);
    machine::examine(config, &mut report).await;
    database::examine(config, clock, &mut report).await;
    storage::examine(config, clock, &mut report).await;
    report
}

/// Whether somebody else's clock shows the same time as ours.
fn clock_of(
    check: &'static str,
    whose: &str,
    theirs: DateTime<Utc>,
    clock: &Clock,
    tolerance: TimeDelta,
    report: &mut Report,
) {
    let skew = theirs - clock.now();
    let problem = format!(
        "The clock of {whose} is {} seconds {}.",
        skew.num_seconds().abs(),
        if skew > TimeDelta::zero() { "ahead" } else { "behind" }
    );
    let advice = "Synchronise the clocks of all machines by NTP.";
    report.judge(check, (skew.abs() > tolerance).then_some((problem, advice)));
}
