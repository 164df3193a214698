//! What is wrong with a bucket that does not answer as it should: for operators, in the storage's own words.

use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::{S3, s3::status_of};

/// Why a bucket cannot be used.
#[derive(Debug)]
pub enum BucketFault {
    /// No answer, and why.
    Unreachable(String),
    /// The storage refused, with S3's code and its message.
    Answered { status: u16, code: String, message: String },
}

impl fmt::Display for BucketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "it does not answer: {why}"),
            Self::Answered { status, code, message } => write!(f, "it answers {status} {code}: {message}"),
        }
    }
}

impl S3 {
    /// Asks for the first object of the bucket: unlike `ping`, a refusal says what it is about.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn inspect(&self) -> Result<(), BucketFault> {
        let request = self.internal.list_objects_v2().bucket(&self.settings.bucket).max_keys(1);
        request.send().await.map(drop).map_err(|error| fault_of(&error))
    }
}

pub(super) fn fault_of<E>(error: &SdkError<E>) -> BucketFault
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match status_of(error) {
        Some(status) => BucketFault::Answered {
            status,
            code: error.code().unwrap_or("without a code").to_owned(),
            message: error.message().unwrap_or("no message").trim_end_matches('.').to_owned(),
        },
        None => BucketFault::Unreachable(innermost(error)),
    }
}

/// The outer errors say only that there is an inner one.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}
