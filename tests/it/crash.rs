//! kill -9 at any moment of processing: after the restart every image ends COMPLETED, with nothing left over.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use chrono::TimeDelta;
use darkroom::{db, domain::ids::UserId};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use walkdir::WalkDir;

use crate::support::{TestApp, client::Client, pictures, random_seed, skip::is_skipped, socket::Socket, until};

const ROUNDS: usize = 12;

/// The real program, as a process of its own on a folder that outlives it.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    async fn start(data_dir: &Path) -> Self {
        let mut process = Self::command(data_dir)
            .env("JOB_LEASE", "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(process.stdout.take().expect("its words")).lines();
        let first = lines.next_line().await.expect("a line").expect("a line");
        let address = first.rsplit(' ').next().expect("an address").to_owned();
        // The rest is read, so that the process can go on writing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, address }
    }

    fn command(data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.env("BIND", "127.0.0.1:0").env("DATA_DIR", data_dir).env("RUST_LOG", "error");
        command
    }

    /// What a command prints.
    async fn run(data_dir: &Path, words: &[&str]) -> String {
        let ran = Self::command(data_dir).args(words).output().await.expect("a process");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("text").trim().to_owned()
    }

    async fn client(&self, data_dir: &Path) -> Client {
        let token = Self::run(data_dir, &["token", "ann@example.com"]).await;
        Client::new(format!("http://{}/graphql", self.address), Some(token))
    }

    /// As the machine does when its memory is gone: without a word of warning.
    async fn kill(mut self) {
        self.process.kill().await.expect("to be killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_the_process_is_killed_at_the_upload_is_completed() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let photo = pictures::jpeg(&pictures::drawing(1600, 1200));
    let mut lots = StdRng::seed_from_u64(random_seed("crash"));
    for round in 0..ROUNDS {
        let chance: u8 = lots.random();
        let server = Server::start(folder.path()).await;
        let ann = server.client(folder.path()).await;
        let image = ann.upload("a.jpg", "image/jpeg", photo.clone()).await;
        let mut watcher = Socket::at(&server.address, &ann).await;
        watcher.watch(&image).await;
        // Between the completion and the last variant there are seven events; and somewhere between two of them.
        for _ in 0..chance % 7 {
            if watcher.event("uploadProgress").await["status"] == "COMPLETED" {
                break;
            }
        }
        tokio::time::sleep(Duration::from_micros(u64::from(chance) * 700)).await;
        server.kill().await;

        let server = Server::start(folder.path()).await;
        let ann = Client::new(format!("http://{}/graphql", server.address), ann.token);
        let mut watcher = Socket::at(&server.address, &ann).await;
        watcher.watch(&image).await;
        let mut event = watcher.event("uploadProgress").await;
        while event["status"] == "PROCESSING" {
            event = watcher.event("uploadProgress").await;
        }
        assert_eq!((&event["status"], &event["variantsReady"]), (&json!("COMPLETED"), &json!(5)), "round {round}");
        let objects = files(&folder.path().join("storage/objects"));
        assert_eq!(objects.len(), (round + 1) * 6, "round {round}: {objects:#?}");
        assert_eq!(files(&folder.path().join("storage/writing")), [] as [PathBuf; 0], "round {round}");
        server.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_its_jobs_first() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let mut server = Server::start(folder.path()).await;
    let ann = server.client(folder.path()).await;
    let photo = pictures::jpeg(&pictures::drawing(2400, 1800));
    let image = ann.upload("a.jpg", "image/jpeg", photo).await;
    let mut watcher = Socket::at(&server.address, &ann).await;
    watcher.watch(&image).await;
    while watcher.event("uploadProgress").await["variant"].is_null() {}
    let pid = server.process.id().expect("a pid").to_string();
    Command::new("kill").args(["-TERM", &pid]).status().await.expect("a signal");
    assert!(server.process.wait().await.expect("an end").success());

    // No job runs here that could have made up for it.
    let app = TestApp::start_with(&["--data-dir", &folder.path().display().to_string()]).await;
    let ann = Client::new(app.url("/graphql"), ann.token);
    assert_eq!(ann.image(&image).await["status"], "COMPLETED");
    assert_eq!(app.queued_jobs().await, ["sweep"], "the next one, by the clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_upload_is_cleared_away_at_the_next_start() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path()).await;
    let ann = server.client(folder.path()).await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 100_000).await;
    let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let form = ticket.form(reqwest::multipart::Part::stream_with_length(body, 100_000));
    let post = tokio::spawn(reqwest::Client::new().post(&ticket.url).multipart(form).send());
    send.send(Ok(vec![1; 50_000].into())).await.expect("to go on");
    let writing = folder.path().join("storage/writing");
    until("half of it", async || !files(&writing).is_empty()).await;
    server.kill().await;
    drop(send);
    assert!(post.await.expect("an end").is_err());
    let server = Server::start(folder.path()).await;
    let left = files(&folder.path().join("storage"));
    let of_no_object = ["lock", "layout"].map(|name| folder.path().join("storage").join(name));
    assert!(left.iter().all(|file| of_no_object.contains(file)), "{left:?}");
    let ann = Client::new(format!("http://{}/graphql", server.address), ann.token);
    assert_eq!(ann.image(&ticket.image).await["existsInStorage"], false);
}

/// A folder with a library of Ann's, and Ann's and Bob's ids.
async fn library_of_ann(folder: &Path) -> (Server, Client, Value, Value) {
    Server::run(folder, &["seed", "--images", "400", "--owner", "ann@example.com"]).await;
    Server::run(folder, &["user", "add", "bob@example.com"]).await;
    let server = Server::start(folder).await;
    let token = Server::run(folder, &["token", "admin@localhost"]).await;
    let admin = Client::new(format!("http://{}/graphql", server.address), Some(token));
    let users = admin.send("{ users { nodes { id email } } }", Value::Null).await;
    let id_of = |email: &str| {
        let users = users.0["data"]["users"]["nodes"].as_array().expect("users");
        users.iter().find(|user| user["email"] == email).expect("a user")["id"].clone()
    };
    (server, admin, id_of("ann@example.com"), id_of("bob@example.com"))
}

/// Kills the server again and again while a user is being removed.
async fn kill_during_removal(folder: &Path, mut server: Server, test: &str) -> Server {
    let mut lots = StdRng::seed_from_u64(random_seed(test));
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(lots.random_range(0..200))).await;
        server.kill().await;
        server = Server::start(folder).await;
    }
    server
}

const OF_OWNER: &str = "{ images { totalCount } imageStats { totalImages totalSize byDay { count } } }";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_a_transfer_is_killed_at_the_heir_has_everything() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let (server, admin, ann, bob) = library_of_ann(folder.path()).await;
    let before = server.client(folder.path()).await.send(OF_OWNER, Value::Null).await;
    let input = json!({"userId": ann, "images": "TRANSFER", "transferToUserId": bob});
    let requested = admin.mutate("deleteUser", input, "user { id }").await;
    assert_eq!(requested.user_error_codes(), [""; 0]);
    let server = kill_during_removal(folder.path(), server, "transfer").await;
    let admin = Client::new(format!("http://{}/graphql", server.address), admin.token);
    until("Ann's end", async || {
        let users = admin.send("{ users(prefix: \"ann@\") { nodes { id } } }", Value::Null).await;
        users.0["data"]["users"]["nodes"] == json!([])
    })
    .await;
    let token = Server::run(folder.path(), &["token", "bob@example.com"]).await;
    let bob = Client::new(admin.url, Some(token));
    let after = bob.send(OF_OWNER, Value::Null).await;
    assert!(before.0["data"]["images"]["totalCount"].as_u64() > Some(300), "{}", before.0);
    assert_eq!(after.0["data"]["images"], before.0["data"]["images"]);
    assert_eq!(after.0["data"]["imageStats"]["totalSize"], before.0["data"]["imageStats"]["totalSize"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_a_removal_is_killed_at_nothing_is_left() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let (server, admin, ann, _) = library_of_ann(folder.path()).await;
    let input = json!({"userId": ann, "images": "DELETE"});
    let requested = admin.mutate("deleteUser", input, "user { id }").await;
    assert_eq!(requested.user_error_codes(), [""; 0]);
    kill_during_removal(folder.path(), server, "removal").await.kill().await;
    // Rows of deleted images stay for a minute, which a held clock does not wait for.
    let mut app = TestApp::start_with(&["--data-dir", &folder.path().display().to_string()]).await;
    app.work();
    let admin = Client::new(app.url("/graphql"), admin.token);
    until("Ann's end", async || {
        app.app.clock.advance(TimeDelta::seconds(2));
        let users = admin.send("{ users(prefix: \"ann@\") { nodes { id } } }", Value::Null).await;
        users.0["data"]["users"]["nodes"] == json!([])
    })
    .await;
    let rows = db::images::of_owner(app.app.db.conn(), ann_id(&ann), None, 1).await.expect("rows");
    assert!(rows.is_empty(), "{rows:?}");
}

fn ann_id(id: &Value) -> UserId {
    id.as_str().expect("an id").parse().expect("an id")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(folder).into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}
