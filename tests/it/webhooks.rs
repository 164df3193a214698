//! What the storage tells of itself: it stands in for a client that fell silent, and opens nothing to anybody else.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, pictures, skip::is_skipped};

const SECRET: &str = "what the storage and the server share";

async fn tell(app: &TestApp, token: Option<&str>, body: String) -> StatusCode {
    let request = reqwest::Client::new().post(app.url("/webhooks/storage")).body(body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.expect("an answer").status()
}

/// The bucket of the storage elsewhere, as it is in every ticket's address.
fn bucket_of(url: &str) -> String {
    url.rsplit('/').find(|part| !part.is_empty()).expect("a bucket").to_owned()
}

fn of_s3(bucket: &str, key: &str, size: usize) -> Value {
    json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Post",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key.replace('/', "%2F"), "size": size}}}]})
}

fn of_seaweedfs(bucket: &str, key: &str, size: usize) -> Value {
    json!({"event_type": "create", "key": format!("/buckets/{bucket}/{key}"),
        "message": {"new_entry": {"name": "a", "attributes": {"file_size": size}}}})
}

#[tokio::test]
async fn the_storage_stands_in_for_a_client_that_falls_silent() {
    if is_skipped(!TestApp::is_embedded(), "an S3 elsewhere") {
        return;
    }
    let app = TestApp::start_with(&["--storage-webhook-secret", SECRET]).await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    for told in [of_s3, of_seaweedfs] {
        let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
        assert_eq!(ticket.post(photo.clone()).await, StatusCode::CREATED);
        let told = told(&bucket_of(&ticket.url), ticket.field("key"), photo.len()).to_string();
        for _ in 0..2 {
            assert_eq!(tell(&app, Some(SECRET), told.clone()).await, StatusCode::NO_CONTENT);
        }
        assert_eq!(ann.image(&ticket.image).await["status"], "UPLOADING", "the client may still say it better");
        app.app.clock.advance(TimeDelta::minutes(2));
        app.run_all_jobs().await;
        assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
        assert_eq!(tell(&app, Some(SECRET), told).await, StatusCode::NO_CONTENT, "late, and once more");
        app.run_all_jobs().await;
        assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
    }
}

#[tokio::test]
async fn nobody_else_is_heard_and_a_lie_completes_nothing() {
    if is_skipped(!TestApp::is_embedded(), "an S3 elsewhere") {
        return;
    }
    let app = TestApp::start_with(&["--storage-webhook-secret", SECRET]).await;
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 1000).await;
    let told = of_s3(&bucket_of(&ticket.url), ticket.field("key"), 1000).to_string();
    for token in [None, Some(""), Some("what the storage and the server shar"), Some("guess"), ann.token.as_deref()] {
        assert_eq!(tell(&app, token, told.clone()).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(tell(&app, Some(SECRET), "{".to_owned()).await, StatusCode::BAD_REQUEST);
    assert_eq!(tell(&app, Some(SECRET), " ".repeat(2 << 20)).await, StatusCode::PAYLOAD_TOO_LARGE);
    for harmless in [
        json!({"Event": "s3:TestEvent"}),
        of_s3("another", ticket.field("key"), 1000),
        of_s3(&bucket_of(&ticket.url), "images/x", 1),
    ] {
        assert_eq!(tell(&app, Some(SECRET), harmless.to_string()).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(ann.image(&ticket.image).await["status"], "PENDING", "nothing happened until here");
    // There is no object: whatever is told, the storage is asked.
    assert_eq!(tell(&app, Some(SECRET), told).await, StatusCode::NO_CONTENT);
    app.app.clock.advance(TimeDelta::minutes(2));
    app.run_all_jobs().await;
    assert_ne!(ann.image(&ticket.image).await["status"], "COMPLETED");
    let quiet = TestApp::start().await;
    assert_eq!(tell(&quiet, Some(SECRET), "{}".to_owned()).await, StatusCode::NOT_FOUND);
}
