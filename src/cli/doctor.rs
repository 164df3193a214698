//! `doctor`: what is wrong with the configuration, and what to change.

use crate::{
    clock::Clock,
    config::Config,
    doctor::{self, Finding, Verdict},
};

/// Prints what was found. Fails where anything failed, so that scripts see it.
#[expect(clippy::print_stdout, reason = "the findings are what was asked for")]
pub async fn run(config: Config, json: bool) -> anyhow::Result<()> {
    let report = doctor::examine(&config, &Clock::default()).await;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.findings.iter().for_each(print);
    }
    let failures = report.failures();
    anyhow::ensure!(failures == 0, "{failures} of {} checks failed", report.findings.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the findings are what was asked for")]
fn print(Finding { check, verdict }: &Finding) {
    match verdict {
        Verdict::Passed => println!("passed   {check}"),
        Verdict::Skipped { why } => println!("skipped  {check}\n         {why}"),
        Verdict::Warning { problem, advice } => println!("warning  {check}\n         {problem}\n         {advice}"),
        Verdict::Failed { problem, advice } => println!("failed   {check}\n         {problem}\n         {advice}"),
    }
}
