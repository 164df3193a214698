//! A storage that does not do what it is asked, again and again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::{body::Body, extract::Request, response::Response};
use tempfile::TempDir;

use super::{behind::Behind, upload::Ticket};

/// A storage that answers every third call with 503, as long as it is told to.
pub struct Unreliable {
    address: std::net::SocketAddr,
    flags: Vec<String>,
    calls: Arc<AtomicU64>,
    is_mended: Arc<AtomicBool>,
    _folder: TempDir,
}

impl Unreliable {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = format!("http://{address}");
        let (behind, flags) = Behind::start(folder.path(), &endpoint).await;
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
