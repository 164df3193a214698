//! What is known of many objects at once: of the parts of an upload, or of all uploads.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{
    path::ObjectPath,
    store::{DiskStore, StoreError},
    trailer::{self, ObjectMeta},
};

impl DiskStore {
    /// What is known of each object, where there is one. All are read by one thread: going there and back takes longer than
    /// reading one.
    pub async fn metas(&self, paths: Vec<ObjectPath>) -> Result<Vec<Option<ObjectMeta>>, StoreError> {
        let root = self.root.clone();
        let read = move || paths.iter().map(|path| meta_of(&root.join(path.path()))).collect::<io::Result<_>>();
        Ok(tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??)
    }
}

fn meta_of(path: &Path) -> io::Result<Option<ObjectMeta>> {
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        opened => opened?,
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(None);
    }
    let mut end = end_of(&file, about.len(), trailer::SHORT_LEN)?;
    if let Some(longer) = trailer::length(&end).filter(|length| *length > end.len()) {
        end = end_of(&file, about.len(), longer)?;
    }
    let meta = trailer::decode(&end, about.len());
    meta.map(Some).ok_or_else(|| io::Error::other(format!("{} is not the file of an object", path.display())))
}

fn end_of(file: &File, length: u64, size: usize) -> io::Result<Vec<u8>> {
    let start = length.saturating_sub(size as u64);
    let mut end = vec![0; usize::try_from(length - start).unwrap_or(size)];
    file.read_exact_at(&mut end, start)?;
    Ok(end)
}
