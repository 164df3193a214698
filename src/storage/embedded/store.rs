//! Objects as files, by OpenDAL: written beside their place, synced, then renamed into it.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
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
use s3s::{S3Error, S3ErrorCode, S3Result, checksum::ChecksumHasher};
use tokio::sync::{Mutex, RwLock};

use super::{
    checksum::{Algorithm, KeptChecksum},
    conditions::PutCondition,
    layout,
    path::ObjectPath,
    trailer::{self, KeptPart, ObjectHeaders, ObjectMeta},
};
use crate::clock::Clock;

const READ_CHUNK: usize = 256 * 1024;
/// Objects are put in place one at a time for each of so many groups of keys.
const GROUPS: usize = 64;

/// Why an object was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the key cannot be stored")]
    InvalidKey,
    #[error("the metadata is too long")]
    MetadataTooLong,
    #[error("a file operation failed")]
    Disk(#[from] io::Error),
    #[error("a file operation failed")]
    Opendal(#[from] opendal::Error),
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InvalidKey => Self::with_message(S3ErrorCode::InvalidArgument, "The key cannot be stored."),
            StoreError::MetadataTooLong => {
                Self::with_message(S3ErrorCode::MetadataTooLarge, "The metadata is too long.")
            }
            StoreError::Disk(_) | StoreError::Opendal(_) => {
                tracing::error!(error = ?error, "a file operation of the embedded storage failed");
                Self::with_message(S3ErrorCode::InternalError, "The storage failed.")
            }
        }
    }
}

/// A folder of objects.
#[derive(Clone)]
pub struct DiskStore {
    root: PathBuf,
    files: Operator,
    clock: Clock,
    places: Arc<Places>,
    /// Held for as long as the process lives, however it ends.
    _lock: Arc<File>,
}

/// Who may put objects in place and take them away.
struct Places {
    /// Held while it is seen what is there, and changed.
    groups: Vec<Mutex<()>>,
    /// Written to by whoever removes an empty folder, so that nobody puts an object into it meanwhile.
    folders: RwLock<()>,
}

impl DiskStore {
    /// Opens a folder and clears away what a killed process left half-written.
    pub fn in_folder(root: &Path, clock: Clock) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|_| {
            let why = format!(
                "another server uses {}: only one server at a time can use it; several servers need an external S3",
                root.display()
            );
            io::Error::new(io::ErrorKind::AddrInUse, why)
        })?;
        let writing = root.join("writing");
        if writing.exists() {
            std::fs::remove_dir_all(&writing)?;
        }
        std::fs::create_dir_all(&writing)?;
        layout::bring_up_to_date(root)?;
        let fs = Fs::default().root(&root.to_string_lossy()).atomic_write_dir(&writing.to_string_lossy());
        let files = Operator::new(fs).map_err(io::Error::other)?;
        let places = Places { groups: (0..GROUPS).map(|_| Mutex::default()).collect(), folders: RwLock::default() };
        Ok(Self { root: root.to_owned(), files, clock, places: Arc::new(places), _lock: Arc::new(lock) })
    }

    /// Opens an object, where there is one. What is known of it and its bytes are of one and the same file,
    /// also when another takes its place meanwhile.
    pub async fn open(&self, key: &ObjectPath) -> Result<Option<OpenObject>, StoreError> {
        // Length and content are asked for one after the other: replaced between the two, it is opened again.
        for _ in 0..10 {
            match self.try_open(key).await {
                Ok(Some((Some(meta), reader))) => return Ok(Some(OpenObject { meta, reader })),
                Ok(None) => return Ok(None),
                Err(error) if is_absent(&error) => return Ok(None),
                Ok(Some((None, _))) | Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(io::Error::other(format!("{} is not the file of an object", key.path())).into())
    }

    async fn try_open(&self, key: &ObjectPath) -> Result<Option<(Option<ObjectMeta>, Reader)>, opendal::Error> {
        let stat = self.files.stat(key.path()).await?;
        if !stat.is_file() {
            return Ok(None);
        }
        let length = stat.content_length();
        let reader = self.files.reader_with(key.path()).chunk(READ_CHUNK).await?;
        let end_of = |size: usize| length.saturating_sub(size as u64)..length;
        let mut end = reader.read(end_of(trailer::USUAL_LEN)).await?.to_vec();
        if let Some(longer) = trailer::length(&end).filter(|length| *length > end.len()) {
            end = reader.read(end_of(longer)).await?.to_vec();
        }
        Ok(Some((trailer::decode(&end, length), reader)))
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
        Ok(ObjectWriter {
            store: self.clone(),
            path: key.clone(),
            writer: Some(writer),
            folder,
            to_sync,
            meta,
            digest: Md5::new(),
            checksum: None,
        })
    }

    /// Removes an object, if it is there and `check` lets it go.
    pub async fn delete_if(&self, key: &ObjectPath, check: impl FnOnce(&ObjectMeta) -> S3Result<()>) -> S3Result<()> {
        let _turn = self.places.group_of(key).lock().await;
        let Some(object) = self.open(key).await? else { return Ok(()) };
        check(&object.meta)?;
        drop(object);
        match self.files.delete(key.path()).await {
            // Somebody else was faster.
            Err(error) if !is_absent(&error) => return Err(StoreError::from(error).into()),
            _ => {}
        }
        self.remove_empty_folders(key).await;
        Ok(())
    }

    /// The folders above an object that is gone, as far as nothing else is in them.
    async fn remove_empty_folders(&self, key: &ObjectPath) {
        let root = self.root.join(ObjectPath::OBJECTS);
        let file = self.root.join(key.path());
        for folder in file.ancestors().skip(1).take_while(|above| above.starts_with(&root) && **above != root) {
            let is_empty = match tokio::fs::read_dir(folder).await {
                Ok(mut entries) => matches!(entries.next_entry().await, Ok(None)),
                Err(_) => false,
            };
            if !is_empty {
                return;
            }
            let _alone = self.places.folders.write().await;
            // It fails where something was put into it in this moment.
            if tokio::fs::remove_dir(folder).await.is_err() {
                return;
            }
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

    /// The names in a folder in the order of their bytes, without the slashes of folders.
    pub async fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let entries = match self.files.list(folder).await {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = entries.iter().filter_map(|entry| entry.path().strip_prefix(folder));
        let mut names: Vec<String> =
            names.map(|name| name.trim_end_matches('/')).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }
}

impl Places {
    fn group_of(&self, key: &ObjectPath) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.groups[usize::try_from(hasher.finish() % GROUPS as u64).unwrap_or(0)]
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
    store: DiskStore,
    path: ObjectPath,
    writer: Option<Writer>,
    folder: PathBuf,
    /// The folders whose entries are new once the object is in its place.
    to_sync: Vec<PathBuf>,
    meta: ObjectMeta,
    digest: Md5,
    checksum: Option<(Algorithm, ChecksumHasher)>,
}

impl ObjectWriter {
    /// Computes a checksum of all that is written from here on.
    pub fn compute(&mut self, algorithm: Algorithm) {
        self.checksum = Some((algorithm, algorithm.hasher()));
    }

    /// Adds bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.digest.update(&bytes);
        self.add(bytes).await
    }

    /// Adds a range of an object that is here already. What is known of it need not be computed again:
    /// `finish_with_etag`.
    pub async fn append_object(&mut self, object: OpenObject, range: Range<u64>) -> Result<(), StoreError> {
        let mut bytes = std::pin::pin!(object.read(range).await?);
        while let Some(chunk) = bytes.try_next().await? {
            self.add(chunk).await?;
        }
        Ok(())
    }

    async fn add(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if let Some((_, hasher)) = &mut self.checksum {
            hasher.update(&bytes);
        }
        self.meta.size += bytes.len() as u64;
        self.append(Buffer::from(bytes)).await
    }

    /// How many bytes have been written.
    pub const fn size(&self) -> u64 {
        self.meta.size
    }

    /// The MD5 of the bytes so far, as the Content-MD5 header has it.
    pub fn content_md5(&self) -> String {
        BASE64.encode(self.digest.clone().finalize())
    }

    /// The MD5 of the bytes so far, as ETags have it.
    pub fn etag(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    /// Ends the checksum's computation, and keeps it.
    pub fn finish_checksum(&mut self) -> Option<KeptChecksum> {
        let (algorithm, hasher) = self.checksum.take()?;
        let value = algorithm.of(&hasher.finalize()).unwrap_or_default().to_owned();
        let kept = KeptChecksum::whole(algorithm, value);
        self.meta.checksum = Some(kept.clone());
        Some(kept)
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
    pub async fn finish(self) -> S3Result<ObjectMeta> {
        let etag = self.etag();
        self.finish_if(etag, &PutCondition::default()).await
    }

    /// Makes the object appear, if the condition lets it take the place of what is there. It survives a power cut from
    /// here on.
    pub async fn finish_if(mut self, etag: String, condition: &PutCondition) -> S3Result<ObjectMeta> {
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

fn is_absent(error: &opendal::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let is_below_a_file = source.is_some_and(|source| source.kind() == io::ErrorKind::NotADirectory);
    is_below_a_file || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
