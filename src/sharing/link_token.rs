//! What links are known by: the id, and a code that only this server makes. Nothing in the database says it, so whoever
//! reads that cannot use a link; and what nobody was given is refused without a look at the database.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::{ids::ShareLinkId, sharing::ShareLink};

/// In bytes, of an id and of the code behind it.
const HALF: usize = 16;

/// Derived from the server's secret: the same in every process of one installation.
pub(super) struct LinkKey(Vec<u8>);

impl LinkKey {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self([b"links to what is shared of ", secret].concat())
    }

    /// The token of a link.
    pub(super) fn token(&self, id: ShareLinkId) -> String {
        let code = self.code(&["link", &id.to_string()]);
        URL_SAFE_NO_PAD.encode([id.0.as_bytes(), &code[..HALF]].concat())
    }

    /// The link that a token of ours is of.
    pub(super) fn read(&self, token: &str) -> Option<ShareLinkId> {
        // Twice as long as any, so that nothing huge is decoded.
        let bytes = URL_SAFE_NO_PAD.decode(token.get(..token.len().min(4 * HALF))?).ok()?;
        let id = ShareLinkId(Uuid::from_slice(bytes.get(..HALF)?).ok()?);
        bool::from(self.token(id).as_bytes().ct_eq(token.as_bytes())).then_some(id)
    }

    /// What shows until then that somebody knew the link's password. Worth nothing once that is another one.
    pub(super) fn pass(&self, link: &ShareLink, until: DateTime<Utc>) -> String {
        let hash = link.password_hash.as_deref().unwrap_or_default();
        let until = until.timestamp().to_string();
        let code = self.code(&["pass", &link.id.to_string(), &until, hash]);
        format!("{until}.{}", URL_SAFE_NO_PAD.encode(code))
    }

    /// Whether a pass is one for this link, and good now.
    pub(super) fn is_pass(&self, pass: &str, link: &ShareLink, now: DateTime<Utc>) -> bool {
        let until = pass.split_once('.').and_then(|(until, _)| until.parse().ok());
        let until = until.and_then(|until| DateTime::from_timestamp(until, 0)).filter(|until| *until > now);
        until.is_some_and(|until| bool::from(self.pass(link, until).as_bytes().ct_eq(pass.as_bytes())))
    }

    fn code(&self, said: &[&str]) -> [u8; 32] {
        // HMAC takes keys of every length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.chain_update(said.join("\n")).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn only_what_was_given_out_is_a_link() {
        let (key, other) = (LinkKey::new(b"one"), LinkKey::new(b"another"));
        let id = ShareLinkId(Clock::held().new_id());
        let token = key.token(id);
        assert_eq!(key.read(&token), Some(id));
        for bad in
            ["", "x", &token[1..], &format!("{token}A"), &other.token(id), &"A".repeat(43), &"A".repeat(100_000), "한"]
        {
            assert_eq!(key.read(bad), None, "{bad}");
        }
    }
}
