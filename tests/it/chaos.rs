//! Two servers and two workers, one of which is killed every second, while the database, the storage and Redis go away in turn:
//! every upload is COMPLETED once, whoever watched it on the other server heard of it, and nothing is left over.
//!
//! CHAOS_SECONDS is how long it goes on.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    S3_ENDPOINT, bucket_flags,
    client::Client,
    database_elsewhere,
    network::{Path, State},
    pictures, random_seed,
    skip::is_skipped,
    socket::Socket,
    until,
    upload::{TICKET, Ticket},
    variable,
};

const CLIENTS: usize = 4;
/// How soon a client tries again.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a client waits for anything before it tries again.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long everything may take to come to its end once there is peace.
const RECOVERY: Duration = Duration::from_mins(3);

/// The paths of all processes, and what they are started with.
struct Cluster {
    database: Path,
    storage: Path,
    redis: Option<Path>,
    servers: [Path; 2],
    environment: Vec<(String, String)>,
    folder: TempDir,
}

/// One of the four, which is started again and again.
struct Process {
    words: &'static [&'static str],
    /// Which server it is.
    server: Option<usize>,
    child: Child,
}

/// What happened.
#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    kills: AtomicUsize,
    uploads: AtomicUsize,
}

fn host_of(url: &str) -> SocketAddr {
    let rest = url.split("://").nth(1).expect("a URL");
    let host = rest.rsplit('@').next().and_then(|rest| rest.split('/').next()).expect("a host");
    host.parse().expect("an address")
}

impl Cluster {
    async fn prepare() -> Self {
        let database = database_elsewhere().await.pop().expect("a database");
        let endpoint = variable(S3_ENDPOINT).expect("a storage");
        let storage = Path::to(Some(host_of(&endpoint))).await;
        let called_at = format!("http://{}", storage.address);
        let flags = bucket_flags(&endpoint, &called_at).await;
        let path = Path::to(Some(host_of(&database))).await;
        let mut environment: Vec<(String, String)> = flags
            .chunks(2)
            .map(|pair| (pair[0].trim_start_matches("--").replace('-', "_").to_uppercase(), pair[1].clone()))
            .collect();
        let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
        set("DATABASE_URL", database.replace(&host_of(&database).to_string(), &path.address.to_string()));
        set("BIND", "127.0.0.1:0".to_owned());
        set("RUST_LOG", "off".to_owned());
        set("RATE_LIMIT_POINTS", "0".to_owned());
        set("WORKERS", "2".to_owned());
        let redis = match variable("TEST_REDIS") {
            None => None,
            Some(url) => {
                let path = Path::to(Some(host_of(&url))).await;
                set("REDIS_URL", format!("redis://{}", path.address));
                Some(path)
            }
        };
        let servers = [Path::to(None).await, Path::to(None).await];
        set("PUBLIC_URL", format!("http://{}", servers[0].address));
        Self { database: path, storage, redis, servers, environment, folder: TempDir::new().expect("a folder") }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.envs(self.environment.iter().cloned()).env("DATA_DIR", self.folder.path()).kill_on_drop(true);
        command
    }

    async fn start(&self, words: &'static [&'static str], server: Option<usize>) -> Process {
        let mut command = self.command();
        let mut child = command.args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        if let Some(server) = server {
            // A server that finds no database ends, and is started again like one that was killed.
            let address = lines.next_line().await.ok().flatten();
            let address = address.and_then(|line| line.rsplit(' ').next()?.parse().ok());
            self.servers[server].lead_to(address);
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Process { words, server, child }
    }

    async fn token(&self) -> String {
        let printed = self.command().args(["token", "ann@example.com"]).output().await.expect("a token");
        String::from_utf8(printed.stdout).expect("text").trim().to_owned()
    }

    fn client(&self, server: usize, token: &str) -> Client {
        Client::new(format!("http://{}/graphql", self.servers[server].address), Some(token.to_owned()))
    }

    /// Kills one of them every second or so, and starts it again.
    async fn kill_again_and_again(&self, processes: &mut [Process; 4], tally: &Tally, lots: &mut StdRng) {
        while !tally.is_over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(lots.random_range(500..1500))).await;
            let process = &mut processes[lots.random_range(0..4)];
            let _ = process.child.kill().await;
            tally.kills.fetch_add(1, Ordering::Relaxed);
            *process = self.start(process.words, process.server).await;
        }
        self.start_the_ended(processes).await;
    }

    /// As an init system does.
    async fn start_the_ended(&self, processes: &mut [Process; 4]) {
        for process in processes {
            while process.child.try_wait().expect("a process").is_some() {
                *process = self.start(process.words, process.server).await;
                sleep(AGAIN).await;
            }
        }
    }

    fn mend(&self) {
        for path in [&self.database, &self.storage].into_iter().chain(&self.redis) {
            path.mend();
        }
    }

    /// Each part goes away once in every minute.
    async fn cut_again_and_again(&self) {
        let seconds = Duration::from_secs;
        loop {
            sleep(seconds(5)).await;
            self.database.suffer(State::Cut, seconds(10)).await;
            let redis_is_away = async {
                if let Some(redis) = &self.redis {
                    redis.suffer(State::Cut, seconds(30)).await;
                }
            };
            let others = async {
                sleep(seconds(5)).await;
                self.storage.suffer(State::Cut, seconds(10)).await;
                sleep(seconds(5)).await;
                self.database.suffer(State::Stalled, seconds(5)).await;
                self.storage.suffer(State::Stalled, seconds(5)).await;
            };
            tokio::join!(redis_is_away, others);
            sleep(seconds(5)).await;
        }
    }
}

/// Sends an operation until it is answered.
async fn insist(client: &Client, query: &str, variables: Value) -> Value {
    loop {
        if let Ok(Some(answer)) = timeout(PATIENCE, client.try_send(query, variables.clone())).await {
            if answer["errors"] == Value::Null {
                return answer["data"].clone();
            }
            let code = answer["errors"][0]["extensions"]["code"].as_str().expect("a code");
            assert!(
                ["DATABASE_UNAVAILABLE", "INTERNAL_SERVER_ERROR", "STORAGE_UNAVAILABLE", "TIMEOUT"].contains(&code),
                "{answer}"
            );
        }
        sleep(AGAIN).await;
    }
}

/// One upload by a client that never gives up, watched on the other server. Says how long it took from the completion on.
async fn upload(cluster: &Cluster, token: &str, at: usize, photo: &[u8], key: String) -> (String, Duration) {
    let (here, there) = (cluster.client(at % 2, token), cluster.client((at + 1) % 2, token));
    let categories = insist(&here, "{ categories { id } }", Value::Null).await;
    let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": photo.len(),
        "categoryId": categories["categories"][0]["id"], "idempotencyKey": key});
    let request = format!("mutation($input: RequestUploadInput!) {{ requestUpload(input: $input) {{ {TICKET} }} }}");
    let ticket = Ticket::parse(&insist(&here, &request, json!({"input": input})).await["requestUpload"]["upload"]);
    let watched = {
        let (address, image) = (cluster.servers[(at + 1) % 2].address.to_string(), ticket.image.clone());
        tokio::spawn(async move { watch(&address, &there, &image).await })
    };
    while !matches!(timeout(PATIENCE, ticket.post(photo.to_vec())).await, Ok(status) if status == 201) {
        sleep(AGAIN).await;
    }
    let complete = "mutation($input: CompleteUploadInput!) { completeUpload(input: $input) { image { status } } }";
    let input = json!({"input": {"imageId": ticket.image}});
    while insist(&here, complete, input.clone()).await["completeUpload"]["image"] == Value::Null {
        sleep(AGAIN).await;
    }
    let completed = Instant::now();
    watched.await.expect("the end of the upload");
    (ticket.image, completed.elapsed())
}

/// Watches until the end, over as many sockets as it takes.
async fn watch(address: &str, client: &Client, image: &str) {
    loop {
        let watching = async {
            let mut socket = Socket::try_at(address, client).await?;
            socket.watch(image).await;
            loop {
                let event = timeout(PATIENCE, socket.try_receive()).await.ok()??;
                let status = event["payload"]["data"]["uploadProgress"]["status"].as_str()?.to_owned();
                if status == "COMPLETED" {
                    return Some(());
                }
                assert!(["PENDING", "UPLOADING", "PROCESSING"].contains(&&*status), "{event}");
            }
        };
        if watching.await.is_some() {
            return;
        }
        sleep(AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_every_upload_is_completed_once_and_everybody_hears_of_it() {
    let is_there = variable("TEST_POSTGRES").is_some() && variable(S3_ENDPOINT).is_some();
    if is_skipped(is_there, "PostgreSQL and an S3") {
        return;
    }
    let seconds = variable("CHAOS_SECONDS").and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    let mut lots = StdRng::seed_from_u64(random_seed("chaos"));
    let cluster = Arc::new(Cluster::prepare().await);
    let mut processes = [
        cluster.start(&["serve", "--no-worker"], Some(0)).await,
        cluster.start(&["serve", "--no-worker"], Some(1)).await,
        cluster.start(&["worker"], None).await,
        cluster.start(&["worker"], None).await,
    ];
    let token = cluster.token().await;
    let begin = insist(&cluster.client(0, &token), "{ imageChangesCursor }", Value::Null).await;
    let tally = Arc::new(Tally::default());
    let photo = pictures::jpeg(&pictures::drawing(800, 600));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (cluster, token, tally, photo) = (Arc::clone(&cluster), token.clone(), Arc::clone(&tally), photo.clone());
        clients.spawn(async move {
            let mut done = Vec::new();
            while !tally.is_over.load(Ordering::Relaxed) {
                let number = tally.uploads.fetch_add(1, Ordering::Relaxed);
                done.push(upload(&cluster, &token, number, &photo, format!("{client}-{number}")).await);
            }
            done
        });
    }
    let disturbing = async {
        let _ = timeout(Duration::from_secs(seconds), cluster.cut_again_and_again()).await;
        cluster.mend();
        tally.is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(disturbing, cluster.kill_again_and_again(&mut processes, &tally, &mut lots));
    let recovering = Instant::now();
    let done = timeout(RECOVERY, clients.join_all()).await.expect("every upload comes to its end").concat();
    let recovery = recovering.elapsed();
    let slowest = done.iter().map(|(_, took)| *took).max().unwrap_or_default();
    let images: HashSet<String> = done.into_iter().map(|(image, _)| image).collect();
    assert_eq!(images.len(), tally.uploads.load(Ordering::Relaxed));
    println!(
        "{} uploads, {} kills, all over {:.1} s after the last; the slowest took {:.1} s from its completion on",
        images.len(),
        tally.kills.load(Ordering::Relaxed),
        recovery.as_secs_f64(),
        slowest.as_secs_f64()
    );
    nothing_is_lost_or_left_over(&cluster, &token, &images).await;
    each_completion_is_in_the_log_once(&cluster, &token, &images, &begin["imageChangesCursor"]).await;
}

async fn nothing_is_lost_or_left_over(cluster: &Cluster, token: &str, images: &HashSet<String>) {
    let client = cluster.client(0, token);
    let find = |name: &str| cluster.environment.iter().find(|(known, _)| known == name).expect("a setting").1.clone();
    let bucket = find("AWS_STORAGE_BUCKET_NAME");
    let (mut keys, mut bytes) = (HashSet::new(), 0);
    for image in images {
        let query = "query($id: ID!) { image(id: $id) { status fileKey fileSize variants { url } } }";
        let found = insist(&client, query, json!({"id": image})).await["image"].clone();
        let variants = found["variants"].as_array().expect("variants");
        assert_eq!((&found["status"], variants.len()), (&json!("COMPLETED"), 5), "{found}");
        keys.insert(found["fileKey"].as_str().expect("a key").to_owned());
        bytes += found["fileSize"].as_u64().expect("a size");
        for variant in variants {
            let url: reqwest::Url = variant["url"].as_str().expect("a URL").parse().expect("a URL");
            keys.insert(url.path().trim_start_matches(&format!("/{bucket}/")).to_owned());
        }
    }
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest()).endpoint_url(find("AWS_ENDPOINT_URL_S3"));
    let config = aws_sdk_s3::config::Builder::from(&sdk.load().await).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    until("no object is left over, and none is missing", async || {
        let mut pages = s3.list_objects_v2().bucket(&bucket).into_paginator().send();
        let mut stored = HashSet::new();
        while let Some(page) = pages.next().await {
            stored.extend(page.expect("a page").contents().iter().filter_map(|object| Some(object.key()?.to_owned())));
        }
        stored == keys
    })
    .await;
    let stats = "{ imageStats { totalSize byStatus { status count } } }";
    let stats = insist(&client, stats, Value::Null).await["imageStats"].clone();
    let by_status = stats["byStatus"].as_array().expect("statuses");
    let by_status: HashMap<&str, u64> = by_status
        .iter()
        .filter_map(|row| Some((row["status"].as_str()?, row["count"].as_u64().filter(|count| *count > 0)?)))
        .collect();
    assert_eq!(by_status, HashMap::from([("COMPLETED", images.len() as u64)]), "{stats}");
    assert_eq!(stats["totalSize"].as_u64(), Some(bytes), "{stats}");
}

async fn each_completion_is_in_the_log_once(cluster: &Cluster, token: &str, images: &HashSet<String>, begin: &Value) {
    let client = cluster.client(1, token);
    let mut socket = Socket::at(&cluster.servers[1].address.to_string(), &client).await;
    let query = "subscription($after: String) { imageChanges(after: $after) { kind imageId } }";
    socket.subscribe("1", query, json!({"after": begin})).await;
    let mut completed = HashSet::new();
    while completed.len() < images.len() {
        let event = socket.event("imageChanges").await;
        assert_eq!(event["kind"], "COMPLETED");
        assert!(completed.insert(event["imageId"].as_str().expect("an id").to_owned()), "twice: {event}");
    }
    assert_eq!(completed, *images);
}
