//! A storage that does not do what it is asked, again and again.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{body::Body, extract::Request, response::Response};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{behind::Behind, upload::Ticket};

/// How often a storage fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    Never,
    EveryThirdTime,
    Always,
}

/// A storage that answers some calls with 503.
pub struct Unreliable {
    address: std::net::SocketAddr,
    flags: Vec<String>,
    failures: Arc<AtomicU64>,
    fails: watch::Sender<Fails>,
    _folder: TempDir,
}

impl Unreliable {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let endpoint = format!("http://{address}");
        let (behind, flags) = Behind::start(folder.path(), &endpoint).await;
        let (calls, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let fails = watch::Sender::new(Fails::EveryThirdTime);
        let (counted, how) = (Arc::clone(&failures), fails.subscribe());
        let pass = move |request: Request| {
            let (behind, calls, counted, how) =
                (behind.clone(), Arc::clone(&calls), Arc::clone(&counted), *how.borrow());
            async move {
                let is_third = calls.fetch_add(1, Ordering::Relaxed) % 3 == 2;
                if how == Fails::Always || how == Fails::EveryThirdTime && is_third {
                    counted.fetch_add(1, Ordering::Relaxed);
                    return Response::builder().status(503).body(Body::empty()).expect("an answer");
                }
                behind.answer(request).await
            }
        };
        let router = axum::Router::new().fallback(pass).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, flags, failures, fails, _folder: folder }
    }

    pub fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub fn set(&self, fails: Fails) {
        self.fails.send_replace(fails);
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
