//! Objects brought from one storage to another, checked on the way, as often as one likes.

use std::io;

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
    s3::{CACHE_CONTROL, classify, status_of},
};

/// In bytes: what is read of a file at once.
const CHUNK: usize = 64 * 1024;
/// How often an object is read that changes while it is read.
const ATTEMPTS: u32 = 3;

/// From one storage to another.
pub struct Transfer {
    pub from: S3,
    pub to: S3,
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
        if let Some(there) = self.to.told(key).await? {
            if self.is_same(key, &here, &there).await? {
                return Ok(Transferred::AlreadyThere);
            }
            if there.modified > here.modified {
                return Ok(Transferred::NewerThere);
            }
        }
        let Some((told, content)) = self.fetch(key).await? else { return Ok(Transferred::Gone) };
        let md5 = content.md5;
        self.to.put_file(key, &told, content).await?;
        if self.to.has(key, md5).await? {
            return Ok(Transferred::Copied(told.size));
        }
        self.to.delete(std::slice::from_ref(key)).await?;
        Err(refused(anyhow::anyhow!("{key} arrived damaged, and was removed again")))
    }

    /// By the checksums that both storages tell, or by the bytes where they tell none.
    async fn is_same(&self, key: &StorageKey, here: &Told, there: &Told) -> Result<bool, StorageError> {
        if here.size != there.size {
            return Ok(false);
        }
        if let (Some(here), Some(there)) = (here.md5, there.md5) {
            return Ok(here == there);
        }
        match self.from.content(key).await? {
            Some(content) => self.to.has(key, content.md5).await,
            None => Ok(false),
        }
    }

    async fn fetch(&self, key: &StorageKey) -> Result<Option<(Told, Content)>, StorageError> {
        for _ in 0..ATTEMPTS {
            let Some(told) = self.from.told(key).await? else { return Ok(None) };
            let Some(content) = self.from.content(key).await? else { return Ok(None) };
            if told.md5.is_none_or(|md5| md5 == content.md5) {
                return Ok(Some((told, content)));
            }
        }
        Err(refused(anyhow::anyhow!("{key} is damaged: its bytes are not what its checksum says")))
    }
}

impl S3 {
    async fn told(&self, key: &StorageKey) -> Result<Option<Told>, StorageError> {
        let head = match self.internal.head_object().bucket(&self.settings.bucket).key(key.as_str()).send().await {
            Ok(head) => head,
            Err(error) if status_of(&error) == Some(404) => return self.ping().await.map(|()| None),
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
        }))
    }

    /// Whether there is an object of these bytes.
    async fn has(&self, key: &StorageKey, md5: [u8; 16]) -> Result<bool, StorageError> {
        match self.told(key).await? {
            None => Ok(false),
            Some(Told { md5: Some(there), .. }) => Ok(there == md5),
            Some(_) => Ok(self.content(key).await?.is_some_and(|there| there.md5 == md5)),
        }
    }

    async fn content(&self, key: &StorageKey) -> Result<Option<Content>, StorageError> {
        let mut file = File::from_std(tempfile::tempfile().map_err(refused)?);
        if !self.download(key, u64::MAX, &mut file).await? {
            return Ok(None);
        }
        let md5 = md5_of(&mut file).await.map_err(refused)?;
        Ok(Some(Content { file, md5 }))
    }

    async fn put_file(&self, key: &StorageKey, told: &Told, content: Content) -> Result<(), StorageError> {
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
        request.send().await.map(drop).map_err(classify)
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
