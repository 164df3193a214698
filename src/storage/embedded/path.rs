//! Where a key's object lies on the disk. Every key that S3 allows has a place, and no two have the same.
//!
//! A folder's name ends in a mark of its own, so `a` may be an object beside `a/b`. What a file system, or OpenDAL, would
//! take for something else is percent-encoded; what is too long for one name goes on in a folder below.

use std::fmt::Write;

use super::store::StoreError;

/// S3's bound for a key, in bytes.
const MAX_KEY_BYTES: usize = 1024;
/// What the system takes for a path, less the folder that all of it is in: of a thousand slashes there would be more.
const MAX_PATH_BYTES: usize = 3072;
/// In bytes, encoded: a file's name has room for 255, of which the name while it is written takes some.
const MAX_NAME: usize = 150;
/// The ends of names: of a folder, of a part of a name that goes on below, and the whole of an empty name. No escape has
/// one digit alone.
const FOLDER: &str = "%f";
const GOES_ON: &str = "%c";
const EMPTY: &str = "%e";

/// A path in the store that cannot leave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectPath(String);

/// What a name in a folder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Object(String),
    /// With the slash behind it.
    Folder(String),
    /// The beginning of longer names.
    Beginning(String),
}

impl ObjectPath {
    /// The folder of the bucket's objects, with its slash.
    pub const OBJECTS: &str = "objects/";

    /// The path of a key.
    pub fn of_key(key: &str) -> Result<Self, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains('\0') {
            return Err(StoreError::InvalidKey);
        }
        let mut path = Self::OBJECTS.trim_end_matches('/').to_owned();
        let mut names = key.split('/').peekable();
        while let Some(name) = names.next() {
            let mut rest = name;
            while let Some((beginning, end)) = split_long(rest) {
                path.push('/');
                path.push_str(&encode(beginning));
                path.push_str(GOES_ON);
                rest = end;
            }
            path.push('/');
            path.push_str(&encode(rest));
            if names.peek().is_some() {
                path.push_str(FOLDER);
            }
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(StoreError::InvalidKey);
        }
        Ok(Self(path))
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

impl Entry {
    /// What a file or a folder of that name stands for.
    pub fn of(name: &str) -> Self {
        if let Some(name) = name.strip_suffix(FOLDER) {
            return Self::Folder(format!("{}/", decode(name)));
        }
        match name.strip_suffix(GOES_ON) {
            Some(name) => Self::Beginning(decode(name)),
            None => Self::Object(decode(name)),
        }
    }
}

/// As short a beginning as fills a file's name, and what is left; it depends on nothing behind it.
fn split_long(name: &str) -> Option<(&str, &str)> {
    let mut length = 0;
    for (at, c) in name.char_indices() {
        length += encode_utf8_len(c);
        if length >= MAX_NAME {
            return Some(name.split_at(at + c.len_utf8()));
        }
    }
    None
}

/// At most: spaces count as encoded wherever they stand.
fn encode_utf8_len(c: char) -> usize {
    let is_kept = !needs_escape(c) && !c.is_whitespace();
    if is_kept { c.len_utf8() } else { 3 * c.len_utf8() }
}

fn needs_escape(c: char) -> bool {
    c == '%' || c == '\\' || c.is_control()
}

fn encode(name: &str) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    let is_dots = name == "." || name == "..";
    let last = name.chars().next_back();
    let mut encoded = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let is_end = at == 0 || (at + c.len_utf8() == name.len() && last == Some(c));
        if needs_escape(c) || is_dots || (is_end && c.is_whitespace()) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        } else {
            encoded.push(c);
        }
    }
    encoded
}

fn decode(name: &str) -> String {
    if name == EMPTY {
        return String::new();
    }
    let (mut decoded, mut rest) = (Vec::with_capacity(name.len()), name.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let escaped = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        decoded.push(escaped.as_ref().map_or(*first, |bytes| bytes[0]));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that a path stands for, read as a listing reads it.
    fn key_of(path: &ObjectPath) -> String {
        let names = path.path().strip_prefix(ObjectPath::OBJECTS).expect("an object's").split('/');
        names
            .map(|name| match Entry::of(name) {
                Entry::Object(text) | Entry::Folder(text) | Entry::Beginning(text) => text,
            })
            .collect()
    }

    #[test]
    fn every_key_has_a_path_of_its_own_and_comes_back_from_it() {
        let long = "ü".repeat(500);
        let keys = [
            "a",
            "a/b",
            "a/b/c",
            "a/",
            "/",
            "//",
            "/a",
            "a//b",
            ".",
            "..",
            "../a",
            "a/./b",
            " ",
            "a ",
            " a",
            "a b",
            "\u{3000}",
            "a\u{a0}",
            "%",
            "%f",
            "%e",
            "%c",
            "a%2F",
            "a%f",
            "\\",
            "a\\b",
            "\n",
            "a\u{1}b",
            "서울/사진.jpg",
            "😀",
            &"x".repeat(1024),
            &long,
            &"y".repeat(150),
            &format!("{}/z", "y".repeat(150)),
            &"y".repeat(151),
            &format!("{}/", "y".repeat(150)),
        ];
        let mut seen = std::collections::HashMap::new();
        for key in keys {
            let path = ObjectPath::of_key(key).expect("a path");
            assert_eq!(key_of(&path), key, "{}", path.path());
            assert!(
                path.path().split('/').all(|name| !name.is_empty() && name != "." && name != ".." && name.len() <= 200)
            );
            assert_eq!(path.path().trim(), path.path());
            if let Some(other) = seen.insert(path.path().to_owned(), key) {
                panic!("{key:?} and {other:?} are one");
            }
        }
        for key in ["", "a\0b", &"x".repeat(1025)] {
            assert!(ObjectPath::of_key(key).is_err());
        }
    }
}
