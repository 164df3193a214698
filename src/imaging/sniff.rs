//! Tells a file's format by its first bytes, whatever its name or its sender say.

use image::ImageFormat as Guess;

use super::ImagingError;
use crate::domain::format::ImageFormat;

/// A brand is four bytes; files name a handful.
const MAX_BRANDS: usize = 32;

/// The format of a file.
pub(super) fn format_of(bytes: &[u8]) -> Result<ImageFormat, ImagingError> {
    if let Some(format) = by_brands(bytes) {
        return Ok(format);
    }
    match image::guess_format(bytes) {
        Ok(Guess::Jpeg) => Ok(ImageFormat::Jpeg),
        Ok(Guess::Png) => Ok(ImageFormat::Png),
        Ok(Guess::WebP) => Ok(ImageFormat::WebP),
        Ok(Guess::Gif) => Ok(ImageFormat::Gif),
        _ => Err(ImagingError::NotAnImage),
    }
}

/// HEIC and AVIF are one container, which says in its first box what is in it; films are in it too.
fn by_brands(bytes: &[u8]) -> Option<ImageFormat> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let first = bytes.get(..length.clamp(8, 8 + 4 * MAX_BRANDS)).unwrap_or(bytes);
    let brands = first.strip_prefix(first.first_chunk::<4>()?)?.strip_prefix(b"ftyp")?.as_chunks::<4>().0;
    let has = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        return Some(ImageFormat::Avif);
    }
    let is_heic = has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]);
    is_heic.then_some(ImageFormat::Heic)
}
