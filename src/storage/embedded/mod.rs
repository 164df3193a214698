//! S3 inside the server: protocol and signatures by `s3s`, bytes by OpenDAL, POST forms by `post_object`.
//!
//! Answers HTTP like an S3 elsewhere would, so that no front end can tell the difference.

mod attributes;
mod body;
mod checksum;
mod conditions;
mod layout;
mod listing;
mod lists;
mod metas;
mod multipart;
mod objects;
mod path;
mod post_answer;
mod post_body;
mod post_object;
mod public;
mod request;
mod running;
mod s3_api;
mod store;
mod trailer;
mod wire;
mod writer;

use std::{io, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use s3s::{
    HttpResponse,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::request::is_signed;
use self::{post_object::PostObject, public::PublicAssets, running::RunningUploads, s3_api::S3Api, store::DiskStore};
use super::Credentials;
use crate::clock::Clock;

/// The name of the one bucket.
pub const BUCKET: &str = "media";
/// The region that the embedded storage signs for.
pub const REGION: &str = "us-east-1";

/// Told of what comes in under tickets: by POST form, by PUT, and in parts.
#[async_trait]
pub trait UploadObserver: Send + Sync {
    /// A form's upload to `key` has begun: `received` counts its bytes until it ends. Cancelling
    /// `unwanted` ends it.
    fn receiving(&self, key: &str, received: watch::Receiver<u64>, unwanted: CancellationToken);
    /// The object of `key` is stored, with so many bytes. The answer to the client waits for this.
    async fn stored(&self, key: &str, size: u64);
    /// A part of the object of `key` is stored.
    async fn part_stored(&self, key: &str);
}

/// The embedded storage.
#[derive(Clone)]
pub struct EmbeddedS3 {
    api: S3Service,
    post_object: Arc<PostObject>,
    clock: Clock,
}

impl EmbeddedS3 {
    /// Opens the storage in a folder, and clears away what a killed process left half-written there.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn open(
        folder: &Path,
        credentials: &Credentials,
        clock: Clock,
        public_url: &Url,
        observer: Arc<dyn UploadObserver>,
    ) -> io::Result<Self> {
        let public_url = format!("{}/{BUCKET}", public_url.as_str().trim_end_matches('/'));
        let store = DiskStore::in_folder(folder, clock.clone())?;
        let running = RunningUploads::default();
        let mut builder = S3ServiceBuilder::new(S3Api::new(store.clone(), Arc::clone(&observer), running.clone()));
        let secret = credentials.secret_access_key.as_str();
        builder.set_auth(SimpleAuth::from_single(credentials.access_key_id.as_str(), secret));
        builder.set_access(PublicAssets);
        let post_object =
            PostObject { store, credentials: credentials.clone(), clock: clock.clone(), observer, public_url, running };
        Ok(Self { api: builder.build(), post_object: Arc::new(post_object), clock })
    }

    /// Answers one request whose path starts with the bucket's name.
    pub async fn answer<B>(&self, request: http::Request<B>) -> HttpResponse
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if post_object::is_form(&request) {
            return self.post_object.answer(request).await;
        }
        let request = match request::checked(request, self.clock.now()) {
            Ok(request) => request,
            Err(error) => return answer_of(error),
        };
        let request =
            request.map(|body| s3s::Body::http_body_unsync(http_body_util::BodyExt::map_err(body, Into::into)));
        let mut response = self.api.call(request).await.unwrap_or_else(|error| {
            tracing::error!(error = ?error, "the embedded storage failed to answer a request");
            let mut response = HttpResponse::new(s3s::Body::empty());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        if response.status() == http::StatusCode::NOT_MODIFIED {
            // s3s answers with the length of an error that is not sent.
            response.headers_mut().remove(http::header::CONTENT_LENGTH);
            *response.body_mut() = s3s::Body::empty();
        }
        response
    }
}

fn answer_of(error: s3s::S3Error) -> HttpResponse {
    error.to_http_response().unwrap_or_else(|_| HttpResponse::new(s3s::Body::empty()))
}
