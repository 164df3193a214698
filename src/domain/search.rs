//! How text is compared in searches: the same on every database, because it is decided here.
//!
//! Both databases index *grams*: all runs of one, two and three characters. So every needle is looked up, whatever
//! its script and however short it is. A gram is a hash that has the partition of the index in it: nobody's search wades
//! through what belongs to others, and a collision costs a comparison with the text, never a wrong answer.

use std::{collections::BTreeSet, hash::Hasher};

use caseless::Caseless;
use chrono::{DateTime, Datelike, Utc};
use fnv::FnvHasher;
use unicode_normalization::UnicodeNormalization;

use super::{
    details::Details,
    filename::Filename,
    ids::{CategoryId, UserId},
};

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

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month of a date.
    pub fn of(date: DateTime<Utc>) -> Self {
        Self(date.year() * 12 + date.month0().cast_signed())
    }

    /// All months from this one to another, which has to be later or the same.
    pub fn up_to(self, last: Self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0..=last.0).map(Self)
    }
}

/// The part of the index that a gram belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    pub owner: UserId,
    /// When the image's ticket was issued, where the index is divided by it.
    pub month: Option<Month>,
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
    /// What searches of a partition find an image by.
    pub fn of(partition: Partition, category: CategoryId, filename: &Filename, details: &Details) -> Self {
        let fields = [details.title.as_str(), filename.as_str(), details.description.as_str()];
        let text = fields.map(fold).join(&FIELD_END.to_string());
        let tags = details.tags.iter().map(|tag| marked(tag)).collect();
        let chars: Vec<char> = text.chars().collect();
        let runs = (1..=MAX_GRAM).flat_map(|length| chars.windows(length));
        let mut grams: BTreeSet<i32> = runs.map(|run| partition.gram(run)).collect();
        grams.extend(details.tags.iter().map(|tag| partition.tag_gram(tag)));
        grams.insert(partition.category_gram(category));
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

    /// What the images of a partition, and of a category, that pass have in the index.
    pub fn grams(&self, partition: Partition, category: Option<CategoryId>) -> Vec<i32> {
        let chars: Vec<char> = self.needle.chars().collect();
        let runs: Vec<&[char]> = match chars.len() {
            0 => Vec::new(),
            length => chars.windows(length.min(MAX_GRAM)).collect(),
        };
        // Those that overlap tell little more, and each costs as much as the first.
        let stride = runs.len().div_ceil(GRAMS_OF_NEEDLE).max(MAX_GRAM);
        let spread = runs.iter().step_by(stride).chain(runs.last());
        let mut grams: BTreeSet<i32> = spread.map(|run| partition.gram(run)).collect();
        grams.extend(self.tags.iter().map(|tag| partition.tag_gram(tag)));
        grams.extend(category.map(|category| partition.category_gram(category)));
        grams.into_iter().collect()
    }
}

impl Partition {
    fn gram(self, run: &[char]) -> i32 {
        self.hash(|hasher| run.iter().for_each(|c| hasher.write(&u32::from(*c).to_le_bytes())))
    }

    fn tag_gram(self, tag: &str) -> i32 {
        self.hash(|hasher| hasher.write(marked(tag).as_bytes()))
    }

    fn category_gram(self, category: CategoryId) -> i32 {
        self.hash(|hasher| hasher.write(category.0.as_bytes()))
    }

    fn hash(self, write: impl FnOnce(&mut FnvHasher)) -> i32 {
        let mut hasher = FnvHasher::default();
        hasher.write(self.owner.0.as_bytes());
        if let Some(Month(month)) = self.month {
            hasher.write(&month.to_le_bytes());
        }
        write(&mut hasher);
        halved(hasher.finish())
    }
}

fn marked(tag: &str) -> String {
    format!("{TAG_END}{tag}{TAG_END}")
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
        let of = |owner, month| Partition { owner: UserId(uuid::Uuid::from_u128(owner)), month };
        let (category, july) = (CategoryId(uuid::Uuid::from_u128(9)), Month(24_318));
        let partition = of(7, Some(july));
        let filename = Filename::parse("사진 100%_🙂🙂.jpg").expect("a name");
        let details = Details { title: "Straße am ΟΔΟΣ".into(), tags: vec!["a b".into()], ..Details::default() };
        let found = Searchable::of(partition, category, &filename, &details);
        let chars: Vec<char> = found.text.chars().collect();
        for from in 0..chars.len() {
            for to in from + 1..=chars.len() {
                let part: String = chars[from..to].iter().collect();
                let search = SearchFilter::new(&part.to_uppercase(), &["a b".into()]);
                let Some(needle) = search.needle().filter(|needle| found.text.contains(needle)) else { continue };
                let missing =
                    search.grams(partition, Some(category)).iter().any(|gram| found.grams.binary_search(gram).is_err());
                assert!(!missing, "{needle}");
            }
        }
        assert!(found.text.contains(SearchFilter::new("οδος", &[]).needle().unwrap_or_default()));
        for others in [of(8, Some(july)), of(7, Some(Month(24_319))), of(7, None)] {
            let others = SearchFilter::new("am", &[]).grams(others, None);
            assert!(others.iter().all(|gram| found.grams.binary_search(gram).is_err()), "another partition's grams");
        }
    }

    #[test]
    fn names_in_pieces_are_found_whole() {
        let pieces: String = "한글".nfd().collect();
        assert_ne!(pieces, "한글");
        assert_eq!(fold(&pieces), "한글");
    }
}
