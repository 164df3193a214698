//! How much an EXIF block would take if it were parsed. The parser believes every count and follows every pointer:
//! fourteen kilobytes of directories that point at each other become gigabytes. So the block is walked first, as the
//! parser would, without keeping anything. Pointers that lead nowhere are taken out, so that the rest can be read.

/// Over all directories, each as often as it is reached; cameras write about a hundred, and some reach one twice.
const MAX_ENTRIES: usize = 2000;
/// In one directory, where a pointer leads; more are no directory.
const MAX_ENTRIES_OF_ONE: u16 = 500;
/// One behind the other; cameras write two: the picture's, and its thumbnail's.
const MAX_CHAIN: usize = 8;
/// Of all texts: the parser makes 24 bytes of each byte that ends one.
const MAX_TEXT: u64 = 256 * 1024;
/// Of all values: makers' notes run to megabytes.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
const MAX_WALKS: usize = 4;
/// Kinds of values, of TIFF.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const SIGNED_LONG: u16 = 9;
const POINTER: u16 = 13;

/// Which directory is being visited: what it may point to depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directory {
    Main,
    Exif,
    /// Of GPS, or of interoperability: the end of the way.
    Leaf,
}

impl Directory {
    /// Where a tag of this directory leads.
    const fn behind(self, tag: u16) -> Option<Self> {
        match (self, tag) {
            (Self::Main, 0x8769) => Some(Self::Exif),
            (Self::Main, 0x8825) | (Self::Exif, 0xA005) => Some(Self::Leaf),
            _ => None,
        }
    }
}

/// The TIFF block as it can be parsed without harm; `None` where it cannot.
pub(super) fn harmless(mut tiff: Vec<u8>) -> Option<Vec<u8>> {
    // Directories may overlap: what is mended in one may change another, so the walk is done until it mends nothing.
    for _ in 0..MAX_WALKS {
        let walk = Walk::of(tiff)?.finish()?;
        tiff = walk.tiff;
        if !walk.has_mended {
            return Some(tiff);
        }
    }
    None
}

struct Walk {
    tiff: Vec<u8>,
    is_little_endian: bool,
    to_visit: Vec<(u32, Directory)>,
    chain: usize,
    entries: usize,
    text: u64,
    bytes: u64,
    has_mended: bool,
}

impl Walk {
    fn of(tiff: Vec<u8>) -> Option<Self> {
        let is_little_endian = match tiff.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let to_visit = Vec::new();
        let mut walk =
            Self { tiff, is_little_endian, to_visit, chain: 0, entries: 0, text: 0, bytes: 0, has_mended: false };
        walk.to_visit.push((walk.long(4)?, Directory::Main));
        Some(walk)
    }

    /// Visits every directory; `None` where there is too much of anything.
    fn finish(mut self) -> Option<Self> {
        while let Some((at, directory)) = self.to_visit.pop() {
            // An empty directory is work too.
            self.entries += 1;
            // What is cut off ends the parser too.
            let Some(count) = self.short(at as usize) else { continue };
            let first = at as usize + 2;
            for entry in (0..usize::from(count)).map(|entry| first + entry * 12) {
                if self.tiff.len() < entry + 12 {
                    break;
                }
                self.entry(entry, directory)?;
            }
            let next = self.long(first + usize::from(count) * 12).filter(|next| *next != 0);
            if let (Some(next), Directory::Main) = (next, directory) {
                self.chain += 1;
                if self.chain < MAX_CHAIN {
                    self.to_visit.push((next, Directory::Main));
                }
            }
        }
        Some(self)
    }

    fn entry(&mut self, at: usize, directory: Directory) -> Option<()> {
        let (tag, kind, count) = (self.short(at)?, self.short(at + 2)?, self.long(at + 4)?);
        self.entries += 1;
        let length = self.length(kind, count, at + 8);
        self.bytes += length;
        if kind == ASCII {
            self.text += length;
        }
        if let Some(behind) = directory.behind(tag) {
            self.follow(at, (kind, count), behind)?;
        }
        (self.entries <= MAX_ENTRIES && self.text <= MAX_TEXT && self.bytes <= MAX_BYTES).then_some(())
    }

    /// Some write a pointer as a number with a sign, or as TIFF's own kind for it: the parser knows neither.
    fn follow(&mut self, at: usize, (kind, count): (u16, u32), behind: Directory) -> Option<()> {
        let target = match (kind, count) {
            (SHORT, 1) => self.short(at + 8).map(u32::from),
            (LONG | SIGNED_LONG | POINTER, 1) => self.long(at + 8),
            _ => None,
        };
        let is_directory = |target: &u32| self.short(*target as usize).is_some_and(|count| count <= MAX_ENTRIES_OF_ONE);
        match target.filter(is_directory) {
            Some(target) => {
                if matches!(kind, SIGNED_LONG | POINTER) {
                    self.set_short(at + 2, LONG)?;
                }
                self.to_visit.push((target, behind));
            }
            // No tag has this number.
            None => self.set_short(at, 0)?,
        }
        Some(())
    }

    fn set_short(&mut self, at: usize, value: u16) -> Option<()> {
        let bytes = if self.is_little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        self.tiff.get_mut(at..at + 2)?.copy_from_slice(&bytes);
        self.has_mended = true;
        Some(())
    }

    /// In bytes, what a value takes: nothing where it is of no kind that is read, or is not there.
    fn length(&self, kind: u16, count: u32, at: usize) -> u64 {
        let length = u64::from(count) * size_of_kind(kind);
        let begins = if length <= 4 { Some(at as u64) } else { self.long(at).map(u64::from) };
        let is_there = begins.is_some_and(|begins| begins + length <= self.tiff.len() as u64);
        if is_there { length } else { 0 }
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
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 => 4,
        5 | 10 | 12 => 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two directories, one six bytes behind the other: what is mended in the second moves the texts of the first to where
    /// there is something.
    fn overlapping() -> Vec<u8> {
        let count = 8_u16;
        let mut tiff = vec![0; 0xD0000];
        let mut put = |at: usize, numbers: &[u16]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
            tiff[at..at + bytes.len()].copy_from_slice(&bytes);
        };
        put(0, &[0x4D4D, 42, 0, 8, 2]);
        put(10, &[0x8769, LONG, 0, 1, 0, 0x206, 0x8825, LONG, 0, 1, 0, 0x200]);
        put(0x200, &[count + 1]);
        for entry in 0..=usize::from(count) {
            put(0x202 + 12 * entry, &[1, ASCII, count, 0xA005, 0x000D, 0]);
        }
        tiff
    }

    #[test]
    fn what_is_harmless_stays_so_when_it_is_walked_again() {
        let is_bounded = |tiff: Vec<u8>| Walk::of(tiff).and_then(Walk::finish).is_some_and(|walk| !walk.has_mended);
        assert!(!is_bounded(overlapping()), "the first walk mends something");
        assert!(harmless(overlapping()).is_none_or(is_bounded));
    }
}
