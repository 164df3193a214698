//! How much an EXIF block would take if it were parsed. The parser believes every count and follows every pointer:
//! fourteen kilobytes of directories that point at each other become gigabytes. So the block is walked first, without
//! keeping anything.

use std::collections::HashSet;

/// Over all directories; cameras write about a hundred.
const MOST_ENTRIES: usize = 2000;
/// Of all texts: the parser makes 24 bytes of each byte that ends one.
const MOST_TEXT: u64 = 256 * 1024;
/// Of all values: makers' notes run to megabytes.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// To the directories of EXIF, GPS and interoperability.
const POINTERS: [u16; 3] = [0x8769, 0x8825, 0xA005];
const ASCII: u16 = 2;

/// Whether a TIFF block can be parsed without harm.
pub(super) fn is_harmless(tiff: &[u8]) -> bool {
    Walk::of(tiff).is_some_and(|walk| walk.finish().is_some())
}

struct Walk<'a> {
    tiff: &'a [u8],
    is_little_endian: bool,
    to_visit: Vec<u32>,
    visited: HashSet<u32>,
    entries: usize,
    text: u64,
    bytes: u64,
}

impl<'a> Walk<'a> {
    fn of(tiff: &'a [u8]) -> Option<Self> {
        let is_little_endian = match tiff.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let mut walk = Self {
            tiff,
            is_little_endian,
            to_visit: Vec::new(),
            visited: HashSet::new(),
            entries: 0,
            text: 0,
            bytes: 0,
        };
        walk.to_visit.push(walk.long(4)?);
        Some(walk)
    }

    /// Visits every directory; `None` where one is reached twice, or where there is too much of anything.
    fn finish(mut self) -> Option<()> {
        while let Some(directory) = self.to_visit.pop() {
            if !self.visited.insert(directory) {
                return None;
            }
            // What is cut off ends the parser too.
            let Some(count) = self.short(directory as usize) else { continue };
            let first = directory as usize + 2;
            for at in (0..usize::from(count)).map(|entry| first + entry * 12) {
                if self.tiff.len() < at + 12 {
                    break;
                }
                self.entry(at)?;
            }
            match self.long(first + usize::from(count) * 12) {
                None | Some(0) => {}
                Some(next) => self.to_visit.push(next),
            }
        }
        Some(())
    }

    fn entry(&mut self, at: usize) -> Option<()> {
        let (tag, kind, count) = (self.short(at)?, self.short(at + 2)?, self.long(at + 4)?);
        let length = u64::from(count) * size_of_kind(kind);
        self.entries += 1;
        self.bytes += length;
        if kind == ASCII {
            self.text += length;
        }
        if POINTERS.contains(&tag) {
            let directory = match (kind, count) {
                (3, 1) => self.short(at + 8).map(u32::from),
                (4 | 13, 1) => self.long(at + 8),
                _ => None,
            };
            self.to_visit.push(directory?);
        }
        (self.entries <= MOST_ENTRIES && self.text <= MOST_TEXT && self.bytes <= MOST_BYTES).then_some(())
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.tiff.get(at..)?.first_chunk::<2>()?;
        Some(if self.is_little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.tiff.get(at..)?.first_chunk::<4>()?;
        Some(if self.is_little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

/// In bytes, as TIFF has it; kinds that it has not are not read.
const fn size_of_kind(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => 1,
    }
}
