//! How text is compared in searches: the same on every database, because it is decided here.
//!
//! Both databases index *grams*: all runs of one, two and three characters. So every needle is looked up, whatever
//! its script and however short it is. A gram is a hash that has the owner in it: nobody's search wades through
//! what belongs to others, and a collision costs a comparison with the text, never a wrong answer.

use std::{collections::BTreeSet, hash::Hasher};

use caseless::Caseless;
use fnv::FnvHasher;
use unicode_normalization::UnicodeNormalization;

use super::{details::Details, filename::Filename, ids::UserId};

/// Between fields, so that no needle matches across two of them.
const FIELD_END: char = '\u{1F}';
/// Around tags; no tag has a control character.
const TAG_END: char = '\u{1E}';
/// As many grams narrow a long needle down; the text itself is compared anyway.
const GRAMS_OF_NEEDLE: usize = 16;
const MAX_GRAM: usize = 3;
/// In characters: the most that an index entry has room for, whatever they expand to.
const SORT_KEY_CHARS: usize = 120;

/// Without regard to case, to the end of a line, or to how a character was composed: file names from macOS come
/// in pieces.
pub fn fold(text: &str) -> String {
    let folded = text.nfkc().default_case_fold().nfkc();
    folded.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What titles are ordered by.
pub fn sort_key(title: &str) -> String {
    fold(title).chars().take(SORT_KEY_CHARS).collect()
}

/// What is looked through for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searchable {
    /// Title, filename and description, folded.
    pub text: String,
    /// The tags as they are, each between marks.
    pub tags: String,
    /// Everything that can be looked up, sorted.
    pub grams: Vec<i32>,
}

impl Searchable {
    /// What an owner's searches find an image by.
    pub fn of(owner: UserId, filename: &Filename, details: &Details) -> Self {
        let fields = [details.title.as_str(), filename.as_str(), details.description.as_str()];
        let text = fields.map(fold).join(&FIELD_END.to_string());
        let tags = details.tags.iter().map(|tag| marked(tag)).collect();
        let chars: Vec<char> = text.chars().collect();
        let runs = (1..=MAX_GRAM).flat_map(|length| chars.windows(length));
        let mut grams: BTreeSet<i32> = runs.map(|run| gram(owner, run)).collect();
        grams.extend(details.tags.iter().map(|tag| tag_gram(owner, tag)));
        Self { text, tags, grams: grams.into_iter().collect() }
    }
}

/// What a list is narrowed down by: a part of the text, and tags that all have to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchFilter {
    /// Folded; empty lets everything through.
    needle: String,
    tags: Vec<String>,
}

impl SearchFilter {
    /// A filter for a text and for tags, as they were given.
    pub fn new(search: &str, tags: &[String]) -> Self {
        Self { needle: fold(search.trim()), tags: tags.iter().map(|tag| tag.trim().to_owned()).collect() }
    }

    /// Whether everything passes.
    pub const fn is_open(&self) -> bool {
        self.needle.is_empty() && self.tags.is_empty()
    }

    /// What the text has to have in it, if anything.
    pub fn needle(&self) -> Option<&str> {
        (!self.needle.is_empty()).then_some(self.needle.as_str())
    }

    /// What the tags have to have in them.
    pub fn marked_tags(&self) -> impl Iterator<Item = String> {
        self.tags.iter().map(|tag| marked(tag))
    }

    /// What an owner's images that pass have in the index.
    pub fn grams(&self, owner: UserId) -> Vec<i32> {
        let chars: Vec<char> = self.needle.chars().collect();
        let runs: Vec<&[char]> = match chars.len() {
            0 => Vec::new(),
            length => chars.windows(length.min(MAX_GRAM)).collect(),
        };
        let stride = runs.len().div_ceil(GRAMS_OF_NEEDLE).max(1);
        let mut grams: BTreeSet<i32> = runs.iter().step_by(stride).map(|run| gram(owner, run)).collect();
        grams.extend(self.tags.iter().map(|tag| tag_gram(owner, tag)));
        grams.into_iter().collect()
    }
}

fn marked(tag: &str) -> String {
    format!("{TAG_END}{tag}{TAG_END}")
}

fn gram(owner: UserId, run: &[char]) -> i32 {
    let mut hasher = FnvHasher::default();
    hasher.write(owner.0.as_bytes());
    for c in run {
        hasher.write(&u32::from(*c).to_le_bytes());
    }
    halved(hasher.finish())
}

fn tag_gram(owner: UserId, tag: &str) -> i32 {
    let mut hasher = FnvHasher::default();
    hasher.write(owner.0.as_bytes());
    hasher.write(marked(tag).as_bytes());
    halved(hasher.finish())
}

/// Both halves of a hash in one: what a column of four bytes holds.
#[expect(clippy::cast_possible_truncation, reason = "all bits are as good as any")]
const fn halved(hash: u64) -> i32 {
    (hash ^ (hash >> 32)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_by_every_part_of_it() {
        let owner = UserId(uuid::Uuid::from_u128(7));
        let filename = Filename::parse("사진 100%_🙂🙂.jpg").expect("a name");
        let details = Details { title: "Straße am ΟΔΟΣ".into(), tags: vec!["a b".into()], ..Details::default() };
        let found = Searchable::of(owner, &filename, &details);
        let chars: Vec<char> = found.text.chars().collect();
        for from in 0..chars.len() {
            for to in from + 1..=chars.len() {
                let part: String = chars[from..to].iter().collect();
                let search = SearchFilter::new(&part.to_uppercase(), &["a b".into()]);
                let Some(needle) = search.needle().filter(|needle| found.text.contains(needle)) else { continue };
                let missing = search.grams(owner).iter().any(|gram| found.grams.binary_search(gram).is_err());
                assert!(!missing, "{needle}");
            }
        }
        assert!(found.text.contains(SearchFilter::new("οδος", &[]).needle().unwrap_or_default()));
        let others = SearchFilter::new("am", &[]).grams(UserId(uuid::Uuid::from_u128(8)));
        assert!(others.iter().all(|gram| found.grams.binary_search(gram).is_err()), "another owner's grams");
    }

    #[test]
    fn names_in_pieces_are_found_whole() {
        let pieces: String = "한글".nfd().collect();
        assert_ne!(pieces, "한글");
        assert_eq!(fold(&pieces), "한글");
    }
}
