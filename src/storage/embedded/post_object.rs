//! POST forms: checks the signed policy before the file's first byte, then streams it to the disk.
//!
//! s3s would do this too, but holds every form in memory, one without a signature included.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::TryStreamExt;
use http::{Request, header};
use http_body_util::BodyExt;
use multer::{Constraints, Field, Multipart, SizeLimit};
use s3s::{
    HttpResponse, S3Error, S3ErrorCode,
    post_policy::{PostPolicy, PostPolicyCondition},
};
use subtle::ConstantTimeEq;
use tokio::time::{Instant, timeout_at};

use super::{
    BUCKET, REGION, UploadObserver,
    body::{pour, too_large},
    checksum::{Algorithm, Wanted},
    path::ObjectPath,
    post_answer::Success,
    post_body::{UNSIGNED_PATIENCE, guarded},
    running::RunningUploads,
    store::DiskStore,
    trailer::{ObjectHeaders, ObjectMeta},
};
use crate::{
    clock::Clock,
    storage::{
        post_policy::signature_v2,
        sigv4::{ALGORITHM, Credentials, SigningKey, scope},
    },
};

/// A policy and its signature are about 1 KB.
const MAX_FIELD_BYTES: u64 = 16 * 1024;
const MAX_FIELDS: usize = 32;
/// In bytes: what a form may have beside its file.
const MAX_AROUND_FILE: u64 = 2 * 64 * 1024;

pub(super) struct PostObject {
    pub store: DiskStore,
    pub credentials: Credentials,
    pub clock: Clock,
    pub observer: Arc<dyn UploadObserver>,
    /// What browsers see of the bucket, without a slash at its end.
    pub public_url: String,
    pub running: RunningUploads,
}

/// Whether a request is a browser's form and not one of S3's other POSTs.
pub(super) fn is_form<B>(request: &Request<B>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    request.method() == http::Method::POST
        && content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// What a form said before its file, once it is known to be signed.
struct Admitted {
    key: String,
    headers: ObjectHeaders,
    checksum: Option<Wanted>,
    min: u64,
    max: u64,
    success: Success,
}

impl PostObject {
    pub(super) async fn answer<B>(self: &Arc<Self>, request: Request<B>) -> HttpResponse
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // A request whose client is gone is dropped at its next await, also when every byte has come: what has
        // come is brought home by a task of its own.
        let this = Arc::clone(self);
        let taken = tokio::spawn(async move { this.take(request).await });
        match taken.await.unwrap_or_else(|panic| Err(S3Error::internal_error(panic))) {
            Ok((admitted, meta)) => admitted.success.answer(&self.public_url, &admitted.key, &meta.etag),
            Err(error) => {
                tracing::debug!(code = error.code().as_str(), message = error.message(), "refused a POST form");
                error.to_http_response().unwrap_or_else(|_| HttpResponse::new(s3s::Body::empty()))
            }
        }
    }

    async fn take<B>(&self, request: Request<B>) -> Result<(Admitted, ObjectMeta), S3Error>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.uri().path().trim_matches('/') != BUCKET {
            return Err(refuse(S3ErrorCode::NoSuchBucket, "There is no such bucket."));
        }
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let announced = request.body().size_hint().lower();
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(malformed)?;
        let is_admitted = Arc::new(AtomicBool::new(false));
        let body = guarded(request.into_body().into_data_stream(), Arc::clone(&is_admitted));
        let limits = SizeLimit::new().per_field(MAX_FIELD_BYTES).for_field("file", u64::MAX);
        let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limits));

        let mut fields: Vec<(String, String)> = Vec::new();
        let signed_by = Instant::now() + UNSIGNED_PATIENCE;
        let too_slow = |_| refuse(S3ErrorCode::RequestTimeout, "The form's fields did not arrive in time.");
        while let Some(field) = timeout_at(signed_by, form.next_field()).await.map_err(too_slow)?.map_err(malformed)? {
            let name = field.name().unwrap_or_default().to_ascii_lowercase();
            if name == "file" {
                substitute_filename(&mut fields, field.file_name().unwrap_or_default());
                let admitted = self.admit(&fields)?;
                if announced > admitted.max.saturating_add(MAX_AROUND_FILE) {
                    return Err(too_large());
                }
                is_admitted.store(true, Ordering::Relaxed);
                let stored = self.receive(&admitted, field).await?;
                self.observer.stored(&admitted.key, stored.size).await;
                return Ok((admitted, stored));
            }
            if fields.len() == MAX_FIELDS || fields.iter().any(|(known, _)| *known == name) {
                return Err(refuse(S3ErrorCode::InvalidArgument, "The form has too many fields, or a field twice."));
            }
            let text = timeout_at(signed_by, field.text()).await.map_err(too_slow)?;
            fields.push((name, text.map_err(malformed)?));
        }
        Err(refuse(S3ErrorCode::InvalidArgument, "The form has no file, or it does not come last."))
    }

    /// Checks signature, expiry and every condition, and that no field goes beyond them.
    fn admit(&self, fields: &[(String, String)]) -> Result<Admitted, S3Error> {
        let value = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let encoded = value("policy").ok_or_else(|| refuse(S3ErrorCode::AccessDenied, "The form is not signed."))?;
        self.check_signature(encoded, &value)?;
        let policy = PostPolicy::from_base64(encoded)
            .map_err(|_| refuse(S3ErrorCode::InvalidPolicyDocument, "The policy cannot be read."))?;
        if self.clock.now() >= expiry(&policy) {
            return Err(refuse(S3ErrorCode::AccessDenied, "The policy has expired."));
        }
        check_conditions(&policy, fields)?;
        let (min, max) = policy
            .content_length_range()
            .ok_or_else(|| refuse(S3ErrorCode::InvalidPolicyDocument, "The policy has no content-length-range."))?;
        let no_key = || refuse(S3ErrorCode::InvalidArgument, "The form has no key.");
        Ok(Admitted {
            key: value("key").ok_or_else(no_key)?.to_owned(),
            headers: headers_of(fields),
            checksum: checksum_of(fields),
            min,
            max,
            success: Success::of(
                value("success_action_status"),
                value("success_action_redirect").or(value("redirect")),
            ),
        })
    }

    fn check_signature<'a>(&self, policy: &str, value: &impl Fn(&str) -> Option<&'a str>) -> Result<(), S3Error> {
        let denied = || refuse(S3ErrorCode::SignatureDoesNotMatch, "The signature does not match the policy.");
        if let Some(given) = value("signature") {
            // As the tools of before 2013 sign it.
            let is_known = value("awsaccesskeyid") == Some(self.credentials.access_key_id.as_str());
            let expected = signature_v2(&self.credentials.secret_access_key, policy);
            let matches = is_known && bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
            return if matches { Ok(()) } else { Err(denied()) };
        }
        if value("x-amz-signature").is_none() {
            return Err(refuse(S3ErrorCode::InvalidArgument, "The form has a policy and no signature."));
        }
        let date = value("x-amz-date").unwrap_or_default();
        let date = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| denied())?.and_utc();
        let credential = format!("{}/{}", self.credentials.access_key_id, scope(date, REGION));
        let expected = SigningKey::new(&self.credentials.secret_access_key, date, REGION).sign(policy);
        let given = value("x-amz-signature").unwrap_or_default();
        let matches = value("x-amz-algorithm") == Some(ALGORITHM)
            && value("x-amz-credential") == Some(credential.as_str())
            && bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
        if matches { Ok(()) } else { Err(denied()) }
    }

    /// Streams the file to its place. One byte too many or too few, and nothing is kept.
    async fn receive(&self, admitted: &Admitted, file: Field<'_>) -> Result<ObjectMeta, S3Error> {
        let path = ObjectPath::of_key(&admitted.key)?;
        // Whoever posts once more under the same ticket has given the first attempt up.
        let running = self.running.begin(path.path());
        let mut writer = self.store.write(&path, admitted.headers.clone()).await?;
        if let Some(wanted) = &admitted.checksum {
            writer.compute(wanted.algorithm);
        }
        self.observer.receiving(&admitted.key, running.received(), running.unwanted());
        pour(&mut writer, file.map_err(malformed), Some(&running), admitted.max).await?;
        if writer.size() < admitted.min {
            return Err(refuse(S3ErrorCode::EntityTooSmall, "The file is smaller than the policy allows."));
        }
        if let (Some(wanted), Some(kept)) = (&admitted.checksum, writer.finish_checksum().await?) {
            wanted.check(&kept.value)?;
        }
        writer.finish().await
    }
}

/// `${filename}` in a key stands for the name that the browser sends along.
fn substitute_filename(fields: &mut [(String, String)], filename: &str) {
    for (_, value) in fields.iter_mut().filter(|(name, _)| name == "key") {
        *value = value.replace("${filename}", filename);
    }
}

/// What the form says of the object.
fn headers_of(fields: &[(String, String)]) -> ObjectHeaders {
    let value = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let user =
        fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.clone())));
    ObjectHeaders {
        content_type: value("content-type"),
        cache_control: value("cache-control"),
        content_disposition: value("content-disposition"),
        content_encoding: value("content-encoding"),
        user: user.collect(),
        ..ObjectHeaders::default()
    }
}

fn checksum_of(fields: &[(String, String)]) -> Option<Wanted> {
    fields.iter().find_map(|(name, value)| {
        let algorithm = Algorithm::parse(name.strip_prefix("x-amz-checksum-")?)?;
        Some(Wanted { algorithm, expected: Some(value.clone()) })
    })
}

fn check_conditions(policy: &PostPolicy, fields: &[(String, String)]) -> Result<(), S3Error> {
    let unmet = || refuse(S3ErrorCode::AccessDenied, "The form does not meet a condition of its policy.");
    let value = |name: &str| match name {
        // Whatever the form says: this is where it came to.
        "bucket" => Some(BUCKET),
        _ => fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()),
    };
    if fields.iter().any(|(name, value)| name == "bucket" && value != BUCKET) {
        return Err(unmet());
    }
    for condition in &policy.conditions {
        let met = match condition {
            PostPolicyCondition::Eq { field, value: expected } => value(field) == Some(expected),
            PostPolicyCondition::StartsWith { field, prefix } => value(field).is_some_and(|v| v.starts_with(prefix)),
            PostPolicyCondition::ContentLengthRange { .. } => true,
        };
        if !met {
            return Err(unmet());
        }
    }
    let is_covered = |name: &str| {
        matches!(name, "policy" | "x-amz-signature" | "signature" | "awsaccesskeyid")
            || name.starts_with("x-ignore-")
            || name.starts_with("x-amz-checksum-")
            || policy.conditions.iter().any(|condition| match condition {
                PostPolicyCondition::Eq { field, .. } | PostPolicyCondition::StartsWith { field, .. } => field == name,
                PostPolicyCondition::ContentLengthRange { .. } => false,
            })
    };
    if fields.iter().all(|(name, _)| is_covered(name)) { Ok(()) } else { Err(unmet()) }
}

fn expiry(policy: &PostPolicy) -> DateTime<Utc> {
    let seconds = time::OffsetDateTime::from(policy.expiration.clone()).unix_timestamp();
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

fn refuse(code: S3ErrorCode, message: &'static str) -> S3Error {
    S3Error::with_message(code, message)
}

fn malformed(error: multer::Error) -> S3Error {
    tracing::debug!(%error, "a POST form is incomplete or cannot be parsed");
    refuse(S3ErrorCode::MalformedPOSTRequest, "The form cannot be read.")
}
