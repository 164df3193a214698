//! The work that is done after the answer was given.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    error::ServiceError,
    ids::{DataExportId, ImageId, MailId, UserId, WebhookId},
};

/// One piece of work. All of them may run twice, and may be killed anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Complete an upload whose client sent every byte and then fell silent.
    CompleteUnattended { image: ImageId },
    /// Check the original and make the variants that are missing.
    Process { image: ImageId },
    /// Remove the objects of a failed or a deleted image.
    Discard { image: ImageId },
    /// Remove the row of a deleted image, once everybody who watches has been told.
    Forget { image: ImageId },
    /// Bring to its end whatever nobody else will.
    Sweep,
    /// Make the images findable that no search finds yet: after an upgrade.
    Index,
    /// Make images anew that are out of date.
    Regenerate,
    /// Send a mail.
    SendMail { mail: MailId },
    /// Remove a user with everything that they have.
    RemoveUser { user: UserId },
    /// Make a copy of everything that a user has.
    ExportData { export: DataExportId },
    /// Look at what is new in the log of events, and for which webhooks it is.
    DispatchEvents,
    /// Send to a webhook what is due there.
    Deliver { webhook: WebhookId },
}

/// The kinds of job that this version can do. Each has slots of its own, so that none waits behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    CompleteUnattended,
    Process,
    Discard,
    Forget,
    Sweep,
    Index,
    Regenerate,
    SendMail,
    RemoveUser,
    ExportData,
    DispatchEvents,
    Deliver,
}

impl JobKind {
    pub const ALL: [Self; 12] = [
        Self::CompleteUnattended,
        Self::Process,
        Self::Discard,
        Self::Forget,
        Self::Sweep,
        Self::Index,
        Self::Regenerate,
        Self::SendMail,
        Self::RemoveUser,
        Self::ExportData,
        Self::DispatchEvents,
        Self::Deliver,
    ];

    /// The name in the database and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CompleteUnattended => "complete_unattended",
            Self::Process => "process",
            Self::Discard => "discard",
            Self::Forget => "forget",
            Self::Sweep => "sweep",
            Self::Index => "index",
            Self::Regenerate => "regenerate",
            Self::SendMail => "send_mail",
            Self::RemoveUser => "remove_user",
            Self::ExportData => "export_data",
            Self::DispatchEvents => "dispatch_events",
            Self::Deliver => "deliver",
        }
    }

    /// Whether it is given up after too many attempts. What removes is not: private objects would stay.
    pub const fn may_be_given_up(self) -> bool {
        matches!(self, Self::CompleteUnattended | Self::Process | Self::SendMail | Self::ExportData)
    }
}

impl Job {
    pub const fn kind(self) -> JobKind {
        match self {
            Self::CompleteUnattended { .. } => JobKind::CompleteUnattended,
            Self::Process { .. } => JobKind::Process,
            Self::Discard { .. } => JobKind::Discard,
            Self::Forget { .. } => JobKind::Forget,
            Self::Sweep => JobKind::Sweep,
            Self::Index => JobKind::Index,
            Self::Regenerate => JobKind::Regenerate,
            Self::SendMail { .. } => JobKind::SendMail,
            Self::RemoveUser { .. } => JobKind::RemoveUser,
            Self::ExportData { .. } => JobKind::ExportData,
            Self::DispatchEvents => JobKind::DispatchEvents,
            Self::Deliver { .. } => JobKind::Deliver,
        }
    }

    /// What it is about: no two jobs of one subject run at the same time. The id of an image, a mail, a user, an export or a webhook; for the whole
    /// library, ids that no image has.
    pub const fn subject(self) -> Uuid {
        match self {
            Self::CompleteUnattended { image }
            | Self::Process { image }
            | Self::Discard { image }
            | Self::Forget { image } => image.0,
            Self::SendMail { mail } => mail.0,
            Self::RemoveUser { user } => user.0,
            Self::ExportData { export } => export.0,
            Self::Deliver { webhook } => webhook.0,
            Self::Sweep => Uuid::nil(),
            Self::Index => Uuid::max(),
            Self::Regenerate => Uuid::from_u128(u128::MAX - 1),
            Self::DispatchEvents => Uuid::from_u128(u128::MAX - 2),
        }
    }

    /// The same job of the same subject waits in the queue once.
    pub fn dedupe_key(self) -> String {
        format!("{}:{}", self.kind().name(), self.subject())
    }
}

/// Why a job did not come to its end. It is tried again either way.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The attempt counts: after too many of them the job is given up.
    #[error("the attempt failed: {0:#}")]
    Failed(anyhow::Error),
    /// The database or the storage was away. That says nothing about the job, so it is no attempt of it.
    #[error("the attempt failed because of an outage: {0:#}")]
    Outage(anyhow::Error),
}

impl From<ServiceError> for JobError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::StorageUnavailable(error) | ServiceError::DatabaseUnavailable(error) => Self::Outage(error),
            error => Self::Failed(error.into_anyhow()),
        }
    }
}
