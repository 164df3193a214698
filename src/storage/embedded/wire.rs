//! Between s3s's words and the store's.

use futures_util::StreamExt;
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{ETag, ETagCondition, StreamingBlob, Timestamp},
};

use super::{
    BUCKET,
    store::{ObjectPath, ObjectWriter},
    trailer::ObjectMeta,
};

/// The path of a key in the one bucket.
pub(super) fn path_of(bucket: &str, key: &str) -> S3Result<ObjectPath> {
    if bucket != BUCKET {
        return Err(S3Error::with_message(S3ErrorCode::NoSuchBucket, "There is no such bucket."));
    }
    Ok(ObjectPath::of_key(key)?)
}

/// Writes what a request carries.
pub(super) async fn receive(
    mut writer: ObjectWriter,
    body: Option<StreamingBlob>,
    content_md5: Option<&str>,
) -> S3Result<ObjectMeta> {
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| S3Error::new(S3ErrorCode::IncompleteBody))?;
            writer.write(chunk).await?;
        }
    }
    if content_md5.is_some_and(|expected| expected != writer.content_md5()) {
        return Err(S3Error::new(S3ErrorCode::BadDigest));
    }
    Ok(writer.finish().await?)
}

pub(super) fn etag_of(meta: &ObjectMeta) -> ETag {
    ETag::Strong(meta.etag.clone())
}

pub(super) fn modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(meta.modified))
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn matches(condition: &ETagCondition, meta: &ObjectMeta) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|etag| etag.value() == meta.etag)
}

/// If-Match and If-None-Match, of reads and of copies' sources.
pub(super) fn check_conditions(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    meta: &ObjectMeta,
) -> S3Result<()> {
    if if_match.is_some_and(|condition| !matches(condition, meta)) {
        return Err(S3Error::new(S3ErrorCode::PreconditionFailed));
    }
    if if_none_match.is_some_and(|condition| matches(condition, meta)) {
        return Err(S3Error::new(S3ErrorCode::NotModified));
    }
    Ok(())
}

/// What an input says of the object that it writes: puts, copies and multipart uploads say it alike.
macro_rules! headers_of {
    ($input:ident) => {
        $crate::storage::embedded::trailer::ObjectHeaders {
            content_type: $input.content_type,
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            user: $input.metadata.unwrap_or_default(),
            upload_of: None,
        }
    };
}

pub(super) use headers_of;
