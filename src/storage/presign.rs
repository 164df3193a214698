//! URLs to fetch objects by, signed in their query:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
//!
//! The AWS SDK presigns too, but takes 35 µs for each: a gallery of fifty images has three hundred. Here the SDK says where
//! objects are, and all but the key's part is made once.

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{
    StorageKey,
    sigv4::{ALGORITHM, Credentials, SIGNATURE_LENGTH, SigningKey, hex_of, scope, timestamp},
};

/// What a path has as it is.
pub(super) const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// What a query's value has as it is.
const VALUE: AsciiSet = PATH.add(b'/');

/// Makes the URLs of objects, as they are for a while.
pub enum ObjectUrls {
    /// On a CDN's domain, which needs no signature.
    Cdn(String),
    Signed(Box<UrlSigner>),
}

impl ObjectUrls {
    /// The URL under which a browser can fetch an object.
    pub fn of(&self, key: &StorageKey) -> String {
        let mut url = String::new();
        self.push(&mut url, key);
        url
    }

    /// Writes the same behind a text.
    pub fn push(&self, text: &mut String, key: &StorageKey) {
        match self {
            Self::Cdn(domain) => text.extend(["https://", domain, "/", key.as_str()]),
            Self::Signed(signer) => signer.push(text, key.as_str()),
        }
    }
}

/// Signs URLs that are good from the same moment on, and for as long as each other.
pub struct UrlSigner {
    /// Scheme and authority.
    origin: String,
    /// What comes before the key.
    path: String,
    /// What all URLs ask for, in the order that the signature wants.
    query: String,
    /// What follows the path in the request that is signed.
    rest_of_request: String,
    /// What the signature is of, but for the request itself.
    preamble: String,
    key: SigningKey,
}

impl UrlSigner {
    /// For objects behind `base`, a URL with everything before the key.
    pub(super) fn new(
        base: &str,
        region: &str,
        credentials: &Credentials,
        start: DateTime<Utc>,
        life: TimeDelta,
    ) -> Self {
        let authority = base.find("://").map_or(0, |scheme| scheme + 3);
        let path = base[authority..].find('/').map_or(base.len(), |path| authority + path);
        let (date, scope) = (timestamp(start), scope(start, region));
        let encoded = |text: &str| utf8_percent_encode(text, &VALUE).to_string();
        let token = credentials.session_token.as_deref();
        let token = token.map(|token| format!("&X-Amz-Security-Token={}", encoded(token))).unwrap_or_default();
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires={}{token}&X-Amz-SignedHeaders=host",
            encoded(&format!("{}/{scope}", credentials.access_key_id)),
            life.num_seconds(),
        );
        Self {
            origin: base[..path].to_owned(),
            path: base[path..].to_owned(),
            rest_of_request: format!("\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", &base[authority..path]),
            query,
            preamble: format!("{ALGORITHM}\n{date}\n{scope}\n"),
            key: SigningKey::new(&credentials.secret_access_key, start, region),
        }
    }

    /// Writes the URL of an object behind a text.
    fn push(&self, text: &mut String, key: &str) {
        let Self { origin, path, query, rest_of_request, preamble, .. } = self;
        text.reserve(
            origin.len() + path.len() + key.len() + query.len() + "?&X-Amz-Signature=".len() + SIGNATURE_LENGTH,
        );
        text.push_str(origin);
        let begin = text.len();
        text.push_str(path);
        text.extend(utf8_percent_encode(key, &PATH));
        let request = Sha256::new().chain_update("GET\n").chain_update(&text[begin..]).chain_update(rest_of_request);
        let mut digest = [0; SIGNATURE_LENGTH];
        let signature = self.key.signature([preamble.as_str(), hex_of(&request.finalize().into(), &mut digest)]);
        text.extend(["?", query, "&X-Amz-Signature=", hex_of(&signature, &mut digest)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation that is named above.
    #[test]
    fn the_signature_is_that_of_the_documentation() {
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        };
        let start = "2013-05-24T00:00:00Z".parse().unwrap();
        let base = "https://examplebucket.s3.amazonaws.com/";
        let signer = UrlSigner::new(base, "us-east-1", &credentials, start, TimeDelta::days(1));
        let url = ObjectUrls::Signed(Box::new(signer)).of(&StorageKey::listed("test.txt"));
        assert!(url.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }
}
