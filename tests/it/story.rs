//! The main job: a real photo of 12 megapixels, from its ticket to its variants, watched by a subscriber.

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::{StatusCode, multipart::Part};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::support::{TestApp, client::Client, pictures, socket::Socket, upload::Ticket};

const SIZES: [(&str, u64, u64); 5] =
    [("THUMBNAIL", 150, 113), ("SMALL", 300, 225), ("MEDIUM", 600, 450), ("LARGE", 1200, 900), ("WEBP", 4032, 3024)];

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_goes_all_the_way_while_somebody_watches() {
    let mut app = TestApp::start().await;
    app.work();
    let ann = app.user("ann@example.com").await;
    let photo = pictures::photo_12mp();
    let ticket = ann.ticket("IMG_2041.jpg", "image/jpeg", photo.len()).await;
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&ticket.image).await;
    let snapshot = watcher.event("uploadProgress").await;
    assert_eq!((&snapshot["status"], &snapshot["bytesUploaded"]), (&json!("PENDING"), &json!(0)));

    let counts = send_slowly(&app, &ann, &ticket, &photo, &mut watcher).await;
    assert!(counts.len() >= 3 && counts.is_sorted(), "{counts:?}");
    let details = json!({"imageId": ticket.image, "title": "Seeding", "tags": ["spring", " spring ", "field"]});
    let payload = ann.mutate("completeUpload", details, "image { status title tags }").await;
    assert_eq!(payload.0["image"], json!({"status": "PROCESSING", "title": "Seeding", "tags": ["spring", "field"]}));

    let events = to_the_end(&mut watcher, &snapshot).await;
    let made: Vec<&Value> = events.iter().filter(|event| !event["variant"].is_null()).collect();
    let told: Vec<(&str, u64)> = made
        .iter()
        .map(|event| (event["variant"]["type"].as_str().unwrap_or(""), event["variantsReady"].as_u64().unwrap_or(0)))
        .collect();
    // Smallest first. A watcher that is slower than the worker hears of several at once: every event is the whole state.
    let mut due = SIZES.iter().zip(1..).map(|((name, ..), ready)| (*name, ready));
    assert!(told.iter().all(|one| due.any(|made| made == *one)) && !told.is_empty(), "{told:?}");
    let last = events.last().expect("events");
    assert_eq!((&last["status"], &last["variantsReady"]), (&json!("COMPLETED"), &json!(5)));
    assert_eq!((&last["bytesUploaded"], &last["percent"]), (&json!(photo.len()), &json!(100.0)));

    check_image(&ann.image(&ticket.image).await, &photo).await;
    assert_eq!(app.queued_jobs().await.iter().filter(|job| **job == "process").count(), 0);
    let objects = app.objects().await;
    assert_eq!(objects.len(), 6, "the original and its variants, nothing under incoming/: {objects:?}");
    assert!(objects.iter().all(|key| key.starts_with("images/general/")), "{objects:?}");
}

/// Sends a piece, waits until the subscriber has heard of it, sends the next.
async fn send_slowly(app: &TestApp, ann: &Client, ticket: &Ticket, photo: &[u8], watcher: &mut Socket) -> Vec<u64> {
    let (send, pieces) = mpsc::channel::<Bytes>(1);
    let body = reqwest::Body::wrap_stream(ReceiverStream::new(pieces).map(Ok::<_, std::io::Error>));
    let file = Part::stream_with_length(body, photo.len() as u64);
    let post = tokio::spawn(reqwest::Client::new().post(&ticket.url).multipart(ticket.form(file)).send());
    let mut counts = Vec::new();
    let mut sent = 0;
    for piece in photo.chunks(photo.len().div_ceil(5)) {
        send.send(Bytes::copy_from_slice(piece)).await.expect("the post to go on");
        sent += piece.len();
        if !TestApp::is_embedded() {
            app.app.clock.advance(chrono::TimeDelta::seconds(1));
            let report = json!({"imageId": ticket.image, "bytesUploaded": sent});
            let payload = ann.mutate("reportUploadProgress", report, "image { status }").await;
            assert_eq!(payload.user_error_codes(), [] as [&str; 0]);
        }
        let event = watcher.event("uploadProgress").await;
        assert_eq!(event["status"], "UPLOADING", "{event}");
        counts.push(event["bytesUploaded"].as_u64().expect("a count"));
        // The last pieces may be told of in one event.
        if *counts.last().expect("a count") == photo.len() as u64 {
            break;
        }
    }
    drop(send);
    let answer = post.await.expect("the post").expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(answer.headers().contains_key("etag"), "uploaders wait for it");
    counts
}

/// Every event up to the last, each newer than the one before.
async fn to_the_end(watcher: &mut Socket, snapshot: &Value) -> Vec<Value> {
    let mut events = Vec::new();
    let mut revision = snapshot["revision"].as_u64().expect("a revision");
    let mut was_processing = false;
    loop {
        let message = watcher.receive().await;
        if message["type"] == "complete" {
            assert!(was_processing, "PROCESSING is told of");
            return events;
        }
        let event = message["payload"]["data"]["uploadProgress"].clone();
        let next = event["revision"].as_u64().unwrap_or_else(|| panic!("{message}"));
        assert!(next > revision, "{next} behind {revision}");
        revision = next;
        was_processing |= event["status"] == "PROCESSING";
        events.push(event);
    }
}

async fn check_image(image: &Value, photo: &[u8]) {
    assert_eq!((&image["status"], &image["fileSize"]), (&json!("COMPLETED"), &json!(photo.len())));
    assert_eq!((&image["width"], &image["height"]), (&json!(4032), &json!(3024)));
    assert_eq!((&image["existsInStorage"], &image["title"]), (&json!(true), &json!("Seeding")));
    assert!(image["placeholder"].as_str().is_some_and(|hash| (20..60).contains(&hash.len())));
    let original = fetch(&image["url"], "image/jpeg").await;
    assert!(original == photo, "the original is kept as it is");
    for (variant, (name, width, height)) in image["variants"].as_array().expect("variants").iter().zip(SIZES) {
        assert_eq!(
            (&variant["type"], &variant["width"], &variant["height"]),
            (&json!(name), &json!(width), &json!(height))
        );
        let bytes = fetch(&variant["url"], "image/webp").await;
        assert_eq!(variant["fileSize"], bytes.len());
        let decoded = pictures::decode_webp(&bytes);
        assert_eq!((u64::from(decoded.width()), u64::from(decoded.height())), (width, height));
        assert_eq!(pictures::webp_chunks(&bytes), ["VP8 "], "no EXIF, no XMP, no profile");
    }
}

async fn fetch(url: &Value, content_type: &str) -> Bytes {
    let answer = reqwest::get(url.as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], content_type);
    let cache_control = answer.headers()["cache-control"].to_str().expect("text");
    assert!(cache_control.contains("max-age=31536000"), "{cache_control}");
    answer.bytes().await.expect("a body")
}
