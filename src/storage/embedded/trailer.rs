//! How an object becomes one file: its bytes, then its metadata as JSON, then the JSON's length and a mark.
//!
//! Bytes and metadata in one file are replaced in one rename, so no reader ever sees one without the other.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checksum::{Algorithm, KeptChecksum};

const MARK: &[u8; 8] = b"DRKROOM1";
const FOOTER: usize = 4 + MARK.len();
/// Nearly every trailer is shorter: S3 allows 2 KB of metadata, and headers are not much longer.
pub const USUAL_LEN: usize = 16 * 1024;
/// That of a part or of an upload, mostly.
pub const SHORT_LEN: usize = 1024;
/// No trailer is longer: ten thousand parts with a checksum each.
const MAX_LEN: usize = 4 * 1024 * 1024;
/// What a writer says of an object may have so much, as its form in JSON.
const MAX_HEADERS: usize = 15 * 1024;

/// What is known of an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub modified: DateTime<Utc>,
    #[serde(flatten)]
    pub headers: ObjectHeaders,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<KeptChecksum>,
    /// Of an object that came in parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<KeptPart>,
    /// The multipart upload that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Uuid>,
}

/// A part of an object that came in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPart {
    pub number: i32,
    /// In bytes.
    pub size: u64,
    /// In base64, of the object's algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// What the writer of an object said of it, to be said again to every reader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectHeaders {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// What a multipart upload computes of its parts, and whether of all of them together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_full_object: bool,
    /// The key that a multipart upload is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_of: Option<String>,
    /// The `x-amz-meta-` headers.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub user: HashMap<String, String>,
}

/// What stands behind the object's bytes; `None` where the metadata is too long to keep.
pub fn encode(meta: &ObjectMeta) -> Option<Vec<u8>> {
    if serde_json::to_vec(&meta.headers).ok()?.len() > MAX_HEADERS {
        return None;
    }
    let mut trailer = serde_json::to_vec(meta).ok()?;
    let length = u32::try_from(trailer.len()).ok()?;
    trailer.extend_from_slice(&length.to_le_bytes());
    trailer.extend_from_slice(MARK);
    (trailer.len() <= MAX_LEN).then_some(trailer)
}

/// How long the trailer is that ends like this; `None` where it is none.
pub fn length(end: &[u8]) -> Option<usize> {
    let footer = end.get(end.len().checked_sub(FOOTER)?..)?;
    let (length, mark) = footer.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize + FOOTER;
    (mark == MARK && length <= MAX_LEN).then_some(length)
}

/// Reads the metadata off the end of a file of `file_len` bytes; `None` where it is not an object's.
pub fn decode(end: &[u8], file_len: u64) -> Option<ObjectMeta> {
    let (rest, footer) = end.split_at_checked(end.len().checked_sub(FOOTER)?)?;
    let (length, mark) = footer.split_first_chunk::<4>()?;
    if mark != MARK {
        return None;
    }
    let length = u32::from_le_bytes(*length) as usize;
    let meta: ObjectMeta = serde_json::from_slice(rest.get(rest.len().checked_sub(length)?..)?).ok()?;
    let expected = meta.size.checked_add((length + FOOTER) as u64)?;
    (expected == file_len).then_some(meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back_and_nothing_else_is() {
        let meta = ObjectMeta { size: 3, etag: "abc".into(), ..ObjectMeta::default() };
        let trailer = encode(&meta).unwrap();
        let file: Vec<u8> = [b"xyz".as_slice(), &trailer].concat();
        assert_eq!(decode(&file, file.len() as u64), Some(meta));
        assert_eq!(decode(&file, file.len() as u64 + 1), None, "a file of another length");
        assert_eq!(decode(&file[..file.len() - 1], file.len() as u64), None, "a cut file");
        assert_eq!(decode(b"xyz", 3), None, "no trailer");
        assert_eq!(decode(&[0xff; 12], 12), None, "no mark");
    }

    #[test]
    fn metadata_without_end_is_refused() {
        let user = HashMap::from([("a".to_owned(), "x".repeat(MAX_HEADERS))]);
        let headers = ObjectHeaders { user, ..ObjectHeaders::default() };
        assert_eq!(encode(&ObjectMeta { headers, ..ObjectMeta::default() }), None);
    }
}
