//! Uploads in parts.

use async_graphql::{Description, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    image::Image,
    scalars::{ByteSize, Url, int},
    user_error::{UserError, payload},
};
use crate::domain::{
    self,
    multipart::{PartTicket, StoredPart},
};

/// An upload in parts: for large files, and to resume after an interruption. `signUploadParts` gives the URLs of the
/// parts, and `completeUpload` joins them.
#[derive(Description)]
pub struct MultipartUpload(pub domain::multipart::MultipartUpload);

#[Object(use_type_description)]
impl MultipartUpload {
    /// The image that is created from the file.
    async fn image(&self) -> Image {
        Image::of(self.0.image.clone())
    }

    /// The size of each part in bytes. The last part has the rest of the file.
    async fn part_size(&self) -> ByteSize {
        ByteSize(self.0.layout.part_size())
    }

    /// The number of parts. The first part is number 1.
    async fn part_count(&self) -> i32 {
        self.0.layout.count().into()
    }
}

/// The file to upload in parts.
#[derive(InputObject)]
pub struct RequestMultipartUploadInput {
    /// The name of the file, as in `requestUpload`. Example: `"IMG_2041.jpg"`.
    pub filename: String,
    /// The media type of the file, which must match its extension. Example: `"image/jpeg"`.
    pub content_type: String,
    /// The size of the file in bytes. The parts must have exactly this many together.
    pub file_size: ByteSize,
    /// The id of the category of the image: see `categories`.
    pub category_id: ID,
    /// A key that makes the request safe to repeat: the same key from the same caller returns the same upload, for example
    /// after the page was loaded again. 1 to 255 characters.
    pub idempotency_key: Option<String>,
    /// The size of each part in bytes: 5 MiB to 5 GiB, and at most 10,000 parts. By default 8 MiB, or as much as the file
    /// needs.
    pub part_size: Option<ByteSize>,
}

/// The result of `requestMultipartUpload`.
#[derive(SimpleObject)]
pub struct RequestMultipartUploadPayload {
    /// Null when there are userErrors.
    multipart_upload: Option<MultipartUpload>,
    /// All errors of the input. Empty on success.
    user_errors: Vec<UserError>,
}

/// The parts to send.
#[derive(InputObject)]
pub struct SignUploadPartsInput {
    /// The id of an image whose upload in parts is not complete.
    pub image_id: ID,
    /// The numbers of up to 100 parts, from 1.
    pub part_numbers: Vec<i32>,
}

/// The information that a browser needs to send one part directly to the storage: by PUT, as the body of the request.
#[derive(SimpleObject)]
pub struct UploadPartTicket {
    /// The number of the part, from 1.
    part_number: i32,
    /// The size of the part in bytes. The storage accepts exactly this many.
    size: ByteSize,
    /// The URL to put the part to. No other headers are needed than those that the browser adds.
    url: Url,
    /// The time until which the storage accepts the part. `signUploadParts` gives a new URL.
    expires_at: DateTime<Utc>,
}

impl From<PartTicket> for UploadPartTicket {
    fn from(ticket: PartTicket) -> Self {
        Self {
            part_number: ticket.number.into(),
            size: ByteSize(ticket.size),
            url: Url(ticket.url.into()),
            expires_at: ticket.expires_at,
        }
    }
}

/// The result of `signUploadParts`.
#[derive(SimpleObject)]
pub struct SignUploadPartsPayload {
    /// A ticket for each part, in the order of the input. Null when there are userErrors.
    parts: Option<Vec<UploadPartTicket>>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// A part that the storage has.
#[derive(SimpleObject)]
pub struct UploadedPart {
    /// The number of the part, from 1.
    part_number: i32,
    /// The size of the part in bytes.
    size: ByteSize,
    /// The ETag that the storage gave the part. Example: `"\"9b2cf535f27731c974343645a3985328\""`.
    etag: String,
}

impl From<StoredPart> for UploadedPart {
    fn from(part: StoredPart) -> Self {
        Self { part_number: int(part.number), size: ByteSize(part.size), etag: part.etag }
    }
}

payload!(RequestMultipartUploadPayload {
    multipart_upload: domain::multipart::MultipartUpload => MultipartUpload
});
payload!(SignUploadPartsPayload {
    parts: Vec<PartTicket> => |parts: Vec<PartTicket>| parts.into_iter().map(UploadPartTicket::from).collect()
});
