//! Uploads in parts: sent in any order, resumed, joined, refused, given up and forgotten.

use std::time::Duration;

use chrono::TimeDelta;
use darkroom::{domain::ids::ImageId, storage::StorageKey};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    parts::{FLAGS, MIB, NONE, begun, complete, hear_of, large_jpeg, put, request, send, sign, unfinished, uploaded},
    socket::Socket,
    upload::Ticket,
};

#[tokio::test]
async fn a_file_comes_in_parts_in_any_order_and_goes_on_where_it_was_cut_off() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(12 * MIB + 345);
    let requested = request(&ann, file.len(), json!({"idempotencyKey": "holiday"})).await;
    assert_eq!(requested.0["multipartUpload"]["partCount"], 3);
    let image = requested.text("/multipartUpload/image/id").to_owned();
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&image).await;
    assert_eq!(watcher.event("uploadProgress").await["status"], "PENDING");
    send(&ann, &image, &file, &[3, 1]).await;
    assert_eq!(complete(&ann, &image).await, ["NOT_UPLOADED"], "a part is missing");
    assert_eq!(
        uploaded(&ann, &image).await,
        json!([{"partNumber": 1, "size": 5 * MIB}, {"partNumber": 3, "size": 2 * MIB + 345}])
    );

    // After the page was loaded again, the same key gives the same upload.
    let again = request(&ann, file.len(), json!({"idempotencyKey": "holiday", "partSize": 6 * MIB})).await;
    assert_eq!(
        again.0["multipartUpload"],
        json!({"image": {"id": image, "status": "UPLOADING"}, "partSize": 5 * MIB,
        "partCount": 3})
    );
    send(&ann, &image, &file, &[2]).await;
    let both = tokio::join!(complete(&ann, &image), complete(&ann, &image));
    assert_eq!(both, (Vec::<String>::new(), Vec::new()), "two at once");
    app.run_all_jobs().await;
    let mut counts = Vec::new();
    loop {
        let event = watcher.event("uploadProgress").await;
        counts.extend(event["bytesUploaded"].as_u64());
        if event["status"] == "COMPLETED" {
            break;
        }
    }
    assert!(counts.is_sorted() && counts.contains(&((7 * MIB + 345) as u64)), "progress by parts: {counts:?}");
    let completed = ann.image(&image).await;
    assert_eq!((&completed["status"], &completed["fileSize"]), (&json!("COMPLETED"), &json!(file.len())));
    let original = reqwest::get(completed["url"].as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(original.bytes().await.expect("bytes"), file);
    assert_eq!((uploaded(&ann, &image).await, unfinished(&app).await), (json!([]), 0));
    let id = ImageId(image.parse().expect("an id"));
    let kept = darkroom::db::multipart_uploads::find(app.app.db.conn(), id).await.expect("rows");
    assert_eq!(kept, None, "nobody asks for its parts any more");
    assert_eq!(sign(&ann, &image, &[1]).await.user_error_codes(), ["INVALID_STATE"]);
}

#[tokio::test]
async fn what_cannot_be_sent_in_parts_is_refused_and_nothing_is_left() {
    let app = TestApp::start_with(&FLAGS).await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    for (more, code) in [
        (json!({"partSize": 1000}), "INVALID_VALUE"),
        (json!({"partSize": 0}), "INVALID_VALUE"),
        (json!({"partSize": 6_u64 << 30}), "INVALID_VALUE"),
        (json!({"fileSize": 0}), "FILE_EMPTY"),
        (json!({"fileSize": 200 * MIB}), "FILE_TOO_LARGE"),
        (json!({"filename": "a.exe"}), "UNSUPPORTED_EXTENSION"),
    ] {
        let refused = request(&ann, 6 * MIB, more.clone()).await;
        assert_eq!(refused.user_error_codes(), [code], "{more}");
    }
    let images = ann.send("{ images { totalCount } }", Value::Null).await;
    assert_eq!((&images.0["data"]["images"]["totalCount"], unfinished(&app).await), (&json!(0), 0));

    let file = large_jpeg(6 * MIB);
    let image = begun(&ann, file.len()).await;
    for (parts, code) in [
        (vec![0], "INVALID_VALUE"),
        (vec![3], "INVALID_VALUE"),
        (vec![-1], "INVALID_VALUE"),
        (vec![65_537], "INVALID_VALUE"),
        (vec![], "INVALID_VALUE"),
        (vec![1; 101], "INVALID_VALUE"),
    ] {
        assert_eq!(sign(&ann, &image, &parts).await.user_error_codes(), [code], "{parts:?}");
    }
    let of_bob = sign(&bob, &image, &[1]).await;
    assert_eq!(of_bob.user_error_codes(), ["IMAGE_NOT_FOUND"]);
    assert_eq!(uploaded(&bob, &image).await, Value::Null, "as if there were none");
    let ticket = ann.ticket("b.jpg", "image/jpeg", 1000).await;
    assert_eq!(sign(&ann, &ticket.image, &[1]).await.user_error_codes(), ["INVALID_STATE"], "it has no parts");

    let signed = sign(&ann, &image, &[1, 2]).await;
    let (first, last) = (&signed.0["parts"][0], &signed.0["parts"][1]);
    assert!(!put(first, &file[..5 * MIB - 1]).await.is_success(), "a byte too few");
    assert!(!put(last, &file[..=MIB]).await.is_success(), "a byte too many");
    let mut elsewhere = last.clone();
    elsewhere["url"] = json!(last["url"].as_str().expect("a URL").replace("partNumber=2", "partNumber=3"));
    assert!(!put(&elsewhere, &file[..MIB]).await.is_success(), "another part than the one that was signed");
    assert_eq!(uploaded(&ann, &image).await, json!([]));
    assert_eq!(ann.image(&image).await["status"], "PENDING");
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_no_parts() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(11 * MIB);
    let cancelled = begun(&ann, file.len()).await;
    send(&ann, &cancelled, &file, &[1, 2]).await;
    let signed = sign(&ann, &cancelled, &[3]).await;
    let input = json!({"imageId": cancelled});
    assert_eq!(ann.mutate("cancelUpload", input, "cancelledImageId").await.user_error_codes(), NONE);
    app.run_all_jobs().await;
    assert_eq!(unfinished(&app).await, 0);
    assert!(!put(&signed.0["parts"][0], &file[10 * MIB..]).await.is_success(), "there is nothing to add it to");
    assert_eq!(app.objects().await, NONE);

    // One whose client is silent for a day expires with its parts; of one that nobody knows, the same becomes in time.
    let silent = begun(&ann, file.len()).await;
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&silent).await;
    send(&ann, &silent, &file, &[1]).await;
    hear_of(watcher, 5 * MIB).await;
    let stranger = StorageKey::incoming(ImageId(app.app.clock.new_id()));
    app.app.storage.create_multipart(&stranger, "image/jpeg").await.expect("a storage");
    app.app.clock.advance(TimeDelta::hours(25));
    let swept = app.sweep().await;
    assert_eq!((swept.expired, swept.aborted), (1, 2));
    app.run_all_jobs().await;
    assert_eq!(unfinished(&app).await, 0);
    let ann = app.user("ann@example.com").await;
    assert_eq!(ann.image(&silent).await["status"], "FAILED");
}

#[tokio::test]
async fn whoever_falls_silent_behind_the_last_part_loses_nothing() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(6 * MIB);
    let image = begun(&ann, file.len()).await;
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&image).await;
    send(&ann, &image, &file, &[1, 2]).await;
    hear_of(watcher, file.len()).await;
    if !TestApp::is_embedded() {
        // This storage tells of nothing: the sweep finds it.
        app.app.clock.advance(TimeDelta::hours(25));
        app.sweep().await;
    }
    app.app.clock.advance(TimeDelta::minutes(2));
    app.run_all_jobs().await;
    let ann = app.user("ann@example.com").await;
    assert_eq!(ann.image(&image).await["status"], "COMPLETED");
    assert_eq!(unfinished(&app).await, 0);
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_one_upload() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let key = json!({"idempotencyKey": "twice"});
    let all = futures_util::future::join_all((0..6).map(|_| request(&ann, 6 * MIB, key.clone()))).await;
    let images: std::collections::HashSet<&str> = all.iter().map(|one| one.text("/multipartUpload/image/id")).collect();
    assert_eq!((images.len(), unfinished(&app).await), (1, 1));
}

#[tokio::test]
async fn what_was_announced_once_is_sent_in_one_way() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(6 * MIB);
    let key = json!({"idempotencyKey": "one"});
    let in_parts = request(&ann, file.len(), key.clone()).await;
    let mut input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": file.len(),
        "categoryId": ann.general().await, "idempotencyKey": "one"});
    let image = in_parts.text("/multipartUpload/image/id");
    let changed = "query($id: ID!) { image(id: $id) { updatedAt } }";
    let before = ann.send(changed, json!({"id": image})).await.0;
    app.app.clock.advance(TimeDelta::minutes(1));
    let at_once = ann.mutate("requestUpload", input.clone(), "upload { url }").await;
    assert_eq!(at_once.user_error_codes(), ["INVALID_STATE"]);
    let renewed = ann.mutate("renewUpload", json!({"imageId": image}), "upload { url }").await;
    assert_eq!(renewed.user_error_codes(), ["INVALID_STATE"]);
    assert_eq!(ann.send(changed, json!({"id": image})).await.0, before, "a refusal changes nothing");

    if !TestApp::is_embedded() {
        return;
    }
    // The other way round: a file that is there as a whole has no parts, neither those of before nor new ones.
    input["idempotencyKey"] = json!("other");
    let at_once = ann.mutate("requestUpload", input, "upload { image { id } url fields { name value } }").await;
    let ticket = Ticket::parse(&at_once.0["upload"]);
    let in_parts = request(&ann, file.len(), json!({"idempotencyKey": "other"})).await;
    assert_eq!((in_parts.user_error_codes().len(), unfinished(&app).await), (0, 2));
    assert_eq!(ticket.post(file.clone()).await, StatusCode::CREATED);
    assert_eq!(unfinished(&app).await, 1, "its parts are gone");
    assert_eq!(complete(&ann, &ticket.image).await, NONE);
    app.run_all_jobs().await;
    assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
}

#[tokio::test]
async fn cancelled_while_it_is_joined_an_upload_leaves_nothing() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(11 * MIB);
    for wait in [0, 2, 4, 8, 12, 16, 24, 32] {
        let image = begun(&ann, file.len()).await;
        send(&ann, &image, &file, &[1, 2, 3]).await;
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let cancelled = ann.mutate("cancelUpload", json!({"imageId": image}), "cancelledImageId").await;
            let is_cancelled = cancelled.user_error_codes().is_empty();
            app.run_all_jobs().await;
            is_cancelled
        };
        let ends = tokio::join!(complete(&ann, &image), complete(&ann, &image), complete(&ann, &image), cancel);
        if !ends.3 {
            let deleted = ann.mutate("deleteImage", json!({"imageId": image, "permanently": true}), "__typename").await;
            assert_eq!(deleted.user_error_codes(), NONE);
        }
        app.run_all_jobs().await;
        assert_eq!((app.objects().await, unfinished(&app).await), (Vec::<String>::new(), 0), "after {wait} ms");
    }
}

#[tokio::test]
async fn parts_count_as_unfinished_for_as_long_as_they_are_there() {
    let flags = [&FLAGS[..], &["--max-unfinished-bytes", "12582912"]].concat();
    let app = TestApp::start_with(&flags).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(7 * MIB);
    let image = begun(&ann, file.len()).await;
    send(&ann, &image, &file, &[1]).await;
    // Longer than a ticket lives.
    app.app.clock.advance(TimeDelta::hours(3));
    let ann = app.user("ann@example.com").await;
    let refused = request(&ann, file.len(), json!({})).await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"]);
    assert_eq!(unfinished(&app).await, 1);
    let cancelled = ann.mutate("cancelUpload", json!({"imageId": image}), "cancelledImageId").await;
    assert_eq!(cancelled.user_error_codes(), NONE);
    begun(&ann, file.len()).await;
}

#[tokio::test]
async fn what_the_storage_has_forgotten_is_begun_anew() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(6 * MIB);
    let key = json!({"idempotencyKey": "holiday"});
    let image = request(&ann, file.len(), key.clone()).await.text("/multipartUpload/image/id").to_owned();
    send(&ann, &image, &file, &[1]).await;
    // As a rule of the bucket does.
    let id = ImageId(image.parse().expect("an id"));
    let kept = darkroom::db::multipart_uploads::find(app.app.db.conn(), id).await.expect("rows").expect("a row");
    app.app.storage.abort_multipart(&StorageKey::incoming(id), &kept.upload_id).await.expect("a storage");
    assert_eq!(sign(&ann, &image, &[2]).await.user_error_codes(), ["INVALID_STATE"]);
    let again = request(&ann, file.len(), key).await;
    assert_eq!(again.text("/multipartUpload/image/id"), image);
    assert_eq!(uploaded(&ann, &image).await, json!([]));
    send(&ann, &image, &file, &[2, 1]).await;
    assert_eq!(complete(&ann, &image).await, NONE);
}
