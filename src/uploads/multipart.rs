//! Steps 1 to 3 in parts: for large files, and for networks that come and go. The parts are joined when the upload is
//! completed; what was sent by then need not be sent again.

use super::{NewUpload, Uploads, receive::UNATTENDED_AFTER, request::Sending, swept::Swept};
use crate::{
    db::{self, Saved, multipart_uploads::KeptParts},
    domain::{
        access::Action,
        caller::Caller,
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::ImageId,
        image::Image,
        multipart::{MultipartUpload, PartLayout, PartTicket, StoredPart},
    },
    storage::{StorageError, StorageKey, UnfinishedMultipart},
};

/// How often joining is tried while a client goes on to send parts again.
const MOST_JOINS: usize = 2;
/// How many parts are signed at once.
const MAX_SIGNED: usize = 100;

impl Uploads {
    /// Begins an upload in parts: for a new image, or again for the image that this key was used for.
    ///
    /// # Errors
    /// As `request`, and `INVALID_VALUE` for parts that no storage takes.
    pub async fn request_multipart(
        &self,
        caller: &Caller,
        input: NewUpload,
        part_size: Option<u64>,
    ) -> ServiceResult<MultipartUpload> {
        let layout = PartLayout::choose(input.file_size, part_size)?;
        let has_key = input.idempotency_key.is_some();
        let image = self.admit(caller, input, Sending::InParts).await?;
        let begun = self.begin_parts(&image, layout).await;
        if begun.is_err() && !has_key {
            // Its client cannot even name it; with a key, the same request goes on.
            let now = self.now();
            self.change(image.id, |image| Ok(Some(image.cancel(now)?))).await.ok();
        }
        let layout = begun?;
        // What came before the page was loaded again counts.
        let image = self.note_parts(image.id).await?.unwrap_or(image);
        Ok(MultipartUpload { image, layout })
    }

    async fn begin_parts(&self, image: &Image, layout: PartLayout) -> ServiceResult<PartLayout> {
        let conn = self.inner.db.conn();
        let key = StorageKey::incoming(image.id);
        if let Some(kept) = db::multipart_uploads::find(conn, image.id).await? {
            let has_parts = self.inner.storage.parts(&key, &kept.upload_id).await?.is_some();
            if has_parts || self.inner.storage.head(&key).await?.is_some() {
                return Ok(PartLayout::kept(image.declared_size, kept.part_size));
            }
            // A rule of the storage may end what takes days.
            db::multipart_uploads::forget(conn, &kept.upload_id).await?;
        }
        if image.upload_started_at.is_some() && self.inner.storage.head(&key).await?.is_some() {
            let why = "The file is there, as it was sent at once: complete the upload.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let upload_id = self.inner.storage.create_multipart(&key, image.format.content_type()).await?;
        let kept = KeptParts { upload_id, part_size: layout.part_size() };
        if db::multipart_uploads::insert(conn, image.id, &kept, self.now()).await? == Saved::Done {
            return Ok(layout);
        }
        // The same request ran at the same time and was faster.
        self.inner.storage.abort_multipart(&key, &kept.upload_id).await?;
        let faster = db::multipart_uploads::find(conn, image.id).await?;
        Ok(faster.map_or(layout, |kept| PartLayout::kept(image.declared_size, kept.part_size)))
    }

    /// URLs to put these parts to, each of exactly its size. A part can be sent again, and the last one counts.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`; `INVALID_STATE` once the upload is over, or where it has no parts; `INVALID_VALUE` for a part
    /// that the file does not have, or for too many at once; `QUOTA_EXCEEDED`.
    pub async fn sign_parts(&self, caller: &Caller, id: ImageId, numbers: &[u16]) -> ServiceResult<Vec<PartTicket>> {
        let image = self.find_for(caller, id, Action::Upload).await?;
        let stored = if image.awaits_upload() { self.stored_parts(id).await? } else { None };
        let why = "Only an unfinished upload in parts has parts to send. Request it again to begin anew.";
        let (kept, stored) = stored.ok_or_else(|| Refusal::on("imageId", UserErrorCode::InvalidState, why))?;
        let parts = sizes_of(numbers, PartLayout::kept(image.declared_size, kept.part_size))?;
        self.inner.changes.check_quota_to_wait(&image).await?;
        self.note_bytes_of(id, &stored).await?;
        let now = self.now();
        let touch = |image: &Image| if image.awaits_upload() { Ok(Some(image.touch(now))) } else { Ok(None) };
        self.change_for(caller, Action::Upload, id, touch).await?;
        let (key, expires_at) = (StorageKey::incoming(id), now + self.inner.rules.ticket_life);
        let mut tickets = Vec::new();
        for (number, size) in parts {
            let url = self.inner.storage.sign_part(&key, &kept.upload_id, (number, size), expires_at).await?;
            tickets.push(PartTicket { number, size, url, expires_at });
        }
        Ok(tickets)
    }

    /// The parts that the storage has of an upload; none, once it is over.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`.
    pub async fn uploaded_parts(&self, caller: &Caller, id: ImageId) -> ServiceResult<Vec<StoredPart>> {
        let image = self.find_for(caller, id, Action::Upload).await?;
        if !image.awaits_upload() {
            return Ok(Vec::new());
        }
        Ok(self.stored_parts(id).await?.map(|(_, parts)| parts).unwrap_or_default())
    }

    /// Notes how many bytes there are in parts. Gives the image as it is then, if there are any.
    pub(super) async fn note_parts(&self, id: ImageId) -> ServiceResult<Option<Image>> {
        match self.stored_parts(id).await? {
            Some((_, parts)) => self.note_bytes_of(id, &parts).await,
            None => Ok(None),
        }
    }

    async fn note_bytes_of(&self, id: ImageId, parts: &[StoredPart]) -> ServiceResult<Option<Image>> {
        let bytes: u64 = parts.iter().map(|part| part.size).sum();
        if bytes == 0 {
            return Ok(None);
        }
        let now = self.now();
        let receive = |image: &Image| {
            if !image.awaits_upload() {
                return Ok(None);
            }
            if bytes < image.declared_size {
                return Ok(image.receive(bytes, now)?);
            }
            Ok(Some(image.receive_last(bytes, now + UNATTENDED_AFTER, now)?))
        };
        match self.change(id, receive).await {
            Ok(image) => Ok(Some(image)),
            // Cancelled in this very moment.
            Err(ServiceError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the object of an upload whose parts are all there. Says whether it may be there now.
    pub(super) async fn join_parts(&self, id: ImageId) -> ServiceResult<bool> {
        let conn = self.inner.db.conn();
        let Some(image) = db::images::find(conn, id).await?.filter(Image::awaits_upload) else { return Ok(false) };
        let Some(kept) = db::multipart_uploads::find(conn, id).await? else { return Ok(false) };
        let key = StorageKey::incoming(id);
        for _ in 0..MOST_JOINS {
            let parts = self.inner.storage.parts(&key, &kept.upload_id).await?.unwrap_or_default();
            if !PartLayout::kept(image.declared_size, kept.part_size).is_whole(&parts) {
                break;
            }
            if self.inner.storage.complete_multipart(&key, &kept.upload_id, &parts).await? {
                // Whoever cancelled it in this moment has removed what was there before.
                return Ok(!self.remove_if_unwanted(id).await?);
            }
            // One of them was sent again in this moment.
        }
        // Somebody else may have joined them, or an attempt whose answer was lost.
        Ok(true)
    }

    /// Removes the parts of an upload that is over.
    pub(super) async fn abort_parts(&self, id: ImageId) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        if let Some(kept) = db::multipart_uploads::find(conn, id).await? {
            self.inner.storage.abort_multipart(&StorageKey::incoming(id), &kept.upload_id).await?;
            db::multipart_uploads::remove(conn, id).await?;
        }
        Ok(())
    }

    /// Removes parts that nobody is going to ask for: of an upload that is over, or that no row knows.
    pub(super) async fn abort_strangers(&self, swept: &mut Swept) -> ServiceResult<()> {
        let begun_in = self.orphans_are_from().await?;
        let mut after = None;
        loop {
            let page = match self.inner.storage.multiparts(StorageKey::INCOMING, after).await {
                Ok(page) => page,
                Err(StorageError::Refused(error)) => {
                    // A policy from before there were parts: nothing else has to wait for that.
                    tracing::warn!(error = format!("{error:#}"), "the storage does not list uploads in parts");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let old: Vec<UnfinishedMultipart> =
                page.uploads.into_iter().filter(|upload| begun_in.contains(&upload.begun_at)).collect();
            for upload in self.unknown(old).await? {
                self.inner.storage.abort_multipart(&upload.key, &upload.upload_id).await?;
                swept.aborted += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Those of these uploads that no image awaits.
    async fn unknown(&self, uploads: Vec<UnfinishedMultipart>) -> ServiceResult<Vec<UnfinishedMultipart>> {
        let conn = self.inner.db.conn();
        let names: Vec<String> = uploads.iter().map(|upload| upload.upload_id.clone()).collect();
        let known = db::multipart_uploads::known(conn, &names).await?;
        let ids: Vec<ImageId> = uploads.iter().filter_map(|upload| upload.key.image()).collect();
        let images = db::images::find_many(conn, &ids).await?;
        let is_awaited = |upload: &UnfinishedMultipart| {
            let image = images.iter().find(|image| Some(image.id) == upload.key.image());
            // A newer version knows what it awaits.
            let awaits = image.is_some_and(|image| image.awaits_upload() || image.is_of_a_newer_version());
            awaits && known.contains(&upload.upload_id)
        };
        Ok(uploads.into_iter().filter(|upload| !is_awaited(upload)).collect())
    }

    async fn stored_parts(&self, id: ImageId) -> ServiceResult<Option<(KeptParts, Vec<StoredPart>)>> {
        let Some(kept) = db::multipart_uploads::find(self.inner.db.conn(), id).await? else { return Ok(None) };
        let parts = self.inner.storage.parts(&StorageKey::incoming(id), &kept.upload_id).await?;
        Ok(parts.map(|parts| (kept, parts)))
    }
}

fn sizes_of(numbers: &[u16], layout: PartLayout) -> Result<Vec<(u16, u64)>, Refusal> {
    let refuse = |why: String| Refusal::on("partNumbers", UserErrorCode::InvalidValue, why);
    if numbers.is_empty() || numbers.len() > MAX_SIGNED {
        return Err(refuse(format!("Ask for 1 to {MAX_SIGNED} parts at once.")));
    }
    let sizes = numbers.iter().map(|number| {
        let size = layout.size_of(*number).map(|size| (*number, size));
        size.ok_or_else(|| refuse(format!("The file has the parts 1 to {}.", layout.count())))
    });
    sizes.collect()
}
