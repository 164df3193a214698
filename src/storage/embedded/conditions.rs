//! If-Match and its kin: of reads, of puts, of copies' sources and of deletions.

use http::{HeaderMap, HeaderValue, header};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{ETag, ETagCondition, Timestamp},
};

use super::{path::ObjectPath, store::DiskStore, trailer::ObjectMeta};

/// What a reader wants to be the case.
#[expect(clippy::struct_field_names, reason = "the headers' names")]
#[derive(Default)]
pub(super) struct ReadCondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// What a writer wants to be the case in the moment in which its object appears.
#[derive(Default)]
pub struct PutCondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

/// What whoever deletes wants to be the case of what is there.
#[derive(Default)]
pub(super) struct DeleteCondition {
    pub etag: Option<ETagCondition>,
    pub modified: Option<Timestamp>,
    pub size: Option<i64>,
}

impl ReadCondition {
    /// RFC 9110's order: what is stated of ETags counts more than what is stated of times.
    pub(super) fn check(&self, meta: &ObjectMeta) -> S3Result<()> {
        let modified = meta.modified.timestamp();
        let is_later = |since: &Timestamp| modified > seconds(since);
        let is_met = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => matches(condition, meta),
            (None, Some(since)) => !is_later(since),
            (None, None) => true,
        };
        if !is_met {
            return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
        }
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, meta),
            (None, Some(since)) => !is_later(since),
            (None, None) => false,
        };
        if is_known { Err(not_modified(meta)) } else { Ok(()) }
    }

    /// Of a copy's source nothing is answered but that it is not as it was to be.
    pub(super) fn check_source(&self, meta: &ObjectMeta) -> S3Result<()> {
        self.check(meta).map_err(|_| S3Error::new(S3ErrorCode::PreconditionFailed))
    }
}

impl PutCondition {
    /// Checks what is there now.
    pub(super) async fn check_in(&self, store: &DiskStore, path: &ObjectPath) -> S3Result<()> {
        if self.if_match.is_none() && self.if_none_match.is_none() {
            return Ok(());
        }
        let there = store.open(path).await?;
        let there = there.as_ref().map(|object| &object.meta);
        if let Some(condition) = &self.if_match {
            let there = there.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchKey))?;
            if !matches(condition, there) {
                return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
            }
        }
        match (&self.if_none_match, there) {
            (Some(condition), Some(there)) if matches(condition, there) => {
                Err(S3Error::new(S3ErrorCode::PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

impl DeleteCondition {
    pub(super) fn check(&self, meta: &ObjectMeta) -> S3Result<()> {
        let is_met = self.etag.as_ref().is_none_or(|condition| matches(condition, meta))
            && self.modified.as_ref().is_none_or(|modified| seconds(modified) == meta.modified.timestamp())
            && self.size.is_none_or(|size| u64::try_from(size) == Ok(meta.size));
        if is_met { Ok(()) } else { Err(S3Error::new(S3ErrorCode::PreconditionFailed)) }
    }
}

/// Whether the object is still the one of this ETag, or was not changed since: only then a range of it is of use.
pub(super) fn range_applies(if_range: Option<&HeaderValue>, meta: &ObjectMeta) -> bool {
    let Some(said) = if_range.and_then(|value| value.to_str().ok()) else { return true };
    match chrono::DateTime::parse_from_rfc2822(said) {
        Ok(date) => meta.modified.timestamp() <= date.timestamp(),
        Err(_) => said.trim_matches('"') == meta.etag,
    }
}

/// 304, with what a cache needs to know.
fn not_modified(meta: &ObjectMeta) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::try_from(format!("\"{}\"", meta.etag)).ok().map(|etag| (header::ETAG, etag)));
    let modified = meta.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    headers.extend(HeaderValue::try_from(modified).ok().map(|modified| (header::LAST_MODIFIED, modified)));
    let cache = meta.headers.cache_control.as_deref().and_then(|cache| HeaderValue::try_from(cache).ok());
    headers.extend(cache.map(|cache| (header::CACHE_CONTROL, cache)));
    error.set_headers(headers);
    error
}

fn seconds(time: &Timestamp) -> i64 {
    time::OffsetDateTime::from(time.clone()).unix_timestamp()
}

fn matches(condition: &ETagCondition, meta: &ObjectMeta) -> bool {
    condition.is_any() || condition.as_etag().map(ETag::value) == Some(meta.etag.as_str())
}

/// What a request says of the object that it reads.
macro_rules! read_condition {
    ($input:expr) => {
        $crate::storage::embedded::conditions::ReadCondition {
            if_match: $input.if_match.clone(),
            if_none_match: $input.if_none_match.clone(),
            if_modified_since: $input.if_modified_since.clone(),
            if_unmodified_since: $input.if_unmodified_since.clone(),
        }
    };
}

/// What a request says of the object that it copies from.
macro_rules! source_condition {
    ($input:expr) => {
        $crate::storage::embedded::conditions::ReadCondition {
            if_match: $input.copy_source_if_match.clone(),
            if_none_match: $input.copy_source_if_none_match.clone(),
            if_modified_since: $input.copy_source_if_modified_since.clone(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.clone(),
        }
    };
}

pub(super) use {read_condition, source_condition};
