//! The outline of a JPEG: what its markers say, and what is written beside its pixels.

use super::EXIF_PREFIX;

const ICC_PART: &[u8] = b"ICC_PROFILE\0";
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
/// The block of Photoshop's that IPTC is in.
const IPTC_BLOCK: u16 = 0x0404;

/// What a JPEG's markers say.
#[derive(Debug, Clone, Default)]
pub(super) struct JpegOutline {
    /// Whether the marker is there that ends it.
    pub has_end: bool,
    pub exif: Option<Vec<u8>>,
    pub icc: Option<Vec<u8>>,
    pub xmp: Option<Vec<u8>>,
    pub iptc: Option<Vec<u8>>,
}

/// Follows a JPEG's markers to the one that ends it, or as far as they go.
pub(super) fn outline(bytes: &[u8]) -> JpegOutline {
    let mut outline = JpegOutline::default();
    let mut profile = Profile::default();
    let (mut at, mut is_in_pixels) = (2, false);
    while let Some(marker_at) = next_marker(bytes, at) {
        let segment = &bytes[marker_at + 1..];
        let code = bytes[marker_at];
        at = marker_at + 1;
        match code {
            0xD9 => {
                outline.has_end = true;
                break;
            }
            // These stand alone.
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        is_in_pixels |= code == 0xDA;
        let Some(length) = segment.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length))) else { break };
        at += length.max(2);
        let Some(content) = segment.get(2..length) else { continue };
        // What is said behind the picture is of another one.
        if !is_in_pixels {
            outline.note(code, content, &mut profile);
        }
    }
    outline.icc = profile.whole();
    outline
}

impl JpegOutline {
    fn note(&mut self, code: u8, content: &[u8], profile: &mut Profile) {
        match code {
            0xE1 if self.exif.is_none() && content.starts_with(EXIF_PREFIX) => {
                self.exif = Some(content.to_vec());
            }
            0xE1 if self.xmp.is_none() => self.xmp = content.strip_prefix(XMP).map(<[u8]>::to_vec),
            0xE2 => profile.add(content),
            0xED if self.iptc.is_none() => {
                self.iptc = content.strip_prefix(PHOTOSHOP).and_then(iptc_of).map(<[u8]>::to_vec);
            }
            _ => {}
        }
    }
}

/// What IPTC says among the blocks of Photoshop; as much of it as is there.
pub(super) fn iptc_of(mut blocks: &[u8]) -> Option<&[u8]> {
    while let Some(block) = blocks.strip_prefix(b"8BIM") {
        let (kind, rest) = block.split_first_chunk().map(|(kind, rest)| (u16::from_be_bytes(*kind), rest))?;
        // A name with its length before it, and then the content, each of an even number of bytes.
        let name = rest.first().map_or(0, |length| usize::from(*length) + 1).next_multiple_of(2);
        let (length, content) = rest.get(name..).and_then(<[u8]>::split_first_chunk)?;
        let length = u32::from_be_bytes(*length) as usize;
        if kind == IPTC_BLOCK && length > 0 {
            return Some(content.get(..length).unwrap_or(content));
        }
        blocks = content.get(length.next_multiple_of(2)..).unwrap_or_default();
    }
    None
}

/// An ICC profile, in parts of up to 64 KiB.
#[derive(Default)]
struct Profile(std::collections::BTreeMap<u8, Vec<u8>>, u8);

impl Profile {
    fn add(&mut self, content: &[u8]) {
        if let Some([number, count, part @ ..]) = content.strip_prefix(ICC_PART) {
            self.0.entry(*number).or_insert_with(|| part.to_vec());
            self.1 = *count;
        }
    }

    fn whole(self) -> Option<Vec<u8>> {
        let is_whole = !self.0.is_empty() && self.0.keys().copied().eq(1..=self.1);
        is_whole.then(|| self.0.into_values().flatten().collect())
    }
}

/// The position of the next marker's code: behind an FF, and neither a stuffed zero nor another FF.
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let mut codes = memchr::memchr_iter(0xFF, rest).map(|at| at + 1);
    let found = codes.find(|at| rest.get(*at).is_some_and(|code| !matches!(code, 0x00 | 0xFF)))?;
    Some(from + found)
}
