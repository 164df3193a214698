//! Storage: where the objects are.

use chrono::TimeDelta;
use clap::{Args, ValueEnum};
use url::Url;

use crate::domain::ticket::UploadMethod;

/// In bytes: a shorter secret could be guessed.
const MIN_SECRET: usize = 16;

/// What the operator decided about where the objects are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Storage")]
pub struct StorageConfig {
    /// The bucket of an S3 elsewhere; without it, the storage inside the server is used.
    #[arg(long, env = "AWS_STORAGE_BUCKET_NAME", global = true)]
    pub aws_storage_bucket_name: Option<String>,

    /// The key that the S3 elsewhere knows this server by; without one, the SDK's own chain is asked.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", global = true)]
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

    /// What an S3 elsewhere sends as `Authorization: Bearer` when it tells of stored objects at /webhooks/storage; without it, nobody
    /// is heard there. At least 16 characters.
    #[arg(long, env = "STORAGE_WEBHOOK_SECRET", hide_env_values = true, global = true)]
    pub storage_webhook_secret: Option<String>,

    /// How browsers send files: by `post` the storage holds them to a signed policy; `put` is for storages without POST forms,
    /// such as Cloudflare R2.
    #[arg(long, env = "UPLOAD_METHOD", value_enum, default_value_t = SentBy::Post, global = true)]
    pub upload_method: SentBy,

    /// How long tickets and URLs are good for, in seconds: 60 to 604800.
    #[arg(long, env = "PRESIGNED_URL_EXPIRATION", default_value_t = 3600,
          value_parser = clap::value_parser!(u32).range(60..=604_800), global = true)]
    pub presigned_url_expiration: u32,
}

/// How browsers send files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SentBy {
    Post,
    Put,
}

impl From<SentBy> for UploadMethod {
    fn from(sent_by: SentBy) -> Self {
        match sent_by {
            SentBy::Post => Self::Post,
            SentBy::Put => Self::Put,
        }
    }
}

impl StorageConfig {
    /// Whether objects live inside this server.
    pub const fn is_embedded(&self) -> bool {
        self.aws_storage_bucket_name.is_none()
    }

    /// The id and the secret of the configured key, if there is one.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn key_pair(&self) -> anyhow::Result<Option<(&str, &str)>> {
        match (&self.aws_access_key_id, &self.aws_secret_access_key) {
            (Some(id), Some(secret)) => Ok(Some((id, secret))),
            (None, None) => Ok(None),
            _ => anyhow::bail!(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together: one of them is missing"
            ),
        }
    }

    /// Where the storage may tell of itself.
    ///
    /// # Errors
    /// When the secret can be guessed.
    pub fn webhook(&self) -> anyhow::Result<Option<(&str, &str)>> {
        let Some((secret, bucket)) =
            self.storage_webhook_secret.as_deref().zip(self.aws_storage_bucket_name.as_deref())
        else {
            return Ok(None);
        };
        anyhow::ensure!(secret.len() >= MIN_SECRET, "STORAGE_WEBHOOK_SECRET has fewer than {MIN_SECRET} characters");
        Ok(Some((secret, bucket)))
    }

    /// The origins where browsers reach the storage, where that is not this server.
    pub fn browser_origins(&self) -> Vec<String> {
        let Some(bucket) = &self.aws_storage_bucket_name else { return Vec::new() };
        let endpoint = self.s3_public_endpoint.as_ref().or(self.aws_endpoint_url_s3.as_ref());
        let mut origins = match endpoint {
            Some(endpoint) => vec![endpoint.origin().ascii_serialization()],
            None => {
                let region = format!("s3.{}.amazonaws.com", self.aws_region);
                vec![format!("https://{bucket}.{region}"), format!("https://{region}")]
            }
        };
        origins.extend(self.aws_s3_custom_domain.iter().map(|domain| format!("https://{domain}")));
        origins
    }

    /// How long tickets and URLs are good for.
    pub fn url_life(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.presigned_url_expiration))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::StorageConfig;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        storage: StorageConfig,
    }

    #[test]
    fn a_secret_that_can_be_guessed_opens_no_webhook() {
        let webhook = |secret: &str| {
            let flags = ["test", "--aws-storage-bucket-name", "media", "--storage-webhook-secret", secret];
            let storage = Arguments::parse_from(flags).storage;
            storage.webhook().map(|webhook| webhook.is_some()).map_err(|error| error.to_string())
        };
        assert_eq!(webhook("sixteen-letters!"), Ok(true));
        for short in ["", "fifteen-letters"] {
            assert!(webhook(short).is_err_and(|why| why.contains("STORAGE_WEBHOOK_SECRET")), "{short}");
        }
    }
}
