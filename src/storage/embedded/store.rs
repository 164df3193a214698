//! Objects as files, by OpenDAL: written beside their place, synced, then renamed into it.

use std::{
    fs::File,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use md5::{Digest, Md5};
use opendal::{Buffer, ErrorKind, Operator, Reader, Writer, services::Fs};
use s3s::{S3Error, S3ErrorCode};

use super::trailer::{self, ObjectHeaders, ObjectMeta};
use crate::clock::Clock;

/// A file's name has room for 255, of which the name while it is written takes some.
const MAX_NAME_BYTES: usize = 200;
const READ_CHUNK: usize = 256 * 1024;

/// Why an object was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("not a key that can be kept")]
    InvalidKey,
    #[error("the metadata is too long")]
    MetadataTooLong,
    #[error("the disk failed")]
    Disk(#[from] io::Error),
    #[error("the disk failed")]
    Opendal(#[from] opendal::Error),
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InvalidKey => Self::with_message(S3ErrorCode::InvalidArgument, "The key cannot be kept."),
            StoreError::MetadataTooLong => {
                Self::with_message(S3ErrorCode::MetadataTooLarge, "The metadata is too long.")
            }
            StoreError::Disk(_) | StoreError::Opendal(_) => {
                tracing::error!(error = ?error, "the embedded storage's disk failed");
                Self::with_message(S3ErrorCode::InternalError, "The storage failed.")
            }
        }
    }
}

/// A folder of objects.
#[derive(Clone)]
pub struct ObjectStore {
    root: PathBuf,
    files: Operator,
    clock: Clock,
    /// Held for as long as the process lives, however it ends.
    _lock: Arc<File>,
}

impl ObjectStore {
    /// Opens a folder and clears away what a killed process left half-written.
    pub fn in_folder(root: &Path, clock: Clock) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|_| {
            let why = format!("another server uses {}: one at a time, or an S3 elsewhere", root.display());
            io::Error::new(io::ErrorKind::AddrInUse, why)
        })?;
        let writing = root.join("writing");
        if writing.exists() {
            std::fs::remove_dir_all(&writing)?;
        }
        std::fs::create_dir_all(&writing)?;
        let fs = Fs::default().root(&root.to_string_lossy()).atomic_write_dir(&writing.to_string_lossy());
        let files = Operator::new(fs).map_err(io::Error::other)?;
        Ok(Self { root: root.to_owned(), files, clock, _lock: Arc::new(lock) })
    }

    /// Opens an object, where there is one. What is known of it and its bytes are of one and the same file,
    /// also when another takes its place meanwhile.
    pub async fn open(&self, key: &ObjectPath) -> Result<Option<OpenObject>, StoreError> {
        // Length and content are asked for one after the other: replaced between the two, it is opened again.
        for _ in 0..10 {
            let opened = async {
                let stat = self.files.stat(key.path()).await?;
                if !stat.is_file() {
                    return Ok(None);
                }
                let length = stat.content_length();
                let reader = self.files.reader_with(key.path()).chunk(READ_CHUNK).await?;
                let from = length.saturating_sub(trailer::MAX_LEN as u64);
                let end = reader.read(from..length).await?;
                Ok(Some((trailer::decode(&end.to_vec(), length), reader)))
            };
            match opened.await {
                Ok(Some((Some(meta), reader))) => return Ok(Some(OpenObject { meta, reader })),
                Ok(None) => return Ok(None),
                Err(error) if is_absent(&error) => return Ok(None),
                Ok(Some((None, _))) | Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(io::Error::other(format!("{} is no object's file", key.path())).into())
    }

    /// Begins to write an object. It appears whole when it is finished, and never otherwise.
    pub async fn write(&self, key: &ObjectPath, headers: ObjectHeaders) -> Result<ObjectWriter, StoreError> {
        let folder = self.root.join(key.path()).parent().map(Path::to_owned).unwrap_or_default();
        // A folder that is made for this object has an entry in the one above, which has to last as well.
        let is_known = tokio::fs::try_exists(&folder).await?;
        let ancestors = folder.ancestors().take_while(|above| above.starts_with(&self.root));
        let to_sync = ancestors.take(if is_known { 1 } else { usize::MAX }).map(Path::to_owned).collect();
        let writer = self.files.writer(key.path()).await?;
        let meta = ObjectMeta { headers, modified: self.clock.now(), ..ObjectMeta::default() };
        Ok(ObjectWriter { writer: Some(writer), to_sync, meta, digest: Md5::new() })
    }

    /// Removes an object, if it is there.
    pub async fn delete(&self, key: &ObjectPath) -> Result<(), StoreError> {
        match self.files.stat(key.path()).await {
            Ok(stat) if stat.is_file() => match self.files.delete(key.path()).await {
                // Somebody else was faster.
                Err(error) if !is_absent(&error) => Err(error.into()),
                _ => Ok(()),
            },
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder with all that is in it.
    pub async fn delete_all(&self, folder: &ObjectPath) -> Result<(), StoreError> {
        Ok(self.files.delete_with(&format!("{}/", folder.path())).recursive(true).await?)
    }

    /// An id for something new.
    pub fn new_id(&self) -> uuid::Uuid {
        self.clock.new_id()
    }

    /// The names in a folder in the order of their bytes; those of folders end in a slash.
    pub async fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let entries = match self.files.list(folder).await {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = entries.iter().filter_map(|entry| entry.path().strip_prefix(folder));
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// A path in the store that cannot leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath(String);

impl ObjectPath {
    /// The folder of the bucket's objects, with its slash.
    pub const OBJECTS: &str = "objects/";

    /// The path of a key: one or more names between single slashes, none of them `.` or `..`.
    pub fn of_key(key: &str) -> Result<Self, StoreError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.len() <= MAX_NAME_BYTES
                && name != "."
                && name != ".."
                && !name.chars().any(char::is_control)
        };
        if key.len() <= 1024 && !key.contains('\\') && key.split('/').all(is_name) {
            Ok(Self(format!("{}{key}", Self::OBJECTS)))
        } else {
            Err(StoreError::InvalidKey)
        }
    }

    /// The folder of a multipart upload; the id is one of ours.
    pub fn of_multipart(upload: uuid::Uuid) -> Self {
        Self(format!("multipart/{upload}"))
    }

    /// A name below this path.
    pub fn join(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }

    pub fn path(&self) -> &str {
        &self.0
    }
}

/// An object that is being read.
pub struct OpenObject {
    pub meta: ObjectMeta,
    reader: Reader,
}

impl OpenObject {
    /// A part of the object's bytes, as they come from the disk.
    pub async fn read(
        self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + use<>, StoreError> {
        Ok(self.reader.into_bytes_stream(range).await?.map_err(io::Error::other))
    }
}

/// An object that is being written. Dropped before it is finished, it leaves nothing.
pub struct ObjectWriter {
    writer: Option<Writer>,
    /// The folders whose entries are new once the object is in its place.
    to_sync: Vec<PathBuf>,
    meta: ObjectMeta,
    digest: Md5,
}

impl ObjectWriter {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.digest.update(&bytes);
        self.meta.size += bytes.len() as u64;
        self.append(Buffer::from(bytes)).await
    }

    /// Adds all of an object that is here already. What is known of it need not be computed again: `finish_with_etag`.
    pub async fn append_object(&mut self, object: OpenObject) -> Result<(), StoreError> {
        let size = object.meta.size;
        let mut bytes = std::pin::pin!(object.read(0..size).await?);
        while let Some(chunk) = bytes.try_next().await? {
            self.meta.size += chunk.len() as u64;
            self.append(Buffer::from(chunk)).await?;
        }
        Ok(())
    }

    /// How many bytes have been written.
    pub const fn size(&self) -> u64 {
        self.meta.size
    }

    /// The MD5 of the bytes so far, as the Content-MD5 header has it.
    pub fn content_md5(&self) -> String {
        BASE64.encode(self.digest.clone().finalize())
    }

    /// Makes the object appear, with the MD5 of its bytes as ETag.
    pub async fn finish(self) -> Result<ObjectMeta, StoreError> {
        let etag = hex::encode(self.digest.clone().finalize());
        self.finish_with_etag(etag).await
    }

    /// Makes the object appear. It survives a power cut from here on.
    pub async fn finish_with_etag(mut self, etag: String) -> Result<ObjectMeta, StoreError> {
        self.meta.etag = etag;
        let trailer = trailer::encode(&self.meta).ok_or(StoreError::MetadataTooLong)?;
        self.append(Buffer::from(trailer)).await?;
        if let Some(writer) = &mut self.writer {
            writer.close().await?;
        }
        self.writer = None;
        for folder in &self.to_sync {
            // The rename itself lasts only once the folder is synced.
            tokio::fs::File::open(folder).await?.sync_all().await?;
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

fn is_absent(error: &opendal::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let is_below_a_file = source.is_some_and(|source| source.kind() == io::ErrorKind::NotADirectory);
    is_below_a_file || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
