//! The caller's own account: its picture, a copy of its data, and its end.

use async_graphql::{Context, Description, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    scalars::{ByteSize, Url},
    user_error::UserError,
};
use crate::{
    accounts::NewTotp,
    domain,
    graphql::{FromContext, cost, error::ApiError},
};

/// The picture of the caller.
#[derive(InputObject)]
pub struct SetAvatarInput {
    /// The id of a completed image of the caller in the category `avatarCategory`. Without it, the caller has no picture.
    pub image_id: Option<ID>,
}

/// The confirmation of the end of the account.
#[derive(InputObject)]
pub struct DeleteMyAccountInput {
    /// The password of the account. An account without one is confirmed by a session that began less than ten minutes ago.
    pub password: Option<String>,
}

/// The confirmation that the caller wants a second factor.
#[derive(InputObject)]
pub struct BeginTotpInput {
    /// The password of the account. An account without one is confirmed by a session that began less than ten minutes ago.
    pub password: Option<String>,
}

/// A code of the second factor that was begun.
#[derive(InputObject)]
pub struct ConfirmTotpInput {
    /// The code that the app shows. Example: `"492039"`.
    pub code: String,
}

/// The confirmation that the caller wants no second factor.
#[derive(InputObject)]
pub struct DisableTotpInput {
    /// The password of the account. An account without one is confirmed by a session that began less than ten minutes ago.
    pub password: Option<String>,
    /// The code that the app shows, or a recovery code.
    pub code: String,
}

/// The secret of a second factor, for an app that makes codes.
#[derive(SimpleObject)]
pub struct TotpSecret {
    /// The secret in base 32, to be typed.
    secret: String,
    /// The secret as a URL, to be shown as a QR code. Example: `"otpauth://totp/example.com:ann%40example.com?secret=…"`.
    otpauth_url: String,
}

impl From<NewTotp> for TotpSecret {
    fn from(new: NewTotp) -> Self {
        Self { secret: new.secret, otpauth_url: new.url }
    }
}

/// The result of `beginTotp`.
#[derive(SimpleObject)]
pub struct BeginTotpPayload {
    /// The secret, which is shown once. Null when there are userErrors.
    totp: Option<TotpSecret>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `confirmTotp`.
#[derive(SimpleObject)]
pub struct ConfirmTotpPayload {
    /// Ten recovery codes, each of which replaces a code of the app once. They are shown once. Null when there are
    /// userErrors.
    recovery_codes: Option<Vec<String>>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(BeginTotpPayload { totp: NewTotp => TotpSecret::from });
super::user_error::payload!(ConfirmTotpPayload { recovery_codes: Vec<String> => std::convert::identity });

/// A copy of everything that belongs to the caller's account: the rows as JSON, and the originals of the images.
#[derive(Description)]
pub struct DataExport(pub domain::removal::DataExport);

/// A ZIP file of a copy.
#[derive(SimpleObject)]
pub struct DataExportFile {
    /// The URL of the file, either presigned or on the CDN.
    url: Url,
    /// The size of the file in bytes.
    file_size: ByteSize,
}

#[Object(use_type_description)]
impl DataExport {
    /// The id of the copy, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The time at which the copy was requested.
    async fn requested_at(&self) -> DateTime<Utc> {
        self.0.requested_at
    }

    /// The time at which the copy was complete. Null until then.
    async fn ready_at(&self) -> Option<DateTime<Utc>> {
        self.0.ready_at
    }

    /// The time at which the files are removed.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The files of the copy, each of about 1 GiB at most. Empty until the copy is complete.
    #[graphql(directive = cost::cost::apply(20), directive = cost::list_size::apply(10, None, None))]
    async fn files(&self, ctx: &Context<'_>) -> Result<Vec<DataExportFile>, ApiError> {
        let urls = ctx.services().library.export_urls(&self.0).await?;
        let file = |(url, size)| DataExportFile { url: Url(url), file_size: ByteSize(size) };
        Ok(urls.into_iter().map(file).collect())
    }
}

/// The result of `exportMyData`.
#[derive(SimpleObject)]
pub struct DataExportPayload {
    /// The copy that is being made. Null when there are userErrors.
    data_export: Option<DataExport>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(DataExportPayload { data_export: domain::removal::DataExport => DataExport });
