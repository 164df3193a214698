//! Where objects can be: inside the server, in the S3 that is configured, or in another one.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::storage_settings;
use crate::{
    clock::Clock,
    config::{self, Config},
    http,
    storage::{
        S3,
        embedded::{EmbeddedS3, UploadObserver},
    },
};

/// One of the storages that this configuration knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoragePlace {
    /// In DATA_DIR.
    Embedded,
    /// In the bucket that the settings name.
    Configured,
    /// In the bucket that a file of settings names in its area `[storage]`.
    File(PathBuf),
}

impl From<&str> for StoragePlace {
    fn from(name: &str) -> Self {
        match name {
            "embedded" => Self::Embedded,
            "s3" => Self::Configured,
            file => Self::File(file.into()),
        }
    }
}

/// A storage to read from and to write to, for as long as this is kept.
pub struct OpenStorage {
    pub s3: S3,
    /// Where no server runs, the storage inside is served by this process.
    pub served: Option<AbortOnDropHandle<()>>,
}

impl StoragePlace {
    /// Looks whether there is anything to read from, which a slip in DATA_DIR would make anew.
    ///
    /// # Errors
    /// When the storage inside was never used.
    pub fn require(&self, config: &Config) -> anyhow::Result<()> {
        let folder = config.server.data_dir.join("storage");
        let is_there = *self != Self::Embedded || folder.is_dir();
        anyhow::ensure!(is_there, "there is no storage at {}: check DATA_DIR", folder.display());
        Ok(())
    }

    /// Gets ready to call it.
    ///
    /// # Errors
    /// When the settings name no bucket, a file cannot be read, or DATA_DIR cannot be used.
    pub async fn open(&self, config: &Config, clock: &Clock) -> anyhow::Result<OpenStorage> {
        let mut config = config.clone();
        match self {
            Self::Embedded => {
                config.storage.aws_storage_bucket_name = None;
                return open_embedded(&config, clock).await;
            }
            Self::Configured => {}
            Self::File(file) => config.storage = config::read_alone::<Config>(file)?.storage,
        }
        anyhow::ensure!(!config.storage.is_embedded(), "no bucket is named: set AWS_STORAGE_BUCKET_NAME");
        let (settings, _) = storage_settings(&config, config.server.bind, clock)?;
        Ok(OpenStorage { s3: S3::connect(settings, clock.clone()).await?, served: None })
    }
}

/// By the server that has it, or by ourselves.
async fn open_embedded(config: &Config, clock: &Clock) -> anyhow::Result<OpenStorage> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let connect = async |address: SocketAddr| {
        let (settings, credentials) = storage_settings(config, address, clock)?;
        anyhow::Ok((S3::connect(settings, clock.clone()).await?, credentials.context("the storage inside has a key")?))
    };
    let (s3, credentials) = connect(address).await?;
    let folder = config.server.data_dir.join("storage");
    let public_url = config.server.public_url()?;
    let embedded = match EmbeddedS3::open(&folder, &credentials, clock.clone(), &public_url, Arc::new(Nobody)) {
        Ok(embedded) => embedded,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let (s3, _) = connect(config.server.bind).await?;
            return Ok(OpenStorage { s3, served: None });
        }
        Err(error) => return Err(error.into()),
    };
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, http::media_routes(embedded)).await {
            tracing::error!(error = ?error, "the storage inside is no longer served");
        }
    });
    Ok(OpenStorage { s3, served: Some(AbortOnDropHandle::new(serving)) })
}

/// No upload comes in this way.
struct Nobody;

#[async_trait::async_trait]
impl UploadObserver for Nobody {
    fn receiving(&self, _key: &str, _received: watch::Receiver<u64>, _unwanted: CancellationToken) {}
    async fn stored(&self, _key: &str, _size: u64) {}
    async fn part_stored(&self, _key: &str) {}
}
