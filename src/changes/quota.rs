//! Quotas: what each user may have in the storage.

use super::Changes;
use crate::{
    db,
    domain::{
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::UserId,
        image::Image,
    },
};

impl Changes {
    /// Checks that there is room for an upload that asks for more time: whoever has none does not keep it waiting in
    /// the storage either.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`.
    pub async fn check_quota_to_wait(&self, image: &Image) -> ServiceResult<()> {
        if self.inner.rules.storage_quota.is_none() {
            return Ok(());
        }
        let transaction = self.inner.db.begin().await?;
        self.check_quota(&transaction, image.owner, image.declared_size, "imageId").await
    }

    /// Checks that a user may begin one more upload: there is a bound to those that are unfinished, and with a quota they
    /// take room as long as their tickets live.
    pub(super) async fn check_unfinished(&self, conn: &impl db::Connection, new: &Image) -> ServiceResult<()> {
        let (limit, quota) = (self.inner.rules.max_unfinished, self.inner.rules.storage_quota);
        if limit.is_none() && quota.is_none() {
            return Ok(());
        }
        if quota.is_some() {
            // What is unfinished is counted while nobody else begins an upload for this user.
            db::users::hold(conn, new.owner).await?;
        }
        let alive_since = self.inner.clock.now() - self.inner.rules.ticket_life;
        let most = limit.map_or(u64::MAX, |limit| limit.uploads);
        let unfinished = db::images::unfinished(conn, new.owner, alive_since, most).await?;
        let bytes = unfinished.bytes.saturating_add(new.declared_size);
        if let Some(limit) = limit
            && (unfinished.uploads >= limit.uploads || bytes > limit.bytes)
        {
            let why = format!(
                "You have {} unfinished uploads of {} bytes; {} of {} bytes are allowed. Finish or cancel some.",
                unfinished.uploads, unfinished.bytes, limit.uploads, limit.bytes
            );
            return Err(Refusal::on("fileSize", UserErrorCode::QuotaExceeded, why).into());
        }
        if quota.is_none() {
            return Ok(());
        }
        self.check_quota(conn, new.owner, bytes, "fileSize").await
    }

    /// Checks that a user has room for so many bytes more. Until the transaction ends, nobody else takes it.
    pub(super) async fn check_quota(
        &self,
        transaction: &impl db::Connection,
        owner: UserId,
        bytes: u64,
        field: &'static str,
    ) -> ServiceResult<()> {
        let Some(quota) = self.inner.rules.storage_quota else { return Ok(()) };
        db::users::hold(transaction, owner).await?;
        let used = db::counts::bytes_of(transaction, &[owner]).await?.first().map_or(0, |(_, used)| *used);
        if used.saturating_add(bytes) > quota {
            let why = format!("The storage limit leaves {} bytes; this needs {bytes}.", quota.saturating_sub(used));
            return Err(Refusal::on(field, UserErrorCode::QuotaExceeded, why).into());
        }
        Ok(())
    }
}
