//! How a service says no: a refusal that the caller can mend, or one of the few other ways to fail.

use std::time::Duration;

/// Why input was refused. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserErrorCode {
    InvalidFilename,
    UnsupportedExtension,
    UnsupportedContentType,
    ExtensionMismatch,
    FileEmpty,
    FileTooLarge,
    CategoryNotFound,
    CategoryExists,
    ImageNotFound,
    NotUploaded,
    InvalidState,
    TooLong,
    InvalidValue,
    QuotaExceeded,
    InvalidCredentials,
    EmailTaken,
    WeakPassword,
    InvalidToken,
    UserNotFound,
    GroupNotFound,
    GroupExists,
    AlbumNotFound,
    ShareNotFound,
    WebhookNotFound,
    SecondFactorRequired,
}

/// One thing that the caller can mend by other input, or the state that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: UserErrorCode,
    /// The path of the input field, outermost first; empty where the whole is meant.
    pub field: Vec<&'static str>,
    pub message: String,
}

impl Refusal {
    /// A refusal of one input field.
    pub fn on(field: &'static str, code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, field: vec![field], message: message.into() }
    }

    /// A refusal of the operation as a whole.
    pub fn of(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, field: Vec::new(), message: message.into() }
    }

    /// The answer for an image that is not there, or not the caller's: the two cannot be told apart.
    pub fn image_not_found() -> Self {
        Self::on("imageId", UserErrorCode::ImageNotFound, "There is no such image.")
    }

    /// The answer for an album that is not there, or not the caller's.
    pub fn album_not_found() -> Self {
        Self::on("albumId", UserErrorCode::AlbumNotFound, "There is no such album.")
    }

    /// The answer for a webhook that is not there, or not the caller's.
    pub fn webhook_not_found() -> Self {
        Self::on("webhookId", UserErrorCode::WebhookNotFound, "There is no such webhook.")
    }

    /// The answer for a user who is not there.
    pub fn user_not_found() -> Self {
        Self::on("userId", UserErrorCode::UserNotFound, "There is no such user.")
    }
}

/// What every service returns when it does not do what was asked.
///
/// Deliberately not `Display`: a door translates it, and nothing of it reaches a client by accident.
#[derive(Debug)]
pub enum ServiceError {
    /// The input or the object's state; every refusal that applies, so that a form can show them at once.
    Refused(Vec<Refusal>),
    /// Nobody is signed in.
    Unauthenticated,
    /// Somebody is, but may not do this.
    Forbidden,
    /// The storage cannot be reached; nothing was changed, and the same call may work later.
    StorageUnavailable(anyhow::Error),
    /// The database cannot be reached; nothing was changed, and the same call may work later.
    DatabaseUnavailable(anyhow::Error),
    /// The caller asks for too much or too often; nothing was changed, and the same call may work later.
    RateLimited { retry_after: Duration },
    /// The log of events does not reach back to the place that the caller wants to go on behind.
    ResyncRequired,
    /// Our own failure. Its text is for the log alone.
    Internal(anyhow::Error),
}

impl ServiceError {
    /// For the log and for jobs.
    pub fn into_anyhow(self) -> anyhow::Error {
        match self {
            Self::StorageUnavailable(error) | Self::DatabaseUnavailable(error) | Self::Internal(error) => error,
            other => anyhow::anyhow!("{other:?}"),
        }
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Vec<Refusal>> for ServiceError {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

/// A service's answer.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// What was refused apart from what failed: a refusal is an outcome like any other to whoever goes on either way.
///
/// # Errors
/// Everything but a refusal.
pub fn refusals_apart<T>(outcome: ServiceResult<T>) -> ServiceResult<Result<T, Vec<Refusal>>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(ServiceError::Refused(refusals)) => Ok(Err(refusals)),
        Err(error) => Err(error),
    }
}
