//! Keys in S3's order, page by page, reading no folder that a page does not need.

use super::{
    store::{ObjectPath, ObjectStore, StoreError},
    trailer::ObjectMeta,
};

/// What is listed: keys with a prefix, those behind a delimiter folded into one.
pub(super) struct Listing<'a> {
    store: &'a ObjectStore,
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

impl<'a> Listing<'a> {
    pub(super) const fn new(store: &'a ObjectStore, prefix: &'a str, delimiter: Option<&'a str>) -> Self {
        Self { store, prefix, delimiter }
    }

    /// The first `limit` names behind `after`. Folders are walked depth first, each in the order of its
    /// names with their slashes, which is the order of the whole keys.
    pub(super) async fn page(&self, after: &str, limit: usize) -> Result<Page, StoreError> {
        let mut page = Page::default();
        if limit == 0 {
            return Ok(page);
        }
        let mut last = String::new();
        let mut to_visit = self.names_of("", after).await?;
        while let Some(key) = to_visit.pop() {
            if key.ends_with('/') && self.folded(&key).is_none() {
                to_visit.extend(self.names_of(&key, after).await?);
                continue;
            }
            let name = self.folded(&key).unwrap_or_else(|| key.clone());
            if name.as_str() <= after || page.prefixes.last() == Some(&name) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = Some(last);
                break;
            }
            if name == key && !key.ends_with('/') {
                let path = ObjectPath::of_key(&key)?;
                // It may have been deleted since its folder was read.
                let Some(object) = self.store.open(&path).await? else { continue };
                page.objects.push((key, object.meta));
            } else {
                page.prefixes.push(name.clone());
            }
            last = name;
        }
        Ok(page)
    }

    /// A folder's names as whole keys, last first, without those that cannot be on the page.
    async fn names_of(&self, folder: &str, after: &str) -> Result<Vec<String>, StoreError> {
        let names = self.store.names(&format!("{}{folder}", ObjectPath::OBJECTS)).await?;
        let keys = names.into_iter().rev().map(|name| format!("{folder}{name}"));
        let leads_there = |key: &String| key.ends_with('/') && self.prefix.starts_with(key.as_str());
        let may_match = |key: &String| key.starts_with(self.prefix) || leads_there(key);
        let may_follow = |key: &String| key.as_str() > after || after.starts_with(key.as_str());
        Ok(keys.filter(|key| may_match(key) && may_follow(key)).collect())
    }

    /// The common prefix that stands for a key, up to the first delimiter behind the prefix.
    fn folded(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.find(delimiter)?;
        Some(format!("{}{}", self.prefix, &rest[..at + delimiter.len()]))
    }
}
