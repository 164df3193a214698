//! GIF, frame by frame, each disposed of as the file says.

use std::io::Cursor;

use image::{AnimationDecoder, DynamicImage, codecs::gif::GifDecoder};

use super::{Header, Motion, Size};
use crate::imaging::{ImagingError, whole::outline_gif};

/// The canvas, and the frame that is put on it.
const BYTES_A_PIXEL: u64 = 12;

/// Of the screen, which no frame reaches beyond.
pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    let side = |at: usize| bytes.get(at..)?.first_chunk().map(|side| u32::from(u16::from_le_bytes(*side)));
    let (width, height) = side(6).zip(side(8)).ok_or_else(|| ImagingError::corrupt("the GIF is truncated"))?;
    Ok(Size { width, height })
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let outline = outline_gif(bytes)?;
    let motion = Motion { frames: outline.frames, duration: outline.duration, loops: outline.loops };
    Ok(Header {
        size,
        bytes_a_pixel: BYTES_A_PIXEL,
        has_alpha: true,
        motion: (outline.frames > 1).then_some(motion),
        is_stilled: false,
    })
}

pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, ImagingError> {
    let first = frames(bytes)?.next().unwrap_or_else(|| Err(ImagingError::corrupt("the GIF has no frame")));
    Ok(first?.0)
}

/// The whole canvas after each frame, and for how many milliseconds it is shown.
pub(super) fn frames(
    bytes: &[u8],
) -> Result<impl Iterator<Item = Result<(DynamicImage, u32), ImagingError>>, ImagingError> {
    let frames = GifDecoder::new(Cursor::new(bytes))?.into_frames();
    Ok(frames.map(|frame| {
        let frame = frame?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        Ok((DynamicImage::from(frame.into_buffer()), numerator / denominator.max(1)))
    }))
}
