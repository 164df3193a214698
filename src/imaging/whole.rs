//! Whether a file ends where its format says that it ends.
//!
//! The decoders fill what is missing of a JPEG with grey and read no more of a GIF than its first frame,
//! so a file that broke off on its way would pass for whole.

use std::io::Cursor;

use super::ImagingError;

/// Follows a JPEG's markers to the one that ends it.
pub(super) fn check_jpeg(bytes: &[u8]) -> Result<(), ImagingError> {
    let mut at = 2;
    while let Some(marker_at) = next_marker(bytes, at) {
        match bytes[marker_at] {
            0xD9 => return Ok(()),
            // These stand alone.
            0x01 | 0xD0..=0xD8 => at = marker_at + 1,
            _ => {
                let length = bytes.get(marker_at + 1..marker_at + 3);
                let Some(length) = length.map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]]))) else {
                    break;
                };
                at = marker_at + 1 + length;
            }
        }
    }
    Err(ImagingError::Corrupt("the JPEG breaks off".to_owned()))
}

/// The position of the next marker's code: behind an FF, and neither a stuffed zero nor another FF.
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let codes = memchr::memchr_iter(0xFF, rest).map(|at| at + 1);
    let found = codes.into_iter().find(|at| rest.get(*at).is_some_and(|code| !matches!(code, 0x00 | 0xFF)))?;
    Some(from + found)
}

/// Reads over a GIF's frames, without decoding them, to its trailer.
pub(super) fn check_gif(bytes: &[u8]) -> Result<(), ImagingError> {
    let broken = |error: gif::DecodingError| ImagingError::Corrupt(error.to_string());
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(broken)?;
    let mut frames = 0;
    while decoder.next_frame_info().map_err(broken)?.is_some() {
        frames += 1;
    }
    if frames == 0 { Err(ImagingError::Corrupt("the GIF has no frame".to_owned())) } else { Ok(()) }
}
