//! One object, written: hashed as it comes, synced, and put into its place when all of it is there.

use std::{io, ops::Range, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use futures_util::TryStreamExt;
use md5::{Digest, Md5};
use opendal::{Buffer, Writer};
use s3s::{S3Result, checksum::ChecksumHasher};
use tokio::time::Instant;

use super::{
    checksum::{Algorithm, KeptChecksum},
    conditions::PutCondition,
    path::ObjectPath,
    store::{DiskStore, OpenObject, StoreError},
    trailer::{self, KeptPart, ObjectMeta},
};

/// In bytes: what is written at once, if it comes within the time.
const PIECE: usize = 1024 * 1024;
/// However slowly bytes come, none of them waits for longer: unwritten ones are held in memory.
const GATHER_FOR: Duration = Duration::from_millis(100);
/// In bytes: less is hashed where it is, for another thread would cost more.
const HASHED_AT_ONCE: usize = 64 * 1024;

/// An object that is being written. Dropped before it is finished, it leaves nothing.
pub struct ObjectWriter {
    store: DiskStore,
    path: ObjectPath,
    writer: Option<Writer>,
    folder: PathBuf,
    to_sync: Vec<PathBuf>,
    meta: ObjectMeta,
    gathered: Gathered,
    hashes: Hashes,
}

/// What has come and is not written yet.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Bytes>,
    size: usize,
    since: Option<Instant>,
}

/// What is computed of the bytes while they are written.
#[derive(Default)]
struct Hashes {
    md5: Md5,
    checksum: Option<(Algorithm, ChecksumHasher)>,
}

impl Hashes {
    fn update(&mut self, pieces: &[Bytes]) {
        for piece in pieces {
            self.md5.update(piece);
            self.update_checksum(piece);
        }
    }

    fn update_checksum(&mut self, bytes: &[u8]) {
        if let Some((_, hasher)) = &mut self.checksum {
            hasher.update(bytes);
        }
    }
}

impl ObjectWriter {
    /// Writes to `writer`. `folder` is where the object will be, `to_sync` the folders whose entries are new once it is.
    pub(super) fn new(
        store: DiskStore,
        path: ObjectPath,
        writer: Writer,
        folder: PathBuf,
        to_sync: Vec<PathBuf>,
        meta: ObjectMeta,
    ) -> Self {
        let (gathered, hashes) = (Gathered::default(), Hashes::default());
        Self { store, path, writer: Some(writer), folder, to_sync, meta, gathered, hashes }
    }

    /// Computes a checksum of all that is written from here on.
    pub fn compute(&mut self, algorithm: Algorithm) {
        self.hashes.checksum = Some((algorithm, algorithm.hasher()));
    }

    /// Adds bytes. Small pieces that come one upon the other are written together: each write is handed to another thread
    /// and back.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        // The first at once: from then on there is a file, which the next start clears away if this process ends.
        let is_first = self.meta.size == 0;
        self.meta.size += bytes.len() as u64;
        self.gathered.size += bytes.len();
        self.gathered.pieces.push(bytes);
        let since = *self.gathered.since.get_or_insert_with(Instant::now);
        let waits = self.gathered.size < PIECE && since.elapsed() < GATHER_FOR;
        if waits && !is_first { Ok(()) } else { self.flush().await }
    }

    /// Writes what was gathered, and computes its hashes meanwhile.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let Gathered { pieces, size, .. } = std::mem::take(&mut self.gathered);
        if size < HASHED_AT_ONCE {
            self.hashes.update(&pieces);
            return self.append(Buffer::from(pieces)).await;
        }
        let (buffer, mut hashes) = (Buffer::from(pieces.clone()), std::mem::take(&mut self.hashes));
        let hashing = tokio::task::spawn_blocking(move || {
            hashes.update(&pieces);
            hashes
        });
        let (hashed, written) = tokio::join!(hashing, self.append(buffer));
        self.hashes = hashed.map_err(io::Error::other)?;
        written
    }

    /// Adds a range of an object that is here already. Its MD5 is known and not computed again:
    /// `finish_if` is told the ETag.
    pub async fn append_object(&mut self, object: OpenObject, range: Range<u64>) -> Result<(), StoreError> {
        self.flush().await?;
        let mut bytes = std::pin::pin!(object.read(range).await?);
        while let Some(chunk) = bytes.try_next().await? {
            self.hashes.update_checksum(&chunk);
            self.meta.size += chunk.len() as u64;
            self.append(Buffer::from(chunk)).await?;
        }
        Ok(())
    }

    /// How many bytes have come.
    pub const fn size(&self) -> u64 {
        self.meta.size
    }

    /// The MD5 of the bytes so far, as the Content-MD5 header has it.
    pub async fn content_md5(&mut self) -> Result<String, StoreError> {
        self.flush().await?;
        Ok(BASE64.encode(self.hashes.md5.clone().finalize()))
    }

    /// The MD5 of the bytes so far, as ETags have it.
    pub async fn etag(&mut self) -> Result<String, StoreError> {
        self.flush().await?;
        Ok(hex::encode(self.hashes.md5.clone().finalize()))
    }

    /// Ends the checksum's computation, and keeps it.
    pub async fn finish_checksum(&mut self) -> Result<Option<KeptChecksum>, StoreError> {
        self.flush().await?;
        let Some((algorithm, hasher)) = self.hashes.checksum.take() else { return Ok(None) };
        let value = algorithm.of(&hasher.finalize()).unwrap_or_default().to_owned();
        let kept = KeptChecksum::whole(algorithm, value);
        self.meta.checksum = Some(kept.clone());
        Ok(Some(kept))
    }

    /// Notes what the object is made of.
    pub fn made_of(&mut self, upload: uuid::Uuid, parts: Vec<KeptPart>, checksum: Option<KeptChecksum>) {
        self.meta.upload = Some(upload);
        self.meta.parts = parts;
        self.meta.checksum = checksum;
    }

    /// Keeps the checksum of an object that is copied.
    pub fn keep_checksum(&mut self, checksum: Option<KeptChecksum>) {
        self.meta.checksum = checksum;
    }

    /// Makes the object appear, with the MD5 of its bytes as ETag.
    pub async fn finish(mut self) -> S3Result<ObjectMeta> {
        let etag = self.etag().await?;
        self.finish_if(etag, &PutCondition::default()).await
    }

    /// Makes the object appear, if the condition lets it take the place of what is there. It survives a power cut from
    /// here on.
    pub async fn finish_if(mut self, etag: String, condition: &PutCondition) -> S3Result<ObjectMeta> {
        self.flush().await?;
        self.meta.etag = etag;
        let trailer = trailer::encode(&self.meta).ok_or(StoreError::MetadataTooLong)?;
        self.append(Buffer::from(trailer)).await?;
        let places = Arc::clone(&self.store.places);
        let _turn = places.group_of(&self.path).lock().await;
        condition.check_in(&self.store, &self.path).await?;
        let _folder_stays = places.folders.read().await;
        // It may have been removed since the writing began, for nothing was in it.
        tokio::fs::create_dir_all(&self.folder).await.map_err(StoreError::from)?;
        if let Some(mut writer) = self.writer.take() {
            writer.close().await.map_err(StoreError::from)?;
        }
        for folder in &self.to_sync {
            // The rename itself lasts only once the folder is synced.
            let folder = tokio::fs::File::open(folder).await.map_err(StoreError::from)?;
            folder.sync_all().await.map_err(StoreError::from)?;
        }
        Ok(self.meta.clone())
    }

    async fn append(&mut self, bytes: Buffer) -> Result<(), StoreError> {
        match &mut self.writer {
            Some(writer) => Ok(writer.write(bytes).await?),
            None => Ok(()),
        }
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        // Outside a runtime the process is ending, and the next start clears the folder.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { writer.abort().await });
        }
    }
}
