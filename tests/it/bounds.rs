//! What one caller can take from the others: points, turns, connections, bodies, log-ins, room on the disk.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use async_graphql::{Request, Variables};
use chrono::TimeDelta;
use darkroom::graphql::{
    admission::{Access, Admission},
    limits::OperationLimits,
};
use reqwest::{StatusCode, multipart::Part};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    TestApp,
    client::{ADMIN_PASSWORD, Client},
    pictures,
    skip::is_skipped,
    socket::Socket,
    until,
};

const LIST: &str = "{ images(first: 10) { nodes { id title } } }";

async fn post(app: &TestApp, client: &Client, body: Value) -> reqwest::Response {
    let mut request = client.http.post(app.url("/graphql")).json(&body);
    request = request.header("accept", "application/graphql-response+json, application/json");
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("an answer")
}

#[test]
fn docs_limits_says_what_common_operations_cost() {
    let text = std::fs::read_to_string("docs/limits.md").expect("the document");
    let admission = Admission::new(OperationLimits::default());
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for line in text.lines() {
        let Some((points, operation)) = line.strip_prefix("| ").and_then(|row| row.split_once(" | `")) else {
            continue;
        };
        let Ok(points) = points.parse::<u64>() else { continue };
        let operation = operation.trim_end_matches("` |");
        let request = Request::new(operation).variables(Variables::from_json(json!({})));
        let requested =
            admission.admit(request, Access::Full).map_err(|error| error.message).expect("admitted").requested;
        if requested.points != points {
            wrong.push(format!("{} {operation}", requested.points));
        }
        seen += 1;
    }
    assert_eq!((seen, wrong), (12, Vec::<String>::new()));
}

#[test]
fn every_list_of_the_schema_says_how_long_it_is() {
    use async_graphql::parser::{
        parse_schema,
        types::{BaseType, TypeKind, TypeSystemDefinition},
    };
    let sdl = darkroom::graphql::sdl();
    let mut silent = Vec::new();
    for definition in parse_schema(&sdl).expect("a schema").definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let TypeKind::Object(object) = &definition.node.kind else { continue };
        for field in &object.fields {
            let is_list = matches!(field.node.ty.node.base, BaseType::List(_));
            let of_objects =
                sdl.contains(&format!("\ntype {} ", field.node.ty.node.to_string().trim_matches(['[', ']', '!'])));
            let says = field.node.directives.iter().any(|directive| directive.node.name.node == "listSize");
            // What a mutation was refused for, an edge or a node of a connection: their parents say it.
            let is_told_above =
                ["userErrors", "edges", "nodes", "results", "parts"].contains(&field.node.name.node.as_str());
            if is_list && of_objects && !says && !is_told_above {
                silent.push(format!("{}.{}", definition.node.name.node, field.node.name.node));
            }
        }
    }
    assert_eq!(silent, [] as [String; 0]);
}

#[tokio::test]
async fn points_are_spent_by_http_and_sockets_alike_and_the_answer_says_what_is_left() {
    let app = TestApp::start_with(&["--rate-limit-points", "500", "--rate-limit-restore", "1"]).await;
    let (ann, ben) = (app.user("ann@example.com").await, app.user("ben@example.com").await);
    let with_cost = json!({"query": LIST, "extensions": {"cost": true}});
    let answer: Value = post(&app, &ann, with_cost).await.json().await.expect("JSON");
    let cost = &answer["extensions"]["cost"];
    let requested = cost["requested"].as_u64().expect("points");
    assert_eq!((cost["restoreRate"].as_u64(), cost["remaining"].as_u64()), (Some(1), Some(500 - requested)));
    assert!(cost["actual"].as_u64().expect("points") < requested, "an empty list: {cost}");
    let search = "query($text: String!) { images(first: 1, filter: {search: $text}) { totalCount } }";
    let searched = json!({"query": search, "variables": {"text": "lake"}, "extensions": {"cost": true}});
    let rich = app.user("cleo@example.com").await;
    let searched: Value = post(&app, &rich, searched).await.json().await.expect("JSON");
    let searched = &searched["extensions"]["cost"];
    let [asked, actual] = ["requested", "actual"].map(|name| searched[name].as_u64().expect("points"));
    assert!(actual <= asked && actual > asked / 2, "what the arguments cost is spent, too: {searched}");
    let types = json!({"query": "{ __schema { types { name kind } } }", "extensions": {"cost": true}});
    let told: Value = post(&app, &ann, types).await.json().await.expect("JSON");
    let told = &told["extensions"]["cost"];
    assert!(told["actual"].as_u64().expect("points") <= told["requested"].as_u64().expect("points"), "{told}");
    let plain: Value = post(&app, &ann, json!({"query": LIST})).await.json().await.expect("JSON");
    assert_eq!(plain["extensions"], Value::Null, "told to those who ask");
    let refused = loop {
        let answer = post(&app, &ann, json!({"query": LIST})).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    let error = refused.json::<Value>().await.expect("JSON")["errors"][0].clone();
    let extensions = &error["extensions"];
    assert_eq!((&extensions["code"], extensions["retryAfter"].as_u64()), (&json!("RATE_LIMITED"), Some(wait)));
    assert_eq!(extensions["requested"], requested);
    assert!((1..=requested).contains(&wait) && error["message"].as_str().expect("text").contains("points"), "{error}");
    let mut socket = Socket::at(&app.address.to_string(), &ann).await;
    socket.subscribe("1", LIST, Value::Null).await;
    let refused = socket.receive().await;
    assert_eq!(
        (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("RATE_LIMITED"))
    );
    assert_eq!(ben.send(LIST, Value::Null).await.0["errors"], Value::Null, "others have their own");
    let spent: Vec<StatusCode> = {
        let mut spent = Vec::new();
        for _ in 0..20 {
            spent.push(post(&app, &app.anonymous(), json!({"query": "{"})).await.status());
        }
        spent
    };
    assert!(spent.contains(&StatusCode::TOO_MANY_REQUESTS), "reading what is no document costs too: {spent:?}");
}

#[tokio::test]
async fn whoever_guesses_passwords_waits_longer_each_time_and_takes_the_owner_nothing() {
    let app = TestApp::start_with(&["--trusted-proxies", "127.0.0.1"]).await;
    let log_in = async |address: &str, password: &str| {
        let query =
            "mutation($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { code } } }";
        let input = json!({"input": {"email": "admin@localhost", "password": password}});
        let request = reqwest::Client::new().post(app.url("/graphql")).header("x-forwarded-for", address);
        let answer = request.json(&json!({"query": query, "variables": input})).send().await.expect("an answer");
        let retry_after = answer.headers().get("retry-after").map(|seconds| seconds.to_str().expect("text").to_owned());
        (answer.status(), retry_after, answer.json::<Value>().await.expect("JSON"))
    };
    assert!(log_in("192.0.2.1", ADMIN_PASSWORD).await.2["data"]["logIn"]["session"].is_object());
    for _ in 0..5 {
        let (_, _, answer) = log_in("192.0.2.66", "guess").await;
        assert_eq!(answer["data"]["logIn"]["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    }
    let (status, retry_after, answer) = log_in("192.0.2.66", ADMIN_PASSWORD).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED", "whatever the password");
    assert_eq!((status, retry_after.as_deref()), (StatusCode::TOO_MANY_REQUESTS, Some("1")));
    app.app.clock.advance(TimeDelta::seconds(1));
    log_in("192.0.2.66", "guess").await;
    assert_eq!(log_in("192.0.2.66", "guess").await.1.as_deref(), Some("2"));
    for address in 70..120 {
        log_in(&format!("192.0.2.{address}"), "guess").await;
    }
    assert_eq!(log_in("192.0.2.200", "guess").await.0, StatusCode::TOO_MANY_REQUESTS, "from everywhere at once");
    assert!(log_in("192.0.2.1", ADMIN_PASSWORD).await.2["data"]["logIn"]["session"].is_object(), "its owner gets in");
}

#[tokio::test]
async fn passwords_of_administrators_are_not_short() {
    let folder = tempfile::TempDir::new().expect("a folder");
    for password in ["", "short"] {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.env("ADMIN_PASSWORD", password).env("BIND", "127.0.0.1:0").env("DATA_DIR", folder.path());
        let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
        let ended = ended.expect("an end").expect("a process");
        assert!(!ended.status.success());
        assert!(String::from_utf8_lossy(&ended.stderr).contains("ADMIN_PASSWORD"));
    }
    let database = std::fs::metadata(folder.path().join("darkroom.sqlite")).expect("a database");
    assert_eq!(database.permissions().mode() & 0o777, 0o600, "nobody else reads it");
}

#[tokio::test]
async fn a_log_in_that_ends_takes_its_sockets_along_and_a_hiccup_does_not() {
    let app = TestApp::start().await;
    let query = "mutation($input: LogInInput!) { logIn(input: $input) { session { accessToken refreshToken } } }";
    let log_in = async || {
        let input = json!({"input": {"email": "admin@localhost", "password": ADMIN_PASSWORD}});
        let session = app.anonymous().send(query, input).await.0["data"]["logIn"]["session"].clone();
        let token = session["accessToken"].as_str().expect("a token").to_owned();
        (Client::new(app.url("/graphql"), Some(token)), session["refreshToken"].clone())
    };
    let (first, _) = log_in().await;
    let (second, refresh) = log_in().await;
    let (mut ends, mut stays) = (Socket::of(&app, &first).await, Socket::of(&app, &second).await);
    first.send("mutation { logOut { userErrors { code } } }", Value::Null).await;
    assert_eq!(ends.close_frame().await.0, 4403);
    stays.subscribe("1", "{ me { email } }", Value::Null).await;
    assert_eq!(stays.receive().await["payload"]["data"]["me"]["email"], "admin@localhost");
    // A refresh token that is used again after a while is in the hands of two: nobody goes on with it.
    let refresh = json!({"refreshToken": refresh});
    let next = second.mutate("refreshSession", refresh.clone(), "session { refreshToken accessToken }").await;
    let next = next.0["session"].clone();
    app.app.clock.advance(TimeDelta::seconds(10));
    assert_eq!(
        second.mutate("refreshSession", refresh, "session { accessToken }").await.user_error_codes(),
        ["INVALID_TOKEN"]
    );
    let token = next["accessToken"].as_str().expect("a token").to_owned();
    let newest = Client::new(app.url("/graphql"), Some(token));
    assert_eq!(newest.send("{ me { id } }", Value::Null).await.0["data"]["me"], Value::Null);
    assert_eq!(stays.close_frame().await.0, 4403);
    let later = json!({"refreshToken": next["refreshToken"]});
    assert_eq!(
        second.mutate("refreshSession", later, "session { accessToken }").await.user_error_codes(),
        ["INVALID_TOKEN"]
    );

    let (third, _) = log_in().await;
    app.app.db.conn().execute_unprepared("ALTER TABLE session RENAME TO lost").await.expect("the database");
    let mut socket = Socket::open(&app).await;
    let payload = json!({"Authorization": format!("Bearer {}", third.token.expect("a token"))});
    socket.send(json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(socket.close_frame().await.0, 1013, "it may come again");
}

#[tokio::test]
async fn frames_that_are_too_large_or_no_text_are_told_apart() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(&app).await;
    socket.send_text(&"x".repeat(300 * 1024)).await;
    assert_eq!(socket.close_frame().await.0, 1009);
    let mut socket = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    let head = format!(
        "GET /graphql HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
        app.address
    );
    socket.write_all(head.as_bytes()).await.expect("to be heard");
    // A masked text frame of one byte that begins no character.
    socket.write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.expect("to be heard");
    let mut answer = Vec::new();
    while !answer.windows(2).any(|pair| pair == 1007_u16.to_be_bytes()) {
        let mut buffer = [0; 1024];
        let read = socket.read(&mut buffer).await.expect("an answer");
        assert!(read > 0, "no code: {answer:?}");
        answer.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let app = TestApp::start().await;
    let mut socket = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n",
        app.address
    );
    socket.write_all(head.as_bytes()).await.expect("to be heard");
    let mut answer = [0; 64];
    let read = socket.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_nobody_waits_for_ends_and_others_go_on_beside_it() {
    let app = TestApp::start().await;
    let ann = darkroom::domain::ids::UserId(app.app.clock.new_id());
    let ben = darkroom::domain::ids::UserId(app.app.clock.new_id());
    let db = &app.app.db;
    let endless = if app.database_url().is_some() {
        "SELECT pg_sleep(3600)"
    } else {
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    };
    for _ in 0..10 {
        let mut all = Vec::new();
        for _ in 0..4 {
            let read = async {
                let read = db.slow_read(ann).await.expect("a turn");
                read.conn().expect("a connection").execute_unprepared(endless).await
            };
            all.push(read);
        }
        let given_up = tokio::time::timeout(Duration::from_millis(100), futures_util::future::join_all(all)).await;
        assert!(given_up.is_err(), "it would take for ever");
        let others = db.slow_read(ben).await.expect("a turn");
        others.conn().expect("a connection").execute_unprepared("SELECT 1").await.expect("an answer");
        others.finish();
    }
    // All connections come back, and whatever ran on them has ended.
    let read = db.slow_read(ann).await.expect("a turn");
    read.conn().expect("a connection").execute_unprepared("SELECT 1").await.expect("an answer");
    read.finish();
}

#[tokio::test]
async fn unfinished_uploads_are_bounded_in_number_and_size() {
    let app = TestApp::start_with(&["--max-unfinished-uploads", "3", "--max-unfinished-bytes", "10000"]).await;
    let ann = app.user("ann@example.com").await;
    let category = ann.general().await;
    let request = async |size: u64| {
        let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": size, "categoryId": category});
        ann.mutate("requestUpload", input, "upload { image { id } }").await
    };
    assert_eq!(request(10_001).await.user_error_codes(), ["QUOTA_EXCEEDED"]);
    let first = request(8000).await;
    assert_eq!(request(4000).await.user_error_codes(), ["QUOTA_EXCEEDED"]);
    for _ in 0..2 {
        assert_eq!(request(100).await.user_error_codes(), [] as [&str; 0]);
    }
    assert_eq!(request(100).await.user_error_codes(), ["QUOTA_EXCEEDED"], "three are unfinished");
    let id = first.text("/upload/image/id").to_owned();
    ann.mutate("cancelUpload", json!({"imageId": id}), "cancelledImageId").await;
    assert_eq!(request(100).await.user_error_codes(), [] as [&str; 0]);
    assert_eq!(request(100).await.user_error_codes(), ["QUOTA_EXCEEDED"]);
    app.app.clock.advance(TimeDelta::minutes(61));
    assert_eq!(request(100).await.user_error_codes(), [] as [&str; 0], "tickets end");
}

#[tokio::test]
async fn what_is_stored_without_room_goes_when_its_ticket_ends() {
    let photo = pictures::small_jpeg();
    let app = TestApp::start_with(&["--storage-quota", &(photo.len() * 3 / 2).to_string()]).await;
    let ann = app.user("ann@example.com").await;
    let waits = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(waits.post(photo.clone()).await, StatusCode::CREATED);
    // Another takes the room, by a ticket that was issued when this one's had ended.
    app.app.clock.advance(TimeDelta::minutes(61));
    let taken = ann.ticket("b.jpg", "image/jpeg", photo.len()).await;
    assert_eq!(taken.post(photo.clone()).await, StatusCode::CREATED);
    ann.complete(&taken.image).await;
    app.run_all_jobs().await;
    app.sweep().await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(&waits.image).await["failure"]["code"], "UPLOAD_EXPIRED");
    assert!(app.objects().await.iter().all(|key| !key.contains(&waits.image)), "nothing of it is left");
    assert_eq!(ann.image(&taken.image).await["status"], "COMPLETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_runs_under_a_ticket_and_it_is_the_newest() {
    let app = TestApp::start().await;
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    let writing = || std::fs::read_dir(app.data_dir.path().join("storage/writing")).expect("a folder").count();
    let mut running: Option<tokio::task::JoinHandle<_>> = None;
    let mut senders = Vec::new();
    for _ in 0..10 {
        let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
        let form = ticket.form(Part::stream_with_length(body, photo.len() as u64));
        let post = tokio::spawn(reqwest::Client::new().post(&ticket.url).multipart(form).send());
        send.send(Ok(vec![1; 5000].into())).await.expect("to go on");
        senders.push(send);
        if let Some(before) = running.replace(post) {
            assert_given_up(before).await;
        }
        until("one is written", async || writing() == 1).await;
    }
    assert_eq!(ticket.post(photo).await, StatusCode::CREATED, "whoever posts again is not kept waiting");
    assert_given_up(running.expect("the last")).await;
    until("nothing is half-written", async || writing() == 0).await;
    ann.complete(&ticket.image).await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(&ticket.image).await["status"], "COMPLETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_in_for_an_upload_that_has_ended() {
    let app = TestApp::start().await;
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let ann = app.user("ann@example.com").await;
    let writing = || std::fs::read_dir(app.data_dir.path().join("storage/writing")).expect("a folder").count();
    for is_before in [true, false] {
        let ticket = ann.ticket("a.jpg", "image/jpeg", 100_000).await;
        let cancel = async || {
            let cancelled = ann.mutate("cancelUpload", json!({"imageId": ticket.image}), "cancelledImageId").await;
            assert_eq!(cancelled.user_error_codes(), [""; 0]);
            app.run_all_jobs().await;
        };
        if is_before {
            cancel().await;
        }
        let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
        let form = ticket.form(Part::stream_with_length(body, 100_000));
        let post = tokio::spawn(reqwest::Client::new().post(&ticket.url).multipart(form).send());
        send.send(Ok(vec![1; 50_000].into())).await.expect("to go on");
        if !is_before {
            until("half of it", async || writing() == 1).await;
            cancel().await;
        }
        assert_given_up(post).await;
        until("nothing is half-written", async || writing() == 0).await;
        assert_eq!(app.objects().await, [""; 0]);
    }
}

async fn assert_given_up(post: tokio::task::JoinHandle<reqwest::Result<reqwest::Response>>) {
    // An answer that comes before the body has gone may be lost on its way.
    if let Ok(answer) = post.await.expect("an end") {
        assert_eq!(answer.status(), StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn filenames_hide_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let category = ann.general().await;
    for (name, is_taken) in [
        ("photo\u{202e}gpj.jpg", false),
        ("a\u{200b}.jpg", false),
        ("\u{feff}a.jpg", false),
        ("\u{2066}a.jpg", false),
        ("사진 👨\u{200d}👩\u{200d}👧.jpg", true),
        ("می\u{200c}خواهم.jpg", true),
    ] {
        let input = json!({"filename": name, "contentType": "image/jpeg", "fileSize": 10, "categoryId": category});
        let codes = ann.mutate("requestUpload", input, "upload { url }").await;
        let expected: &[&str] = if is_taken { &[] } else { &["INVALID_FILENAME"] };
        assert_eq!(codes.user_error_codes(), expected, "{name:?}");
    }
}

#[tokio::test]
async fn making_variants_again_draws_on_the_callers_points() {
    let app = TestApp::start_with(&["--rate-limit-points", "3000", "--rate-limit-restore", "1"]).await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let mut made = 0;
    let refused = loop {
        let answer = ann.mutate("generateVariants", json!({"imageId": image["id"]}), "image { id }").await;
        if !answer.0["errors"].is_null() {
            break answer;
        }
        app.run_all_jobs().await;
        made += 1;
    };
    assert!((1..=3).contains(&made), "{made} times");
    assert_eq!(refused.error_code(), "RATE_LIMITED");
    assert_eq!(app.queued_jobs().await, [] as [&str; 0]);
}

#[test]
fn what_is_spread_costs_what_it_costs_inline() {
    let admission = Admission::new(OperationLimits::default());
    let cost = |query: &str| {
        let admitted =
            admission.admit(Request::new(query), Access::Full).map_err(|error| error.message).expect("admitted");
        admitted.requested
    };
    for part in
        ["images(first: 7) { nodes { variants { url } } }", "__schema { types { name fields { name } } }", "me { id }"]
    {
        let inline: String = (0..9)
            .map(|at| format!("... on Query @include(if: true) {{ a{at}: {part} }} ").replace(&format!("a{at}: "), ""))
            .collect();
        let spread = format!("{{ {} }} fragment F on Query {{ {part} }}", "...F ".repeat(9));
        assert_eq!(cost(&spread), cost(&format!("{{ {inline} }}")), "{part}");
    }
    let many =
        format!("{{ {} }} fragment F on Query {{ __schema {{ types {{ fields {{ name }} }} }} }}", "...F ".repeat(90));
    assert!(admission.admit(Request::new(many), Access::Full).is_err(), "ninety introspections are not one");
}

#[tokio::test]
async fn a_subscription_has_one_root_and_pays_for_each_event() {
    let app = TestApp::start_with(&["--rate-limit-points", "150", "--rate-limit-restore", "20"]).await;
    let ann = app.user("ann@example.com").await;
    let mut socket = Socket::of(&app, &ann).await;
    let two = "subscription { a: myUploads { status } ...F } fragment F on Subscription { b: myUploads { status } }";
    socket.subscribe("1", two, Value::Null).await;
    let refused = socket.receive().await;
    assert!(refused["payload"][0]["message"].as_str().expect("text").contains("root of a subscription"), "{refused}");
    let ticket = app.app.services.accounts.find_or_make("ann@example.com").await.expect("a user");
    let caller = crate::support::signed_in(&ticket, app.app.clock.now() + TimeDelta::days(1));
    let category = ann.general().await.parse().expect("an id");
    let new = darkroom::uploads::NewUpload {
        filename: "a.jpg".to_owned(),
        content_type: "image/jpeg".to_owned(),
        file_size: 1000,
        category,
        idempotency_key: None,
    };
    let uploads = &app.app.services.uploads;
    let id = uploads.request(&caller, new).await.expect("a ticket").image.id;
    socket
        .subscribe(
            "2",
            &format!("subscription {{ uploadProgress(imageId: \"{id}\") {{ status bytesUploaded }} }}"),
            Value::Null,
        )
        .await;
    socket.event("uploadProgress").await;
    let mut events = 0;
    for bytes in 1..100 {
        uploads.report_progress(&caller, id, bytes * 10).await.expect("a report");
        app.app.clock.advance(TimeDelta::seconds(1));
    }
    // They come as they can be paid for, several states as one, and the last of them always.
    loop {
        let event = socket.event("uploadProgress").await;
        events += 1;
        if event["bytesUploaded"] == 990 {
            break;
        }
    }
    assert!(events < 90, "{events} events for 150 points");
}

#[tokio::test]
async fn whoever_knows_a_log_ins_id_alone_cannot_end_it() {
    let app = TestApp::start().await;
    let query = "mutation($input: LogInInput!) { logIn(input: $input) { session { accessToken refreshToken } } }";
    let input = json!({"input": {"email": "admin@localhost", "password": ADMIN_PASSWORD}});
    let session = app.anonymous().send(query, input).await.0["data"]["logIn"]["session"].clone();
    let token = session["refreshToken"].as_str().expect("a token");
    let id = token.split('.').next().expect("an id");
    for forged in [format!("{id}.rubbish"), format!("{id}.rubbish.rubbish"), id.to_owned()] {
        let payload =
            app.anonymous().mutate("refreshSession", json!({"refreshToken": forged}), "session { accessToken }").await;
        assert_eq!(payload.user_error_codes(), ["INVALID_TOKEN"]);
    }
    let payload =
        app.anonymous().mutate("refreshSession", json!({"refreshToken": token}), "session { accessToken }").await;
    assert_eq!(payload.user_error_codes(), [] as [&str; 0]);
}

#[tokio::test]
async fn variables_that_nobody_declared_are_not_kept_and_large_ones_are_refused() {
    let app = TestApp::start().await;
    let many: Vec<u8> = vec![0; 400_000];
    let answer = post(&app, &app.anonymous(), json!({"query": "{ __typename }", "variables": {"a": many}})).await;
    assert_eq!(answer.json::<Value>().await.expect("JSON")["data"]["__typename"], "Query", "dropped unread");
    let answer =
        post(&app, &app.anonymous(), json!({"query": "query($a: [Int!]) { __typename }", "variables": {"a": many}}))
            .await;
    let answer: Value = answer.json().await.expect("JSON");
    assert!(answer["errors"][0]["message"].as_str().expect("text").contains("too large"), "{answer}");
}
