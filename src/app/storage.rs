//! The storage: S3 elsewhere, or the embedded one.

use std::net::SocketAddr;

use crate::{
    clock::Clock,
    config::{Config, StorageConfig},
    secrets,
    storage::{Credentials, S3Settings, embedded},
};

/// Where the objects are, and the credentials of the embedded storage if they are there.
///
/// # Errors
/// When the configuration is incomplete, or DATA_DIR cannot be written to.
pub fn storage_settings(
    config: &Config,
    address: SocketAddr,
    clock: &Clock,
) -> anyhow::Result<(S3Settings, Option<Credentials>)> {
    if let Some(bucket) = &config.storage.aws_storage_bucket_name {
        let settings = S3Settings {
            bucket: bucket.clone(),
            region: config.storage.aws_region.clone(),
            endpoint: config.storage.aws_endpoint_url_s3.clone(),
            public_endpoint: config
                .storage
                .s3_public_endpoint
                .clone()
                .or_else(|| config.storage.aws_endpoint_url_s3.clone()),
            custom_domain: config.storage.aws_s3_custom_domain.clone(),
            upload_method: config.storage.upload_method.into(),
            url_life: config.storage.url_life(),
            credentials: credentials(&config.storage)?,
        };
        return Ok((settings, None));
    }
    let credentials = Credentials {
        access_key_id: "darkroom".to_owned(),
        secret_access_key: secrets::keep(&config.server.data_dir, "s3.secret", clock)?,
        session_token: None,
    };
    let settings = S3Settings {
        bucket: embedded::BUCKET.to_owned(),
        region: embedded::REGION.to_owned(),
        endpoint: Some(url::Url::parse(&format!("http://{}", reachable(address)))?),
        public_endpoint: Some(config.server.public_url()?),
        custom_domain: config.storage.aws_s3_custom_domain.clone(),
        upload_method: config.storage.upload_method.into(),
        url_life: config.storage.url_life(),
        credentials: Some(credentials.clone()),
    };
    Ok((settings, Some(credentials)))
}

/// An address that listens everywhere is called on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

/// The configured key; `None` leaves it to the SDK's own chain.
fn credentials(config: &StorageConfig) -> anyhow::Result<Option<Credentials>> {
    Ok(config.key_pair()?.map(|(id, secret)| Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: config.aws_session_token.clone(),
    }))
}
