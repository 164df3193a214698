//! What is measured, and under which names: for `/metrics`, where somebody asks for it. Recording costs nothing otherwise.
//!
//! Every label has few values: operations are told apart by the names that clients give them, up to `MOST_NAMES`.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// How many names of operations are told apart; later ones are `other`.
const MOST_NAMES: usize = 100;
/// In bytes: longer names are `other` too.
const LONGEST_NAME: usize = 64;

static NAMES: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// A GraphQL operation that was answered; `outcome` is `ok`, or the code of its first error.
///
/// A name is told apart from now on if the operation succeeded for somebody who is signed in: other names are anybody's.
pub fn operation(
    kind: &'static str,
    name: Option<&str>,
    outcome: &str,
    took: Duration,
    points: u64,
    is_signed_in: bool,
) {
    let name = known_name(name, is_signed_in && outcome == "ok");
    let labels = [("kind", kind.to_owned()), ("operation", name), ("outcome", outcome.to_owned())];
    counter!("darkroom_operations_total", &labels).increment(1);
    histogram!("darkroom_operation_seconds", "kind" => kind).record(took);
    histogram!("darkroom_operation_points", "kind" => kind).record(approximate(points));
}

/// A job that ran; `outcome` is `done`, `failed` or `lost`.
pub fn job(kind: &'static str, outcome: &'static str, took: Duration) {
    counter!("darkroom_jobs_total", "kind" => kind, "outcome" => outcome).increment(1);
    histogram!("darkroom_job_seconds", "kind" => kind).record(took);
}

/// An image whose variants were made: what the imaging process took, memory in bytes.
pub fn imaging(cpu: Duration, peak_memory: u64) {
    histogram!("darkroom_imaging_cpu_seconds").record(cpu);
    histogram!("darkroom_imaging_peak_bytes").record(approximate(peak_memory));
}

/// A step of processing an image, such as `download`.
pub fn step(name: &'static str, took: Duration) {
    histogram!("darkroom_step_seconds", "step" => name).record(took);
}

/// A change of an image that is in the log, by the name of its kind there.
pub fn change(kind: &'static str) {
    counter!("darkroom_changes_total", "kind" => kind).increment(1);
}

/// An attempt to send something to a webhook.
pub fn webhook_attempt(is_taken: bool) {
    let outcome = if is_taken { "delivered" } else { "failed" };
    counter!("darkroom_webhook_attempts_total", "outcome" => outcome).increment(1);
}

/// How long a hint took to all processes: measured by this one, which hears itself.
pub fn relay_round_trip(took: Duration) {
    histogram!("darkroom_relay_seconds").record(took);
}

/// Whether the database or the storage answers, as far as this process knows.
pub fn available(what: &'static str, is_there: bool) {
    gauge!("darkroom_available", "dependency" => what).set(f64::from(u8::from(is_there)));
}

/// One WebSocket more, or one less.
pub fn sockets(change: f64) {
    gauge!("darkroom_websockets").increment(change);
}

/// A figure of now.
pub fn set(name: &'static str, value: u64) {
    gauge!(name).set(approximate(value));
}

/// A figure of now, of one kind.
pub fn set_of(name: &'static str, labels: &[(&'static str, String)], value: u64) {
    gauge!(name, labels).set(approximate(value));
}

/// What the names mean, for whoever reads `/metrics`.
pub fn describe() {
    describe_counter!("darkroom_operations_total", "GraphQL operations that were answered");
    describe_histogram!("darkroom_operation_seconds", Unit::Seconds, "How long GraphQL operations took");
    describe_histogram!("darkroom_operation_points", "What GraphQL operations cost, in points of the rate limit");
    describe_counter!("darkroom_jobs_total", "Jobs that this process ran");
    describe_histogram!("darkroom_job_seconds", Unit::Seconds, "How long jobs ran");
    describe_histogram!("darkroom_step_seconds", Unit::Seconds, "How long steps of processing an image took");
    describe_histogram!("darkroom_imaging_cpu_seconds", Unit::Seconds, "CPU of an imaging process");
    describe_histogram!("darkroom_imaging_peak_bytes", Unit::Bytes, "Memory of an imaging process at its peak");
    describe_counter!("darkroom_changes_total", "Changes of images that this process made, as imageChanges tells them");
    describe_counter!("darkroom_webhook_attempts_total", "Attempts to send something to a webhook, by outcome");
    describe_histogram!("darkroom_relay_seconds", Unit::Seconds, "How long a hint takes from one process to all");
    describe_gauge!("darkroom_relay_connected", "Whether hints of the other processes arrive: 1 or 0");
    describe_gauge!(
        "darkroom_stored_bytes",
        Unit::Bytes,
        "Bytes of all images with their variants; every process tells the same"
    );
    describe_gauge!("darkroom_images", "Images in the database, by status; every process tells the same");
    describe_gauge!("darkroom_jobs", "Jobs in the queue, by kind and state; every process tells the same");
    describe_gauge!(
        "darkroom_job_age_seconds",
        Unit::Seconds,
        "How long the oldest job of a kind that is due has waited"
    );
    describe_gauge!("darkroom_database_connections", "Connections to the database, by state");
    describe_gauge!("darkroom_database_connections_limit", "How many connections to the database there may be");
    describe_gauge!("darkroom_available", "Whether the database or the storage answered lately: 1 or 0");
    describe_gauge!("darkroom_websockets", "WebSockets that are open in this process");
    describe_gauge!("darkroom_subscriptions", "Subscriptions to the progress of uploads in this process");
}

fn known_name(name: Option<&str>, is_new_welcome: bool) -> String {
    let Some(name) = name else { return "anonymous".to_owned() };
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    let has_room = is_new_welcome && names.len() < MOST_NAMES && name.len() <= LONGEST_NAME;
    if !names.contains(name) && !has_room {
        return "other".to_owned();
    }
    names.insert(name.to_owned());
    name.to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
const fn approximate(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::{MOST_NAMES, known_name};

    #[test]
    fn names_are_bounded_and_those_of_failures_make_no_label() {
        assert_eq!(known_name(None, true), "anonymous");
        assert_eq!(known_name(Some("Guess"), false), "other");
        assert_eq!(known_name(Some("Gallery"), true), "Gallery");
        assert_eq!(known_name(Some("Gallery"), false), "Gallery");
        assert_eq!(known_name(Some(&"a".repeat(65)), true), "other");
        for at in 0..2 * MOST_NAMES {
            known_name(Some(&format!("Number{at}")), true);
        }
        assert_eq!(known_name(Some("OneMore"), true), "other");
        assert_eq!(known_name(Some("Gallery"), true), "Gallery");
    }
}
