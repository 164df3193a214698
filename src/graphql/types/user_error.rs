//! What a caller can mend, in every payload the same.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// An error that the caller can correct by changing the input, or that is caused by the state of an image.
#[derive(SimpleObject)]
pub struct UserError {
    /// The kind of error, for programs.
    code: UserErrorCode,
    /// The path of the input field that caused the error, the outermost name first. Example: `["filename"]`.
    field: Option<Vec<&'static str>>,
    /// An explanation of the error, for people.
    message: String,
}

/// The kinds of errors of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::error::UserErrorCode")]
pub enum UserErrorCode {
    /// The filename is empty, too long, or contains a forbidden character.
    InvalidFilename,
    /// The category does not accept files with this extension.
    UnsupportedExtension,
    /// The server does not support this content type.
    UnsupportedContentType,
    /// The extension and the content type belong to different formats.
    ExtensionMismatch,
    /// The file is empty.
    FileEmpty,
    /// The file is larger than the category allows.
    FileTooLarge,
    /// The category does not exist or accepts no uploads.
    CategoryNotFound,
    /// Another category has this name.
    CategoryExists,
    /// The image does not exist or does not belong to the caller.
    ImageNotFound,
    /// The file is not in the storage yet.
    NotUploaded,
    /// The current status of the image does not allow this operation.
    InvalidState,
    /// A text has too many characters, or a list has too many items.
    TooLong,
    /// The value is outside the allowed range.
    InvalidValue,
    /// The user's storage limit or limit of unfinished uploads would be exceeded.
    QuotaExceeded,
    /// The email address or the password is wrong.
    InvalidCredentials,
    /// Another account has this email address.
    EmailTaken,
    /// The password is too short, too long, too common, or too similar to the email address or the name.
    WeakPassword,
    /// The token is unknown, already used or expired.
    InvalidToken,
    /// The user does not exist.
    UserNotFound,
    /// The group does not exist.
    GroupNotFound,
    /// Another group has this name.
    GroupExists,
    /// The album does not exist or the caller may not do this with it.
    AlbumNotFound,
    /// The share or the link does not exist or does not belong to the caller.
    ShareNotFound,
    /// The webhook or the delivery does not exist or does not belong to the caller.
    WebhookNotFound,
    /// The account has a second factor, and no code was sent.
    SecondFactorRequired,
}

impl From<domain::error::Refusal> for UserError {
    fn from(refusal: domain::error::Refusal) -> Self {
        let field = (!refusal.field.is_empty()).then_some(refusal.field);
        Self { code: refusal.code.into(), field, message: refusal.message }
    }
}

/// Makes a payload of a service's answer: its one field and no errors, or no field and every error.
macro_rules! payload {
    ($payload:ident { $field:ident: $from:ty => $into:expr }) => {
        impl From<Result<$from, Vec<crate::domain::error::Refusal>>> for $payload {
            fn from(outcome: Result<$from, Vec<crate::domain::error::Refusal>>) -> Self {
                match outcome {
                    Ok(value) => Self { $field: Some(($into)(value)), user_errors: Vec::new() },
                    Err(refusals) => {
                        Self { $field: None, user_errors: refusals.into_iter().map(UserError::from).collect() }
                    }
                }
            }
        }
    };
}

pub(super) use payload;
