//! The audit log, as those who manage users read it.

use serde_json::Value;

use super::Accounts;
use crate::{
    db,
    domain::{
        audit::{AuditAction, AuditEntry, AuditFilter, Audited},
        caller::Caller,
        error::ServiceResult,
        event::Actor,
        ids::AuditId,
        user::Permission,
    },
};

/// Some entries, the latest first.
#[derive(Debug)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// Whether there are more behind the last.
    pub has_more: bool,
}

impl Accounts {
    /// Entries of the audit log, the latest first, behind one that was given before.
    ///
    /// # Errors
    /// `Unauthenticated`, or `Forbidden` without the permission.
    pub async fn audit_log(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        after: Option<AuditId>,
        first: u64,
    ) -> ServiceResult<AuditPage> {
        caller.with(Permission::ManageUsers)?;
        let mut entries = db::audit::page(self.inner.db.conn(), filter, after, first + 1).await?;
        let has_more = entries.len() as u64 > first;
        entries.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(AuditPage { entries, has_more })
    }

    /// Keeps that the server started, and with which settings.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_start(&self, settings: Value) -> ServiceResult<()> {
        let started = Audited::new(AuditAction::ServerStarted, Actor::System, None);
        self.audit(self.inner.db.conn(), started.with(settings)).await
    }
}
