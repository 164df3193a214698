//! Rows and jobs that a newer version wrote: shown as well as can be, never changed by accident, in nobody's way.

use bytes::Bytes;
use chrono::TimeDelta;
use darkroom::storage::StorageKey;
use sea_orm::{ConnectionTrait, Statement, Value as SqlValue};
use serde_json::{Value, json};

use crate::support::{TestApp, library::seed, skip::is_skipped, socket::Socket};

async fn sql(app: &TestApp, text: &str, values: Vec<SqlValue>) -> Vec<sea_orm::QueryResult> {
    let conn = app.app.db.conn();
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), text, values);
    conn.query_all_raw(statement).await.expect("to be run")
}

const LIST: &str = "{ images(first: 10, filter: {status: [PENDING, PROCESSING, COMPLETED, FAILED]}) { nodes { \
    id status contentType title tags variants { type } failure { code message } } totalCount } \
    imageStats { totalImages byStatus { status count } } }";

#[tokio::test]
async fn images_of_a_newer_version_are_shown_and_left_alone() {
    let app = TestApp::start_with(&["--trash-retention", "3600"]).await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 5, |_, _| {}).await;
    let id = |at: usize| images[at].id.to_string();
    let mut socket = Socket::of(&app, &ann).await;
    socket.watch(&id(0)).await;
    socket.event("uploadProgress").await;
    for (change, at) in [
        ("UPDATE image SET status = 'quarantined' WHERE id = $1", 0),
        ("UPDATE image SET content_type = 'image/jxl' WHERE id = $1", 1),
        ("UPDATE image SET status = 'failed', failure_code = 'nsfw', failure_message = 'No.' WHERE id = $1", 2),
        ("UPDATE image SET stored_etag = NULL WHERE id = $1", 3),
        ("UPDATE variant SET format = 'jxl' WHERE kind = 'small' AND image_id = $1", 4),
    ] {
        let conn = app.app.db.conn();
        let statement = Statement::from_sql_and_values(conn.get_database_backend(), change, [images[at].id.0.into()]);
        conn.execute_raw(statement).await.expect("to be written");
    }
    let answer = ann.send(LIST, Value::Null).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    let nodes = answer.0["data"]["images"]["nodes"].as_array().expect("a list").clone();
    let node = |at: usize| nodes.iter().find(|node| node["id"] == id(at)).cloned().unwrap_or_default();
    assert_eq!(node(0), Value::Null, "no list is asked for its state");
    assert_eq!((&node(1)["status"], &node(1)["contentType"]), (&json!("COMPLETED"), &json!("image/jxl")));
    assert_eq!(node(2)["failure"], json!({"code": "UNKNOWN", "message": "No."}));
    assert_eq!(node(3)["status"], "UNKNOWN", "it lacks what goes with its state");
    assert_eq!(node(4)["variants"].as_array().expect("variants").len(), 4);
    let unknown = ann.image(&id(0)).await;
    assert_eq!(
        (&unknown["status"], &unknown["url"], &unknown["variants"]),
        (&json!("UNKNOWN"), &Value::Null, &json!([]))
    );
    app.app.services.uploads.refresh_watched().await.expect("to be read again");
    // It is described, and nothing else of it is written.
    let edited = ann.mutate("updateImage", json!({"imageId": id(0), "title": "Mine"}), "image { title status }").await;
    assert_eq!(edited.0["image"], json!({"title": "Mine", "status": "UNKNOWN"}));
    let edited = ann.mutate("updateImage", json!({"imageId": id(2), "title": "Mine"}), "image { title }").await;
    assert_eq!(edited.0["image"]["title"], "Mine");
    let kept = "SELECT status, failure_code, stored_size FROM image WHERE id = $1";
    let row = &sql(&app, kept, vec![images[0].id.0.into()]).await[0];
    assert_eq!(row.try_get::<String>("", "status").expect("a status"), "quarantined");
    assert!(row.try_get::<Option<i64>>("", "stored_size").expect("a size").is_some());
    let row = &sql(&app, kept, vec![images[2].id.0.into()]).await[0];
    assert_eq!(row.try_get::<String>("", "failure_code").expect("a code"), "nsfw");
    let refused = ann.mutate("generateVariants", json!({"imageId": id(0)}), "image { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_STATE"]);
    for name in ["generateVariants", "deleteImage"] {
        let payload = if name == "deleteImage" { "deletedImageId" } else { "image { id }" };
        let refused = ann.mutate(name, json!({"imageId": id(2)}), payload).await;
        assert_eq!(refused.user_error_codes(), ["INVALID_STATE"], "{name}: that version knows why it was refused");
    }
    let row = &sql(&app, kept, vec![images[2].id.0.into()]).await[0];
    assert_eq!(row.try_get::<String>("", "status").expect("a status"), "failed");
    // What it has in the storage is known to the newer version alone.
    for (at, name) in [(0, "of_tomorrow.webp"), (4, "small.jxl")] {
        let prefix = images[at].file_key.trim_end_matches(".jpg");
        let key = StorageKey::listed(&*format!("{prefix}_{name}"));
        app.app.storage.put(&key, Bytes::from_static(b"x"), "image/webp").await.expect("a storage");
    }
    app.app.clock.advance(TimeDelta::days(3));
    app.sweep().await;
    assert_eq!(app.objects().await.len(), 2);
    let ann = app.user("ann@example.com").await;
    let trashed = ann.mutate("deleteImage", json!({"imageId": id(0)}), "deletedImageId").await;
    assert_eq!(trashed.user_error_codes(), ["INVALID_STATE"], "there would be no way back");
    let permanently = json!({"imageId": id(0), "permanently": true});
    let deleted = ann.mutate("deleteImage", permanently, "deletedImageId").await;
    assert_eq!(deleted.0["deletedImageId"], id(0));
    app.run_all_jobs().await;
    assert_eq!(app.objects().await.len(), 1, "its objects go with it");
}

#[tokio::test]
async fn a_database_that_a_newer_version_migrated_is_served() {
    let app = TestApp::start().await;
    let migrated = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000099_flying_cars', 0)";
    app.app.db.conn().execute_unprepared(migrated).await.expect("to be written");
    let beside = app.beside().await;
    beside.bootstrap().await.expect("to start");
}

#[tokio::test]
async fn events_of_a_newer_version_are_passed_on() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 1, |_, _| {}).await;
    let mut socket = Socket::of(&app, &ann).await;
    socket.subscribe("1", "subscription { imageChanges { kind imageId } }", Value::Null).await;
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.receive().await["type"], "pong");
    ann.mutate("updateImage", json!({"imageId": images[0].id.to_string(), "title": "a"}), "image { id }").await;
    assert_eq!(socket.event("imageChanges").await["kind"], "DESCRIBED");
    app.app.db.conn().execute_unprepared("UPDATE event SET kind = 'framed'").await.expect("to be written");
    socket.subscribe("2", "subscription { imageChanges(after: \"0\") { kind } }", Value::Null).await;
    assert_eq!(socket.event("imageChanges").await["kind"], "UNKNOWN");
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_ends_no_list_and_no_sweep() {
    let app = TestApp::start().await;
    let is_sqlite = app.database_url().is_none();
    if is_skipped(is_sqlite, "SQLite, whose columns take values of any type") {
        return;
    }
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 5, |_, _| {}).await;
    let bad = images[2].id.to_string();
    sql(&app, "UPDATE image SET width = 'wide' WHERE id = $1", vec![images[2].id.0.into()]).await;
    sql(&app, "UPDATE image_day SET day = 'someday' || day", Vec::new()).await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    let query = "query($after: String) { images(first: 2, after: $after) { nodes { id status } \
        pageInfo { hasNextPage endCursor } } imageStats { byDay(days: 7) { count } } }";
    loop {
        let page = ann.send(query, json!({"after": after})).await.0;
        assert_eq!(page["errors"], Value::Null, "{page}");
        seen.extend(page["data"]["images"]["nodes"].as_array().expect("a list").clone());
        after = page["data"]["images"]["pageInfo"]["endCursor"].clone();
        if page["data"]["images"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 5, "every image is in the list once: {seen:?}");
    for image in &seen {
        assert_eq!(image["status"], if image["id"] == bad { "UNKNOWN" } else { "COMPLETED" });
    }

    let (first, second) = (ann.ticket("a.jpg", "image/jpeg", 10).await, ann.ticket("b.jpg", "image/jpeg", 10).await);
    let spoil = "UPDATE image SET width = 'wide' WHERE id = $1";
    sql(&app, spoil, vec![uuid::Uuid::parse_str(&first.image).expect("an id").into()]).await;
    // The pages of a sweep are in the order of this column.
    let undated = ann.ticket("c.jpg", "image/jpeg", 10).await;
    let undate = "UPDATE image SET status = 'uploading', updated_at = '2026-01-05' WHERE id = $1";
    sql(&app, undate, vec![uuid::Uuid::parse_str(&undated.image).expect("an id").into()]).await;
    // Of the eight images, three cannot be read: the others become findable again.
    sql(&app, "DELETE FROM image_search", Vec::new()).await;
    app.app.clock.advance(TimeDelta::days(2));
    let swept = app.sweep().await;
    assert_eq!((swept.failed, swept.expired, swept.indexed), (2, 1, 5), "{swept:?}");
    let ann = app.user("ann@example.com").await;
    assert_eq!(ann.image(&second.image).await["failure"]["code"], "UPLOAD_EXPIRED");
}
