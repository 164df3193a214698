//! A ticket: everything that a browser needs to send one file straight to the storage.

use chrono::{DateTime, Utc};
use url::Url;

use super::image::Image;

/// A form to post. The storage lets through this key, this type and this many bytes, and nothing else.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub image: Image,
    pub form: PostForm,
}

/// Where to post, and with which fields, in this order and before the file.
#[derive(Debug, Clone)]
pub struct PostForm {
    pub url: Url,
    pub fields: Vec<(String, String)>,
    pub expires_at: DateTime<Utc>,
}

/// Uploads whose tickets are alive, and what they have announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unfinished {
    pub uploads: u64,
    /// In bytes.
    pub bytes: u64,
}
