//! A storage that says yes, or says nothing, where it should not.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use chrono::TimeDelta;
use darkroom::clock::Clock;
use tempfile::TempDir;

use super::behind::Behind;

/// What is wrong with a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    Nothing,
    /// Whatever is sent is said to be stored.
    TakesEverything,
    /// Objects are given to who has no signature.
    IsPublic,
    /// Preflights are answered without CORS headers.
    LetsNoPageIn,
    /// Pages cannot read the headers of answers.
    ExposesNothing,
    /// Its clock is five minutes behind.
    IsLate,
    /// Bytes change on the way to it.
    DamagesWhatItTakes,
}

/// A real storage behind a proxy that lie.
pub struct LyingStorage {
    pub flags: Vec<String>,
    _folder: TempDir,
}

impl LyingStorage {
    pub async fn start(lie: Lie) -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (behind, flags) = Behind::start(folder.path(), &endpoint).await;
        let pass = move |request: Request| {
            let behind = behind.clone();
            async move {
                let (head, body) = request.into_parts();
                if head.method == Method::OPTIONS {
                    return lie.with_cors(Response::new(Body::empty()));
                }
                let body = if lie == Lie::DamagesWhatItTakes && head.method == Method::PUT {
                    damaged(body).await
                } else {
                    body
                };
                let answer = behind.answer(Request::from_parts(head.clone(), body)).await;
                lie.with_cors(lie.about(&head, answer))
            }
        };
        let router = axum::Router::new().fallback(pass);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { flags, _folder: folder }
    }
}

async fn damaged(body: Body) -> Body {
    let mut bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}

impl Lie {
    fn about(self, head: &Parts, mut answer: Response) -> Response {
        let is_sent = head.method == Method::POST || head.method == Method::PUT;
        // What the server itself sends is signed in a header.
        let is_a_browsers = !head.headers.contains_key(header::AUTHORIZATION);
        if self == Self::TakesEverything && is_sent && is_a_browsers {
            *answer.status_mut() = StatusCode::CREATED;
        }
        if self == Self::IsPublic && head.method == Method::GET && is_a_browsers && head.uri.query().is_none() {
            return Response::new(Body::from("darkroom doctor"));
        }
        if self == Self::IsLate {
            let then = Clock::default().now() - TimeDelta::minutes(5);
            let date = then.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            answer.headers_mut().insert(header::DATE, HeaderValue::try_from(date).expect("a date"));
        }
        answer
    }

    fn with_cors(self, mut answer: Response) -> Response {
        let headers = answer.headers_mut();
        for name in [header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_EXPOSE_HEADERS] {
            headers.remove(name);
        }
        if self != Self::LetsNoPageIn {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if self != Self::ExposesNothing {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Location"));
        }
        answer
    }
}
