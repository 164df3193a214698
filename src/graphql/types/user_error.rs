//! What a caller can mend, in every payload the same.

use async_graphql::{Enum, SimpleObject};

use crate::domain;

/// Something that the caller can mend by other input, or the state that stands in the way.
#[derive(SimpleObject)]
pub struct UserError {
    /// What went wrong, for programs.
    code: UserErrorCode,
    /// The path of the input field that it is about, outermost first. Example: `["filename"]`.
    field: Option<Vec<&'static str>>,
    /// What went wrong, for people.
    message: String,
}

/// The ways in which input can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::error::UserErrorCode")]
pub enum UserErrorCode {
    /// The filename is empty, too long, or has a character that no file system takes.
    InvalidFilename,
    /// The category does not take files of this extension.
    UnsupportedExtension,
    /// The content type is none that the server can process.
    UnsupportedContentType,
    /// The extension and the content type name different formats.
    ExtensionMismatch,
    /// The file has no bytes.
    FileEmpty,
    /// The file is larger than the category allows.
    FileTooLarge,
    /// There is no such category, or it takes no uploads.
    CategoryNotFound,
    /// Another category has this name.
    CategoryExists,
    /// There is no such image, or it is not yours.
    ImageNotFound,
    /// The storage has no object for this image yet.
    NotUploaded,
    /// The image is in a state in which this cannot be done.
    InvalidState,
    /// A text has more characters than fit, or a list more items.
    TooLong,
    /// The value is outside what is allowed.
    InvalidValue,
    /// The user has no room for as many bytes: delete something first.
    QuotaExceeded,
    /// The email address or the password is wrong.
    InvalidCredentials,
    /// The token is unknown, used or expired.
    InvalidToken,
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
