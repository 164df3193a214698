//! Pages of origins that CORS_ORIGINS does not name: their browsers say no more than that something failed, so the log says what to set.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use crate::domain::origins::Origins;

/// How many origins are told of: everybody can make up others.
const MOST: usize = 50;
/// In bytes: no origin is longer.
const LONGEST: usize = 300;

/// Which origins are allowed, and which others were told of.
#[derive(Clone)]
pub(super) struct RefusedOrigins {
    allowed: Arc<Origins>,
    told: Arc<Mutex<HashSet<String>>>,
}

impl RefusedOrigins {
    pub(super) fn new(allowed: Origins) -> Self {
        Self { allowed: Arc::new(allowed), told: Arc::default() }
    }

    /// The origin of a request that is refused and was not told of yet.
    fn news(&self, headers: &HeaderMap) -> Option<String> {
        let origin = headers.get(header::ORIGIN)?.to_str().ok()?;
        let is_own = origin.split_once("://").is_some_and(|(_, host)| {
            headers.get(header::HOST).is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
        });
        if is_own || self.allowed.allow(origin) || origin.len() > LONGEST || !is_origin(origin) {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (told.len() < MOST && told.insert(origin.to_owned())).then(|| origin.to_owned())
    }
}

/// Whether it is one that can be allowed, an app's among them: not `null`, and nothing that only looks like one in a log.
fn is_origin(text: &str) -> bool {
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:[]".contains(&byte));
    text.split_once("://").is_some_and(|(scheme, host)| !host.is_empty() && is_plain(scheme) && is_plain(host))
}

/// Logs each refused origin once.
pub(super) async fn tell(State(refused): State<RefusedOrigins>, request: Request, next: Next) -> Response {
    if let Some(origin) = refused.news(request.headers()) {
        tracing::warn!(%origin, "pages of this origin cannot read what they are answered: to let them, add it to CORS_ORIGINS");
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{MOST, Origins, RefusedOrigins};

    fn from(origin: &str) -> HeaderMap {
        let host = (header::HOST, HeaderValue::from_static("images.example.com"));
        [host, (header::ORIGIN, HeaderValue::try_from(origin).unwrap())].into_iter().collect()
    }

    #[test]
    fn each_is_told_of_once_and_only_so_many() {
        let refused = RefusedOrigins::new(Origins::new(vec!["https://app.example.com".to_owned()], false));
        assert_eq!(refused.news(&from("https://app.example.com")), None);
        assert_eq!(refused.news(&from("https://images.example.com")), None, "its own pages need no leave");
        assert_eq!(refused.news(&HeaderMap::new()), None);
        for other in ["null", "http://a.example  ERROR all is lost", "http://a.example/path", "file:///a"] {
            assert_eq!(refused.news(&from(other)), None, "{other}");
        }
        assert!(refused.news(&from("capacitor://localhost")).is_some(), "an app's");
        assert_eq!(refused.news(&from("http://app.example.com")).as_deref(), Some("http://app.example.com"));
        assert_eq!(refused.news(&from("http://app.example.com")), None, "told once");
        let told = (0..2 * MOST).filter(|at| refused.news(&from(&format!("https://{at}.example.com"))).is_some());
        assert_eq!(told.count(), MOST - 2);
        let everybody = RefusedOrigins::new(Origins::new(vec!["*".to_owned()], false));
        assert_eq!(everybody.news(&from("https://anybody.example.com")), None);
    }
}
