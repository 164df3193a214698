//! A blurred picture in about 25 bytes, to show while the real one loads.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use image::DynamicImage;

use super::{ImagingError, resize};

/// The largest side that ThumbHash takes.
const MAX_SIDE: u32 = 100;

/// The image's ThumbHash in base64.
pub(super) fn thumbhash(image: &DynamicImage) -> Result<String, ImagingError> {
    let scaled = resize::fit_inside(image, MAX_SIDE)?;
    let rgba = scaled.as_ref().unwrap_or(image).to_rgba8();
    let hash = thumbhash::rgba_to_thumb_hash(rgba.width() as usize, rgba.height() as usize, rgba.as_raw());
    Ok(BASE64.encode(hash))
}
