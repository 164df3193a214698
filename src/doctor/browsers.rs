//! Browsers: pages of every origin may send files, and may read what the storage answers.

use reqwest::{Response, header::HeaderMap};

use super::{
    Report,
    client::reason,
    storage::{CONTENT, Patient},
};
use crate::{config::Config, domain::ticket::UploadMethod};

/// What uploaders read of an answer.
const EXPOSED: [&str; 2] = ["ETag", "Location"];
const ADVICE: &str =
    "Set the bucket's CORS rules: `darkroom storage setup`; or at the storage itself, where it has rules of its own.";

pub(super) async fn examine(config: &Config, patient: &Patient<'_>, report: &mut Report) {
    let origins = config.server.cors_origins().unwrap_or_default();
    // Whoever lets all in is tried with somebody.
    let origins =
        origins.into_iter().map(|origin| if origin == "*" { "https://app.example.com".to_owned() } else { origin });
    let (mut faults, mut unexposed) = (Vec::new(), None);
    for origin in origins {
        match try_origin(patient, &origin).await {
            Ok(None) => {}
            Ok(Some(missing)) => unexposed = Some((origin, missing)),
            Err(why) => faults.push(why),
        }
    }
    report.judge("storage.cors", (!faults.is_empty()).then(|| (faults.join(" "), ADVICE)));
    if faults.is_empty() {
        let problem = |(origin, missing)| format!("Pages of {origin} cannot read {missing} of the storage's answers.");
        report.judge("storage.cors_exposed", unexposed.map(|unexposed| (problem(unexposed), ADVICE)));
    }
}

/// Says which headers a page cannot read, or why it cannot send anything at all.
async fn try_origin(patient: &Patient<'_>, origin: &str) -> Result<Option<String>, String> {
    let key = patient.new_key();
    let target = patient.ticket(&key, patient.clock.now() + chrono::TimeDelta::minutes(5)).await;
    let target = target.map_err(|error| format!("No ticket can be signed: {error:#}."))?;
    let method = match target.method {
        UploadMethod::Post => "POST",
        UploadMethod::Put => "PUT",
    };
    let asked = patient.browser.preflight(target.url.clone(), origin, method).await;
    let allowed = asked.map_err(reason).and_then(|answer| let_in(&answer, origin));
    allowed.map_err(|why| format!("The storage does not let pages of {origin} send files: {why} to the preflight."))?;
    let sent = patient.browser.send(&target, Some(origin), CONTENT.to_vec()).await;
    patient.forget(&[key]).await;
    let sent = sent.map_err(|error| format!("The storage does not answer a file from {origin}: {}.", reason(error)))?;
    let_in(&sent, origin).map_err(|why| format!("Pages of {origin} cannot read that their file was stored: {why}."))?;
    let missing: Vec<&str> = EXPOSED.into_iter().filter(|name| !is_exposed(sent.headers(), name)).collect();
    Ok((!missing.is_empty()).then(|| missing.join(" and ")))
}

fn let_in(answer: &Response, origin: &str) -> Result<(), String> {
    let allowed = answer.headers().get("access-control-allow-origin").and_then(|value| value.to_str().ok());
    match (answer.status().is_success(), allowed) {
        (true, Some(allowed)) if allowed == "*" || allowed == origin => Ok(()),
        (true, Some(allowed)) => Err(format!("it answers for {allowed} alone")),
        (true, None) => Err("it answers without Access-Control-Allow-Origin".to_owned()),
        (false, _) => Err(format!("it answers {}", answer.status())),
    }
}

fn is_exposed(headers: &HeaderMap, name: &str) -> bool {
    let lists = headers.get_all("access-control-expose-headers").iter().filter_map(|list| list.to_str().ok());
    let mut names = lists.flat_map(|list| list.split(',')).map(str::trim);
    names.any(|exposed| exposed == "*" || exposed.eq_ignore_ascii_case(name))
}
