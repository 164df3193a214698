//! Tickets, and everything else that a client says of an upload.

use async_graphql::{Description, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    image::Image,
    scalars::{ByteSize, Url},
    user_error::{UserError, payload},
    variant::VariantType,
};
use crate::domain::{self, details::DetailsChange, ids::ImageId, ticket::Ticket};
use crate::graphql::cost;

/// The information that a browser needs to send one file directly to the storage.
#[derive(Description)]
pub struct UploadTicket(pub Ticket);

/// The HTTP method that sends the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ticket::UploadMethod")]
pub enum UploadMethod {
    /// Send the fields in their order as multipart/form-data, then the file as "file".
    Post,
    /// Send the file as the body of the request.
    Put,
}

/// A header of an HTTP request.
#[derive(SimpleObject)]
pub struct HttpHeader {
    /// The name of the header. Example: `"Content-Type"`.
    name: String,
    /// The value, to be sent unchanged.
    value: String,
}

/// A field of a multipart form.
#[derive(SimpleObject)]
pub struct FormField {
    /// The name of the field. Example: `"key"`.
    name: String,
    /// The value, to be sent unchanged.
    value: String,
}

#[Object(use_type_description)]
impl UploadTicket {
    /// The image that is created from the file.
    async fn image(&self) -> Image {
        Image::of(self.0.image.clone())
    }

    /// The HTTP method that sends the file.
    async fn method(&self) -> UploadMethod {
        self.0.target.method.into()
    }

    /// The URL to send the file to.
    async fn url(&self) -> Url {
        Url(self.0.target.url.to_string())
    }

    /// The headers to send with the request, in addition to those that the browser adds.
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn headers(&self) -> Vec<HttpHeader> {
        let headers = self.0.target.headers.iter();
        headers.map(|(name, value)| HttpHeader { name: name.clone(), value: value.clone() }).collect()
    }

    /// The fields to post in this order as multipart/form-data, followed by the file as "file". Empty if `method` is
    /// PUT.
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn fields(&self) -> Vec<FormField> {
        let fields = self.0.target.fields.iter();
        fields.map(|(name, value)| FormField { name: name.clone(), value: value.clone() }).collect()
    }

    /// The time until which the storage accepts the file. `renewUpload` issues a new ticket.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The size that was announced, in bytes. The storage accepts exactly this many.
    async fn max_file_size(&self) -> ByteSize {
        ByteSize(self.0.image.declared_size)
    }
}

/// The file to upload.
#[derive(InputObject)]
pub struct RequestUploadInput {
    /// The name of the file: 1 to 255 characters, without `< > : " | ? * \ /`, control characters and invisible characters. Example:
    /// `"IMG_2041.jpg"`.
    pub filename: String,
    /// The media type of the file, which must match its extension. Example: `"image/jpeg"`.
    pub content_type: String,
    /// The size of the file in bytes. The storage accepts exactly this many.
    pub file_size: ByteSize,
    /// The id of the category of the image: see `categories`.
    pub category_id: ID,
    /// A key that makes the request safe to repeat: the same key from the same caller returns the same image with a new
    /// ticket. 1 to 255 characters.
    pub idempotency_key: Option<String>,
}

/// The result of `requestUpload` and `renewUpload`.
#[derive(SimpleObject)]
pub struct RequestUploadPayload {
    /// Null when there are userErrors.
    upload: Option<UploadTicket>,
    /// All errors of the input. Empty on success.
    user_errors: Vec<UserError>,
}

payload!(RequestUploadPayload { upload: Ticket => UploadTicket });

/// The upload that needs a new ticket.
#[derive(InputObject)]
pub struct RenewUploadInput {
    /// The id of an image whose upload is not complete.
    pub image_id: ID,
}

/// The progress of an upload as the client sees it.
#[derive(InputObject)]
pub struct ReportUploadProgressInput {
    /// The id of the image.
    pub image_id: ID,
    /// The number of bytes sent so far. A number smaller than an earlier one is ignored.
    pub bytes_uploaded: ByteSize,
}

/// The upload to complete, and the details of the image.
#[derive(InputObject)]
pub struct CompleteUploadInput {
    /// The id of the image.
    pub image_id: ID,
    /// The title of the image. At most 255 characters.
    title: Option<String>,
    /// The description of the image. At most 5000 characters.
    description: Option<String>,
    /// The alternative text for people who cannot see the picture. At most 1000 characters.
    alt_text: Option<String>,
    /// At most 50 tags of 1 to 50 characters. Surrounding spaces and duplicates are removed.
    tags: Option<Vec<String>>,
}

impl CompleteUploadInput {
    /// What the image shows.
    pub fn details(self) -> DetailsChange {
        DetailsChange { title: self.title, description: self.description, alt_text: self.alt_text, tags: self.tags }
    }
}

/// The upload to cancel.
#[derive(InputObject)]
pub struct CancelUploadInput {
    /// The id of an image whose upload is not complete.
    pub image_id: ID,
}

/// The image to delete.
#[derive(InputObject)]
pub struct DeleteImageInput {
    /// The id of an image in any state.
    pub image_id: ID,
    /// Whether to delete without the trash, or from the trash.
    #[graphql(default)]
    pub permanently: bool,
}

/// The image to restore.
#[derive(InputObject)]
pub struct RestoreImageInput {
    /// The id of an image in the `trash`.
    pub image_id: ID,
}

/// The variants to generate again.
#[derive(InputObject)]
pub struct GenerateVariantsInput {
    /// The id of an image that is COMPLETED, or FAILED with its original kept.
    pub image_id: ID,
    /// The variants to generate again by type. All of them if neither `types` nor `names` is given. Missing variants
    /// are always generated.
    pub types: Option<Vec<VariantType>>,
    /// The variants to generate again by name, in any case, for variants that the operator defined. Example:
    /// `["hero"]`.
    pub names: Option<Vec<String>>,
}

/// Payloads that carry the image as it is now.
macro_rules! image_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The image after the change. Null when there are userErrors.
            image: Option<Image>,
            /// The reasons why nothing was done. Empty on success.
            user_errors: Vec<UserError>,
        }

        payload!($name { image: domain::image::Image => Image::of });
    };
}

image_payload!(
    /// The result of `reportUploadProgress`.
    ReportUploadProgressPayload
);
image_payload!(
    /// The result of `completeUpload`.
    CompleteUploadPayload
);
image_payload!(
    /// The result of `generateVariants`.
    GenerateVariantsPayload
);

image_payload!(
    /// The result of `restoreImage`.
    RestoreImagePayload
);

/// The result of `cancelUpload`.
#[derive(SimpleObject)]
pub struct CancelUploadPayload {
    /// The id of the removed image. Null when there are userErrors.
    cancelled_image_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

payload!(CancelUploadPayload { cancelled_image_id: ImageId => ID::from });

/// The result of `deleteImage`.
#[derive(SimpleObject)]
pub struct DeleteImagePayload {
    /// The id of the removed image. Null when there are userErrors.
    deleted_image_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

payload!(DeleteImagePayload { deleted_image_id: ImageId => ID::from });
