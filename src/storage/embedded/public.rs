//! Who may do what: whoever signs may do everything, everybody else may read a front end's own files.

use async_trait::async_trait;
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    access::{S3Access, S3AccessContext},
};

use super::BUCKET;
use crate::storage::StorageKey;

pub(super) struct PublicAssets;

#[async_trait]
impl S3Access for PublicAssets {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_some() || is_public(cx) {
            return Ok(());
        }
        Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Signature is required"))
    }
}

fn is_public(cx: &S3AccessContext<'_>) -> bool {
    let is_read = matches!(cx.s3_op().name(), "GetObject" | "HeadObject");
    let is_asset =
        cx.s3_path().as_object().is_some_and(|(bucket, key)| bucket == BUCKET && key.starts_with(StorageKey::STATIC));
    // As on S3, only who signs may have an object told as something else.
    let query = cx.uri().query().unwrap_or_default();
    let is_told_as_it_is =
        !url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.starts_with("response-"));
    is_read && is_asset && is_told_as_it_is
}
