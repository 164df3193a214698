//! How objects lie on the disk, and the way there from earlier versions: once, at the start, folder by folder.

use std::{fs, io, path::Path};

use super::path::{ObjectPath, encoded_name, is_encoded, marked_folder};

/// Where it is written down which layout the folder has.
const MARK: &str = "layout";
const CURRENT: &str = "2";

/// Brings a folder from before folders had a mark up to date. May be killed anywhere and goes on at the next start.
pub(super) fn bring_up_to_date(root: &Path) -> io::Result<()> {
    let mark = root.join(MARK);
    if fs::read_to_string(&mark).is_ok_and(|layout| layout == CURRENT) {
        return Ok(());
    }
    let objects = root.join(ObjectPath::OBJECTS);
    if objects.is_dir() {
        tracing::info!("the embedded storage's folders are being renamed, once");
        rename_in(&objects)?;
    }
    fs::write(mark, CURRENT)
}

/// What is deeper comes first: a folder that has its new name is done.
fn rename_in(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && name.ends_with("%f") {
            continue;
        }
        if is_folder {
            rename_in(&entry.path())?;
        }
        if is_folder {
            fs::rename(entry.path(), folder.join(marked_folder(name)))?;
        } else if !is_encoded(name) {
            fs::rename(entry.path(), folder.join(encoded_name(name)))?;
        }
    }
    Ok(())
}
