//! Objects brought from one storage to another, checked on the way, as often as one likes.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_sdk_s3::{
    primitives::{ByteStream, Length},
    types::ServerSideEncryption,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use md5::{Digest, Md5};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{
    ObjectStore, S3, StorageError, StorageKey,
    s3::{CACHE_CONTROL, classify, patient, status_of},
};

/// In bytes: what is read of a file at once.
const CHUNK: usize = 64 * 1024;
/// How often an object is read that changes while it is read.
const ATTEMPTS: u32 = 3;

/// From one storage to another.
pub struct Transfer {
    pub from: S3,
    pub to: S3,
    /// Where objects are kept on their way.
    pub spool: PathBuf,
    /// Whether what is there is read, in place of trusting what the storage tells of it.
    pub verify: bool,
}

/// What became of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transferred {
    /// So many bytes were stored and found to be the same.
    Copied(u64),
    /// The same content was there.
    AlreadyThere,
    /// Another content was there, stored later than this one: it stays.
    NewerThere,
    /// It was removed from where it came from since it was listed.
    Gone,
}

/// What a storage tells of an object.
struct Told {
    size: u64,
    content_type: String,
    modified: Option<DateTime<Utc>>,
    /// Of its bytes, where the storage tells it.
    md5: Option<[u8; 16]>,
    etag: Option<String>,
}

/// An object's bytes in a file without a name.
struct Content {
    file: File,
    md5: [u8; 16],
}

impl Transfer {
    /// Brings one object over, if it is not there.
    ///
    /// # Errors
    /// When either storage does not do what it was asked, or the object is damaged in the first or arrives damaged in the
    /// second, which then does not keep it.
    pub async fn bring(&self, key: &StorageKey) -> Result<Transferred, StorageError> {
        let Some(here) = self.from.told(key).await? else { return Ok(Transferred::Gone) };
        // What an image has hardly ever changes under its key: what is not whole is replaced, whenever it was stored.
        let is_final = key.as_str().starts_with(StorageKey::IMAGES);
        match self.to.told(key).await {
            Err(error) if !is_final => return Err(error),
            // Not readable there; where the storage is away, storing fails too.
            Err(_) | Ok(None) => {}
            Ok(Some(there)) => {
                if self.is_same(key, &here, &there).await? {
                    return Ok(Transferred::AlreadyThere);
                }
                if there.modified > here.modified && (!is_final || self.is_whole(key, &there).await) {
                    return Ok(Transferred::NewerThere);
                }
            }
        }
        let Some((told, content)) = self.fetch(key).await? else { return Ok(Transferred::Gone) };
        let md5 = content.md5;
        let etag = self.to.put_file(key, &told, content).await?;
        if self.has(&self.to, key, md5).await? {
            return Ok(Transferred::Copied(told.size));
        }
        // It may have been sent anew by its client, and stays then.
        if self.to.told(key).await?.is_some_and(|there| there.etag == etag) {
            self.to.delete(std::slice::from_ref(key)).await?;
        }
        Err(refused(anyhow::anyhow!("{key} is not there as it was sent")))
    }

    /// By the checksums that both storages tell, or by the bytes where they tell none.
    async fn is_same(&self, key: &StorageKey, here: &Told, there: &Told) -> Result<bool, StorageError> {
        if here.size != there.size {
            return Ok(false);
        }
        if let (false, Some(here), Some(there)) = (self.verify, here.md5, there.md5) {
            return Ok(here == there);
        }
        let Some(here) = self.from.content(key, &self.spool).await? else { return Ok(false) };
        // What cannot be read there is not the same.
        let there = self.to.content(key, &self.spool).await.ok().flatten();
        Ok(there.is_some_and(|there| there.md5 == here.md5))
    }

    async fn fetch(&self, key: &StorageKey) -> Result<Option<(Told, Content)>, StorageError> {
        for _ in 0..ATTEMPTS {
            let Some(told) = self.from.told(key).await? else { return Ok(None) };
            let Some(content) = self.from.content(key, &self.spool).await? else { return Ok(None) };
            if told.md5.is_none_or(|md5| md5 == content.md5) {
                return Ok(Some((told, content)));
            }
        }
        Err(refused(anyhow::anyhow!("{key} is damaged: its bytes are not what its checksum says")))
    }

    /// Whether the bytes there are those that the storage tells the checksum of.
    async fn is_whole(&self, key: &StorageKey, there: &Told) -> bool {
        let content = self.to.content(key, &self.spool).await.ok().flatten();
        content.is_some_and(|content| there.md5.is_none_or(|md5| md5 == content.md5))
    }

    /// Whether there is an object of these bytes.
    async fn has(&self, storage: &S3, key: &StorageKey, md5: [u8; 16]) -> Result<bool, StorageError> {
        match storage.told(key).await? {
            None => Ok(false),
            Some(Told { md5: Some(there), .. }) => Ok(there == md5),
            Some(_) => Ok(storage.content(key, &self.spool).await?.is_some_and(|there| there.md5 == md5)),
        }
    }
}

impl S3 {
    async fn told(&self, key: &StorageKey) -> Result<Option<Told>, StorageError> {
        let head = match self.internal.head_object().bucket(&self.settings.bucket).key(key.as_str()).send().await {
            Ok(head) => head,
            Err(error) if status_of(&error) == Some(404) && self.has_bucket().await => return Ok(None),
            Err(error) => return Err(classify(error)),
        };
        // With a key of one's own or of a key service the ETag is something else.
        let is_plain = head.sse_customer_algorithm().is_none()
            && head.server_side_encryption().is_none_or(|how| *how == ServerSideEncryption::Aes256);
        Ok(Some(Told {
            size: head.content_length().map_or(0, i64::unsigned_abs),
            content_type: head.content_type().unwrap_or_default().to_owned(),
            modified: head.last_modified().and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos())),
            md5: head.e_tag().filter(|_| is_plain).and_then(md5_of_etag),
            etag: head.e_tag().map(str::to_owned),
        }))
    }

    async fn content(&self, key: &StorageKey, spool: &Path) -> Result<Option<Content>, StorageError> {
        let mut file = File::from_std(tempfile::tempfile_in(spool).map_err(refused)?);
        if !self.download(key, u64::MAX, &mut file).await? {
            return Ok(None);
        }
        let md5 = md5_of(&mut file).await.map_err(refused)?;
        Ok(Some(Content { file, md5 }))
    }

    /// Gives the ETag that it was stored under.
    async fn put_file(&self, key: &StorageKey, told: &Told, content: Content) -> Result<Option<String>, StorageError> {
        let body = ByteStream::read_from().file(content.file).length(Length::Exact(told.size)).build().await;
        let request = self
            .internal
            .put_object()
            .bucket(&self.settings.bucket)
            .key(key.as_str())
            .content_type(&told.content_type)
            .content_md5(STANDARD.encode(content.md5))
            .cache_control(CACHE_CONTROL)
            .body(body.map_err(refused)?);
        request
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(classify)
            .map(|put| put.e_tag().map(str::to_owned))
    }
}

fn refused(error: impl Into<anyhow::Error>) -> StorageError {
    StorageError::Refused(error.into())
}

/// Reads from the start, and goes back to it.
async fn md5_of(file: &mut File) -> io::Result<[u8; 16]> {
    file.rewind().await?;
    let mut digest = Md5::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).await? {
            0 => break,
            read => digest.update(&chunk[..read]),
        }
    }
    file.rewind().await?;
    Ok(digest.finalize().into())
}

/// The ETag of an object that came as one is the checksum of its bytes; that of one that came in parts says nothing.
fn md5_of_etag(etag: &str) -> Option<[u8; 16]> {
    let mut md5 = [0; 16];
    hex::decode_to_slice(etag.trim_matches('"'), &mut md5).ok()?;
    Some(md5)
}
