//! Whose pages may read what they are answered.

use url::{Host, Url};

/// Origins of pages, as browsers say them: `https://app.example.com`.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    named: Vec<String>,
    is_local: bool,
}

impl Origins {
    /// `*` names everybody. `is_local`: whether the server is on the machine of whoever develops, whose other pages may then ask, too.
    pub fn new(named: Vec<String>, is_local: bool) -> Self {
        // What a page without an origin says of itself is nobody's name.
        Self { named: named.into_iter().filter(|origin| origin != "null").collect(), is_local }
    }

    /// Those that are named one by one, and `own`: for what not everybody may have.
    #[must_use]
    pub fn known(&self, own: String) -> Self {
        let named = self.named.iter().filter(|origin| *origin != "*").cloned();
        Self::new(named.chain([own]).collect(), self.is_local)
    }

    /// Whether every page may ask.
    pub fn are_all(&self) -> bool {
        self.named.iter().any(|origin| origin == "*")
    }

    /// Whether a page of this origin may ask.
    pub fn allow(&self, origin: &str) -> bool {
        self.are_all() || self.named.iter().any(|known| known == origin) || (self.is_local && is_local(origin))
    }
}

/// Whether a host is the machine itself, whatever its network.
pub fn is_loopback(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether it is the origin of a page of the machine itself, spelled as browsers do.
fn is_local(origin: &str) -> bool {
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.is_some_and(|url| is_loopback(url.host()) && url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use super::Origins;

    #[test]
    fn pages_of_this_machine_may_ask_while_the_server_is_on_it() {
        let origins = |is_local| Origins::new(vec!["https://app.example.com".to_owned(), "null".to_owned()], is_local);
        for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080", "https://app.localhost"] {
            assert!(origins(true).allow(origin), "{origin}");
            assert!(!origins(false).allow(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "http://example.com#localhost",
            "http://localhost:5173/",
            "http://LOCALHOST:5173",
            "file://localhost",
            "http://10.0.0.1",
        ] {
            assert!(!origins(true).allow(origin), "{origin}");
        }
        assert!(origins(false).allow("https://app.example.com"));
        let everybody = Origins::new(vec!["*".to_owned()], false);
        assert!(everybody.allow("https://anybody.example.com"));
        let known = everybody.known("https://images.example.com".to_owned());
        assert!(known.allow("https://images.example.com") && !known.allow("https://anybody.example.com"));
    }
}
