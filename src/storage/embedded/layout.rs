//! How objects lie on the disk, and the way there from earlier versions: once, at the start, object by object.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use super::path::ObjectPath;

/// Where it is written down which layout the folder has.
const MARK: &str = "layout";
const CURRENT: &str = "2";
/// Where the objects of an earlier version are until each has its new place.
const BEFORE: &str = "objects-before";

/// Where multipart uploads are, each in a folder of its own.
pub(super) const UPLOADS: &str = "multipart/";
/// What is in the folder of an upload for as long as there is one.
pub(super) const UPLOAD: &str = "upload";

/// Removes the folders of multipart uploads that have ended, which a killed process left half-removed.
pub(super) fn remove_what_is_left_of_uploads(root: &Path) -> io::Result<()> {
    let uploads = root.join(UPLOADS);
    if !uploads.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(uploads)? {
        let folder = entry?.path();
        if folder.is_dir() && !folder.join(UPLOAD).exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    Ok(())
}

/// Brings a folder up to date in which an object's path was its key. May be killed anywhere and goes on at the next start.
pub(super) fn bring_up_to_date(root: &Path) -> io::Result<()> {
    let mark = root.join(MARK);
    match fs::read_to_string(&mark) {
        Ok(layout) if layout == CURRENT => return remove_what_is_empty(&root.join(BEFORE)),
        Ok(layout) => {
            let why =
                format!("{} contains `{layout}`: it is damaged, or was written by another version", mark.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let (objects, before) = (root.join(ObjectPath::OBJECTS), root.join(BEFORE));
    if objects.is_dir() && !before.exists() {
        fs::rename(&objects, &before)?;
    }
    if before.is_dir() {
        tracing::info!("moving the objects of the embedded storage to the new layout; this happens only once");
        move_from(root, &before, "")?;
    }
    // Written down for good before anything else is there: whoever finds no mark finds keys for paths.
    let draft = root.join("layout.new");
    let mut file = File::create(&draft)?;
    file.write_all(CURRENT.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, mark)?;
    File::open(root)?.sync_all()?;
    remove_what_is_empty(&before)
}

fn remove_what_is_empty(before: &Path) -> io::Result<()> {
    match fs::remove_dir_all(before) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Moves all that is in a folder of keys that begin like this.
fn move_from(root: &Path, folder: &Path, begin: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let key = format!("{begin}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            move_from(root, &entry.path(), &format!("{key}/"))?;
            continue;
        }
        let path = ObjectPath::of_key(&key).map_err(io::Error::other)?;
        let place = root.join(path.path());
        fs::create_dir_all(place.parent().unwrap_or(root))?;
        fs::rename(entry.path(), place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_an_earlier_version_has_its_place() {
        let root = tempfile::TempDir::new().expect("a folder");
        let long = "z".repeat(200);
        let keys = ["a", "images/x/1.jpg", "100%25.png", "%20a", "%e", "x%f/in", "x/in", "x%f%f", &long];
        for key in keys {
            let file = root.path().join("objects").join(key);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, key).expect("a file");
        }
        // Killed after some, and begun again.
        fs::rename(root.path().join("objects"), root.path().join(BEFORE)).expect("to be renamed");
        let first = root.path().join(ObjectPath::of_key("a").expect("a path").path());
        fs::create_dir_all(first.parent().expect("a folder")).expect("a folder");
        fs::rename(root.path().join(BEFORE).join("a"), first).expect("to be moved");
        for _ in 0..2 {
            bring_up_to_date(root.path()).expect("to be brought up to date");
            for key in keys {
                let path = ObjectPath::of_key(key).expect("a path");
                assert_eq!(fs::read_to_string(root.path().join(path.path())).expect("an object"), key);
            }
        }
        assert!(!root.path().join(BEFORE).exists());
        fs::write(root.path().join(MARK), "").expect("a file");
        assert!(bring_up_to_date(root.path()).is_err(), "a damaged mark moves nothing");
    }
}
