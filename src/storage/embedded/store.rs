//! Objects as files, by OpenDAL: written beside their place, synced, then renamed into it.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use opendal::{ErrorKind, Operator, Reader, Writer, services::Fs};
use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{
    layout,
    path::ObjectPath,
    trailer::{self, ObjectHeaders, ObjectMeta},
    writer::ObjectWriter,
};
use crate::clock::Clock;

/// How often a folder is made again that somebody else removes.
pub(super) const FOLDER_TRIES: usize = 10;
const READ_CHUNK: usize = 256 * 1024;
/// How many may be at it at once, at most.
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
    pub(super) root: PathBuf,
    files: Operator,
    clock: Clock,
    pub(super) places: Arc<Places>,
    /// Held for as long as the process lives, however it ends.
    _lock: Arc<File>,
}

/// Who may put objects in place and take them away.
pub(super) struct Places {
    /// Held while it is seen what is there, and changed.
    pub(super) objects: Turns,
    /// Held while a part appears, and alone while its upload ends.
    pub(super) parts: Turns,
    /// Held while a multipart upload is joined or aborted.
    pub(super) uploads: Turns,
    /// Held while an object is put into a folder, and alone while the folder is removed.
    pub(super) folders: Turns,
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
        layout::remove_what_is_left_of_uploads(root)?;
        let places = Places {
            objects: Turns::default(),
            parts: Turns::default(),
            uploads: Turns::default(),
            folders: Turns::default(),
        };
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
        // Each has an entry in the one above, which has to last as well, whoever made it: what is there already costs nothing.
        let ancestors = folder.ancestors().take_while(|above| above.starts_with(&self.root));
        let to_sync = ancestors.map(Path::to_owned).collect();
        let writer = self.writer(key).await?;
        let meta = ObjectMeta { headers, modified: self.clock.now(), ..ObjectMeta::default() };
        Ok(ObjectWriter::new(self.clone(), key.clone(), writer, folder, to_sync, meta))
    }

    /// Makes the folder as well, which may be removed in this moment, for nothing is in it.
    async fn writer(&self, key: &ObjectPath) -> Result<Writer, StoreError> {
        for _ in 0..FOLDER_TRIES {
            match self.files.writer(key.path()).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {}
                made => return Ok(made?),
            }
        }
        Ok(self.files.writer(key.path()).await?)
    }

    /// Removes an object, if it is there and `check` lets it go.
    pub async fn delete_if(&self, key: &ObjectPath, check: impl FnOnce(&ObjectMeta) -> S3Result<()>) -> S3Result<()> {
        let _turn = self.places.objects.alone(key).await;
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
            // Whoever puts something into it is not waited for, as others would wait, too: it is not empty any more.
            let Some(_alone) = self.places.folders.try_alone(folder) else { return };
            // It fails where something was put into it in this moment.
            if tokio::fs::remove_dir(folder).await.is_err() {
                return;
            }
        }
    }

    /// Removes a folder with all that is in it. Nothing appears beside `first` any more once that is gone.
    pub async fn delete_folder_of(&self, first: &ObjectPath, folder: &ObjectPath) -> Result<(), StoreError> {
        {
            let _alone = self.places.parts.alone(first).await;
            self.files.delete(first.path()).await?;
        }
        match self.files.delete_with(&format!("{}/", folder.path())).recursive(true).await {
            // A writer that gave up was faster.
            Err(error) if !is_absent(&error) => Err(error.into()),
            _ => Ok(()),
        }
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

/// Who may be at what, for each of so many groups of names.
pub(super) struct Turns(Vec<RwLock<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..GROUPS).map(|_| RwLock::default()).collect())
    }
}

impl Turns {
    /// Waits until nobody else is at a name.
    pub(super) async fn alone(&self, name: &(impl Hash + ?Sized + Sync)) -> RwLockWriteGuard<'_, ()> {
        self.group_of(name).write().await
    }

    /// The same at once, if nobody else is there.
    pub(super) fn try_alone(&self, name: &(impl Hash + ?Sized)) -> Option<RwLockWriteGuard<'_, ()>> {
        self.group_of(name).try_write().ok()
    }

    /// Waits until nobody is alone at a name.
    pub(super) async fn together(&self, name: &(impl Hash + ?Sized + Sync)) -> RwLockReadGuard<'_, ()> {
        self.group_of(name).read().await
    }

    fn group_of(&self, name: &(impl Hash + ?Sized)) -> &RwLock<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        &self.0[usize::try_from(hasher.finish() % GROUPS as u64).unwrap_or(0)]
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

fn is_absent(error: &opendal::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let is_below_a_file = source.is_some_and(|source| source.kind() == io::ErrorKind::NotADirectory);
    is_below_a_file || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
