//! The outline of a GIF: what its blocks say, without its pixels.

use std::io::Read;

use gif::{DecodeOptions, Decoder, MemoryLimit, Repeat};

use super::Size;
use crate::imaging::ImagingError;

/// Of the header: before the screen's colours, if there are any.
const HEADER: usize = 13;
/// Which byte of the header says whether there are, and that there are 256.
const FLAGS: usize = 10;
const HAS_COLOURS: u8 = 0x80;
const OF_256: u8 = 0x07;
/// Some programs forget the trailer. What breaks off within a frame takes this one for a part of it, and breaks off all
/// the same.
const TRAILER: &[u8] = &[0x3B];
/// In bytes, for profiles and other blocks. Frames are read into memory of our own.
const BLOCKS: u64 = 32 * 1024 * 1024;

/// What a GIF's blocks say.
#[derive(Debug, Clone, Copy)]
pub(super) struct GifOutline {
    pub size: Size,
    pub frames: u32,
    /// In milliseconds, all frames together.
    pub duration: u64,
    pub loops: Option<u16>,
    /// What is to be decoded and shown, in pixels, over all frames.
    pub pixels: u64,
    /// Behind the last of these frames there is something that is no frame.
    pub is_damaged: bool,
}

/// Reads over a GIF's frames as far as they are good, as browsers do.
///
/// # Errors
/// Where there is none.
pub(super) fn outline(bytes: &[u8]) -> Result<GifOutline, ImagingError> {
    let mut decoder = open(bytes, true)?;
    let [width, height] = [decoder.width(), decoder.height()].map(u32::from);
    let mut outline =
        GifOutline { size: Size { width, height }, frames: 0, duration: 0, loops: None, pixels: 0, is_damaged: false };
    loop {
        match decoder.next_frame_info() {
            Ok(Some(frame)) => {
                if outline.frames == 0 {
                    // The first frame is shown whole, whatever the screen's size.
                    let [right, bottom] = [(frame.left, frame.width), (frame.top, frame.height)]
                        .map(|(from, length)| u32::from(from) + u32::from(length));
                    outline.size = Size { width: width.max(right), height: height.max(bottom) };
                }
                outline.frames += 1;
                outline.duration += u64::from(frame.delay) * 10;
                // A frame may be larger than the canvas, of which all is shown each time.
                outline.pixels += outline.size.pixels().max(u64::from(frame.width) * u64::from(frame.height));
            }
            Ok(None) => break,
            Err(error) if outline.frames == 0 => return Err(ImagingError::corrupt(error)),
            Err(_) => {
                outline.is_damaged = true;
                break;
            }
        }
    }
    if outline.frames == 0 {
        return Err(ImagingError::corrupt("the GIF has no frame"));
    }
    // Without a word about it, it is played once.
    outline.loops = match decoder.repeat() {
        Repeat::Infinite => None,
        Repeat::Finite(more) => Some(more.saturating_add(1)),
    };
    Ok(outline)
}

/// A decoder that passes over what it does not know.
pub(super) fn open(bytes: &[u8], is_outline: bool) -> Result<Decoder<impl Read>, ImagingError> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(is_outline);
    options.allow_unknown_blocks(true);
    options.set_memory_limit(BLOCKS.try_into().map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or_else(|| ImagingError::corrupt("the GIF is truncated"))?;
    let mut header = header.to_vec();
    if header[FLAGS] & HAS_COLOURS == 0 {
        // A frame that has no colours either is shown in shades of grey.
        header[FLAGS] |= HAS_COLOURS | OF_256;
        header.extend((0..=u8::MAX).flat_map(|shade| [shade; 3]));
    }
    let file = std::io::Cursor::new(header).chain(rest).chain(TRAILER);
    options.read_info(file).map_err(ImagingError::corrupt)
}
