//! How an object becomes one file: its bytes, then its metadata as JSON, then the JSON's length and a mark.
//!
//! Bytes and metadata in one file are replaced in one rename, so no reader ever sees one without the other.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const MARK: &[u8; 8] = b"DRKROOM1";
const FOOTER: usize = 4 + MARK.len();
/// No trailer is longer: S3 allows 2 KB of metadata, and headers are not much longer.
pub const MAX_LEN: usize = 16 * 1024;

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
    /// The key that a multipart upload is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_of: Option<String>,
    /// The `x-amz-meta-` headers.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    pub user: HashMap<String, String>,
}

/// What stands behind the object's bytes; `None` where the metadata is too long to keep.
pub fn encode(meta: &ObjectMeta) -> Option<Vec<u8>> {
    let mut trailer = serde_json::to_vec(meta).ok()?;
    let length = u32::try_from(trailer.len()).ok()?;
    trailer.extend_from_slice(&length.to_le_bytes());
    trailer.extend_from_slice(MARK);
    (trailer.len() <= MAX_LEN).then_some(trailer)
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
        let user = HashMap::from([("a".to_owned(), "x".repeat(MAX_LEN))]);
        let headers = ObjectHeaders { user, ..ObjectHeaders::default() };
        assert_eq!(encode(&ObjectMeta { headers, ..ObjectMeta::default() }), None);
    }
}
