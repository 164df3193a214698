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

/// Everything that a browser needs to send one file straight to the storage.
#[derive(Description)]
pub struct UploadTicket(pub Ticket);

/// How the file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UploadMethod {
    /// As multipart/form-data: the fields in their order, then the file as "file".
    Post,
    /// As the body of the request.
    Put,
}

/// A field of the form.
#[derive(SimpleObject)]
pub struct FormField {
    /// Its name. Example: `"key"`.
    name: String,
    /// Its value, to be sent as it is.
    value: String,
}

#[Object(use_type_description)]
impl UploadTicket {
    /// The image that the file becomes.
    async fn image(&self) -> Image {
        Image::of(self.0.image.clone())
    }

    /// How the file is sent.
    async fn method(&self) -> UploadMethod {
        UploadMethod::Post
    }

    /// Where the file is sent.
    async fn url(&self) -> Url {
        Url(self.0.form.url.clone())
    }

    /// To post in this order as multipart/form-data, then the file as "file".
    #[graphql(directive = cost::list_size::apply(10, None, None))]
    async fn fields(&self) -> Vec<FormField> {
        let fields = self.0.form.fields.iter();
        fields.map(|(name, value)| FormField { name: name.clone(), value: value.clone() }).collect()
    }

    /// Until when the storage takes the file: `renewUpload` gives a fresh ticket.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.form.expires_at
    }

    /// In bytes: the storage takes exactly as many as were announced, which are no more than this.
    async fn max_file_size(&self) -> ByteSize {
        ByteSize(self.0.image.declared_size)
    }
}

/// A file to upload.
#[derive(InputObject)]
pub struct RequestUploadInput {
    /// 1 to 255 characters, none of `< > : " | ? * \ /` or a control character. Example: `"IMG_2041.jpg"`.
    pub filename: String,
    /// One that goes with the extension. Example: `"image/jpeg"`.
    pub content_type: String,
    /// In bytes: the storage takes exactly as many.
    pub file_size: ByteSize,
    /// What kind of image it is: see `categories`.
    pub category_id: ID,
    /// The same key by the same caller stands for the same image, with a fresh ticket: safe to repeat.
    /// 1 to 255 characters.
    pub idempotency_key: Option<String>,
}

/// The ticket, or what stood in the way.
#[derive(SimpleObject)]
pub struct RequestUploadPayload {
    /// Null when there are userErrors.
    upload: Option<UploadTicket>,
    /// Everything that has to be mended first; empty when there is a ticket.
    user_errors: Vec<UserError>,
}

payload!(RequestUploadPayload { upload: Ticket => UploadTicket });

/// Which upload needs a fresh ticket.
#[derive(InputObject)]
pub struct RenewUploadInput {
    /// An image that still awaits its upload.
    pub image_id: ID,
}

/// How far a client is, for storages that do not tell.
#[derive(InputObject)]
pub struct ReportUploadProgressInput {
    /// Which image.
    pub image_id: ID,
    /// How many bytes were sent so far. Fewer than before change nothing.
    pub bytes_uploaded: ByteSize,
}

/// Which upload is over, and what the image shows.
#[derive(InputObject)]
pub struct CompleteUploadInput {
    /// Which image.
    pub image_id: ID,
    /// Up to 255 characters.
    title: Option<String>,
    /// Up to 5000 characters.
    description: Option<String>,
    /// What the picture shows, for those who do not see it. Up to 1000 characters.
    alt_text: Option<String>,
    /// Up to 50 tags of 1 to 50 characters; spaces around them and repetitions are dropped.
    tags: Option<Vec<String>>,
}

impl CompleteUploadInput {
    /// What the image shows.
    pub fn details(self) -> DetailsChange {
        DetailsChange { title: self.title, description: self.description, alt_text: self.alt_text, tags: self.tags }
    }
}

/// Which upload to give up.
#[derive(InputObject)]
pub struct CancelUploadInput {
    /// An image that still awaits its upload.
    pub image_id: ID,
}

/// Which image to delete.
#[derive(InputObject)]
pub struct DeleteImageInput {
    /// An image in whatever state.
    pub image_id: ID,
    /// Past the trash, or out of it for good.
    #[graphql(default)]
    pub permanently: bool,
}

/// Which image to take out of the trash.
#[derive(InputObject)]
pub struct RestoreImageInput {
    /// An image of the `trash`.
    pub image_id: ID,
}

/// Which variants to make again.
#[derive(InputObject)]
pub struct GenerateVariantsInput {
    /// An image that is COMPLETED, or whose processing failed.
    pub image_id: ID,
    /// Those to make again; all where neither these nor `names` are given. Missing ones are made in any case.
    pub types: Option<Vec<VariantType>>,
    /// The same by name, in any case, for the operator's own. Example: `["hero"]`.
    pub names: Option<Vec<String>>,
}

/// Payloads that carry the image as it is now.
macro_rules! image_payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The image as it is now; null when there are userErrors.
            image: Option<Image>,
            /// What has to be mended first; empty when it was done.
            user_errors: Vec<UserError>,
        }

        payload!($name { image: domain::image::Image => Image::of });
    };
}

image_payload!(
    /// The image with what was reported, or what stood in the way.
    ReportUploadProgressPayload
);
image_payload!(
    /// The image, whose processing has begun, or what stood in the way.
    CompleteUploadPayload
);
image_payload!(
    /// The image, whose variants are being made again, or what stood in the way.
    GenerateVariantsPayload
);

image_payload!(
    /// The image as it was, or what stood in the way.
    RestoreImagePayload
);

/// The upload that was given up, or what stood in the way.
#[derive(SimpleObject)]
pub struct CancelUploadPayload {
    /// The image that is gone; null when there are userErrors.
    cancelled_image_id: Option<ID>,
    /// What has to be mended first; empty when it was done.
    user_errors: Vec<UserError>,
}

payload!(CancelUploadPayload { cancelled_image_id: ImageId => ID::from });

/// The image that was deleted, or what stood in the way.
#[derive(SimpleObject)]
pub struct DeleteImagePayload {
    /// The image that is gone; null when there are userErrors.
    deleted_image_id: Option<ID>,
    /// What has to be mended first; empty when it was done.
    user_errors: Vec<UserError>,
}

payload!(DeleteImagePayload { deleted_image_id: ImageId => ID::from });
