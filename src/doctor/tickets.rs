//! Tickets: what they allow is taken by the storage, and everything else is refused by it.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{
    Report,
    client::reason,
    clock_of,
    storage::{CONTENT, CONTENT_TYPE, Patient},
};
use crate::{
    domain::ticket::UploadTarget,
    storage::{ObjectStore, StorageKey},
};

/// What no ticket allows, and as long as no file that is sent.
const OTHER: &[u8] = b"an object of somebody else's";
const LIFE: TimeDelta = TimeDelta::minutes(5);
/// How far the storage's clock may be off: tickets are good for a minute at least.
const SKEW: TimeDelta = TimeDelta::seconds(20);

/// How a request differs from what its ticket allows.
#[derive(Debug, Clone, Copy)]
enum Breach {
    TooLarge,
    Mistyped,
    Misplaced,
    Unsigned,
    Forged,
    Expired,
    Copied,
}

impl Breach {
    const ALL: [Self; 7] =
        [Self::TooLarge, Self::Mistyped, Self::Misplaced, Self::Unsigned, Self::Forged, Self::Expired, Self::Copied];

    const fn check(self) -> &'static str {
        match self {
            Self::TooLarge => "ticket.too_large",
            Self::Mistyped => "ticket.mistyped",
            Self::Misplaced => "ticket.misplaced",
            Self::Unsigned => "ticket.unsigned",
            Self::Forged => "ticket.forged",
            Self::Expired => "ticket.expired",
            Self::Copied => "ticket.copied",
        }
    }

    const fn taken(self) -> &'static str {
        match self {
            Self::TooLarge => "a file larger than its ticket allows",
            Self::Mistyped => "a file of another type than its ticket allows",
            Self::Misplaced => "a file under another key than its ticket allows",
            Self::Unsigned => "a file without a signature",
            Self::Forged => "a file with a forged signature",
            Self::Expired => "a file with a ticket that has expired",
            Self::Copied => "a copy of another object in place of a file",
        }
    }
}

pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    if !accepted(patient, report).await {
        return;
    }
    let advice = "Use a storage that enforces POST policies and signatures: with this one, everybody who gets a ticket can store \
                  whatever they like.";
    for breach in Breach::ALL {
        match try_breach(patient, breach).await {
            Ok(is_refused) => {
                let problem = format!("This storage does not enforce what tickets say: it took {}.", breach.taken());
                report.judge(breach.check(), (!is_refused).then_some((problem, advice)));
            }
            Err(error) => report.skipped(breach.check(), format!("It could not be tried: {error:#}.")),
        }
    }
}

/// What a ticket allows is taken. Says whether it was.
async fn accepted(patient: &Patient<'_>, report: &mut Report) -> bool {
    let check = "ticket.accepted";
    let advice = "Check S3_PUBLIC_ENDPOINT, and that nothing between browsers and the storage limits the size of requests or changes \
                  them; for a storage without POST forms set UPLOAD_METHOD=put.";
    let key = patient.new_key();
    let target = match patient.ticket(&key, patient.clock.now() + LIFE).await {
        Ok(target) => target,
        Err(error) => {
            report.failed(
                check,
                format!("No ticket can be signed: {error:#}."),
                "Check the credentials of the storage.",
            );
            return false;
        }
    };
    let fault = match patient.browser.send(&target, None, CONTENT.to_vec()).await {
        Err(error) => Some(format!(
            "Nobody answers at {}, where files are sent: {}.",
            target.url.origin().ascii_serialization(),
            reason(error)
        )),
        Ok(answer) => {
            let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
            if let Some(theirs) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
                clock_of("storage.clock", "the storage", theirs.to_utc(), patient.clock, SKEW, report);
            }
            let status = answer.status();
            (!status.is_success()).then(|| format!("The storage answers {status} to a file that its ticket allows."))
        }
    };
    patient.forget(&[key]).await;
    let is_taken = fault.is_none();
    report.judge(check, fault.map(|problem| (problem, advice)));
    is_taken
}

/// Says whether the storage refused, and has nothing.
async fn try_breach(patient: &Patient<'_>, breach: Breach) -> anyhow::Result<bool> {
    let (key, other) = (patient.new_key(), patient.new_key());
    let now = patient.clock.now();
    let expires_at = if matches!(breach, Breach::Expired) { now - LIFE } else { now + LIFE };
    let mut target = patient.ticket(&key, expires_at).await?;
    let mut file = CONTENT.to_vec();
    match breach {
        Breach::Copied => {
            patient.s3.put(&other, Bytes::from_static(OTHER), CONTENT_TYPE).await?;
            target.headers.push(("x-amz-copy-source".to_owned(), patient.s3.copy_source(&other)));
        }
        Breach::TooLarge => file.push(0),
        Breach::Mistyped => replace(&mut target, "Content-Type", |_| "text/html".to_owned()),
        Breach::Misplaced => misplace(&mut target, &key, &other),
        Breach::Unsigned => take_the_signature_off(&mut target),
        Breach::Forged => forge(&mut target),
        Breach::Expired => {}
    }
    // A storage may hang up on what it does not want.
    let is_taken = patient.browser.send(&target, None, file).await.is_ok_and(|answer| answer.status().is_success());
    let (there, elsewhere) = (patient.s3.head(&key).await, patient.s3.head(&other).await);
    patient.forget(&[key, other]).await;
    let (there, elsewhere) = (there?, elsewhere?);
    if matches!(breach, Breach::Copied) {
        // A storage that knows no such header stores the file, as it may.
        return Ok(there.is_none_or(|there| there.size != OTHER.len() as u64));
    }
    Ok(!is_taken && there.is_none() && elsewhere.is_none())
}

impl Patient<'_> {
    pub(super) async fn ticket(&self, key: &StorageKey, expires_at: DateTime<Utc>) -> anyhow::Result<UploadTarget> {
        Ok(self.s3.sign_upload(key, CONTENT_TYPE, CONTENT.len() as u64, expires_at).await?)
    }
}

/// Changes a field of the form, or a header.
fn replace(target: &mut UploadTarget, name: &str, change: impl Fn(&str) -> String) {
    for (known, value) in target.fields.iter_mut().chain(&mut target.headers) {
        if known.eq_ignore_ascii_case(name) {
            *value = change(value);
        }
    }
}

fn misplace(target: &mut UploadTarget, key: &StorageKey, other: &StorageKey) {
    replace(target, "key", |_| other.to_string());
    let path = target.url.path().replace(key.as_str(), other.as_str());
    target.url.set_path(&path);
}

fn take_the_signature_off(target: &mut UploadTarget) {
    target.fields.retain(|(name, _)| !name.starts_with("x-amz-") && name != "policy");
    target.url.set_query(None);
}

/// The same signature with another last digit.
fn forge(target: &mut UploadTarget) {
    replace(target, "x-amz-signature", flipped);
    let pairs: Vec<(String, String)> = target.url.query_pairs().into_owned().collect();
    if !pairs.is_empty() {
        set_query(
            &mut target.url,
            pairs.into_iter().map(|(name, value)| {
                let value = if name.eq_ignore_ascii_case("x-amz-signature") { flipped(&value) } else { value };
                (name, value)
            }),
        );
    }
}

fn set_query(url: &mut Url, pairs: impl Iterator<Item = (String, String)>) {
    url.query_pairs_mut().clear().extend_pairs(pairs);
}

fn flipped(signature: &str) -> String {
    let mut digits = signature.to_owned();
    let last = if digits.pop() == Some('0') { '1' } else { '0' };
    digits.push(last);
    digits
}
