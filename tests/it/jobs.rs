//! The queue and the worker: leases, fencing, retries, dead letters, one job of an image at a time.

use chrono::TimeDelta;
use darkroom::{
    domain::{
        ids::{ImageId, UserId},
        job::{Job, JobKind},
    },
    queue::{FreeKind, Queue, Revived},
};
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use crate::support::{TestApp, pictures, skip::is_skipped, until};

fn an_image(app: &TestApp) -> ImageId {
    ImageId(app.app.clock.new_id())
}

async fn enqueue(app: &TestApp, job: Job) {
    let now = app.app.clock.now();
    app.app.queue.enqueue(app.app.db.conn(), job, now).await.expect("the queue");
}

fn processing_but_for(busy: UserId) -> [FreeKind; 1] {
    [FreeKind { kind: JobKind::Process, busy: vec![busy] }]
}

async fn states(app: &TestApp) -> Vec<String> {
    let conn = app.app.db.conn();
    let all = Statement::from_string(conn.get_database_backend(), "SELECT state FROM job ORDER BY run_at, id");
    let rows = conn.query_all_raw(all).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "state").expect("a state")).collect()
}

/// Every holder has been silent for a whole lease, and was seen to be.
async fn silence(app: &TestApp) {
    for _ in 0..2 {
        let sql = "UPDATE job SET lease_ends = 0 WHERE state = 'running'";
        app.app.db.conn().execute_unprepared(sql).await.expect("rows");
        app.app.queue.suspect_the_silent().await.expect("the queue");
    }
}

#[tokio::test]
async fn the_same_job_waits_once_and_images_take_turns() {
    let app = TestApp::start().await;
    let (one, other) = (an_image(&app), an_image(&app));
    enqueue(&app, Job::Process { image: one }).await;
    enqueue(&app, Job::Process { image: one }).await;
    enqueue(&app, Job::Discard { image: one }).await;
    enqueue(&app, Job::Process { image: other }).await;
    assert_eq!(app.queued_jobs().await, ["process", "discard", "process"]);
    let queue: &Queue = &app.app.queue;
    let first = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    let second = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    assert_eq!(
        (first.job, second.job),
        (Job::Process { image: one }, Job::Process { image: other }),
        "not two of one image"
    );
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none());
    assert!(queue.finish(&first).await.expect("the queue"));
    let third = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    assert_eq!(third.job, Job::Discard { image: one });
}

#[tokio::test]
async fn the_job_of_a_process_that_ended_is_taken_over_long_before_its_lease_ends() {
    let app = TestApp::start_with(&["--job-lease", "3600"]).await;
    let other = app.beside().await;
    let (Some(mut ours), Some(mut theirs)) = (app.app.queue.presence(), other.queue.presence()) else {
        assert!(app.database_url().is_none(), "PostgreSQL has sessions");
        is_skipped(false, "PostgreSQL");
        return;
    };
    ours.look().await.expect("a lock");
    theirs.look().await.expect("a lock");
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    let held = app.app.queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    for _ in 0..3 {
        theirs.look().await.expect("a look");
        ours.look().await.expect("a look");
        assert!(other.queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "its holder lives");
    }
    drop(ours);
    let mut taken = None;
    until("it is taken over", async || {
        theirs.look().await.expect("a look");
        taken = other.queue.claim(&FreeKind::every()).await.expect("the queue");
        taken.is_some()
    })
    .await;
    assert_eq!(taken.map(|taken| taken.job), Some(held.job));
    assert!(!app.app.queue.finish(&held).await.expect("the queue"), "and whoever had it can do nothing any more");
}

#[tokio::test]
async fn who_lost_the_lease_can_do_nothing_any_more() {
    let app = TestApp::start().await;
    let queue = &app.app.queue;
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    let slow = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    silence(&app).await;
    assert!(queue.heartbeat(&slow).await.expect("the queue"));
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "the heartbeat renewed it");
    silence(&app).await;
    let quick = queue.claim(&FreeKind::every()).await.expect("the queue").expect("the same job");
    assert_eq!(quick.id, slow.id);
    assert!(!queue.heartbeat(&slow).await.expect("the queue"));
    assert!(!queue.retry(&slow, "late").await.expect("the queue"));
    assert!(!queue.finish(&slow).await.expect("the queue"));
    assert!(!queue.mark_dead(&slow).await.expect("the queue"));
    assert_eq!(states(&app).await, ["running"]);
    assert!(queue.finish(&quick).await.expect("the queue"));
    assert_eq!(states(&app).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_clock_that_is_set_forward_takes_no_job_from_a_holder_that_beats() {
    let app = TestApp::start().await;
    let queue = &app.app.queue;
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    let held = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
    for _ in 0..10 {
        // Our clock says a day; the database's says that every lease ran out at once.
        app.app.clock.advance(TimeDelta::days(1));
        let sql = "UPDATE job SET lease_ends = lease_ends - 86400000";
        app.app.db.conn().execute_unprepared(sql).await.expect("rows");
        queue.suspect_the_silent().await.expect("the queue");
        assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "it may be alive");
        assert!(queue.heartbeat(&held).await.expect("the queue"), "and is");
    }
    assert!(queue.finish(&held).await.expect("the queue"));
}

#[tokio::test]
async fn an_outage_is_no_attempt() {
    let app = TestApp::start().await;
    let queue = &app.app.queue;
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    for _ in 0..50 {
        let claimed = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
        assert!(!claimed.is_exhausted, "it was never at fault");
        assert!(queue.postpone(&claimed, "the storage is away").await.expect("the queue"));
        assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none(), "not at once");
        app.app.clock.advance(TimeDelta::seconds(91));
    }
}

#[tokio::test]
async fn owners_take_turns_and_a_busy_one_is_passed_over() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.user("ann@example.com").await, app.user("ben@example.com").await);
    let mut owners = Vec::new();
    for client in [&ann, &ann, &ann, &ben] {
        client.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
        app.app.clock.advance(TimeDelta::seconds(1));
    }
    let queue = &app.app.queue;
    while let Some(claimed) = queue.claim(&FreeKind::every()).await.expect("the queue") {
        owners.push(claimed.owner.expect("an image's owner"));
    }
    let (first, second) = (owners[0], owners[1]);
    assert_ne!(first, second, "whoever comes later does not wait for all of those before");
    assert_eq!(owners, [first, second, first, first]);
    ann.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    assert!(queue.claim(&processing_but_for(first)).await.expect("the queue").is_none(), "it has as many as it may");
    assert!(queue.claim(&processing_but_for(second)).await.expect("the queue").is_some());
}

#[tokio::test]
async fn retries_come_later_each_time_and_end() {
    let app = TestApp::start().await;
    let queue = &app.app.queue;
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    let mut pauses = Vec::new();
    loop {
        let claimed = queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
        if claimed.is_exhausted {
            assert!(queue.mark_dead(&claimed).await.expect("the queue"));
            break;
        }
        assert!(queue.retry(&claimed, "away").await.expect("the queue"));
        let mut pause = 0;
        while queue.claim(&FreeKind::every()).await.expect("the queue").is_none() {
            app.app.clock.advance(TimeDelta::seconds(1));
            pause += 1;
            if let Some(next) = queue.claim(&FreeKind::every()).await.expect("the queue") {
                // Looked at and handed back at once: it counts as no attempt.
                assert!(queue.release(&next).await.expect("the queue"));
                break;
            }
        }
        pauses.push(pause);
    }
    assert_eq!(pauses.len(), 20);
    assert!((2..=4).contains(&pauses[0]) && pauses[1] >= 4, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= 901), "{pauses:?}");
    assert_eq!(states(&app).await, ["dead"]);
    assert!(queue.claim(&FreeKind::every()).await.expect("the queue").is_none());
}

#[tokio::test]
async fn a_job_that_kills_its_process_dies_and_its_image_fails_with_the_original_kept() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    for _ in 0..5 {
        let claimed = app.app.queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
        assert!(!claimed.is_exhausted);
        // The process dies without a word.
        silence(&app).await;
    }
    app.run_all_jobs().await;
    let failed = ann.image(&image).await;
    assert_eq!(failed["failure"]["code"], "PROCESSING_FAILED");
    assert_eq!(failed["existsInStorage"], true, "the bytes are not to blame");
    assert_eq!(states(&app).await.iter().filter(|state| *state == "dead").count(), 1);
    let payload = ann.mutate("generateVariants", json!({"imageId": image}), "image { status }").await;
    assert_eq!(payload.0["image"]["status"], "PROCESSING");
    app.run_all_jobs().await;
    assert_eq!(ann.image(&image).await["status"], "COMPLETED", "the second life");
    // The operator revives the dead job after that: there is nothing to be done.
    let dead = app.app.queue.list(true).await.expect("the queue");
    assert_eq!(app.app.services.uploads.revive(&dead[0]).await.expect("a database"), Revived::NotNeeded);
    assert_eq!(ann.image(&image).await["status"], "COMPLETED");
}

#[tokio::test]
async fn discarding_is_never_given_up() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    for _ in 0..30 {
        app.app.queue.claim(&FreeKind::every()).await.expect("the queue").expect("a job");
        silence(&app).await;
    }
    app.run_all_jobs().await;
    assert_eq!((app.objects().await, app.queued_jobs().await), (vec![], vec!["forget"]));
    app.app.clock.advance(TimeDelta::seconds(61));
    app.run_all_jobs().await;
    assert_eq!(states(&app).await, [] as [&str; 0]);
    let id = image["id"].as_str().expect("an id").parse().expect("an id");
    let row = darkroom::db::images::find(app.app.db.conn(), id).await.expect("the database");
    assert!(row.is_none(), "nothing is left of it");
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_ends_its_job_first() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::jpeg(&pictures::drawing(3000, 2000));
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED);
    let mut watcher = crate::support::socket::Socket::of(&app, &ann).await;
    watcher.watch(&ticket.image).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(app.app.worker().run(stop.clone()));
    ann.complete(&ticket.image).await;
    while watcher.event("uploadProgress").await["variant"].is_null() {}
    stop.cancel();
    worker.await.expect("an end");
    assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
    assert!(!app.queued_jobs().await.contains(&"process"));
}

#[tokio::test]
async fn a_kind_that_has_no_slot_holds_up_no_other() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        enqueue(&app, Job::Process { image: an_image(&app) }).await;
    }
    let image = an_image(&app);
    enqueue(&app, Job::Discard { image }).await;
    let but_images: Vec<FreeKind> =
        FreeKind::every().into_iter().filter(|free| free.kind != JobKind::Process).collect();
    let claimed = app.app.queue.claim(&but_images).await.expect("the queue").expect("a job");
    assert_eq!(claimed.job, Job::Discard { image });
    assert!(app.app.queue.claim(&but_images).await.expect("the queue").is_none());
    assert!(app.app.queue.claim(&[]).await.expect("the queue").is_none(), "nothing is free");
}

#[tokio::test]
async fn jobs_of_a_newer_version_are_left_to_it() {
    let app = TestApp::start().await;
    for (kind, state) in [("scan", "queued"), ("mail", "running")] {
        let sql = format!(
            "INSERT INTO job (id, payload, dedupe_key, subject, owner, state, attempts, deaths, run_at, created_at, \
             is_suspected) VALUES ($1, '{{\"kind\": \"{kind}\", \"to\": 7}}', '{kind}:7', $1, $1, '{state}', 0, 0, $2, $2, TRUE)"
        );
        let conn = app.app.db.conn();
        let values = [app.app.clock.new_id().into(), app.app.clock.now().into()];
        let insert = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
        conn.execute_raw(insert).await.expect("a row");
    }
    let ann = app.user("ann@example.com").await;
    ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    app.run_all_jobs().await;
    assert_eq!(states(&app).await, ["queued", "running"], "neither claimed nor killed");
    assert_eq!(app.queued_jobs().await, [] as [&str; 0], "what cannot be read is passed over");
    // What it should be able to read, and cannot, dies at once, and the next one runs.
    enqueue(&app, Job::Process { image: an_image(&app) }).await;
    app.app.db.conn().execute_unprepared("UPDATE job SET payload = '[]' WHERE kind = 'process'").await.expect("rows");
    let ben = ann.upload("b.jpg", "image/jpeg", pictures::small_jpeg()).await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(&ben).await["status"], "COMPLETED");
    assert_eq!(app.app.queue.list(true).await.expect("the queue").len(), 1);
}

#[tokio::test]
async fn what_died_runs_again_when_the_operator_says_so() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let gone = ann.upload("b.jpg", "image/jpeg", pictures::small_jpeg()).await;
    app.app.db.conn().execute_unprepared("UPDATE job SET attempts = 20 WHERE kind = 'process'").await.expect("rows");
    app.run_all_jobs().await;
    assert_eq!(ann.image(&image).await["failure"]["code"], "PROCESSING_FAILED");
    ann.mutate("deleteImage", json!({"imageId": gone}), "deletedImageId").await;
    let dead = app.app.queue.list(true).await.expect("the queue");
    assert_eq!(dead.iter().map(|job| (&*job.kind, &*job.state)).collect::<Vec<_>>(), [("process", "dead"); 2]);
    for job in &dead {
        let is_there = job.subject.to_string() == image;
        let expected = if is_there { Revived::Queued } else { Revived::NotNeeded };
        assert_eq!(app.app.services.uploads.revive(job).await.expect("a database"), expected);
        let again = app.app.services.uploads.revive(job).await.expect("a database");
        assert_eq!(again, Revived::NotNeeded, "once is enough");
    }
    app.run_all_jobs().await;
    assert_eq!(ann.image(&image).await["status"], "COMPLETED");
    assert_eq!(app.app.queue.list(true).await.expect("the queue").len(), 0);
}
