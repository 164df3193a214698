//! A storage behind a proxy of the tests: the one that the environment names, or the embedded one by itself.

use std::{path::Path, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use darkroom::{
    clock::Clock,
    storage::{
        Credentials,
        embedded::{EmbeddedS3, UploadObserver},
    },
};
use http_body_util::BodyExt;

use super::{S3_ENDPOINT, bucket_flags, variable};

/// What answers behind the proxy.
#[derive(Clone)]
pub enum Behind {
    Embedded(EmbeddedS3),
    Elsewhere(reqwest::Client, String),
}

/// Nobody watches this storage, so it behaves as one elsewhere does.
struct Nobody;

#[async_trait::async_trait]
impl UploadObserver for Nobody {
    fn receiving(
        &self,
        _key: &str,
        _received: tokio::sync::watch::Receiver<u64>,
        _unwanted: tokio_util::sync::CancellationToken,
    ) {
    }
    async fn stored(&self, _key: &str, _size: u64) {}
    async fn part_stored(&self, _key: &str) {}
}

fn embedded(folder: &Path, endpoint: &str) -> (Behind, Vec<String>) {
    let credentials = Credentials {
        access_key_id: "test".to_owned(),
        secret_access_key: "a-secret-for-tests-alone".to_owned(),
        session_token: None,
    };
    let url = endpoint.parse().expect("a URL");
    let storage = EmbeddedS3::open(folder, &credentials, Clock::default(), &url, Arc::new(Nobody)).expect("a storage");
    let flags = [
        "--aws-endpoint-url-s3",
        endpoint,
        "--aws-storage-bucket-name",
        "media",
        "--aws-access-key-id",
        "test",
        "--aws-secret-access-key",
        "a-secret-for-tests-alone",
        "--jwt-secret",
        "a secret that is long enough for a test",
    ];
    (Behind::Embedded(storage), flags.map(str::to_owned).to_vec())
}

impl Behind {
    /// With a bucket of its own, and the flags that lead to it by the proxy at `endpoint`.
    pub async fn start(folder: &Path, endpoint: &str) -> (Self, Vec<String>) {
        match variable(S3_ENDPOINT) {
            Some(url) => {
                let flags = bucket_flags(&url, endpoint).await;
                (Self::Elsewhere(reqwest::Client::new(), url), flags)
            }
            None => embedded(folder, endpoint),
        }
    }

    pub async fn answer(self, request: Request) -> Response {
        match self {
            Self::Embedded(storage) => storage.answer(request).await.map(Body::new),
            Self::Elsewhere(client, url) => forward(&client, &url, request).await,
        }
    }
}

async fn forward(client: &reqwest::Client, behind: &str, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let url = format!("{behind}{}", head.uri.path_and_query().map_or("/", |path| path.as_str()));
    // The signature is over the host that the client sees.
    let answer = client.request(head.method, url).headers(head.headers).body(body).send().await.expect("an answer");
    let mut passed = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
        passed = passed.header(name, value);
    }
    passed.body(Body::from(answer.bytes().await.unwrap_or_default())).expect("an answer")
}
