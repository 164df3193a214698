//! Everything put together, for main and for tests alike.

mod database;
mod metrics;
mod others;
mod place;
mod storage;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::{
    database::{Migrated, connect, look_into, migrate, migrated},
    others::carrier,
    place::{OpenStorage, StoragePlace},
    storage::storage_settings,
};
use crate::{
    accounts::{AccountHands, AccountRules, Accounts, NewAdmin},
    budget::{Budget, BudgetSettings},
    changes::{Changes, QuotaRules},
    clock::Clock,
    config::{AccountsConfig, Config},
    db::Db,
    domain::{error::ServiceError, origins::Origins, ticket::Unfinished, variant_spec::VariantSet},
    events::{Carrier, Hub},
    graphql::{self, CookieRules, Services, admission::Admission, limits::OperationLimits},
    http::{self, ConnectionLimits, HttpSettings, SocketLimits, StorageWebhook, TrustedProxies},
    imaging::{
        Limits,
        sandbox::{Sandbox, SandboxSettings},
    },
    library::{Library, LibraryHands, LibraryRules},
    machine,
    mail::Mailer,
    oidc::Provider,
    outbound::{Outbound, Reachable},
    passkeys::RelyingParty,
    passwords::PasswordHasher,
    providers_file,
    queue::Queue,
    secrets,
    sharing::{Sharing, SharingHands},
    storage::{Breaker, Credentials, S3, Storage, embedded::EmbeddedS3},
    uploads::{UploadHands, UploadRules, Uploads},
    variants_file,
    webhooks::{WebhookHands, Webhooks},
    worker::{Worker, WorkerServices},
};

/// For the database, the storage, the processes that make images and the log.
pub const FILES_OF_OUR_OWN: usize = 512;
const MIN_CONNECTIONS: usize = 16;

/// How many files a connection takes: where the storage is inside, also the one that is sent or fetched.
pub fn files_of_connection(config: &Config) -> usize {
    if config.storage.is_embedded() { 2 } else { 1 }
}

/// The application, ready to serve or to work.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub queue: Queue,
    pub storage: Storage,
    pub hub: Hub,
    pub services: Services,
    pub clock: Clock,
    /// To be cancelled when the process is told to stop: from then on it says that it is not ready for anybody new.
    pub draining: CancellationToken,
    sandbox: Sandbox,
    config: Config,
    /// What this process and the others tell each other by.
    carrier: Option<Carrier>,
    embedded_credentials: Option<Credentials>,
}

impl App {
    /// Connects everything, and brings the database up to date. `address` is where the server listens.
    ///
    /// # Errors
    /// When the configuration is incomplete, or the database does not answer.
    pub async fn build(config: Config, address: SocketAddr, clock: Clock) -> anyhow::Result<Self> {
        let db = connect(&config).await?;
        Box::pin(Self::on(db, config, address, clock)).await
    }

    /// Connects everything to a database that is there already, for commands that would be of no use on a new one.
    ///
    /// # Errors
    /// When there is none, and as `build`.
    pub async fn build_on_existing(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let db = database::connect_existing(&config).await?;
        let address = config.server.bind;
        Box::pin(Self::on(db, config, address, clock)).await
    }

    async fn on(db: Db, config: Config, address: SocketAddr, clock: Clock) -> anyhow::Result<Self> {
        migrate(&db).await?;
        let (settings, embedded_credentials) = storage_settings(&config, address, &clock)?;
        let s3 = S3::connect(settings, clock.clone()).await?;
        let storage: Storage = Arc::new(Breaker::new(s3, clock.clone()));
        let lease = TimeDelta::seconds(i64::from(config.jobs.job_lease));
        let mut queue = Queue::new(db.conn().clone(), clock.clone(), lease);
        let url = database::url(&config);
        if url.starts_with("postgres") {
            queue = queue.with_sessions(url);
        }
        let hub = Hub::default();
        let changes = Changes::new(db.clone(), queue.clone(), hub.clone(), clock.clone(), quota_rules(&config));
        let rules = UploadRules {
            ticket_life: config.storage.url_life(),
            trash_retention: TimeDelta::seconds(config.images.trash_retention.into()),
            // Never before the last ticket has ended.
            upload_expiry: TimeDelta::seconds(config.images.upload_expiry.into()).max(config.storage.url_life()),
            event_retention: TimeDelta::seconds(config.images.event_retention.into()),
            audit_retention: TimeDelta::seconds(config.accounts.audit_retention.into()),
            spool: spool(&config),
            variants: variants(&config)?,
        };
        let sandbox = sandbox(&config, rules.variants.clone())?;
        let jwt_secret = jwt_secret(&config, &clock)?;
        let (secret, carrier) = (jwt_secret.as_bytes(), carrier(&config, &jwt_secret));
        let of_library = LibraryRules {
            max_upload_size: config.images.max_upload_size,
            storage_quota: config.limits.storage_quota,
            spool: spool(&config),
        };
        let hands = LibraryHands {
            db: db.clone(),
            changes: changes.clone(),
            queue: queue.clone(),
            hub: hub.clone(),
            storage: storage.clone(),
        };
        let library = Library::new(hands, clock.clone(), secret, of_library);
        let budget = Budget::new(BudgetSettings {
            points: config.limits.rate_limit_points,
            per_second: config.limits.rate_limit_restore,
        });
        let hands = UploadHands {
            db: db.clone(),
            changes: changes.clone(),
            queue: queue.clone(),
            storage: storage.clone(),
            hub: hub.clone(),
            sandbox: sandbox.clone(),
            budget: budget.clone(),
        };
        let passwords = PasswordHasher::new();
        let outbound = Outbound::new(Reachable::new(config.server.outbound_networks()?))?;
        let of_webhooks = WebhookHands { db: db.clone(), queue: queue.clone(), hub: hub.clone(), outbound };
        let event_retention = rules.event_retention;
        let services = Services {
            changes,
            uploads: Uploads::new(hands, clock.clone(), rules),
            library: library.map_err(ServiceError::into_anyhow)?,
            sharing: Sharing::new(
                SharingHands { db: db.clone(), passwords: passwords.clone() },
                clock.clone(),
                secret,
                config.server.public_url()?,
            ),
            accounts: Accounts::new(
                AccountHands {
                    db: db.clone(),
                    queue: queue.clone(),
                    hub: hub.clone(),
                    mailer: mailer(&config)?,
                    passwords,
                    providers: providers(&config)?,
                    relying_party: relying_party(&config)?,
                },
                clock.clone(),
                secret,
                AccountRules {
                    sign_up: config.accounts.sign_up.into(),
                    require_2fa: config.accounts.require_2fa()?,
                    pages: pages(&config)?,
                },
            ),
            webhooks: Webhooks::new(of_webhooks, clock.clone(), secret, event_retention),
            budget,
        };
        let draining = CancellationToken::new();
        Ok(Self { db, queue, storage, hub, services, clock, draining, sandbox, config, carrier, embedded_credentials })
    }

    /// Makes what an empty database lacks: the first category and the first administrator.
    pub async fn bootstrap(&self) -> anyhow::Result<Option<NewAdmin>> {
        let AccountsConfig { admin_email, admin_password, .. } = &self.config.accounts;
        self.services.library.ensure_categories().await.map_err(ServiceError::into_anyhow)?;
        self.services.accounts.ensure_first_admin(admin_email, admin_password.clone()).await
    }

    /// Everything that is answered over HTTP.
    ///
    /// # Errors
    /// When the embedded storage's folder cannot be opened.
    pub fn router(&self) -> anyhow::Result<Router> {
        let embedded = match &self.embedded_credentials {
            None => None,
            Some(credentials) => {
                let folder = self.config.server.data_dir.join("storage");
                let observer = Arc::new(self.services.uploads.clone());
                let public_url = self.config.server.public_url()?;
                Some(EmbeddedS3::open(&folder, credentials, self.clock.clone(), &public_url, observer)?)
            }
        };
        let limits = OperationLimits::default();
        let public_url = self.config.server.public_url()?;
        let origins = Origins::new(self.config.server.cors_origins()?, self.config.server.is_local());
        let settings = HttpSettings {
            cookies: CookieRules {
                origins: origins.known(public_url.origin().ascii_serialization()),
                is_secure: public_url.scheme() == "https",
            },
            public_url,
            origins,
            media_origins: self.config.storage.browser_origins(),
            introspection: self.config.server.introspection,
            proxies: TrustedProxies::parse(&self.config.server.trusted_proxies)?,
            concurrent_operations: self.config.limits.max_concurrent_operations,
            sockets: SocketLimits {
                sockets: self.config.limits.max_websockets as usize,
                operations: self.config.limits.max_subscriptions as usize,
            },
            storage_webhook: self
                .config
                .storage
                .webhook()?
                .map(|(secret, bucket)| StorageWebhook { secret: secret.to_owned(), bucket: bucket.to_owned() }),
        };
        let schema = graphql::schema(self.services.clone(), settings.cookies.clone(), settings.introspection);
        let checks = http::HealthChecks {
            db: self.db.clone(),
            storage: self.storage.clone(),
            sandbox: self.sandbox.clone(),
            draining: self.draining.clone(),
        };
        Ok(http::router(
            schema,
            self.services.clone(),
            Admission::new(limits),
            embedded,
            checks,
            self.clock.clone(),
            settings,
        ))
    }

    /// How many connections clients may have.
    ///
    /// # Errors
    /// When a trusted proxy is no address and no network.
    pub fn connection_limits(&self) -> anyhow::Result<ConnectionLimits> {
        let files = (machine::open_files().saturating_sub(FILES_OF_OUR_OWN) / files_of_connection(&self.config))
            .max(MIN_CONNECTIONS);
        Ok(ConnectionLimits {
            all: files.min(self.config.limits.max_connections as usize),
            of_address: self.config.limits.max_connections_per_address as usize,
            proxies: TrustedProxies::parse(&self.config.server.trusted_proxies)?,
        })
    }

    /// Whatever runs jobs.
    pub fn worker(&self) -> Worker {
        let grace = Duration::from_secs(self.config.jobs.shutdown_grace.into());
        let Services { uploads, library, accounts, webhooks, .. } = self.services.clone();
        Worker::new(
            self.queue.clone(),
            WorkerServices { uploads, library, accounts, webhooks },
            self.config.jobs.worker_slots(),
            grace,
        )
    }
}

fn quota_rules(config: &Config) -> QuotaRules {
    let unfinished =
        Unfinished { uploads: config.limits.max_unfinished_uploads.into(), bytes: config.limits.max_unfinished_bytes };
    QuotaRules {
        storage_quota: config.limits.storage_quota,
        max_unfinished: (config.limits.max_unfinished_uploads > 0).then_some(unfinished),
        ticket_life: config.storage.url_life(),
    }
}

/// Beside the data, where there are any; a temporary folder may be in memory.
pub fn spool(config: &Config) -> PathBuf {
    if config.server.data_dir.is_dir() { config.server.data_dir.clone() } else { std::env::temp_dir() }
}

/// Where images are made.
///
/// # Errors
/// When our own program cannot be found.
pub fn sandbox(config: &Config, variants: VariantSet) -> anyhow::Result<Sandbox> {
    Ok(Sandbox::new(SandboxSettings {
        program: config.images.program.clone().map_or_else(machine::program, Ok)?,
        limits: Limits { max_pixels: config.images.max_image_pixels },
        variants,
        memory: image_memory(config),
        cores: machine::cores(),
    }))
}

/// What is made of every image.
///
/// # Errors
/// When the operator's file cannot be read, or says what cannot be.
pub fn variants(config: &Config) -> anyhow::Result<VariantSet> {
    config.images.variants.as_deref().map_or_else(|| Ok(VariantSet::default()), variants_file::read)
}

/// The settings that are computed where nothing sets them, by their names.
///
/// # Errors
/// When PUBLIC_URL is none.
pub fn computed_settings(config: &Config) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut computed = vec![
        ("public_url", config.server.public_url()?.to_string()),
        ("database_url", database::url(config)),
        ("image_memory_budget", image_memory(config).to_string()),
        ("workers", config.jobs.worker_slots().to_string()),
    ];
    let endpoint = config.storage.aws_endpoint_url_s3.as_ref();
    computed.extend(endpoint.map(|endpoint| ("s3_public_endpoint", endpoint.to_string())));
    Ok(computed)
}

/// In bytes: what all images may take at once; where nobody says, a quarter of the machine's memory.
fn image_memory(config: &Config) -> u64 {
    config.images.image_memory_budget.unwrap_or_else(|| machine::memory() / 4)
}

/// What access tokens are signed with.
///
/// # Errors
/// When there is none, and no folder to keep one in.
fn jwt_secret(config: &Config, clock: &Clock) -> anyhow::Result<String> {
    match config.accounts.jwt_secret()? {
        Some(secret) => Ok(secret.to_owned()),
        None if config.storage.is_embedded() => secrets::keep(&config.server.data_dir, "jwt.secret", clock),
        None => anyhow::bail!("JWT_SECRET is required: all processes must use the same value"),
    }
}

/// How mails are sent.
fn mailer(config: &Config) -> anyhow::Result<Mailer> {
    match config.accounts.smtp()? {
        Some((url, from)) => Mailer::smtp(url, from),
        None if config.server.is_local() => Ok(Mailer::Log),
        None => Ok(Mailer::Nowhere),
    }
}

/// Who else signs users in.
fn providers(config: &Config) -> anyhow::Result<Vec<Provider>> {
    config.accounts.oidc_providers.as_deref().map_or_else(|| Ok(Vec::new()), providers_file::read)
}

/// Who checks passkeys: the domain of our own address, or one above it, for its pages and those of front ends on it.
fn relying_party(config: &Config) -> anyhow::Result<Option<RelyingParty>> {
    let public_url = config.server.public_url()?;
    let named = config.accounts.passkey_domain.as_deref();
    let Some(domain) = named.or_else(|| public_url.domain()) else { return Ok(None) };
    let is_somebodys = |domain: &str| domain.contains('.') || domain == "localhost";
    anyhow::ensure!(named.is_none_or(is_somebodys), "PASSKEY_DOMAIN: {domain} is nobody's domain");
    let is_on = |page: &Url| page.domain().is_some_and(|host| host == domain || host.ends_with(&format!(".{domain}")));
    let origins = config.server.cors_origins()?;
    let pages = origins.iter().filter_map(|origin| Url::parse(origin).ok()).chain([public_url.clone()]);
    let pages: Vec<Url> = pages.filter(is_on).collect();
    anyhow::ensure!(!pages.is_empty(), "PASSKEY_DOMAIN: neither PUBLIC_URL nor one of CORS_ORIGINS is on {domain}");
    RelyingParty::new(domain, &pages).map(Some)
}

/// Where the links in mails lead: where nobody says, below our own address.
fn pages(config: &Config) -> anyhow::Result<Url> {
    Ok(match &config.accounts.account_url {
        Some(pages) => pages.clone(),
        None => config.server.public_url()?.join("account")?,
    })
}
