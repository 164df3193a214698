//! What follows from a change, written in the transaction that holds its image.

use super::Changes;
use crate::{
    db,
    domain::{
        change::{Change, Locked, RowChange},
        error::ServiceResult,
        event::{Actor, NewEvent},
        image::Image,
        progress::Progress,
        variant::{Variant, VariantName},
    },
};

/// What was written of one image, and who is to be told once it is committed.
pub(super) struct Written {
    pub image: Image,
    /// For those who watch the upload.
    pub news: Option<Progress>,
    /// For the log.
    pub events: Vec<NewEvent>,
    /// Whether there is something to be done at once.
    pub has_jobs: bool,
}

impl Changes {
    pub(super) async fn write(
        &self,
        transaction: &db::Transaction,
        actor: Actor,
        before: Locked,
        change: Change,
    ) -> ServiceResult<Written> {
        let Change { image, rows, enqueue, withdraw, events, bytes_taken } = change;
        if let Some(bytes) = bytes_taken {
            self.check_quota(transaction, image.owner, bytes, "imageId").await?;
        }
        if image.details != before.image.details || image.category != before.image.category {
            db::image_writes::redescribe(transaction, &before.image, &image).await?;
        } else if image != before.image {
            db::image_writes::update(transaction, &before.image, &image).await?;
        }
        let (mut variants, mut made_ready) = (before.variants, None);
        for row in rows {
            made_ready = put_row(transaction, &image, &mut variants, row).await?.or(made_ready);
        }
        if let Some(job) = withdraw {
            self.inner.queue.withdraw(transaction, job).await?;
        }
        let at = self.inner.clock.now();
        let has_jobs = enqueue.is_some_and(|(_, due)| due <= at);
        if let Some((job, due)) = enqueue {
            self.inner.queue.enqueue(transaction, job, due).await?;
        }
        let event = |kind| NewEvent { at, actor, kind, image: image.id, owner: image.owner };
        let events = events.into_iter().map(event).collect();
        let is_news = image.revision > before.image.revision;
        let news = is_news.then(|| Progress { image: image.clone(), variants, made_ready });
        Ok(Written { image, news, events, has_jobs })
    }
}

/// Writes a row beside the image's. Gives the variant that it made ready.
async fn put_row(
    transaction: &db::Transaction,
    image: &Image,
    variants: &mut Vec<Variant>,
    row: RowChange,
) -> ServiceResult<Option<VariantName>> {
    match row {
        RowChange::VariantReady(variant) => {
            db::variants::put(transaction, image.id, &variant).await?;
            let name = variant.name.clone();
            variants.retain(|known| known.name != name);
            variants.push(variant);
            Variant::sort(variants);
            return Ok(Some(name));
        }
        RowChange::VariantsForgotten(names) => {
            db::variants::remove(transaction, image.id, &names).await?;
            variants.retain(|known| !names.contains(&known.name));
        }
        RowChange::Metadata(metadata) => db::metadata::put(transaction, image.id, &metadata).await?,
        RowChange::Fingerprint(fingerprint) => db::fingerprints::put(transaction, image, fingerprint).await?,
    }
    Ok(None)
}
