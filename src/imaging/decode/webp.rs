//! WebP, lossy and lossless, still and moving.

use std::io::Cursor;

use image::{DynamicImage, RgbImage, RgbaImage};
use image_webp::{DecodingError, LoopCount, WebPDecoder};

use super::{Beside, Header, METADATA_BYTES, Motion, Size, webp_frames::Frames};
use crate::imaging::{ImagingError, colour::samples_of};

/// The picture, and the canvas of a moving one.
const BYTES_A_PIXEL: u64 = 8;

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    let (width, height) = opened(bytes, METADATA_BYTES)?.dimensions();
    Ok(Size { width, height })
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let decoder = opened(bytes, METADATA_BYTES)?;
    let loops = match decoder.loop_count() {
        LoopCount::Forever => None,
        LoopCount::Times(times) => Some(times.get()),
    };
    let frames = decoder.num_frames();
    let pixels = size.pixels() * u64::from(frames);
    let motion = Motion { frames, duration: decoder.loop_duration(), loops, pixels };
    let motion = (decoder.is_animated() && motion.frames > 1).then_some(motion);
    let has_alpha = decoder.has_alpha();
    Ok(Header { size, bytes_a_pixel: BYTES_A_PIXEL, has_alpha, motion, is_stilled: false })
}

pub(super) fn beside(bytes: &[u8]) -> Option<Beside> {
    let mut decoder = opened(bytes, METADATA_BYTES).ok()?;
    let exif = decoder.exif_metadata().unwrap_or(None);
    let xmp = decoder.xmp_metadata().unwrap_or(None);
    Some(Beside { xmp, ..Beside::of(exif, decoder.icc_profile().unwrap_or(None)) })
}

pub(super) fn decode(bytes: &[u8], pixels: u64) -> Result<DynamicImage, ImagingError> {
    let mut decoder = opened(bytes, pixels * BYTES_A_PIXEL + METADATA_BYTES)?;
    if decoder.is_animated() {
        let first = Frames::of(bytes)?.next().unwrap_or_else(|| Err(ImagingError::corrupt("the WebP has no frames")));
        return Ok(first?.0);
    }
    let (width, height) = decoder.dimensions();
    let mut image: DynamicImage =
        if decoder.has_alpha() { RgbaImage::new(width, height).into() } else { RgbImage::new(width, height).into() };
    decoder.read_image(samples_of(&mut image))?;
    Ok(image)
}

fn opened(bytes: &[u8], memory: u64) -> Result<WebPDecoder<Cursor<&[u8]>>, ImagingError> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
    decoder.set_memory_limit(usize::try_from(memory).unwrap_or(usize::MAX));
    Ok(decoder)
}

impl From<DecodingError> for ImagingError {
    fn from(error: DecodingError) -> Self {
        Self::corrupt(error)
    }
}
