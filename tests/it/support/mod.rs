//! What every story needs: an application of its own, and clients that talk to it as anybody else would.

pub mod behind;
pub mod client;
pub mod device;
pub mod exif;
pub mod library;
pub mod lying;
pub mod mailbox;
pub mod network;
pub mod parts;
pub mod pictures;
pub mod receiver;
pub mod s3;
pub mod skip;
pub mod socket;
pub mod unreliable;
pub mod upload;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use clap::Parser;
use darkroom::{
    app::App,
    clock::Clock,
    config::Config,
    domain::{
        caller::{Caller, Credential, Identity, Standing, TokenScopes},
        error::ServiceError,
        ids::SessionId,
        user::{Permissions, User},
    },
    uploads::Swept,
};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use self::client::Client;

/// Waits for a state that nobody announces, and fails where it does not come within a minute.
pub async fn until(what: &str, mut has_come: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !has_come().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_mins(1), looking).await.unwrap_or_else(|_| panic!("never came: {what}"));
}

/// An S3 that is not ours, when the environment names one; see `tests/with-seaweedfs.sh`.
pub const S3_ENDPOINT: &str = "TEST_S3_ENDPOINT";

/// A PostgreSQL, when the environment names one; see `tests/with-postgres.sh`.
const POSTGRES: &str = "TEST_POSTGRES";

/// A Redis, when the environment names one; see `tests/with-redis.sh`.
const REDIS: &str = "TEST_REDIS";

/// Set where sockets are to be those of a second server, on the same database and the same bucket.
const WATCHED_ELSEWHERE: &str = "TEST_WATCHED_ELSEWHERE";

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

/// The real application on a port of its own, with an empty database and an empty bucket.
pub struct TestApp {
    pub app: App,
    pub address: SocketAddr,
    pub data_dir: TempDir,
    /// What the application was built with.
    pub config: Config,
    database_url: Option<String>,
    /// Where sockets are opened: at this server, or at another.
    pub watched_at: SocketAddr,
    /// What ends with the test.
    tasks: Vec<JoinHandle<()>>,
    worker: Option<(CancellationToken, JoinHandle<()>)>,
}

impl TestApp {
    /// With every setting at its default. No job runs until it is told to.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these flags beside the defaults.
    pub async fn start_with(flags: &[&str]) -> Self {
        Self::start_watched(flags, variable(WATCHED_ELSEWHERE).is_some()).await
    }

    /// With no second server, whatever the environment asks for.
    pub async fn start_alone() -> Self {
        Self::start_watched(&[], false).await
    }

    async fn start_watched(flags: &[&str], elsewhere: bool) -> Self {
        let data_dir = TempDir::new().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut arguments: Vec<String> = vec!["test".into(), "--bind".into(), address.to_string()];
        if !flags.contains(&"--data-dir") {
            arguments.extend(["--data-dir".into(), data_dir.path().display().to_string()]);
        }
        if !flags.contains(&"--public-url") {
            arguments.extend(["--public-url".into(), format!("http://{address}")]);
        }
        arguments.extend(["--admin-password".into(), client::ADMIN_PASSWORD.into()]);
        // A folder that somebody brings along has its database in it.
        if !flags.contains(&"--data-dir") && !flags.contains(&"--database-url") {
            arguments.extend(database_elsewhere().await);
        }
        if !flags.contains(&"--aws-storage-bucket-name") {
            arguments.extend(s3_elsewhere().await);
        }
        if let Some(redis) = variable(REDIS) {
            arguments.extend(["--redis-url".into(), redis]);
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut config = parse(&arguments);
        config.images.program = Some(env!("CARGO_BIN_EXE_darkroom").into());
        let database_url = config.database.database_url.clone();
        let app = App::build(config.clone(), address, Clock::held()).await.expect("the application");
        app.bootstrap().await.expect("the first rows");
        let mut tasks = vec![serve(&app, listener)];
        let mut watched_at = address;
        // Two servers cannot share a folder.
        if elsewhere && database_url.is_some() && !Self::is_embedded() {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            watched_at = listener.local_addr().expect("an address");
            let other = App::build(config.clone(), watched_at, app.clock.clone()).await.expect("another server");
            tasks.extend([serve(&other, listener), tokio::spawn(other.heed_others()), tokio::spawn(app.heed_others())]);
        }
        Self { app, address, data_dir, config, database_url, watched_at, tasks, worker: None }
    }

    /// Another process on the same database, as far as one can tell: it serves nobody.
    pub async fn beside(&self) -> App {
        let mut arguments: Vec<String> = vec!["test".into()];
        let folder = self.data_dir.path().join("beside");
        std::fs::create_dir(&folder).expect("a folder");
        arguments.extend(["--data-dir".into(), folder.display().to_string()]);
        let inside = darkroom::db::Db::sqlite_url(&self.data_dir.path().join("darkroom.sqlite"));
        arguments.extend(["--database-url".into(), self.database_url.clone().unwrap_or(inside)]);
        App::build(parse(&arguments), self.address, self.app.clock.clone()).await.expect("another application")
    }

    /// Begins to run jobs as they come.
    pub fn work(&mut self) {
        let stop = CancellationToken::new();
        let worker = tokio::spawn(self.app.worker().run(stop.clone()));
        self.worker = Some((stop, worker));
    }

    /// Lets the jobs that run come to their end, and begins no other.
    pub async fn stop_work(&mut self) {
        if let Some((stop, worker)) = self.worker.take() {
            stop.cancel();
            worker.await.expect("a worker");
        }
    }

    /// Runs every job that is due, and those that follow from them.
    pub async fn run_all_jobs(&self) {
        self.app.worker().run_all().await.expect("the queue");
    }

    /// Sweeps, as it is done every hour.
    pub async fn sweep(&self) -> Swept {
        let swept = self.app.services.uploads.sweep().await;
        swept.map_err(ServiceError::into_anyhow).expect("a storage and a database")
    }

    /// What waits in the queue, by name.
    pub async fn queued_jobs(&self) -> Vec<&'static str> {
        self.app.queue.pending().await.expect("the queue").into_iter().map(|job| job.kind().name()).collect()
    }

    /// The program on the storage of this server, whose folder is another one where the test says so.
    pub async fn command(&self, arguments: &[&str], data_dir: Option<&Path>) -> Output {
        let storage = &self.config.storage;
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.env_clear().args(arguments).arg("--data-dir").arg(data_dir.unwrap_or(self.data_dir.path()));
        command.args(["--bind", &self.address.to_string()]);
        if let (Some(bucket), Some(endpoint)) = (&storage.aws_storage_bucket_name, &storage.aws_endpoint_url_s3) {
            command.args(["--aws-storage-bucket-name", bucket, "--aws-endpoint-url-s3", endpoint.as_str()]);
            for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
                command.env(name, variable(name).expect("a key"));
            }
        }
        tokio::task::spawn_blocking(move || command.output().expect("a process")).await.expect("a process")
    }

    /// Everything in the bucket.
    pub async fn objects(&self) -> Vec<String> {
        let (mut keys, mut continuation) = (Vec::new(), None);
        loop {
            let page = self.app.storage.list("", continuation).await.expect("the bucket");
            keys.extend(page.objects.into_iter().map(|object| object.key.to_string()));
            continuation = page.continuation;
            if continuation.is_none() {
                return keys;
            }
        }
    }

    /// Whether the storage is the one inside the server, which counts bytes by itself.
    pub fn is_embedded() -> bool {
        std::env::var_os(S3_ENDPOINT).is_none()
    }

    /// The database, where it is not in the folder.
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_deref()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.url("/graphql"), None)
    }

    /// Somebody with a token of their own.
    pub async fn user(&self, email: &str) -> Client {
        let accounts = &self.app.services.accounts;
        let user = accounts.find_or_make(email).await.expect("a user");
        let token = accounts.print_token(&user).await.expect("a token");
        Client::new(self.url("/graphql"), Some(token))
    }

    /// The first administrator.
    pub async fn admin(&self) -> Client {
        self.user("admin@localhost").await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some((_, worker)) = &self.worker {
            worker.abort();
        }
    }
}

/// A caller for services: somebody who just signed in.
pub fn signed_in(user: &User, expires_at: DateTime<Utc>) -> Caller {
    let permissions = if user.is_admin { Permissions::all() } else { Permissions::empty() };
    let credential = Credential::Session(SessionId(Clock::default().new_id()));
    Caller::user(Arc::new(Identity {
        user: user.clone(),
        permissions,
        groups: Vec::new(),
        standing: Standing { credential, rights_revision: 0 },
        has_second_factor: false,
        scopes: TokenScopes::all(),
        expires_at,
    }))
}

/// The configuration that flags make, behind the name of a program.
pub fn parse(arguments: &[String]) -> Config {
    Arguments::parse_from(arguments).config
}

/// A variable of the environment, where it is set.
#[expect(clippy::disallowed_methods, reason = "how the scripts beside the tests tell what they started")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Answers requests, until it is aborted.
fn serve(app: &App, listener: TcpListener) -> JoinHandle<()> {
    let (router, limits) = (app.router().expect("the routes"), app.connection_limits().expect("limits"));
    tokio::spawn(darkroom::http::listen(listener, router, limits, CancellationToken::new()))
}

/// Flags for a database of its own on the PostgreSQL that the environment names.
pub async fn database_elsewhere() -> Vec<String> {
    let Some(server) = variable(POSTGRES) else { return Vec::new() };
    let name = format!("test_{}", Clock::default().new_id().simple());
    let conn = sea_orm::Database::connect(format!("{server}/postgres")).await.expect("a server");
    conn.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
    vec!["--database-url".to_owned(), format!("{server}/{name}")]
}

/// Flags for a bucket of its own on the S3 that the environment names.
async fn s3_elsewhere() -> Vec<String> {
    match variable(S3_ENDPOINT) {
        Some(endpoint) => bucket_flags(&endpoint, &endpoint).await,
        None => Vec::new(),
    }
}

/// Flags for a new bucket of an S3, to be called at another address.
pub async fn bucket_flags(endpoint: &str, called_at: &str) -> Vec<String> {
    let bucket = format!("test-{}", Clock::default().new_id().simple());
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest()).endpoint_url(endpoint).load().await;
    let config = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config).create_bucket().bucket(&bucket).send().await.expect("a bucket");
    let flags = ["--aws-storage-bucket-name", &bucket, "--aws-endpoint-url-s3", called_at];
    // Its own, too, so that tests on one Redis do not hear each other.
    let secret = format!("the secret of {bucket}, long enough");
    flags.iter().chain(&["--jwt-secret", &secret]).map(|flag| (*flag).to_owned()).collect()
}

/// What a random test draws its lots from: TEST_SEED, or new each time. It is printed, so that a failure can be repeated.
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "whoever repeats a failure sets it, and reads it")]
pub fn random_seed(test: &str) -> u64 {
    let given = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from_le_bytes(Clock::default().random_bytes()));
    println!("{test}: TEST_SEED={seed}");
    seed
}
