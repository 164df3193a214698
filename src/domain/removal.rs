//! Users who leave, and what becomes of what they have.

use chrono::{DateTime, Utc};

use super::ids::{DataExportId, UserId};

/// A user who is to be removed with everything that they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    pub user: UserId,
    /// Whose the images are to be; where there is nobody, they are deleted.
    pub heir: Option<UserId>,
    pub requested_by: UserId,
    pub requested_at: DateTime<Utc>,
    /// Until then the user may change their mind.
    pub due_at: DateTime<Utc>,
    /// From then on there is no way back.
    pub started_at: Option<DateTime<Utc>>,
}

/// A copy of everything that a user has, in files to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataExport {
    pub id: DataExportId,
    pub user: UserId,
    /// In the keys of its files, so that nobody guesses them.
    pub secret: String,
    /// In bytes, each of a file; none until all are there.
    pub sizes: Option<Vec<u64>>,
    pub requested_at: DateTime<Utc>,
    pub ready_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}
