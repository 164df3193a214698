//! Files that are sent in parts, within the bounds of S3: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>

use chrono::{DateTime, Utc};
use url::Url;

use super::{
    error::{Refusal, UserErrorCode},
    image::Image,
};

/// In bytes: only the last part is smaller.
const MIN_PART: u64 = 5 * 1024 * 1024;
/// In bytes.
const MAX_PART: u64 = 5 * 1024 * 1024 * 1024;
const MAX_PARTS: u64 = 10_000;
/// In bytes: what a phone sends again without anger when its network changed.
const USUAL_PART: u64 = 8 * 1024 * 1024;

/// How a file is cut: all parts have the same size but for the last, which has the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLayout {
    file_size: u64,
    part_size: u64,
}

impl PartLayout {
    /// Parts of the wished size, or of one that suits the file.
    ///
    /// # Errors
    /// `INVALID_VALUE` for parts that are too small, too large or too many.
    pub fn choose(file_size: u64, wished: Option<u64>) -> Result<Self, Refusal> {
        let least = file_size.div_ceil(MAX_PARTS).max(MIN_PART);
        let part_size = wished.unwrap_or_else(|| least.max(USUAL_PART));
        if (least..=MAX_PART).contains(&part_size) {
            return Ok(Self { file_size, part_size });
        }
        let why = format!("A part of this file has {least} to {MAX_PART} bytes.");
        Err(Refusal::on("partSize", UserErrorCode::InvalidValue, why))
    }

    /// What was chosen before.
    pub const fn kept(file_size: u64, part_size: u64) -> Self {
        Self { file_size, part_size }
    }

    /// In bytes.
    pub const fn part_size(&self) -> u64 {
        self.part_size
    }

    /// How many parts there are.
    pub fn count(&self) -> u16 {
        u16::try_from(self.file_size.div_ceil(self.part_size.max(1))).unwrap_or(u16::MAX)
    }

    /// The size of a part in bytes, where there is one of that number; the first is 1.
    pub fn size_of(&self, number: u16) -> Option<u64> {
        let before = u64::from(number.checked_sub(1)?) * self.part_size;
        let rest = self.file_size.checked_sub(before).filter(|rest| *rest > 0)?;
        Some(rest.min(self.part_size))
    }

    /// Whether these, in their order, are all parts of the file.
    pub fn is_whole(&self, parts: &[StoredPart]) -> bool {
        let is_next =
            |(number, part): (u16, &StoredPart)| part.number == number && self.size_of(number) == Some(part.size);
        parts.len() == usize::from(self.count()) && (1..).zip(parts).all(is_next)
    }
}

/// An upload in parts that is under way.
#[derive(Debug, Clone)]
pub struct MultipartUpload {
    pub image: Image,
    pub layout: PartLayout,
}

/// A part that the storage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    pub number: u16,
    /// In bytes.
    pub size: u64,
    /// As the storage gave it, quotes and all.
    pub etag: String,
}

/// A request to send one part, by PUT. The storage takes exactly so many bytes.
#[derive(Debug, Clone)]
pub struct PartTicket {
    pub number: u16,
    /// In bytes.
    pub size: u64,
    pub url: Url,
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_file_is_cut_into_parts_that_make_it_whole_again() {
        for (size, wished, count) in [
            (1, None, 1),
            (8 * MIB, None, 1),
            (8 * MIB + 1, None, 2),
            (1024 * MIB, None, 128),
            (1024 * MIB, Some(5 * MIB), 205),
            (u64::from(u32::MAX) * 100, None, 10_000),
        ] {
            let layout = PartLayout::choose(size, wished).unwrap();
            assert_eq!(layout.count(), count, "{size}");
            let sizes: Vec<u64> = (1..=count).map(|number| layout.size_of(number).unwrap()).collect();
            assert_eq!(sizes.iter().sum::<u64>(), size);
            assert!(sizes.iter().rev().skip(1).all(|part| *part == layout.part_size()));
            assert_eq!((layout.size_of(0), layout.size_of(count + 1)), (None, None));
        }
    }

    #[test]
    fn parts_that_no_storage_takes_are_refused() {
        let refused = |size, wished| PartLayout::choose(size, Some(wished)).is_err();
        assert!(refused(100 * MIB, 5 * MIB - 1) && refused(100 * MIB, 0) && refused(100 * MIB, 6 * 1024 * MIB));
        assert!(refused(u64::from(u32::MAX) * 100, 5 * MIB), "more than 10,000");
    }
}
