//! A ticket: everything that a browser needs to send one file straight to the storage.

use chrono::{DateTime, Utc};
use url::Url;

use super::image::Image;

/// A request to send. The storage lets through this key, this type and this many bytes, and nothing else.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub image: Image,
    pub target: UploadTarget,
    pub expires_at: DateTime<Utc>,
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadMethod {
    /// As multipart/form-data: the fields in their order, then the file.
    Post,
    /// As the body of the request.
    Put,
}

/// The request that sends a file, whatever storage it goes to.
#[derive(Debug, Clone)]
pub struct UploadTarget {
    pub method: UploadMethod,
    pub url: Url,
    /// To be sent as they are.
    pub headers: Vec<(String, String)>,
    /// Of the form, in this order and before the file.
    pub fields: Vec<(String, String)>,
}

/// Uploads whose tickets are alive, and what they have announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unfinished {
    pub uploads: u64,
    /// In bytes.
    pub bytes: u64,
}
