//! What a ticket lets through: one key, one type, one size, until it expires. Everything else is refused, and absent.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{TestApp, client::Client, pictures, upload::Ticket};

struct Stage {
    app: TestApp,
    ann: Client,
    photo: Vec<u8>,
    ticket: Ticket,
}

async fn stage() -> Stage {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    Stage { app, ann, photo, ticket }
}

impl Stage {
    /// Posted, refused, and nothing anywhere: no object, no progress, no job.
    async fn assert_refused(&self, what: &str, ticket: &Ticket, bytes: Vec<u8>) {
        let status = ticket.post(bytes).await;
        assert!(!status.is_success(), "{what} was taken: {status}");
        assert_eq!(self.app.objects().await, [] as [String; 0], "{what} left something behind");
        assert_eq!(self.app.queued_jobs().await, [] as [&str; 0], "{what} enqueued something");
        let complete = json!({"imageId": self.ticket.image});
        let payload = self.ann.mutate("completeUpload", complete, "image { status }").await;
        assert_eq!(payload.user_error_codes(), ["NOT_UPLOADED"], "{what}");
    }
}

#[tokio::test]
async fn sizes_other_than_the_announced_one_are_refused() {
    let stage = Box::pin(stage()).await;
    let one_more: Vec<u8> = stage.photo.iter().copied().chain([0]).collect();
    let one_less = stage.photo[..stage.photo.len() - 1].to_vec();
    stage.assert_refused("one byte too many", &stage.ticket, one_more).await;
    stage.assert_refused("one byte too few", &stage.ticket, one_less).await;
    stage.assert_refused("an empty file", &stage.ticket, Vec::new()).await;
    stage.assert_refused("ten times the size", &stage.ticket, stage.photo.repeat(10)).await;
}

#[tokio::test]
async fn forms_other_than_the_signed_one_are_refused() {
    let stage = Box::pin(stage()).await;
    let ticket = &stage.ticket;
    let elsewhere = "incoming/00000000-0000-7000-8000-000000000000";
    let mut flipped = ticket.field("x-amz-signature").to_owned().into_bytes();
    flipped[0] = if flipped[0] == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(flipped).expect("hex");
    let changed = [
        ("another key", ticket.with("key", elsewhere)),
        ("a key with dots", ticket.with("key", "incoming/../../../etc/passwd")),
        ("a key that escapes", ticket.with("key", "../escaped")),
        ("another Content-Type", ticket.with("Content-Type", "text/html")),
        ("no Content-Type", ticket.without("Content-Type")),
        ("no key", ticket.without("key")),
        ("no policy", ticket.without("policy")),
        ("no signature", ticket.without("x-amz-signature")),
        ("no date", ticket.without("x-amz-date")),
        ("an extra field", ticket.with("x-amz-meta-surprise", "1")),
        ("a changed signature", ticket.with("x-amz-signature", &flipped)),
        ("a changed credential", ticket.with("x-amz-credential", "somebody/20260101/us-east-1/s3/aws4_request")),
        ("a policy of somebody's own", ticket.with("policy", &wider_policy(ticket))),
    ];
    for (what, ticket) in changed {
        stage.assert_refused(what, &ticket, stage.photo.clone()).await;
    }
    let bucket_field = ticket.with("bucket", "other");
    let other_bucket = Ticket { url: ticket.url.replace("/media", "/other"), ..ticket.clone() };
    if TestApp::is_embedded() {
        stage.assert_refused("another bucket in a field", &bucket_field, stage.photo.clone()).await;
        stage.assert_refused("another bucket", &other_bucket, stage.photo.clone()).await;
        // SeaweedFS overlooks fields that it has no use for, and takes the same field twice.
        let twice = ticket.with_more("key", ticket.field("key"));
        stage.assert_refused("a key twice", &twice, stage.photo.clone()).await;
        let behind = ticket.with_more("key", elsewhere);
        stage.assert_refused("another key behind the first", &behind, stage.photo.clone()).await;
        stage.assert_refused("an acl", &ticket.with("acl", "public-read"), stage.photo.clone()).await;
    }
    assert_eq!(ticket.post(stage.photo.clone()).await, StatusCode::CREATED, "the ticket itself is still good");
}

#[tokio::test]
async fn an_expired_ticket_is_refused_and_renewed() {
    // A life of a minute, signed 62 seconds ago: also a storage with a clock of its own calls it expired.
    let app = TestApp::start_with(&["--presigned-url-expiration", "60"]).await;
    app.app.clock.advance(chrono::TimeDelta::seconds(-62));
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    app.app.clock.advance(chrono::TimeDelta::seconds(62));
    let stage = Stage { app, ann, photo, ticket };
    stage.assert_refused("an expired ticket", &stage.ticket, stage.photo.clone()).await;

    let renew = json!({"imageId": stage.ticket.image});
    let payload = stage.ann.mutate("renewUpload", renew, crate::support::upload::TICKET).await;
    let fresh = Ticket::parse(&payload.0["upload"]);
    assert_eq!(fresh.image, stage.ticket.image);
    assert_eq!(fresh.post(stage.photo.clone()).await, StatusCode::CREATED);
}

#[tokio::test]
async fn a_ticket_that_is_still_good_cannot_replace_a_completed_image() {
    let stage = Box::pin(stage()).await;
    assert_eq!(stage.ticket.post(stage.photo.clone()).await, StatusCode::CREATED);
    stage.ann.complete(&stage.ticket.image).await;
    stage.app.run_all_jobs().await;
    let before = stage.ann.image(&stage.ticket.image).await;
    assert_eq!(before["status"], "COMPLETED");
    let objects = stage.app.objects().await;

    let mut other = stage.photo.clone();
    let middle = other.len() / 2;
    other[middle] ^= 0x55;
    assert_eq!(stage.ticket.post(other).await, StatusCode::CREATED, "the storage knows no better");
    let again = json!({"imageId": stage.ticket.image});
    stage.ann.mutate("completeUpload", again, "image { status }").await;
    stage.app.run_all_jobs().await;

    let after = stage.ann.image(&stage.ticket.image).await;
    assert_eq!(after["variants"], before["variants"]);
    let original = reqwest::get(after["url"].as_str().expect("a URL")).await.expect("an answer");
    assert!(original.bytes().await.expect("a body") == stage.photo, "the original is the first one");
    if TestApp::is_embedded() {
        assert_eq!(stage.app.objects().await, objects, "what was sent behind it is gone");
    }
}

fn bucket(app: &TestApp) -> String {
    let named = app.config.storage.aws_storage_bucket_name.clone();
    named.unwrap_or_else(|| darkroom::storage::embedded::BUCKET.to_owned())
}

/// For storages without forms: the same upload by PUT, and the same refusals.
#[tokio::test]
async fn a_ticket_by_put_takes_the_announced_file_alone() {
    let app = TestApp::start_with(&["--upload-method", "put"]).await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": photo.len(), "categoryId": ann.general().await});
    let selection = "upload { image { id } method url headers { name value } fields { name } }";
    let payload = ann.mutate("requestUpload", input, selection).await;
    let ticket = &payload.0["upload"];
    assert_eq!(ticket["method"], "PUT");
    assert_eq!(ticket["fields"], json!([]));
    assert_eq!(ticket["headers"], json!([{"name": "content-type", "value": "image/jpeg"}]));
    let put = async |content_type: &str, bytes: &[u8]| {
        let request = reqwest::Client::new().put(ticket["url"].as_str().expect("a URL"));
        let answer = request.header("Content-Type", content_type).body(bytes.to_vec()).send().await;
        answer.map_or(StatusCode::BAD_REQUEST, |answer| answer.status())
    };
    let larger: Vec<u8> = photo.iter().copied().chain([0]).collect();
    for (content_type, bytes) in [("image/jpeg", &larger[..]), ("image/jpeg", b""), ("text/html", &photo[..])] {
        assert!(!put(content_type, bytes).await.is_success(), "{content_type} of {} bytes", bytes.len());
        assert_eq!(app.objects().await, [] as [String; 0]);
    }
    let copied = app.app.storage.list("", None).await.expect("a page").objects;
    assert!(copied.is_empty());
    for header in ["x-amz-copy-source", "x-amz-meta-a", "x-amz-acl"] {
        let (bucket, other) = (bucket(&app), darkroom::storage::StorageKey::listed("images/others.jpg"));
        app.app.storage.put(&other, photo.clone().into(), "image/jpeg").await.expect("another's object");
        let request =
            reqwest::Client::new().put(ticket["url"].as_str().expect("a URL")).header("Content-Type", "image/jpeg");
        let answer = request.header(header, format!("{bucket}/images/others.jpg")).body(photo.clone()).send().await;
        assert!(!answer.is_ok_and(|answer| answer.status().is_success()), "{header}");
        assert_eq!(app.objects().await, ["images/others.jpg"], "{header}");
        app.app.storage.delete(&[other]).await.expect("a storage");
    }
    assert!(put("image/jpeg", &photo).await.is_success());
    let image = ticket["image"]["id"].as_str().expect("an id");
    ann.complete(image).await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(image).await["status"], "COMPLETED");
}

/// The ticket's policy with a wider size, as somebody would write it who has no key to sign with.
fn wider_policy(ticket: &Ticket) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let policy = STANDARD.decode(ticket.field("policy")).expect("base64");
    let mut policy: serde_json::Value = serde_json::from_slice(&policy).expect("JSON");
    for condition in policy["conditions"].as_array_mut().expect("conditions") {
        if condition[0] == "content-length-range" {
            *condition = json!(["content-length-range", 0, 1_000_000]);
        }
    }
    STANDARD.encode(policy.to_string())
}
