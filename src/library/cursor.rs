//! Cursors: where a list goes on. Opaque, and signed, so that what comes back is what was given out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::{
    error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
    listing::{ImageOrder, Position},
};

/// In bytes. Enough to tell a slip from a cursor of ours; nothing is won by forging one.
const SIGNATURE: usize = 8;
/// In bytes, as text: longer ones are not of ours.
const MAX_CURSOR: usize = 2000;

/// What signs and checks cursors. The same in every process of one installation.
pub(super) struct CursorSigner(Hmac<Sha256>);

#[derive(Serialize, Deserialize)]
struct Cursor<P> {
    #[serde(rename = "o")]
    order: ImageOrder,
    #[serde(rename = "p")]
    position: P,
}

impl CursorSigner {
    /// Derives its own key from the server's secret.
    pub(super) fn new(secret: &[u8]) -> ServiceResult<Self> {
        let mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|error| ServiceError::Internal(error.into()))?;
        Ok(Self(mac.chain_update(b"cursor")))
    }

    /// The cursor of a place in a list.
    pub(super) fn sign(&self, order: ImageOrder, position: &Position) -> ServiceResult<String> {
        let cursor = serde_json::to_vec(&Cursor { order, position });
        let mut bytes = cursor.map_err(|error| ServiceError::Internal(error.into()))?;
        let signature = self.0.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place that a cursor stands for.
    pub(super) fn check(&self, field: &'static str, order: ImageOrder, cursor: &str) -> ServiceResult<Position> {
        let refuse = |why: &str| Refusal::on(field, UserErrorCode::InvalidValue, format!("`{field}` {why}"));
        let cursor = self.read(cursor).ok_or_else(|| refuse("is not a cursor of this server."))?;
        if cursor.order != order || !cursor.position.is_of(order.field) {
            return Err(refuse("is a cursor of a list in another order.").into());
        }
        Ok(cursor.position)
    }

    fn read(&self, cursor: &str) -> Option<Cursor<Position>> {
        if cursor.len() > MAX_CURSOR {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (cursor, signature) = bytes.split_last_chunk::<SIGNATURE>()?;
        self.0.clone().chain_update(cursor).verify_truncated_left(signature).ok()?;
        serde_json::from_slice(cursor).ok()
    }
}
