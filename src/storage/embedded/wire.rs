//! Between s3s's words and the store's.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::DateTime;
use futures_util::TryStreamExt;
use http::HeaderMap;
use s3s::{
    S3Error, S3ErrorCode, S3Result, TrailingHeaders,
    dto::{ETag, Owner, StreamingBlob, Timestamp},
};

use super::{
    BUCKET,
    body::{paced, pour},
    checksum::{KeptChecksum, Wanted},
    path::ObjectPath,
    running::RunningUpload,
    trailer::ObjectMeta,
    writer::ObjectWriter,
};

/// The path of a key in the one bucket.
pub(super) fn path_of(bucket: &str, key: &str) -> S3Result<ObjectPath> {
    check_bucket(bucket)?;
    Ok(ObjectPath::of_key(key)?)
}

pub(super) fn check_bucket(bucket: &str) -> S3Result<()> {
    if bucket == BUCKET {
        return Ok(());
    }
    Err(S3Error::with_message(S3ErrorCode::NoSuchBucket, "There is no such bucket."))
}

/// What a request carries, and what it says of it.
pub(super) struct Carried<'a> {
    pub body: Option<StreamingBlob>,
    pub headers: &'a HeaderMap,
    pub trailers: Option<TrailingHeaders>,
    pub checksum: Option<Wanted>,
    /// Ends the request once the same is sent again or nobody wants it any more, where a ticket allows it.
    pub running: Option<RunningUpload>,
}

/// Writes what a request carries, and compares it with what it says. Gives the checksum that was wanted.
pub(super) async fn receive(writer: &mut ObjectWriter, carried: Carried<'_>) -> S3Result<Option<KeptChecksum>> {
    let content_md5 = content_md5(carried.headers)?;
    if let Some(wanted) = &carried.checksum {
        writer.compute(wanted.algorithm);
    }
    if let Some(body) = carried.body {
        pour(writer, paced(body).map_err(broken_off), carried.running.as_ref(), u64::MAX).await?;
    }
    if let Some(expected) = content_md5
        && expected != writer.content_md5().await?
    {
        return Err(S3Error::new(S3ErrorCode::BadDigest));
    }
    let trailers = carried.trailers.and_then(|trailers| trailers.take());
    let kept = writer.finish_checksum().await?;
    if let (Some(wanted), Some(kept)) = (carried.checksum, &kept) {
        wanted.with_trailers(trailers.as_ref()).check(&kept.value)?;
    }
    Ok(kept)
}

fn broken_off(error: io::Error) -> S3Error {
    let is_slow = error.kind() == io::ErrorKind::TimedOut;
    S3Error::new(if is_slow { S3ErrorCode::RequestTimeout } else { S3ErrorCode::IncompleteBody })
}

/// The Content-MD5 header, which is sixteen bytes in base64.
fn content_md5(headers: &HeaderMap) -> S3Result<Option<String>> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    if BASE64.decode(value).is_ok_and(|digest| digest.len() == 16) {
        return Ok(Some(value.to_owned()));
    }
    Err(S3Error::with_message(S3ErrorCode::InvalidDigest, "Content-MD5 is no MD5 in base64."))
}

pub(super) fn etag_of(meta: &ObjectMeta) -> ETag {
    ETag::Strong(meta.etag.clone())
}

pub(super) fn modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(meta.modified))
}

pub(super) fn time_of(time: Option<Timestamp>) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp(time::OffsetDateTime::from(time?).unix_timestamp(), 0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Percent-encoded, but for what is plain in paths.
pub(super) fn encoded(name: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
    let written =
        name.bytes().map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    written.collect()
}

/// Whose everything is.
pub(super) fn owner() -> Owner {
    Owner { display_name: Some("darkroom".to_owned()), id: Some("darkroom".to_owned()) }
}

/// Without `aws-chunked`, which says how a body was sent and not what it is.
pub(super) fn encoding_of(said: Option<String>) -> Option<String> {
    let said = said?;
    let kept: Vec<&str> =
        said.split(',').map(str::trim).filter(|token| !token.eq_ignore_ascii_case("aws-chunked")).collect();
    let kept = kept.join(", ");
    (!kept.is_empty()).then_some(kept)
}

/// What an input says of the object that it writes: puts, copies and multipart uploads say it alike.
macro_rules! headers_of {
    ($input:ident) => {
        $crate::storage::embedded::trailer::ObjectHeaders {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::storage::embedded::wire::encoding_of($input.content_encoding.clone()),
            content_language: $input.content_language.clone(),
            expires: $crate::storage::embedded::wire::time_of($input.expires.clone()),
            user: $input.metadata.clone().unwrap_or_default(),
            ..$crate::storage::embedded::trailer::ObjectHeaders::default()
        }
    };
}

pub(super) use headers_of;
