//! Between processes: what happens in one is heard in the others, by NOTIFY and by Redis; after each gap they look for it.

use std::{net::TcpListener, process::Stdio, time::Duration};

use darkroom::{
    app::App,
    clock::Clock,
    db,
    domain::{error::ServiceError, ids::ImageId, image::ImageStatus, job::Job, variant::VariantName},
    events::{Carrier, Happened, Heard, Relay, Topic},
};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use crate::support::{TestApp, library::seed, pictures, skip::is_skipped, until, variable};

const PATIENCE: Duration = Duration::from_mins(1);

/// Whatever carries hints here.
fn carriers(app: &TestApp) -> Vec<Carrier> {
    let postgres = app.database_url().map(|url| Carrier::Postgres(url.to_owned()));
    postgres.into_iter().chain(variable("TEST_REDIS").map(redis)).collect()
}

/// With a channel of its own, as each installation has it.
fn redis(url: String) -> Carrier {
    Carrier::Redis { url, channel: format!("darkroom:{}", Clock::default().new_id()) }
}

/// The next thing that is heard of one image.
async fn of_image(relay: &mut Relay, image: ImageId) -> Happened {
    loop {
        if let Heard::Hints(hints) = heard(relay).await
            && let Some(happened) = hints.images.into_iter().find(|happened| happened.image == image)
        {
            return happened;
        }
    }
}

async fn heard(relay: &mut Relay) -> Heard {
    timeout(PATIENCE, relay.next()).await.expect("something in time")
}

/// Two processes that hear each other.
async fn connected(app: &App, other: &App, carrier: &Carrier) -> (Relay, Relay) {
    let one = app.hub.connect(carrier.clone(), app.clock.new_id());
    let mut two = other.hub.connect(carrier.clone(), other.clock.new_id());
    until("both are connected", async || {
        [&one, &two].iter().all(|relay| relay.connectivity().load(std::sync::atomic::Ordering::Relaxed))
    })
    .await;
    // Messages come in their order: behind this one, nothing is left of what the first said when it connected.
    app.hub.tell_of_jobs();
    while !matches!(heard(&mut two).await, Heard::Hints(hints) if hints.has_jobs) {}
    (one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_of_every_change_in_another_process_as_it_happens() {
    let app = TestApp::start_alone().await;
    let carriers = carriers(&app);
    if is_skipped(!carriers.is_empty(), "PostgreSQL or Redis") {
        return;
    }
    let other = app.beside().await;
    let ann = app.user("ann@example.com").await;
    for carrier in carriers {
        let (_one, mut two) = connected(&app.app, &other, &carrier).await;
        let image = ann.upload("a.jpg", "image/jpeg", pictures::jpeg(&pictures::drawing(640, 480))).await;
        let image = image.parse::<ImageId>().expect("an id");
        let mut watch = other.hub.watch(Topic::Image(image));
        app.run_all_jobs().await;
        let row = db::images::find(app.app.db.conn(), image).await.expect("a database").expect("a row");
        let mut told = vec![of_image(&mut two, image).await];
        while told.last().is_some_and(|last| last.revision < row.revision) {
            told.push(of_image(&mut two, image).await);
        }
        other.services.uploads.hear(&told).await.map_err(ServiceError::into_anyhow).expect("the rows");
        let progress = timeout(PATIENCE, watch.next()).await.expect("a state");
        assert_eq!((progress.image.status(), progress.variants.len()), (ImageStatus::Completed, 5));
        let made_ready = told.iter().filter_map(|happened| happened.made_ready.as_ref());
        let made_ready: Vec<&str> = made_ready.map(VariantName::as_str).collect();
        assert_eq!(made_ready, ["thumbnail", "small", "medium", "large", "webp"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_are_all_told_and_jobs_too() {
    let app = TestApp::start_alone().await;
    let carriers = carriers(&app);
    if is_skipped(!carriers.is_empty(), "PostgreSQL or Redis") {
        return;
    }
    let other = app.beside().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 100, |_, _| {}).await;
    let ids: Vec<String> = images.iter().map(|image| image.id.to_string()).collect();
    for carrier in carriers {
        let (_one, mut two) = connected(&app.app, &other, &carrier).await;
        for change in ["addTags", "removeTags"] {
            let input = json!({"imageIds": ids, change: ["new"]});
            let changed = ann.mutate("updateImages", input, "results { imageId }").await;
            assert_eq!(changed.0["results"].as_array().map(Vec::len), Some(100), "{}", changed.0);
        }
        let mut missing: Vec<ImageId> = images.iter().map(|image| image.id).collect();
        while !missing.is_empty() {
            let Heard::Hints(hints) = heard(&mut two).await else { panic!("a gap") };
            assert!(hints.images.iter().all(|happened| happened.has_events));
            missing.retain(|id| hints.images.iter().all(|happened| happened.image != *id));
        }
        app.app.queue.enqueue(app.app.db.conn(), Job::Sweep, app.app.clock.now()).await.expect("a job");
        app.app.hub.tell_of_jobs();
        while !matches!(heard(&mut two).await, Heard::Hints(hints) if hints.has_jobs) {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_again_and_leaves_a_gap() {
    let app = TestApp::start_alone().await;
    let Some(url) = app.database_url().map(str::to_owned) else {
        is_skipped(false, "PostgreSQL");
        return;
    };
    let other = app.beside().await;
    let (_one, mut two) = connected(&app.app, &other, &Carrier::Postgres(url)).await;
    let ann = app.user("ann@example.com").await;
    let image = seed(&app, "ann@example.com", 1, |_, _| {}).await.remove(0);
    // Theirs are the sessions that wait for nothing but a notification, or sent one last.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
               AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%') AND pid <> pg_backend_pid()";
    app.app.db.conn().execute_unprepared(end).await.expect("to be ended");
    assert_eq!(heard(&mut two).await, Heard::Gap);
    until("it is connected again", async || {
        ann.mutate("updateImage", json!({"imageId": image.id.to_string(), "title": "Again"}), "image { id }").await;
        ann.mutate("updateImage", json!({"imageId": image.id.to_string(), "title": "And again"}), "image { id }").await;
        matches!(timeout(Duration::from_millis(50), two.next()).await, Ok(Heard::Hints(_)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_is_a_gap() {
    let app = TestApp::start_alone().await;
    let Some(url) = app.database_url().map(str::to_owned) else {
        is_skipped(false, "PostgreSQL");
        return;
    };
    let other = app.beside().await;
    let (_one, mut two) = connected(&app.app, &other, &Carrier::Postgres(url)).await;
    let conn = app.app.db.conn();
    let newer = r#"{"from": "00000000-0000-0000-0000-000000000000", "has_jobs": true, "colour": "green"}"#;
    let say_newer = format!("SELECT pg_notify('darkroom', '{newer}')");
    // They come in their order: behind this, nothing is left of what was said when the two were connected.
    conn.execute_unprepared(&say_newer).await.expect("to be sent");
    while heard(&mut two).await == Heard::Gap {}
    for text in
        ["", "null", "{", r#"{"from": 7}"#, r#"{"from": "00000000-0000-0000-0000-000000000000", "images": [7]}"#]
    {
        let literal = text.replace('\'', "''");
        conn.execute_unprepared(&format!("SELECT pg_notify('darkroom', '{literal}')")).await.expect("to be sent");
        assert_eq!(heard(&mut two).await, Heard::Gap, "{text}");
    }
    conn.execute_unprepared(&say_newer).await.expect("to be sent");
    assert!(matches!(heard(&mut two).await, Heard::Hints(hints) if hints.has_jobs));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_still_is_a_broken_connection() {
    let app = TestApp::start_alone().await;
    if is_skipped(variable("TEST_REDIS").is_some(), "Redis") {
        return;
    }
    // One of its own: the others' connections are not to break.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port().to_string();
    let folder = TempDir::new().expect("a folder");
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--dir"]).arg(folder.path());
    let server = server.stdout(Stdio::null()).kill_on_drop(true).spawn().expect("redis-server");
    let (url, pid) = (format!("redis://127.0.0.1:{port}"), server.id().expect("a process").to_string());
    let other = app.beside().await;
    let (_one, two) = connected(&app.app, &other, &redis(url)).await;
    let is_connected = two.connectivity();
    let signal = async |name: &str| {
        assert!(Command::new("kill").args([name, &pid]).status().await.expect("kill").success());
    };
    signal("-STOP").await;
    until("it is told that nothing arrives", async || !is_connected.load(std::sync::atomic::Ordering::Relaxed)).await;
    signal("-CONT").await;
    until("it is connected again", async || is_connected.load(std::sync::atomic::Ordering::Relaxed)).await;
}
