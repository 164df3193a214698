//! Keys in S3's order, page by page, reading no folder that a page does not need.

use super::{
    path::{Entry, ObjectPath},
    store::{DiskStore, StoreError},
    trailer::ObjectMeta,
};

/// What is listed: keys with a prefix, those behind a delimiter folded into one.
pub(super) struct Listing<'a> {
    store: &'a DiskStore,
    prefix: &'a str,
    delimiter: Option<&'a str>,
}

/// A part of a listing.
#[derive(Default)]
pub(super) struct Page {
    pub objects: Vec<(String, ObjectMeta)>,
    pub prefixes: Vec<String>,
    /// The last name of this page, where there are more.
    pub next: Option<String>,
}

/// An object's key, or what the keys in a folder begin with; and where it lies.
struct Found {
    key: String,
    path: String,
    is_folder: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(store: &'a DiskStore, prefix: &'a str, delimiter: Option<&'a str>) -> Self {
        Self { store, prefix, delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()) }
    }

    /// The first `limit` names behind `after`. Folders are walked depth first, each in the order of what its keys begin
    /// with, which is the order of the whole keys.
    pub(super) async fn page(&self, after: &str, limit: usize) -> Result<Page, StoreError> {
        let mut page = Page::default();
        if limit == 0 {
            return Ok(page);
        }
        let mut last = String::new();
        let mut to_visit = self.found_in("", ObjectPath::OBJECTS, after).await?;
        while let Some(found) = to_visit.pop() {
            let folded = self.folded(&found.key);
            let is_passed = folded
                .as_deref()
                .is_some_and(|name| name <= after || page.prefixes.last().map(String::as_str) == Some(name));
            if is_passed {
                continue;
            }
            if found.is_folder {
                // What is folded is there if anything is in it.
                let skips_rest = folded.is_some() && !self.has_objects(&found.path).await?;
                if folded.is_none() {
                    to_visit.extend(self.found_in(&found.key, &found.path, after).await?);
                }
                if folded.is_none() || skips_rest {
                    continue;
                }
            }
            let name = folded.clone().unwrap_or_else(|| found.key.clone());
            if name.as_str() <= after {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = Some(last);
                break;
            }
            if folded.is_some() {
                page.prefixes.push(name.clone());
            } else {
                // It may have been deleted since its folder was read.
                let Some(object) = self.store.open(&ObjectPath::of_key(&found.key)?).await? else { continue };
                page.objects.push((found.key, object.meta));
            }
            last = name;
        }
        Ok(page)
    }

    /// What is in a folder, last first, without what cannot be on the page.
    async fn found_in(&self, begin: &str, folder: &str, after: &str) -> Result<Vec<Found>, StoreError> {
        let mut found: Vec<Found> =
            self.store.names(folder).await?.iter().map(|name| found(begin, folder, name)).collect();
        found.retain(|found| {
            let leads_there = found.is_folder && self.prefix.starts_with(found.key.as_str());
            let may_match = found.key.starts_with(self.prefix) || leads_there;
            let may_follow = found.key.as_str() > after || (found.is_folder && after.starts_with(found.key.as_str()));
            may_match && may_follow
        });
        found.sort_unstable_by(|one, other| other.key.cmp(&one.key));
        Ok(found)
    }

    /// Whether there is any object in a folder or below it.
    async fn has_objects(&self, folder: &str) -> Result<bool, StoreError> {
        let mut to_visit = vec![folder.to_owned()];
        while let Some(folder) = to_visit.pop() {
            for name in self.store.names(&folder).await? {
                let Found { path, is_folder, .. } = found("", &folder, &name);
                if !is_folder {
                    return Ok(true);
                }
                to_visit.push(path);
            }
        }
        Ok(false)
    }

    /// The common prefix that stands for a key, up to the first delimiter behind the prefix.
    fn folded(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter?;
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.find(delimiter)?;
        Some(format!("{}{}", self.prefix, &rest[..at + delimiter.len()]))
    }
}

fn found(begin: &str, folder: &str, name: &str) -> Found {
    let (text, is_folder) = match Entry::of(name) {
        Entry::Object(text) => (text, false),
        Entry::Folder(text) | Entry::Beginning(text) => (text, true),
    };
    let path = if is_folder { format!("{folder}{name}/") } else { format!("{folder}{name}") };
    Found { key: format!("{begin}{text}"), path, is_folder }
}
