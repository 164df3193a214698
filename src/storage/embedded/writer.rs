//! One object, written: hashed as it comes, synced, and put into its place when all of it is there.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use md5::{Digest, Md5};
use opendal::{Buffer, Writer};
use s3s::{S3Error, S3Result, checksum::ChecksumHasher};
use tokio::time::Instant;

use super::{
    checksum::{Algorithm, KeptChecksum},
    conditions::PutCondition,
    path::ObjectPath,
    store::{DiskStore, FOLDER_TRIES, OpenObject, StoreError},
    trailer::{self, KeptPart, ObjectMeta},
};

/// In bytes: what is written at once, if it comes within the time.
const PIECE: usize = 1024 * 1024;
/// However slowly bytes come, none of them waits for longer here: unwritten ones are held in memory.
const GATHER_FOR: Duration = Duration::from_millis(100);
/// In bytes: what is smaller is joined, for each piece is a write of its own.
const SMALL: usize = 4 * 1024;
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
    beside: Option<(ObjectPath, fn() -> S3Error)>,
    gathered: Gathered,
    hashes: Hashes,
}

/// What has come and is not written yet.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Bytes>,
    /// Small ones that have come since the last of them.
    small: BytesMut,
    size: usize,
    since: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, bytes: Bytes) {
        self.size += bytes.len();
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
        } else {
            self.join_small();
            self.pieces.push(bytes);
        }
    }

    fn join_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }
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
        Self { store, path, writer: Some(writer), folder, to_sync, meta, beside: None, gathered, hashes }
    }

    /// Lets the object appear only while another one is there, and says otherwise why it does not.
    pub(super) fn appear_beside(&mut self, other: ObjectPath, or: fn() -> S3Error) {
        self.beside = Some((other, or));
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
        self.gathered.add(bytes);
        let since = *self.gathered.since.get_or_insert_with(Instant::now);
        let waits = self.gathered.size < PIECE && since.elapsed() < GATHER_FOR;
        if waits && !is_first { Ok(()) } else { self.flush().await }
    }

    /// Waits until what was gathered is to be written, though nothing follows.
    pub async fn is_due(&self) {
        match self.gathered.since {
            Some(since) => tokio::time::sleep_until(since + GATHER_FOR).await,
            None => std::future::pending().await,
        }
    }

    /// Writes what was gathered, and computes its hashes meanwhile.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        self.gathered.join_small();
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
        // OpenDAL keeps the last buffer until another one comes, which may never be: that is a byte.
        let last = buffer.len() - 1;
        let writing = async {
            self.append(buffer.slice(..last)).await?;
            self.append(buffer.slice(last..)).await
        };
        let (hashed, written) = tokio::join!(hashing, writing);
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
        let _turn = places.objects.alone(&self.path).await;
        condition.check_in(&self.store, &self.path).await?;
        let _folder_stays = places.folders.together(&self.folder).await;
        let _other_stays = match &self.beside {
            Some((other, error)) => {
                let stays = places.parts.together(other).await;
                let is_there = self.store.open(other).await?.is_some();
                Some(is_there.then_some(stays).ok_or_else(error)?)
            }
            None => None,
        };
        // It may have been removed since the writing began, for nothing was in it.
        make_folder(&self.folder).await.map_err(StoreError::from)?;
        if let Some(writer) = &mut self.writer {
            writer.close().await.map_err(StoreError::from)?;
        }
        // From here on there is nothing to take back.
        self.writer = None;
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

/// Makes a folder. One above it may be removed in this moment, for nothing is in it.
async fn make_folder(folder: &Path) -> io::Result<()> {
    for _ in 0..FOLDER_TRIES {
        match tokio::fs::create_dir_all(folder).await {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {}
            done => return done,
        }
    }
    tokio::fs::create_dir_all(folder).await
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        // Outside a runtime the process is ending, and the next start clears the folder.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let folder = std::mem::take(&mut self.folder);
        let is_beside = self.beside.is_some();
        runtime.spawn(async move {
            writer.abort().await.ok();
            if is_beside {
                // What it was to be beside may be gone, and its folder made anew for this: it goes if it is empty.
                tokio::fs::remove_dir(folder).await.ok();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_joined_and_all_stay_in_order() {
        let (mut gathered, mut expected) = (Gathered::default(), Vec::new());
        for (at, size) in [1, 2, SMALL - 1, SMALL, 1, 1, 3 * SMALL, SMALL, 5].into_iter().enumerate() {
            let piece = vec![u8::try_from(at).expect("a byte"); size];
            expected.extend_from_slice(&piece);
            gathered.add(piece.into());
        }
        gathered.join_small();
        assert_eq!((gathered.size, gathered.pieces.len()), (expected.len(), 6), "three of them are joined ones");
        assert_eq!(gathered.pieces.concat(), expected);
    }
}
