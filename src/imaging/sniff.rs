//! Tells a file's format by its first bytes, whatever its name or its sender say.

use image::ImageFormat as Guess;

use super::ImagingError;
use crate::domain::format::ImageFormat;

/// The format of a file.
pub(super) fn format_of(bytes: &[u8]) -> Result<ImageFormat, ImagingError> {
    match image::guess_format(bytes) {
        Ok(Guess::Jpeg) => Ok(ImageFormat::Jpeg),
        Ok(Guess::Png) => Ok(ImageFormat::Png),
        Ok(Guess::WebP) => Ok(ImageFormat::WebP),
        Ok(Guess::Gif) => Ok(ImageFormat::Gif),
        _ => Err(ImagingError::NotAnImage),
    }
}
