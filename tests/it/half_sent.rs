//! What is being sent while its upload ends, or stands still.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;
use walkdir::WalkDir;

use crate::support::{
    TestApp,
    client::{Answer, Client},
    parts::{FLAGS, MIB, NONE, begun, complete, large_jpeg, put, request, sign, unfinished},
    socket::Socket,
    until,
};

/// A part that is being sent, without its last bytes. The ticket's `header` goes along.
struct HalfSent {
    connection: TcpStream,
    rest: Vec<u8>,
}

impl HalfSent {
    async fn begin(ticket: &Value, part: &[u8]) -> Self {
        Self::send(ticket, part, part.len() - 5).await
    }

    /// Sends so many bytes of it.
    async fn send(ticket: &Value, part: &[u8], bytes: usize) -> Self {
        let url: Url = ticket["url"].as_str().and_then(|url| url.parse().ok()).expect("a URL");
        let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port"));
        let mut connection = TcpStream::connect((host, port)).await.expect("a connection");
        let path = url[url::Position::BeforePath..].to_owned();
        let length = part.len();
        let more = ticket["header"].as_str().unwrap_or_default();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {length}\r\n{more}\r\n");
        connection.write_all(head.as_bytes()).await.expect("sent");
        let (most, rest) = part.split_at(bytes);
        connection.write_all(most).await.expect("sent");
        Self { connection, rest: rest.to_vec() }
    }

    /// Sends the rest, and gives the answer's status; nothing, where the storage hung up.
    async fn end(mut self) -> Option<StatusCode> {
        self.connection.write_all(&self.rest).await.ok()?;
        self.answer().await
    }

    async fn answer(&mut self) -> Option<StatusCode> {
        let mut head = [0; 12];
        self.connection.read_exact(&mut head).await.ok()?;
        StatusCode::from_bytes(&head[9..]).ok()
    }
}

#[tokio::test]
async fn a_part_that_ends_after_its_upload_leaves_nothing() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(6 * MIB);
    for ends_by in ["cancelUpload", "completeUpload"] {
        let image = begun(&ann, file.len()).await;
        let signed = sign(&ann, &image, &[1, 2]).await;
        let (first, last) = (&signed.0["parts"][0], &signed.0["parts"][1]);
        assert_eq!(
            (put(first, &file[..5 * MIB]).await, put(last, &file[5 * MIB..]).await),
            (StatusCode::OK, StatusCode::OK)
        );
        let mut late = HalfSent::begin(first, &file[..5 * MIB]).await;
        let ended = ann.mutate(ends_by, json!({"imageId": image}), "__typename").await;
        assert_eq!(ended.user_error_codes(), NONE);
        app.run_all_jobs().await;
        if TestApp::is_embedded() {
            assert_eq!(late.answer().await, Some(StatusCode::CONFLICT), "{ends_by}: it is not waited for");
            let folders = std::fs::read_dir(app.data_dir.path().join("storage/multipart")).expect("a folder");
            assert_eq!(folders.count(), 0, "{ends_by}");
        } else {
            assert!(late.end().await.is_none_or(|status| !status.is_success()), "{ends_by}");
        }
        assert_eq!(unfinished(&app).await, 0);
    }
}

#[tokio::test]
async fn a_put_that_comes_after_its_upload_has_ended_leaves_nothing() {
    let app = TestApp::start_with(&["--upload-method", "put"]).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(MIB);
    let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": file.len(),
        "categoryId": ann.general().await, "idempotencyKey": "one"});
    let fields = "upload { image { id } url headers { name value } }";
    let asked = ann.mutate("requestUpload", input.clone(), fields).await;
    let ticket = &asked.0["upload"];
    assert_eq!(put_once(ticket, &file).await, Some(StatusCode::OK));
    if TestApp::is_embedded() {
        let in_parts = request(&ann, file.len(), json!({"idempotencyKey": "one"})).await;
        assert_eq!(in_parts.user_error_codes(), ["INVALID_STATE"], "it is there already");
    }
    let image = json!({"imageId": asked.text("/upload/image/id")});
    assert_eq!(ann.mutate("cancelUpload", image, "cancelledImageId").await.user_error_codes(), NONE);
    app.run_all_jobs().await;
    // It is ended or removed, whichever is faster.
    assert!([Some(StatusCode::OK), Some(StatusCode::CONFLICT), None].contains(&put_once(ticket, &file).await));
    if TestApp::is_embedded() {
        assert_eq!(app.objects().await, Vec::<String>::new());
    }
}

/// The answer's status; nothing, where the storage hung up.
async fn put_once(ticket: &Value, file: &[u8]) -> Option<StatusCode> {
    let mut put = reqwest::Client::new().put(ticket["url"].as_str().expect("a URL")).body(file.to_vec());
    for header in ticket["headers"].as_array().expect("headers") {
        put = put.header(header["name"].as_str().expect("a name"), header["value"].as_str().expect("a value"));
    }
    put.send().await.ok().map(|answer| answer.status())
}

/// A file of two parts, its image, and the tickets for both.
async fn two_parts(client: &Client) -> (Vec<u8>, String, Answer) {
    let file = large_jpeg(6 * MIB);
    let image = begun(client, file.len()).await;
    let signed = sign(client, &image, &[1, 2]).await;
    (file, image, signed)
}

#[tokio::test]
async fn a_part_that_is_sent_twice_at_once_takes_the_room_of_one() {
    if !TestApp::is_embedded() {
        return;
    }
    let app = TestApp::start_with(&FLAGS).await;
    let ann = app.user("ann@example.com").await;
    let (file, image, signed) = two_parts(&ann).await;
    let first = &signed.0["parts"][0];
    let mut before = HalfSent::begin(first, &file[..5 * MIB]).await;
    // The newer one counts, as when a client's network has changed; also where its URL is spelled otherwise.
    let mut otherwise = first.clone();
    otherwise["url"] = json!(first["url"].as_str().expect("a URL").replace("X-Amz-Signature", "X%2DAmz-Signature"));
    let mut newer = HalfSent::begin(&otherwise, &file[..5 * MIB]).await;
    assert_eq!(before.answer().await, Some(StatusCode::CONFLICT));
    // Headers that a signed URL makes meaningless change nothing.
    for header in ["Authorization: Bearer x\r\n", "Authorization: AWS4-HMAC-SHA256 x\r\n", "Authorization:\r\n"] {
        otherwise["header"] = json!(header);
        let mut before = std::mem::replace(&mut newer, HalfSent::begin(&otherwise, &file[..5 * MIB]).await);
        assert_eq!(before.answer().await, Some(StatusCode::CONFLICT), "{header}");
    }
    assert_eq!(newer.end().await, Some(StatusCode::OK));
    assert_eq!(put(&signed.0["parts"][1], &file[5 * MIB..]).await, StatusCode::OK);
    assert_eq!(complete(&ann, &image).await, NONE);
    app.run_all_jobs().await;
    assert_eq!(ann.image(&image).await["status"], "COMPLETED");
}

/// How many bytes are on the disk of objects that are not finished.
fn half_written(app: &TestApp) -> u64 {
    let files = WalkDir::new(app.data_dir.path().join("storage/writing")).into_iter().filter_map(Result::ok);
    files.filter(|file| file.file_type().is_file()).filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// As decision 0007 has it: until the image is there, the newer file is the one.
#[tokio::test]
async fn a_put_that_is_being_sent_while_the_first_one_waits_takes_its_place() {
    if !TestApp::is_embedded() {
        return;
    }
    let app = TestApp::start_with(&["--upload-method", "put"]).await;
    let ann = app.user("ann@example.com").await;
    let (file, fields) = (large_jpeg(MIB), "upload { image { id } url headers { name value } }");
    let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": file.len(),
        "categoryId": ann.general().await});
    let asked = ann.mutate("requestUpload", input.clone(), fields).await;
    let (mut ticket, image) = (asked.0["upload"].clone(), asked.text("/upload/image/id"));
    assert_eq!(put_once(&ticket, &file).await, Some(StatusCode::OK));
    let completed = ann.mutate("completeUpload", json!({"imageId": image}), "image { status }").await;
    assert_eq!(completed.text("/image/status"), "PROCESSING");
    ticket["header"] = json!("Content-Type: image/jpeg\r\n");
    let newer = HalfSent::send(&ticket, &file, file.len() / 2).await;
    // Another one is counted meanwhile, as this one was.
    let other = ann.mutate("requestUpload", input, fields).await;
    let mut other_ticket = other.0["upload"].clone();
    other_ticket["header"] = ticket["header"].clone();
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.watch(other.text("/upload/image/id")).await;
    let _kept = HalfSent::send(&other_ticket, &file, file.len() / 2).await;
    while watcher.event("uploadProgress").await["bytesUploaded"] == 0 {}
    assert_eq!(newer.end().await, Some(StatusCode::OK));
    app.run_all_jobs().await;
    assert_eq!(ann.image(image).await["status"], "COMPLETED");
}

#[tokio::test]
async fn a_put_that_is_being_sent_ends_with_its_upload() {
    if !TestApp::is_embedded() {
        return;
    }
    let app = TestApp::start_with(&["--upload-method", "put"]).await;
    let ann = app.user("ann@example.com").await;
    let file = large_jpeg(MIB);
    for is_before in [true, false] {
        let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": file.len(),
            "categoryId": ann.general().await});
        let asked = ann.mutate("requestUpload", input, "upload { image { id } url }").await;
        let mut ticket = asked.0["upload"].clone();
        ticket["header"] = json!("Content-Type: image/jpeg\r\n");
        let image = asked.text("/upload/image/id");
        let mut watcher = Socket::of(&app, &ann).await;
        watcher.watch(image).await;
        let mut sent = None;
        if is_before {
            sent = Some(HalfSent::send(&ticket, &file, file.len() / 2).await);
            while watcher.event("uploadProgress").await["bytesUploaded"] == 0 {}
            until("the half is written", async || half_written(&app) > 0).await;
        }
        let cancelled = ann.mutate("cancelUpload", json!({"imageId": image}), "cancelledImageId").await;
        assert_eq!(cancelled.user_error_codes(), NONE);
        app.run_all_jobs().await;
        let mut sent = match sent {
            Some(sent) => sent,
            None => HalfSent::send(&ticket, &file, file.len() / 2).await,
        };
        if is_before {
            // Its next bytes are counted, for nobody.
            let rest = std::mem::take(&mut sent.rest);
            sent.connection.write_all(&rest[..rest.len() - 5]).await.ok();
        }
        assert_eq!(sent.answer().await, Some(StatusCode::CONFLICT), "begun before: {is_before}");
        until("nothing is written any more", async || half_written(&app) == 0).await;
        assert_eq!(app.objects().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_has_come_is_written_though_nothing_follows() {
    if !TestApp::is_embedded() {
        return;
    }
    let app = TestApp::start_with(&FLAGS).await;
    let (file, _, signed) = two_parts(&app.user("ann@example.com").await).await;
    let part = &file[..5 * MIB];
    let mut sent = HalfSent::send(&signed.0["parts"][0], part, 300_000).await;
    // But for a byte that waits for the next one.
    until("the first bytes are written", async || half_written(&app) == 299_999).await;
    sent.connection.write_all(&part[300_000..500_000]).await.expect("sent");
    until("all of them are written", async || half_written(&app) == 499_999).await;
    sent.rest = part[500_000..].to_vec();
    assert_eq!(sent.end().await, Some(StatusCode::OK));
}
