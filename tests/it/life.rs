//! The life of an upload out of order, twice, at the same time, and by somebody else.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::Client,
    pictures,
    skip::is_skipped,
    socket::Socket,
    until,
    upload::{TICKET, Ticket},
};

const NONE: [&str; 0] = [];

#[tokio::test]
async fn completing_before_any_byte_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 1000).await;
    let before = ann.image(&ticket.image).await;
    let payload = ann.mutate("completeUpload", json!({"imageId": ticket.image}), "image { status }").await;
    assert_eq!(payload.user_error_codes(), ["NOT_UPLOADED"]);
    assert_eq!(ann.image(&ticket.image).await, before);
    assert_eq!(app.queued_jobs().await, NONE);
}

#[tokio::test]
async fn completing_twice_and_four_times_at_once_is_completing_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED);
    let complete = || async {
        let input = json!({"imageId": ticket.image, "title": "Once"});
        ann.mutate("completeUpload", input, "image { status title updatedAt uploadCompletedAt }").await
    };
    let answers = join_all([complete(), complete(), complete(), complete()]).await;
    for answer in &answers {
        assert_eq!(answer.user_error_codes(), NONE);
        assert_eq!((&answer.0["image"]["status"], &answer.0["image"]["title"]), (&json!("PROCESSING"), &json!("Once")));
    }
    let processing = app.queued_jobs().await.into_iter().filter(|job| *job == "process").count();
    assert_eq!(processing, 1);
    app.run_all_jobs().await;
    let done = complete().await;
    assert_eq!((&done.0["image"]["status"], done.user_error_codes()), (&json!("COMPLETED"), NONE.to_vec()));
    assert!(!app.queued_jobs().await.contains(&"process"), "a repetition starts nothing");
}

#[tokio::test]
async fn a_cancelled_upload_is_gone_with_its_object() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&ticket.image).await;
    watcher.event("uploadProgress").await;
    assert_eq!(ticket.post(photo.clone()).await, StatusCode::CREATED);
    let payload = ann.mutate("cancelUpload", json!({"imageId": ticket.image}), "cancelledImageId").await;
    assert_eq!(payload.0["cancelledImageId"], ticket.image.as_str());
    assert_gone(&ann, &ticket).await;
    loop {
        let event = watcher.event("uploadProgress").await;
        if event["status"] == "DELETED" {
            break;
        }
    }
    assert_eq!(watcher.receive().await, json!({"type": "complete", "id": "1"}));
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, NONE);

    // Its ticket is still good for the storage, and brings nothing back.
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED);
    assert_gone(&ann, &ticket).await;
    if TestApp::is_embedded() {
        assert_eq!(app.objects().await, NONE);
    }
}

#[tokio::test]
async fn a_deleted_image_is_gone_at_once_and_its_objects_follow() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].as_str().expect("an id");
    let url = image["variants"][0]["url"].as_str().expect("a URL").to_owned();
    assert_eq!(app.objects().await.len(), 6);
    let payload = ann.mutate("deleteImage", json!({"imageId": id}), "deletedImageId").await;
    assert_eq!(payload.0["deletedImageId"], id);
    let ticket = Ticket { image: id.to_owned(), url: String::new(), fields: Vec::new() };
    assert_gone(&ann, &ticket).await;
    let list = ann.send("{ images(filter: {status: [COMPLETED, DELETED]}) { totalCount nodes { id } } }", Value::Null);
    assert_eq!(list.await.0["data"]["images"], json!({"totalCount": 0, "nodes": []}));
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, NONE);
    assert_eq!(reqwest::get(url).await.expect("an answer").status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn deleting_while_it_is_processed_leaves_nothing() {
    let mut app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::jpeg(&pictures::drawing(3000, 2000));
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED);
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(&ticket.image).await;
    ann.complete(&ticket.image).await;
    app.work();
    // The first variant is there, the last is not.
    while watcher.event("uploadProgress").await["variant"].is_null() {}
    let payload = ann.mutate("deleteImage", json!({"imageId": ticket.image}), "deletedImageId").await;
    assert_eq!(payload.user_error_codes(), NONE);
    while watcher.event("uploadProgress").await["status"] != "DELETED" {}
    let is_empty = async || app.objects().await.is_empty() && app.queued_jobs().await == ["forget"];
    until("an empty bucket", is_empty).await;
    assert_gone(&ann, &ticket).await;
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let eve = app.user("eve@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].clone();
    let pending = ann.ticket("b.jpg", "image/jpeg", 1000).await;
    let objects = app.objects().await;
    for (name, field, target) in [
        ("renewUpload", TICKET, json!(pending.image)),
        ("completeUpload", "image { id }", json!(pending.image)),
        ("cancelUpload", "cancelledImageId", json!(pending.image)),
        ("completeUpload", "image { id }", id.clone()),
        ("deleteImage", "deletedImageId", id.clone()),
        ("generateVariants", "image { id }", id.clone()),
    ] {
        let payload = eve.mutate(name, json!({"imageId": target}), field).await;
        assert_eq!(payload.user_error_codes(), ["IMAGE_NOT_FOUND"], "{name}");
    }
    let report = json!({"imageId": pending.image, "bytesUploaded": 10});
    let payload = eve.mutate("reportUploadProgress", report, "image { id }").await;
    assert_eq!(payload.user_error_codes(), ["IMAGE_NOT_FOUND"]);
    assert_eq!(eve.image(id.as_str().expect("an id")).await, Value::Null);
    let node = eve.send("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
    assert_eq!(node.0["data"]["node"], Value::Null);
    let list = eve.send("{ images { totalCount } }", Value::Null).await;
    assert_eq!(list.0["data"]["images"]["totalCount"], 0);

    assert_eq!(ann.image(id.as_str().expect("an id")).await, image, "nothing has changed");
    assert_eq!(ann.image(&pending.image).await["status"], "PENDING");
    assert_eq!((app.objects().await, app.queued_jobs().await), (objects, vec![]));
    let admin = app.admin().await;
    assert_eq!(admin.image(id.as_str().expect("an id")).await["id"], id, "administrators see every image");
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_image() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let general = ann.general().await;
    let input = |name: &str, key: &str| {
        json!({"filename": name, "contentType": "image/jpeg", "fileSize": 1000, "categoryId": general,
            "idempotencyKey": key})
    };
    let ask = |name: &'static str| ann.mutate("requestUpload", input(name, "k1"), TICKET);
    let at_once = [ask("a.jpg"), ask("a.jpg"), ask("a.jpg"), ask("a.jpg")];
    let answers = join_all(at_once.map(Box::pin)).await;
    let images: HashSet<String> = answers.iter().map(|answer| Ticket::parse(&answer.0["upload"]).image).collect();
    assert_eq!(images.len(), 1, "one image: {images:?}");
    assert_eq!(ask("b.jpg").await.user_error_codes(), ["INVALID_VALUE"], "another file");
    let eve = app.user("eve@example.com").await;
    let theirs = eve.mutate("requestUpload", input("a.jpg", "k1"), TICKET).await;
    assert!(!images.contains(&Ticket::parse(&theirs.0["upload"]).image), "keys are each caller's own");

    let image = images.into_iter().next().expect("an image");
    ann.mutate("cancelUpload", json!({"imageId": image}), "cancelledImageId").await;
    let fresh = ask("a.jpg").await;
    assert_ne!(Ticket::parse(&fresh.0["upload"]).image, image, "a cancelled upload gives its key back");
}

#[tokio::test]
async fn an_upload_whose_client_fell_silent_is_completed_in_its_stead() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        // Elsewhere nobody tells that the object is there; the sweep looks.
        return;
    }
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED);
    assert_eq!(app.queued_jobs().await, ["complete_unattended"]);
    app.run_all_jobs().await;
    assert_eq!(ann.image(&ticket.image).await["status"], "UPLOADING", "the client has a minute");
    app.app.clock.advance(TimeDelta::seconds(61));
    app.run_all_jobs().await;
    let image = ann.image(&ticket.image).await;
    assert_eq!((&image["status"], image["variants"].as_array().map(Vec::len)), (&json!("COMPLETED"), Some(5)));
}

#[tokio::test]
async fn a_client_that_vanishes_with_its_last_byte_loses_nothing() {
    use tokio::io::AsyncWriteExt;
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    for _ in 0..10 {
        let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
        let mut form = Vec::new();
        for (name, value) in &ticket.fields {
            let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend(part.as_bytes());
        }
        form.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
        form.extend(&photo);
        form.extend(b"\r\n--b--\r\n");
        let head = format!(
            "POST /media HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=b\r\n\
             Content-Length: {}\r\n\r\n",
            app.address,
            form.len()
        );
        let mut socket = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
        socket.write_all(head.as_bytes()).await.expect("to be sent");
        socket.write_all(&form).await.expect("to be sent");
        drop(socket);
        let is_noted = async || app.queued_jobs().await.contains(&"complete_unattended");
        until("the stored upload", is_noted).await;
        app.app.clock.advance(TimeDelta::seconds(61));
        app.run_all_jobs().await;
        assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
    }
}

#[tokio::test]
async fn an_upload_that_is_sent_again_before_it_is_processed_is_the_newer_one() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (first, second) = (pictures::small_jpeg(), pictures::with_exif(&pictures::small_jpeg(), 1));
    let first: Vec<u8> = pictures::with_exif(&first, 3);
    assert_eq!(first.len(), second.len());
    let ticket = ann.ticket("a.jpg", "image/jpeg", first.len()).await;
    assert_eq!(ticket.post(first).await, StatusCode::CREATED);
    ann.complete(&ticket.image).await;
    assert_eq!(ticket.post(second.clone()).await, StatusCode::CREATED);
    app.run_all_jobs().await;
    app.app.clock.advance(TimeDelta::seconds(60));
    app.run_all_jobs().await;
    let image = ann.image(&ticket.image).await;
    assert_eq!(image["status"], "COMPLETED");
    let original = reqwest::get(image["url"].as_str().expect("a URL")).await.expect("an answer");
    assert!(original.bytes().await.expect("a body") == second);
}

#[tokio::test]
async fn variants_are_made_again_on_demand() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].as_str().expect("an id");
    let input = json!({"imageId": id, "types": ["SMALL", "WEBP"]});
    let payload = ann.mutate("generateVariants", input, "image { status variants { type } }").await;
    let left = json!([{"type": "THUMBNAIL"}, {"type": "MEDIUM"}, {"type": "LARGE"}]);
    assert_eq!(payload.0["image"], json!({"status": "PROCESSING", "variants": left}));
    app.run_all_jobs().await;
    let again = ann.image(id).await;
    for (before, after) in
        image["variants"].as_array().expect("variants").iter().zip(again["variants"].as_array().expect("variants"))
    {
        let was_made_again = ["SMALL", "WEBP"].contains(&before["type"].as_str().expect("a type"));
        assert_eq!(
            before["url"] != after["url"],
            was_made_again,
            "caches keep what is under a URL for a year: {after}"
        );
        assert_eq!((&before["type"], &before["width"]), (&after["type"], &after["width"]));
    }
    assert_eq!((&again["status"], &again["url"]), (&image["status"], &image["url"]));

    let pending = ann.ticket("b.jpg", "image/jpeg", 1000).await;
    let payload = ann.mutate("generateVariants", json!({"imageId": pending.image}), "image { id }").await;
    assert_eq!(payload.user_error_codes(), ["INVALID_STATE"]);
    assert_eq!(app.queued_jobs().await, NONE);
}

#[tokio::test]
async fn anything_with_an_id_is_found_by_it() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let query = "query($id: ID!) { node(id: $id) { __typename id ... on Image { originalFilename owner { email } } \
                 ... on Category { name } ... on User { email } } }";
    let find = |client: Client, id: String| async move {
        client.send(query, json!({"id": id})).await.0["data"]["node"].clone()
    };
    let image = ann.ticket("a.jpg", "image/jpeg", 1000).await.image;
    let found = find(ann.clone(), image.clone()).await;
    let owner = json!({"email": "ann@example.com"});
    assert_eq!(found, json!({"__typename": "Image", "id": image, "originalFilename": "a.jpg", "owner": owner}));
    let general = ann.general().await;
    let found = find(ann.clone(), general.clone()).await;
    assert_eq!(found, json!({"__typename": "Category", "id": general, "name": "general"}));
    let me = ann.send("{ me { id } }", Value::Null).await.text("/data/me/id").to_owned();
    let user = json!({"__typename": "User", "id": me, "email": "ann@example.com"});
    assert_eq!(find(ann.clone(), me.clone()).await, user);
    assert_eq!(find(admin.clone(), me).await, user, "administrators see every user");
    let admins = admin.send("{ me { id } }", Value::Null).await.text("/data/me/id").to_owned();
    assert_eq!(find(ann, admins).await, Value::Null, "others see themselves");
}

#[tokio::test]
async fn pages_of_images_are_the_newest_first_and_hold_still() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let mut made = Vec::new();
    for index in 0..5 {
        made.push(ann.ticket(&format!("{index}.jpg"), "image/jpeg", 1000).await.image);
    }
    made.reverse();
    let query = "query($after: String) { images(first: 2, after: $after, filter: {status: [PENDING]}) \
                 { totalCount nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
    let mut after = Value::Null;
    let mut seen = Vec::new();
    loop {
        let page = ann.send(query, json!({"after": after})).await.0["data"]["images"].clone();
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        seen.extend(
            page["nodes"].as_array().expect("nodes").iter().map(|node| node["id"].as_str().expect("an id").to_owned()),
        );
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        // One more in front moves nothing behind.
        ann.ticket("later.jpg", "image/jpeg", 1000).await;
    }
    assert_eq!(seen, made);
    let bad = ann.send(query, json!({"after": "rubbish"})).await;
    assert_eq!(bad.error_code(), "BAD_USER_INPUT");
    for first in ["0", "101", "-1"] {
        let answer = ann.send(&format!("{{ images(first: {first}) {{ totalCount }} }}"), Value::Null).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "first: {first}");
    }
}

#[tokio::test]
async fn the_storage_being_away_is_said_and_heals() {
    let app = TestApp::start_with(&[
        "--aws-storage-bucket-name",
        "nobody",
        "--aws-endpoint-url-s3",
        "http://127.0.0.1:9",
        "--jwt-secret",
        "a secret that is long enough for a test",
        "--aws-access-key-id",
        "nobody",
        "--aws-secret-access-key",
        "nothing",
    ])
    .await;
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 1000).await;
    let payload = ann.mutate("completeUpload", json!({"imageId": ticket.image}), "image { status }").await;
    assert_eq!(payload.error_code(), "STORAGE_UNAVAILABLE");
    assert!(!payload.0.to_string().contains("127.0.0.1:9"), "where it is, is nobody's business");
    let exists = ann.send("query($id: ID!) { image(id: $id) { existsInStorage } }", json!({"id": ticket.image})).await;
    assert_eq!(exists.error_code(), "STORAGE_UNAVAILABLE", "which is not the same as: no such file");
}

/// Every operation answers as if it had never been.
async fn assert_gone(ann: &Client, ticket: &Ticket) {
    let id = json!({"imageId": ticket.image});
    assert_eq!(ann.image(&ticket.image).await, Value::Null);
    for (name, field) in [
        ("renewUpload", TICKET),
        ("completeUpload", "image { id }"),
        ("cancelUpload", "cancelledImageId"),
        ("deleteImage", "deletedImageId"),
        ("generateVariants", "image { id }"),
    ] {
        assert_eq!(ann.mutate(name, id.clone(), field).await.user_error_codes(), ["IMAGE_NOT_FOUND"], "{name}");
    }
}

#[tokio::test]
async fn what_was_good_enough_once_is_kept_whatever_is_thought_of_it_later() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].as_str().expect("an id");
    // The object is damaged in the storage, or the decoder became stricter.
    let key = darkroom::storage::StorageKey::listed(image["fileKey"].as_str().expect("a key"));
    app.app.storage.put(&key, bytes::Bytes::from_static(b"\xFF\xD8\xFF no more"), "image/jpeg").await.expect("stored");
    for _ in 0..2 {
        ann.mutate("generateVariants", json!({"imageId": id}), "image { status }").await;
        app.run_all_jobs().await;
        let failed = ann.image(id).await;
        assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("FAILED"), &json!("CORRUPT")));
        assert_eq!((&failed["existsInStorage"], &failed["width"]), (&json!(true), &image["width"]));
    }
    app.app.storage.put(&key, pictures::small_jpeg().into(), "image/jpeg").await.expect("stored");
    ann.mutate("generateVariants", json!({"imageId": id}), "image { status }").await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(id).await["status"], "COMPLETED");
}
