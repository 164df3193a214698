//! S3: called on the internal endpoint, signed for the public one.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedCredentialsProvider, StalledStreamProtectionConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, Length},
    types::{Delete, MetadataDirective, ObjectIdentifier},
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{fs::File, io::AsyncWriteExt, sync::OnceCell};
use url::Url;

use super::{
    Copied, Credentials, ListedPage, ObjectHead, ObjectStore, ObjectUrls, StorageError, StorageKey, StoredObject,
    credentials::CachedCredentials, post_policy::UploadConditions, sign::Window,
};
use crate::{
    clock::Clock,
    domain::ticket::{UploadMethod, UploadTarget},
};

/// A year: what is stored never changes under its key.
pub(super) const CACHE_CONTROL: &str = "private, max-age=31536000, immutable";

/// How long no byte may go out.
const STALLED: Duration = Duration::from_mins(1);

/// Where the bucket is, and how it is reached.
#[derive(Clone)]
pub struct S3Settings {
    pub bucket: String,
    pub region: String,
    /// Where this process calls; `None` is AWS itself.
    pub endpoint: Option<Url>,
    /// What browsers see.
    pub public_endpoint: Option<Url>,
    /// A CDN's domain, in front of the bucket: its URLs need no signature.
    pub custom_domain: Option<String>,
    /// How browsers send files.
    pub upload_method: UploadMethod,
    /// How long a presigned URL is good for at the most, and half of it at the least.
    pub url_life: TimeDelta,
    /// `None` asks the SDK's own chain: environment, profile, instance role.
    pub credentials: Option<Credentials>,
}

/// One bucket of an S3.
pub struct S3 {
    pub(super) internal: Client,
    pub(super) public: Client,
    pub(super) credentials: CachedCredentials,
    /// The present one; none before the first URL.
    pub(super) window: RwLock<Option<Arc<Window>>>,
    /// What every object's URL begins with; known from the first one on.
    pub(super) base: OnceCell<Url>,
    pub(super) settings: S3Settings,
    pub(super) clock: Clock,
}

impl S3 {
    /// Gets ready to call. Nothing is sent yet, so that a server starts while its storage is away.
    ///
    /// # Errors
    /// When the SDK finds no credentials provider, or the bucket's URL cannot be built.
    pub async fn connect(settings: S3Settings, clock: Clock) -> anyhow::Result<Self> {
        let credentials = match &settings.credentials {
            Some(fixed) => SharedCredentialsProvider::new(sdk_credentials(fixed)),
            None => aws_config::defaults(BehaviorVersion::latest()).load().await.credentials_provider().ok_or_else(
                || anyhow::anyhow!("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            )?,
        };
        let client = |endpoint: Option<&Url>| client(&settings, endpoint, credentials.clone());
        Ok(Self {
            internal: client(settings.endpoint.as_ref()),
            public: client(settings.public_endpoint.as_ref()),
            base: OnceCell::new(),
            credentials: CachedCredentials::new(credentials),
            window: RwLock::default(),
            settings,
            clock,
        })
    }
}

impl S3 {
    /// Whether an object that is not there is missing in a bucket that is.
    pub(super) async fn has_bucket(&self) -> bool {
        let bucket = self.internal.head_bucket().bucket(&self.settings.bucket).send().await;
        // Whoever may not ask for the bucket knows no better.
        matches!(bucket.as_ref().err().map(status_of), None | Some(Some(401 | 403)))
    }

    /// An object as a copy names it.
    pub fn copy_source(&self, key: &StorageKey) -> String {
        format!("{}/{key}", self.settings.bucket)
    }
}

#[async_trait]
impl ObjectStore for S3 {
    async fn sign_upload(
        &self,
        key: &StorageKey,
        content_type: &str,
        size: u64,
        expires_at: DateTime<Utc>,
    ) -> Result<UploadTarget, StorageError> {
        let allowed = UploadConditions { key, content_type, size, expires_at };
        match self.settings.upload_method {
            UploadMethod::Post => self.sign_post(&allowed).await,
            UploadMethod::Put => self.sign_put(&allowed).await,
        }
    }

    async fn urls(&self) -> Result<Arc<ObjectUrls>, StorageError> {
        self.current_urls().await
    }

    async fn head(&self, key: &StorageKey) -> Result<Option<ObjectHead>, StorageError> {
        let request = self.internal.head_object().bucket(&self.settings.bucket).key(key.as_str());
        match request.send().await {
            Ok(head) => Ok(Some(ObjectHead {
                size: head.content_length().map_or(0, i64::unsigned_abs),
                content_type: head.content_type().unwrap_or_default().to_owned(),
                etag: head.e_tag().unwrap_or_default().to_owned(),
            })),
            // A HEAD's answer does not say whether it is the bucket that is missing.
            Err(error) if status_of(&error) == Some(404) => {
                if self.has_bucket().await {
                    Ok(None)
                } else {
                    Err(StorageError::Unavailable(error.into()))
                }
            }
            Err(error) => Err(classify(error)),
        }
    }

    async fn copy(
        &self,
        from: &StorageKey,
        etag: &str,
        to: &StorageKey,
        content_type: &str,
    ) -> Result<Copied, StorageError> {
        let request = self
            .internal
            .copy_object()
            .bucket(&self.settings.bucket)
            .copy_source(self.copy_source(from))
            .copy_source_if_match(etag)
            .key(to.as_str())
            .metadata_directive(MetadataDirective::Replace)
            .content_type(content_type)
            .cache_control(CACHE_CONTROL);
        match request.send().await {
            Ok(_) => Ok(Copied::Done),
            Err(error) => match status_of(&error) {
                Some(404) if !is_without_bucket(&error) => Ok(Copied::SourceMissing),
                Some(412) => Ok(Copied::SourceChanged),
                _ => Err(classify(error)),
            },
        }
    }

    async fn download(&self, key: &StorageKey, limit: u64, to: &mut File) -> Result<bool, StorageError> {
        let request = self.internal.get_object().bucket(&self.settings.bucket).key(key.as_str());
        let mut object = match request.send().await {
            Ok(object) => object,
            Err(error) if status_of(&error) == Some(404) && !is_without_bucket(&error) => return Ok(false),
            Err(error) => return Err(classify(error)),
        };
        let mut written = 0;
        while let Some(chunk) = object.body.next().await {
            let chunk = chunk.map_err(|error| StorageError::Unavailable(error.into()))?;
            written += chunk.len() as u64;
            if written > limit {
                return Err(StorageError::Refused(anyhow::anyhow!(
                    "{key} is larger than the size in its database row"
                )));
            }
            to.write_all(&chunk).await.map_err(|error| StorageError::Refused(error.into()))?;
        }
        Ok(true)
    }

    async fn put(&self, key: &StorageKey, bytes: Bytes, content_type: &str) -> Result<(), StorageError> {
        let request = self
            .internal
            .put_object()
            .bucket(&self.settings.bucket)
            .key(key.as_str())
            .content_type(content_type)
            .cache_control(CACHE_CONTROL)
            .body(ByteStream::from(bytes));
        request.send().await.map(drop).map_err(classify)
    }

    async fn put_file(&self, key: &StorageKey, file: File, size: u64, content_type: &str) -> Result<(), StorageError> {
        let body = ByteStream::read_from().file(file).length(Length::Exact(size)).build().await;
        let request = self
            .internal
            .put_object()
            .bucket(&self.settings.bucket)
            .key(key.as_str())
            .content_type(content_type)
            .cache_control(CACHE_CONTROL)
            .body(body.map_err(|error| StorageError::Refused(error.into()))?);
        request.customize().config_override(patient()).send().await.map(drop).map_err(classify)
    }

    async fn delete(&self, keys: &[StorageKey]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key.as_str()).build());
        let objects = objects.collect::<Result<Vec<_>, _>>().map_err(|error| StorageError::Refused(error.into()))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| StorageError::Refused(error.into()))?;
        let request = self.internal.delete_objects().bucket(&self.settings.bucket).delete(delete);
        let outcome = request.send().await.map_err(classify)?;
        match outcome.errors().first() {
            None => Ok(()),
            Some(error) => {
                let (code, message) = (error.code().unwrap_or("without a code"), error.message().unwrap_or_default());
                let why = anyhow::anyhow!("{} was not deleted: {code} {message}", error.key().unwrap_or("an object"));
                Err(if code == "AccessDenied" { StorageError::Refused(why) } else { StorageError::Unavailable(why) })
            }
        }
    }

    async fn list(&self, prefix: &str, continuation: Option<String>) -> Result<ListedPage, StorageError> {
        let request = self.internal.list_objects_v2().bucket(&self.settings.bucket).prefix(prefix);
        let listed = request.set_continuation_token(continuation).send().await.map_err(classify)?;
        let objects = listed.contents().iter().filter_map(|object| {
            let modified = object.last_modified()?;
            Some(StoredObject {
                key: StorageKey::listed(object.key()?),
                size: object.size().map_or(0, i64::unsigned_abs),
                modified: DateTime::from_timestamp(modified.secs(), modified.subsec_nanos())?,
            })
        });
        Ok(ListedPage { objects: objects.collect(), continuation: listed.next_continuation_token })
    }

    async fn ping(&self) -> Result<(), StorageError> {
        self.internal.head_bucket().bucket(&self.settings.bucket).send().await.map(drop).map_err(classify)
    }
}

fn sdk_credentials(fixed: &Credentials) -> aws_sdk_s3::config::Credentials {
    let Credentials { access_key_id, secret_access_key, session_token } = fixed.clone();
    aws_sdk_s3::config::Credentials::new(access_key_id, secret_access_key, session_token, None, "darkroom")
}

fn client(settings: &S3Settings, endpoint: Option<&Url>, credentials: SharedCredentialsProvider) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_mins(2))
        .build();
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials)
        .timeout_config(timeouts)
        // Presigned URLs would otherwise carry the checksum of an empty body.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint.as_str()).force_path_style(true);
    }
    Client::from_conf(config.build())
}

pub(super) fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether it is the bucket that is not there, rather than the object: by a slip in the configuration, or for a while.
fn is_without_bucket<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchBucket")
}

/// Away is what time may heal: no connection, no answer in time, no bucket, 429 and 5xx.
pub(super) fn classify<E>(error: SdkError<E>) -> StorageError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match status_of(&error) {
        Some(404) if is_without_bucket(&error) => StorageError::Unavailable(error.into()),
        Some(status) if status < 500 && status != 429 => StorageError::Refused(error.into()),
        _ => StorageError::Unavailable(error.into()),
    }
}

/// For requests that take as long as bytes go out: a slow line takes minutes for what a server sends in a second.
pub(super) fn patient() -> Builder {
    // What is not disabled is that of the client.
    let timeouts = TimeoutConfig::builder()
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .build();
    Builder::new()
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALLED).build())
}
