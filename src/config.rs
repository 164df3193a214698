//! What the operator decides: by environment variables, or by flags of the same name.

use std::{net::SocketAddr, path::PathBuf};

use chrono::TimeDelta;
use clap::{Args, ValueEnum};
use url::Url;

/// The configuration. Every default suits a laptop.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The address to listen on.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:8000", global = true)]
    pub bind: SocketAddr,

    /// What browsers see; by default http://localhost with the port of BIND.
    #[arg(long, env = "PUBLIC_URL", global = true)]
    pub public_url: Option<Url>,

    /// Where the SQLite file, the embedded storage and the generated secrets live.
    #[arg(long, env = "DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// postgres://… or sqlite://…; by default a SQLite file in DATA_DIR.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// How many connections to the database requests may have; jobs have as many more as run at once, slow reads some
    /// of their own.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1000), global = true)]
    pub database_connections: u32,

    /// The bucket of an S3 elsewhere; without it, the storage inside the server is used.
    #[arg(long, env = "AWS_STORAGE_BUCKET_NAME", global = true)]
    pub aws_storage_bucket_name: Option<String>,

    /// The key that the S3 elsewhere knows this server by; without one, the SDK's own chain is asked.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", requires = "aws_secret_access_key", global = true)]
    pub aws_access_key_id: Option<String>,

    /// What belongs to the key.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, global = true)]
    pub aws_secret_access_key: Option<String>,

    /// What belongs to a key that is temporary.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true, global = true)]
    pub aws_session_token: Option<String>,

    /// The bucket's region.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", global = true)]
    pub aws_region: String,

    /// Where this server reaches the S3; without it, AWS itself.
    #[arg(long, env = "AWS_ENDPOINT_URL_S3", global = true)]
    pub aws_endpoint_url_s3: Option<Url>,

    /// Where browsers reach the S3, which URLs are signed for; by default AWS_ENDPOINT_URL_S3.
    #[arg(long, env = "S3_PUBLIC_ENDPOINT", global = true)]
    pub s3_public_endpoint: Option<Url>,

    /// A CDN's domain in front of the bucket: its URLs are given out unsigned.
    #[arg(long, env = "AWS_S3_CUSTOM_DOMAIN", global = true)]
    pub aws_s3_custom_domain: Option<String>,

    /// How long tickets and URLs are good for, in seconds: 60 to 604800.
    #[arg(long, env = "PRESIGNED_URL_EXPIRATION", default_value_t = 3600,
          value_parser = clap::value_parser!(u32).range(60..=604_800), global = true)]
    pub presigned_url_expiration: u32,

    /// The largest file that any category may allow, in bytes, up to 5 GiB.
    #[arg(long, env = "MAX_UPLOAD_SIZE", default_value_t = 10 * 1024 * 1024,
          value_parser = clap::value_parser!(u64).range(1..=5 * 1024 * 1024 * 1024), global = true)]
    pub max_upload_size: u64,

    /// What each user may have in the storage, in bytes; without it, as much as they like.
    #[arg(long, env = "STORAGE_QUOTA", global = true)]
    pub storage_quota: Option<u64>,

    /// How many uploads each user may have unfinished; 0 is no limit.
    #[arg(long, env = "MAX_UNFINISHED_UPLOADS", default_value_t = 500, global = true)]
    pub max_unfinished_uploads: u32,

    /// How many bytes these may have announced together.
    #[arg(long, env = "MAX_UNFINISHED_BYTES", default_value_t = 5 * 1024 * 1024 * 1024, global = true)]
    pub max_unfinished_bytes: u64,

    /// How long a deleted image can be restored, in seconds up to ten years; 0 is not at all.
    #[arg(long, env = "TRASH_RETENTION", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(..=315_360_000), global = true)]
    pub trash_retention: u32,

    /// How long what happened to images can be read again by `imageChanges`, in seconds: an hour to ten years.
    #[arg(long, env = "EVENT_RETENTION", default_value_t = 604_800,
          value_parser = clap::value_parser!(u32).range(3600..=315_360_000), global = true)]
    pub event_retention: u32,

    /// After how many seconds without a sign of life an upload has failed: 3600 to 2592000.
    #[arg(long, env = "UPLOAD_EXPIRY", default_value_t = 86_400,
          value_parser = clap::value_parser!(u32).range(3600..=2_592_000), global = true)]
    pub upload_expiry: u32,

    /// The largest image that is decoded: width times height.
    #[arg(long, env = "MAX_IMAGE_PIXELS", default_value_t = 50_000_000, global = true)]
    pub max_image_pixels: u64,

    /// What all images that are being made may take of the memory at once, in bytes, 64 MiB at least; by default a
    /// quarter of the machine's.
    #[arg(long, env = "IMAGE_MEMORY_BUDGET",
          value_parser = clap::value_parser!(u64).range(64 * 1024 * 1024..), global = true)]
    pub image_memory_budget: Option<u64>,

    /// A file of TOML or JSON that says which variants are made; by default the five.
    #[arg(long, env = "VARIANTS", global = true)]
    pub variants: Option<PathBuf>,

    /// The program that makes images: this one. Tests are another.
    #[arg(skip)]
    pub program: Option<PathBuf>,

    /// What access tokens are signed with, 32 bytes at least; made and kept in DATA_DIR on embedded storage.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, global = true)]
    pub jwt_secret: Option<String>,

    /// The first user of an empty database.
    #[arg(long, env = "ADMIN_EMAIL", default_value = "admin@localhost", global = true)]
    pub admin_email: String,

    /// The first user's password; without it, one is made and printed once.
    #[arg(long, env = "ADMIN_PASSWORD", hide_env_values = true, global = true)]
    pub admin_password: Option<String>,

    /// The origins of front ends, separated by commas; by default PUBLIC_URL's.
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',', global = true)]
    pub cors_origins: Vec<String>,

    /// How many jobs run at once; by default two a core, for half of them wait for the storage.
    #[arg(long, env = "WORKERS", global = true)]
    pub workers: Option<usize>,

    /// After how many seconds of silence a job is taken from a worker that died with it.
    #[arg(long, env = "JOB_LEASE", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=3600), global = true)]
    pub job_lease: u32,

    /// How many points a user can spend at once, as the schema's @cost reckons them; a fifth of it for each address
    /// without a token. 0 is no limit.
    #[arg(long, env = "RATE_LIMIT_POINTS", default_value_t = 200_000, global = true)]
    pub rate_limit_points: u32,

    /// How many of these points come back each second.
    #[arg(long, env = "RATE_LIMIT_RESTORE", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub rate_limit_restore: u32,

    /// Proxies in front of the server, by address or network, separated by commas: what they say in X-Forwarded-For of
    /// where a request comes from is believed. Example: 10.0.0.0/8,::1
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', global = true)]
    pub trusted_proxies: Vec<String>,

    /// How many connections clients may have open; never more than the files that the process may have open allow.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(16..), global = true)]
    pub max_connections: u32,

    /// How many operations of one caller run at once. Below DATABASE_CONNECTIONS, others never wait behind one.
    #[arg(long, env = "MAX_CONCURRENT_OPERATIONS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=256), global = true)]
    pub max_concurrent_operations: u32,

    /// How many of them may come from one address that is no trusted proxy.
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000,
          value_parser = clap::value_parser!(u32).range(4..), global = true)]
    pub max_connections_per_address: u32,

    /// Whether clients may ask for the schema, and GraphiQL is served.
    #[arg(long, env = "INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set, global = true)]
    pub introspection: bool,

    /// How log lines look; RUST_LOG says which there are.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

impl Config {
    /// What browsers see.
    ///
    /// # Errors
    /// Never for an address that could be bound.
    pub fn public_url(&self) -> Result<Url, url::ParseError> {
        self.public_url.clone().map_or_else(|| Url::parse(&format!("http://localhost:{}", self.bind.port())), Ok)
    }

    /// The origins that browsers may call from.
    ///
    /// # Errors
    /// Never for an address that could be bound.
    pub fn cors_origins(&self) -> Result<Vec<String>, url::ParseError> {
        if self.cors_origins.is_empty() {
            return Ok(vec![self.public_url()?.origin().ascii_serialization()]);
        }
        Ok(self.cors_origins.iter().map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect())
    }

    /// Whether objects live inside this server.
    pub const fn uses_embedded_storage(&self) -> bool {
        self.aws_storage_bucket_name.is_none()
    }

    /// How long tickets and URLs are good for.
    pub fn url_life(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.presigned_url_expiration))
    }

    /// How many connections to the database there are for requests and jobs together.
    pub fn database_connections(&self) -> u32 {
        self.database_connections.saturating_add(u32::try_from(self.worker_slots()).unwrap_or(u32::MAX / 2))
    }

    /// How many jobs run at once.
    pub fn worker_slots(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or(2 * cores).max(1)
    }
}
