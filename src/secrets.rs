//! Secrets that are made once and kept in DATA_DIR, readable by their owner alone.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::{NamedTempFile, PersistError};

use crate::clock::Clock;

/// Makes a file that its owner alone can read, and its folder, or makes it so where it is there. SQLite gives the files
/// that it makes beside its own the same rights.
///
/// # Errors
/// When they cannot be made.
pub fn make_private(file: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be created", folder.display()))?;
    }
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file);
    made.with_context(|| format!("{} cannot be created", file.display()))?;
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", file.display()));
    for file in [file.to_owned(), beside("-wal"), beside("-shm")] {
        let is_open = fs::metadata(&file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
        if is_open && let Err(error) = fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            // Whoever owns it decided so: a volume that is shared by its group.
            tracing::warn!(file = %file.display(), %error, "others may read a file of the database");
        }
    }
    Ok(())
}

/// The secret of that name, made now if it is not there.
///
/// # Errors
/// When the folder cannot be written to, or the file is empty.
pub fn keep(data_dir: &Path, name: &str, clock: &Clock) -> anyhow::Result<String> {
    fs::create_dir_all(data_dir).with_context(|| format!("DATA_DIR {} cannot be created", data_dir.display()))?;
    let path = data_dir.join(name);
    let made = hex::encode(clock.random_bytes::<32>());
    let mut draft = NamedTempFile::new_in(data_dir)?;
    draft.write_all(made.as_bytes())?;
    draft.as_file().sync_all()?;
    // Put into place whole: another process that starts now finds all of it or nothing.
    match draft.persist_noclobber(&path) {
        Ok(_) => Ok(made),
        Err(PersistError { error, .. }) if error.kind() == ErrorKind::AlreadyExists => {
            let kept = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            anyhow::ensure!(kept.trim().len() >= 32, "{} is too short to be a secret", path.display());
            Ok(kept.trim().to_owned())
        }
        Err(PersistError { error, .. }) => Err(error).with_context(|| format!("{} cannot be written", path.display())),
    }
}
