//! The operator's way to have a dead job run again.

use super::Uploads;
use crate::{
    db,
    domain::{
        change::Locked,
        error::{Refusal, ServiceResult, refusals_apart},
        event::Actor,
        ids::JobId,
        image::UploadState,
        job::Job,
    },
    queue::{JobRow, Revived},
};

impl Uploads {
    /// Has a dead job run again. An image that was given up goes back to PROCESSING with it.
    pub async fn revive(&self, row: &JobRow) -> ServiceResult<Revived> {
        let id = JobId(row.id);
        let Some(Job::Process { image }) = row.job() else { return Ok(self.inner.queue.revive(id).await?) };
        if row.state != "dead" {
            return Ok(Revived::NotDead);
        }
        let found = db::images::find(self.inner.db.conn(), image).await?;
        if found.is_some_and(|image| image.is_of_a_newer_version()) {
            return Ok(Revived::OfANewerVersion);
        }
        let now = self.now();
        let reprocess = |Locked { image, .. }: &Locked| match image.state {
            UploadState::Failed { kept: Some(_), .. } => Ok(Some(image.reprocess(Vec::new(), now)?)),
            // It was processed since, or is gone.
            _ => Err(Refusal::image_not_found().into()),
        };
        let outcome = refusals_apart(self.inner.changes.change(image, Actor::System, reprocess).await)?;
        self.inner.queue.remove_dead(id).await?;
        Ok(if outcome.is_ok() { Revived::Queued } else { Revived::NotNeeded })
    }
}
