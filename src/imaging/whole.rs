//! The outline of a file: what its markers and blocks say of it, and whether it ends where its format says that it
//! ends.
//!
//! The decoders fill what is missing of a JPEG with grey and read no more of a GIF than its first frame,
//! so a file that broke off on its way would pass for whole.

use std::io::Read;

use super::ImagingError;

/// What a JPEG's markers say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JpegOutline {
    /// All of it is in memory before the first pixel comes out.
    pub is_progressive: bool,
    /// Adobe's programs write inks the other way round.
    pub is_adobe: bool,
    pub scans: u32,
}

/// What a GIF's blocks say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GifOutline {
    pub frames: u32,
    /// In milliseconds, all frames together.
    pub duration: u64,
    pub loops: Option<u16>,
}

/// Follows a JPEG's markers to the one that ends it.
pub(super) fn outline_jpeg(bytes: &[u8]) -> Result<JpegOutline, ImagingError> {
    let mut outline = JpegOutline::default();
    let mut at = 2;
    while let Some(marker_at) = next_marker(bytes, at) {
        let segment = &bytes[marker_at + 1..];
        match bytes[marker_at] {
            0xD9 => return Ok(outline),
            // These stand alone.
            0x01 | 0xD0..=0xD8 => {
                at = marker_at + 1;
                continue;
            }
            0xC2 => outline.is_progressive = true,
            0xDA => outline.scans += 1,
            0xEE => outline.is_adobe |= segment.get(2..).is_some_and(|rest| rest.starts_with(b"Adobe")),
            _ => {}
        }
        let Some(length) = segment.first_chunk().map(|length| u16::from_be_bytes(*length)) else { break };
        at = marker_at + 1 + usize::from(length);
    }
    Err(ImagingError::corrupt("the JPEG is truncated"))
}

/// The position of the next marker's code: behind an FF, and neither a stuffed zero nor another FF.
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let mut codes = memchr::memchr_iter(0xFF, rest).map(|at| at + 1);
    let found = codes.find(|at| rest.get(*at).is_some_and(|code| !matches!(code, 0x00 | 0xFF)))?;
    Some(from + found)
}

/// Reads over a GIF's frames, without decoding them, to its trailer.
pub(super) fn outline_gif(bytes: &[u8]) -> Result<GifOutline, ImagingError> {
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    // Some programs forget the trailer. What breaks off within a frame takes this one for a part of it, and breaks off
    // all the same.
    let with_trailer = bytes.chain(&[0x3B_u8][..]);
    let mut decoder = options.read_info(with_trailer).map_err(ImagingError::corrupt)?;
    let mut outline = GifOutline::default();
    while let Some(frame) = decoder.next_frame_info().map_err(ImagingError::corrupt)? {
        outline.frames += 1;
        outline.duration += u64::from(frame.delay) * 10;
    }
    if outline.frames == 0 {
        return Err(ImagingError::corrupt("the GIF has no frame"));
    }
    // Without a word about it, it is played once.
    outline.loops = match decoder.repeat() {
        gif::Repeat::Infinite => None,
        gif::Repeat::Finite(more) => Some(more.saturating_add(1)),
    };
    Ok(outline)
}
