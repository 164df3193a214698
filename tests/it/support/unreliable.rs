//! A storage that does not do what it is asked, again and again.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::{body::Body, extract::Request, response::Response};
use darkroom::{
    clock::Clock,
    storage::{
        Credentials,
        embedded::{EmbeddedS3, UploadObserver},
    },
};
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::{S3_ENDPOINT, bucket_flags, upload::Ticket};

/// A storage that answers every third call with 503, as long as it is told to.
pub struct Unreliable {
    address: std::net::SocketAddr,
    flags: Vec<String>,
    calls: Arc<AtomicU64>,
    is_mended: Arc<AtomicBool>,
    _folder: TempDir,
}

/// What answers the other calls.
#[derive(Clone)]
enum Behind {
    Embedded(EmbeddedS3),
    Elsewhere(reqwest::Client, String),
}

/// Nobody watches this storage, so it behaves as one elsewhere does.
struct Nobody;

#[async_trait::async_trait]
impl UploadObserver for Nobody {
    fn receiving(&self, _key: &str, _received: tokio::sync::watch::Receiver<u64>) {}
    async fn stored(&self, _key: &str, _size: u64) {}
}

impl Unreliable {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = format!("http://{address}");
        let (behind, flags) = match std::env::var_os(S3_ENDPOINT).and_then(|url| url.into_string().ok()) {
            Some(url) => {
                let flags = bucket_flags(&url, &endpoint).await;
                (Behind::Elsewhere(reqwest::Client::new(), url), flags)
            }
            None => embedded(folder.path(), &endpoint),
        };
        let (calls, is_mended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, mended) = (Arc::clone(&calls), Arc::clone(&is_mended));
        let pass = move |request: Request| {
            let (behind, counted, mended) = (behind.clone(), Arc::clone(&counted), Arc::clone(&mended));
            async move {
                if !mended.load(Ordering::Relaxed) && counted.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
                    return Response::builder().status(503).body(Body::empty()).expect("an answer");
                }
                behind.answer(request).await
            }
        };
        let router = axum::Router::new().fallback(pass).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, flags, calls, is_mended, _folder: folder }
    }

    pub fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    pub fn failures(&self) -> u64 {
        self.calls.load(Ordering::Relaxed) / 3
    }

    pub fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }

    /// As a browser that tries again does.
    pub async fn store(&self, ticket: &Ticket, photo: &[u8]) {
        assert!(ticket.url.contains(&self.address.to_string()), "{}", ticket.url);
        for _ in 0..20 {
            if ticket.post(photo.to_vec()).await == 201 {
                return;
            }
        }
        panic!("the storage never took it");
    }
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
    async fn answer(self, request: Request) -> Response {
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
