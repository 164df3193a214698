//! The sweep: what was forgotten is brought to its end, what nobody knows is removed, and nothing else is touched.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use chrono::TimeDelta;
use darkroom::{
    domain::{error::ServiceError, ids::ImageId, job::Job},
    queue::FreeKind,
    storage::StorageKey,
    worker::Ran,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::Client,
    library::seed,
    pictures, random_seed,
    unreliable::{Fails, Unreliable},
    upload::Ticket,
};

const NONE: [&str; 0] = [];

async fn status(client: &Client, id: &str) -> Value {
    let query = "query($id: ID!) { image(id: $id) { status failure { code } } }";
    client.send(query, json!({"id": id})).await.0["data"]["image"].clone()
}

#[tokio::test]
async fn what_was_stored_and_never_completed_is_completed() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(ticket.post(photo.clone()).await, 201);
    // The job that would have done it got lost, as it does where the storage cannot tell.
    forget_jobs(&app).await;
    app.sweep().await;
    assert_ne!(status(&ann, &ticket.image).await["status"], "COMPLETED", "its client may be about to");
    app.app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(app.sweep().await.completed, 1);
    app.run_all_jobs().await;
    assert_eq!(status(&ann, &ticket.image).await["status"], "COMPLETED");
}

#[tokio::test]
async fn what_never_came_expires_is_seen_for_a_week_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let silent = ann.ticket("a.jpg", "image/jpeg", 10).await.image;
    app.app.clock.advance(TimeDelta::hours(23));
    let renewed = ann.ticket("b.jpg", "image/jpeg", 10).await.image;
    assert_eq!(app.sweep().await.expired, 0);
    app.app.clock.advance(TimeDelta::minutes(30));
    ann.mutate("renewUpload", json!({"imageId": renewed}), "upload { url }").await;
    app.app.clock.advance(TimeDelta::hours(1));
    assert_eq!(app.sweep().await.expired, 1);
    let ann = app.user("ann@example.com").await;
    let expired = json!({"status": "FAILED", "failure": {"code": "UPLOAD_EXPIRED"}});
    assert_eq!(status(&ann, &silent).await, expired);
    app.app.clock.advance(TimeDelta::hours(22));
    app.sweep().await;
    assert_eq!(status(&ann, &renewed).await["status"], "PENDING", "a fresh ticket is a sign of life");
    app.app.clock.advance(TimeDelta::days(5));
    app.sweep().await;
    let ann = app.user("ann@example.com").await;
    assert_eq!(status(&ann, &silent).await, expired, "still to be seen");
    app.app.clock.advance(TimeDelta::days(3));
    app.sweep().await;
    let ann = app.user("ann@example.com").await;
    assert_eq!(status(&ann, &silent).await, Value::Null);
    // A ticket that outlived its upload brings nothing back, and its object goes.
    app.run_all_jobs().await;
    app.app.clock.advance(TimeDelta::minutes(2));
    app.run_all_jobs().await;
    let rows = count(&app, "SELECT count(*) AS count FROM image WHERE status <> 'failed'").await;
    assert_eq!(rows, 0, "no row is left of it");
}

#[tokio::test]
async fn objects_that_no_row_knows_are_removed_when_they_are_old() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let kept = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let known = app.objects().await;
    let pending = ann.ticket("b.jpg", "image/jpeg", 10).await.image;
    let file_key = kept["fileKey"].as_str().expect("a key");
    let nobody = app.app.clock.new_id();
    assert_eq!(known.len(), 6);
    let orphans: HashSet<String> = [
        format!("incoming/{nobody}"),
        format!("incoming/{}", kept["id"].as_str().expect("an id")),
        format!("images/general/{nobody}.jpg"),
        format!("images/general/{nobody}_small.webp"),
        file_key.replace(".jpg", "_huge.webp"),
        "images/readme.txt".to_owned(),
        "incoming/사진".to_owned(),
    ]
    .into();
    let strangers = ["backup/old.tar", "imagesque"];
    for key in orphans.iter().map(String::as_str).chain(strangers) {
        put(&app, key).await;
    }
    let unfinished = StorageKey::incoming(pending.parse().expect("an id"));
    put(&app, unfinished.as_str()).await;
    app.app.clock.advance(TimeDelta::hours(23));
    assert_eq!(app.sweep().await.removed, 0, "too young");
    app.app.clock.advance(TimeDelta::hours(2));
    let mut listed = Vec::new();
    let uploads = &app.app.services.uploads;
    uploads.find_orphans(|found| listed.push(found.key.to_string())).await.map_err(|_| ()).expect("a storage");
    let listed: HashSet<String> = listed.into_iter().collect();
    assert_eq!(listed, orphans, "the dry run lists them");
    assert_eq!(app.sweep().await.removed, orphans.len() as u64);
    let left: HashSet<String> = app.objects().await.into_iter().collect();
    let mut expected: HashSet<String> = known.into_iter().chain(strangers.map(str::to_owned)).collect();
    expected.insert(unfinished.to_string());
    assert_eq!(left, expected);
    assert_eq!(app.sweep().await.removed, 0);
}

/// A database that was restored from a backup knows little of what is there: that is no orphans.
#[tokio::test]
async fn more_orphans_than_can_be_believed_are_left_alone() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    for _ in 0..101 {
        put(&app, &format!("images/general/{}.jpg", app.app.clock.new_id())).await;
    }
    put(&app, &format!("incoming/{}", app.app.clock.new_id())).await;
    app.app.clock.advance(TimeDelta::hours(25));
    let swept = app.sweep().await;
    assert_eq!((swept.suspicious, swept.removed), (101, 0));
    assert_eq!(app.objects().await.len(), 108);
}

/// Nobody who can upload can keep the sweep from removing what others left.
#[tokio::test]
async fn what_was_sent_under_tickets_is_removed_however_much_of_it_there_is() {
    let app = TestApp::start().await;
    for _ in 0..101 {
        put(&app, &format!("incoming/{}", app.app.clock.new_id())).await;
    }
    app.app.clock.advance(TimeDelta::hours(25));
    let swept = app.sweep().await;
    assert_eq!((swept.suspicious, swept.removed), (0, 101));
    assert_eq!(app.objects().await, Vec::<String>::new());
}

/// A server that was started on the wrong database must not take everything for orphans.
#[tokio::test]
async fn what_is_older_than_the_database_is_left_alone() {
    let app = TestApp::start().await;
    put(&app, &format!("images/general/{}.jpg", app.app.clock.new_id())).await;
    let conn = app.app.db.conn();
    let later = app.app.clock.now() + TimeDelta::days(2);
    let sql = "UPDATE \"user\" SET created_at = $1";
    conn.execute_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, [later.into()]))
        .await
        .expect("rows");
    app.app.clock.advance(TimeDelta::days(9));
    assert_eq!(app.sweep().await.removed, 0);
    assert_eq!(app.objects().await.len(), 1);
}

#[tokio::test]
async fn jobs_that_were_lost_are_enqueued_again() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let gone = ann.processed(&app, "b.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let image_again = ann.upload("c.jpg", "image/jpeg", pictures::small_jpeg()).await;
    ann.mutate("deleteImage", json!({"imageId": gone["id"]}), "deletedImageId").await;
    forget_jobs(&app).await;
    app.app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(app.sweep().await.requeued, 2);
    assert_eq!(app.sweep().await.requeued, 0, "once is enough");
    app.run_all_jobs().await;
    for id in [&image, &image_again] {
        assert_eq!(status(&ann, id).await["status"], "COMPLETED");
    }
    assert_eq!(app.objects().await.len(), 12, "the deleted one's are gone");
}

#[tokio::test]
async fn images_from_before_there_was_a_search_become_findable() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    seed(&app, "ann@example.com", 30, |_, image| image.details.title = "Älter".to_owned()).await;
    let conn = app.app.db.conn();
    conn.execute_unprepared("DELETE FROM image_search").await.expect("rows");
    conn.execute_unprepared("UPDATE image SET title_key = ''").await.expect("rows");
    let search = "{ images(filter: {search: \"älter\"}) { totalCount } }";
    assert_eq!(ann.send(search, Value::Null).await.0["data"]["images"]["totalCount"], 0);
    assert_eq!(app.sweep().await.indexed, 30);
    assert_eq!(ann.send(search, Value::Null).await.0["data"]["images"]["totalCount"], 30);
    assert_eq!(count(&app, "SELECT count(*) AS count FROM image WHERE title_key = ''").await, 0);
}

#[tokio::test]
async fn one_sweep_runs_at_a_time_and_the_next_one_follows_in_an_hour() {
    let app = TestApp::start().await;
    let (uploads, queue) = (&app.app.services.uploads, &app.app.queue);
    for _ in 0..3 {
        uploads.schedule_sweep().await.map_err(ServiceError::into_anyhow).expect("the queue");
    }
    assert_eq!(app.queued_jobs().await, ["sweep"], "three processes, one sweep");
    let running = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    uploads.schedule_sweep().await.map_err(ServiceError::into_anyhow).expect("the queue");
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "not beside the one that runs");
    assert_eq!(app.app.worker().run_now(Job::Sweep).await.expect("the queue"), Ran::Elsewhere);
    assert!(queue.finish(&running).await.expect("the queue"));
    app.run_all_jobs().await;
    assert_eq!(app.queued_jobs().await, ["sweep"]);
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "not before its time");
    app.app.clock.advance(TimeDelta::minutes(61));
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_some());
}

/// Uploads of every kind of fate, two sweeps at once again and again, and a storage that fails every third call.
#[tokio::test(flavor = "multi_thread")]
async fn no_image_is_lost_and_no_object_left_whatever_the_storage_does() {
    let number = random_seed("sweep");
    let mut lots = StdRng::seed_from_u64(number);
    let unreliable = Unreliable::start().await;
    let mut app = TestApp::start_with(&unreliable.flags()).await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let mut fates: Vec<(Ticket, u8)> = Vec::new();
    app.work();
    let stop = Arc::new(AtomicU64::new(0));
    let sweeping: Vec<_> = (0..2)
        .map(|_| {
            let (uploads, stop) = (app.app.services.uploads.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut sweeps = 0;
                while stop.load(Ordering::Relaxed) == 0 {
                    // It may find the storage away: then it is tried again.
                    let _ = uploads.sweep().await;
                    sweeps += 1;
                }
                sweeps
            })
        })
        .collect();
    for _ in 0..24 {
        let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
        let fate = lots.random_range(0..6);
        if fate > 0 {
            unreliable.store(&ticket, &photo).await;
        }
        if fate > 1 {
            complete_in_time(&ann, &ticket.image).await;
        }
        if fate == 5 {
            ann.mutate("deleteImage", json!({"imageId": ticket.image}), "deletedImageId").await;
        }
        if lots.random_bool(0.2) {
            // Orphan, which is to be gone at the end.
            orphan(&app, &format!("incoming/{}", app.app.clock.new_id())).await;
        }
        app.app.clock.advance(TimeDelta::minutes(lots.random_range(0..4)));
        fates.push((ticket, fate));
    }
    stop.store(1, Ordering::Relaxed);
    for task in sweeping {
        assert!(task.await.expect("a task") > 0, "seed {number}");
    }
    // Two days later, with the storage as it is, and an hour more without a failure, for whatever the last one put off.
    app.stop_work().await;
    for _ in 0..8 {
        app.app.clock.advance(TimeDelta::hours(7));
        let _ = app.app.services.uploads.sweep().await;
        app.app.worker().run_all().await.expect("the queue");
    }
    assert!(unreliable.failures() > 20, "{} calls failed", unreliable.failures());
    unreliable.set(Fails::Never);
    app.app.clock.advance(TimeDelta::hours(1));
    app.run_all_jobs().await;
    let ann = app.user("ann@example.com").await;
    let mut completed = HashSet::new();
    for (ticket, fate) in &fates {
        let expected = match fate {
            0 => json!({"status": "FAILED", "failure": {"code": "UPLOAD_EXPIRED"}}),
            5 => Value::Null,
            _ => json!({"status": "COMPLETED", "failure": null}),
        };
        assert_eq!(status(&ann, &ticket.image).await, expected, "seed {number}, fate {fate}");
        if expected["status"] == "COMPLETED" {
            completed.insert(ticket.image.parse::<ImageId>().expect("an id"));
        }
    }
    let mut objects = std::collections::HashMap::new();
    for key in app.objects().await {
        let id = StorageKey::listed(&*key).image().expect("an image's object");
        assert!(key.starts_with("images/"), "seed {number}: {key}");
        *objects.entry(id).or_insert(0) += 1;
    }
    let expected = completed.into_iter().map(|id| (id, 6)).collect();
    assert_eq!(objects, expected, "seed {number}: original and five variants each, and nothing else");
}

async fn put(app: &TestApp, key: &str) {
    app.app.storage.put(&StorageKey::listed(key), Bytes::from_static(b"x"), "image/jpeg").await.expect("a storage");
}

async fn forget_jobs(app: &TestApp) {
    app.app.db.conn().execute_unprepared("DELETE FROM job").await.expect("rows");
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let conn = app.app.db.conn();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), sql)).await.expect("a count");
    row.expect("a row").try_get("", "count").expect("a number")
}

async fn complete_in_time(client: &Client, image: &str) {
    for _ in 0..20 {
        let payload = client.mutate("completeUpload", json!({"imageId": image}), "image { status }").await;
        if payload.0["errors"].is_null() {
            assert_eq!(payload.user_error_codes(), NONE);
            return;
        }
        assert_eq!(payload.error_code(), "STORAGE_UNAVAILABLE");
    }
    panic!("the storage never answered");
}

async fn orphan(app: &TestApp, key: &str) {
    let key = StorageKey::listed(key);
    while app.app.storage.put(&key, Bytes::from_static(b"x"), "image/jpeg").await.is_err() {}
}
