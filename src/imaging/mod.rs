//! Hand: pixels. Bytes in, bytes out: pure, blocking, no I/O. Never to be called on an async thread.

mod decode;
mod encode;
mod exif_block;
mod metadata;
mod placeholder;
mod resize;
mod sniff;
mod whole;

use bytes::Bytes;
use image::DynamicImage;

use crate::domain::{
    failure::{Failure, FailureCode},
    format::ImageFormat,
    image::Facts,
    metadata::Metadata,
    variant::VariantType,
};

/// What a camera wrote into a file beside the picture; nothing where nothing can be read.
pub fn metadata(bytes: &[u8], format: ImageFormat) -> Metadata {
    decode::exif_block(bytes, format).map(metadata::read).unwrap_or_default()
}

/// How much an image may ask of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Width times height, known before anything is decoded.
    pub max_pixels: u64,
}

/// Why bytes do not become an image.
#[derive(Debug, thiserror::Error)]
pub enum ImagingError {
    #[error("the file is not an image")]
    NotAnImage,
    #[error("the file is {found} and not {expected}, which it was announced as")]
    Mismatch { expected: &'static str, found: &'static str },
    #[error("the image has {width} × {height} pixels, more than the {max_pixels} that are allowed")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
    #[error("the file is damaged: {0}")]
    Corrupt(String),
    /// Not the file's fault.
    #[error("the encoder failed: {0}")]
    Encoder(String),
}

impl ImagingError {
    /// What the person who uploaded is told; nothing where the file is not to blame.
    pub fn as_failure(&self) -> Option<Failure> {
        let (code, message) = match self {
            Self::NotAnImage => (FailureCode::NotAnImage, "The file is not an image that can be read.".to_owned()),
            Self::Mismatch { expected, found } => {
                let message = format!("The upload was announced as {expected}, but the file is {found}.");
                (FailureCode::ContentTypeMismatch, message)
            }
            Self::TooManyPixels { width, height, max_pixels } => {
                let message = format!(
                    "The image has {width} × {height} pixels; at most {max_pixels} are allowed, and \
                     65535 a side."
                );
                (FailureCode::TooManyPixels, message)
            }
            Self::Corrupt(_) => (FailureCode::Corrupt, "The file is damaged and cannot be decoded.".to_owned()),
            Self::Encoder(_) => return None,
        };
        Some(Failure { code, message })
    }
}

/// An image decoded once: upright, in sRGB, RGB or RGBA of 8 bits, without metadata.
pub struct Decoded {
    pixels: DynamicImage,
}

/// A variant as bytes.
#[derive(Debug, Clone)]
pub struct Encoded {
    pub kind: VariantType,
    pub bytes: Bytes,
    pub width: u32,
    pub height: u32,
}

impl Decoded {
    /// Checks and decodes a file.
    ///
    /// # Errors
    /// When it is no image, another format than it was announced as, too large, or damaged.
    pub fn from_bytes(bytes: &[u8], expected: ImageFormat, limits: Limits) -> Result<Self, ImagingError> {
        let found = sniff::format_of(bytes)?;
        if found != expected {
            let (expected, found) = (expected.content_type(), found.content_type());
            return Err(ImagingError::Mismatch { expected, found });
        }
        decode::upright_srgb(bytes, found, limits).map(|pixels| Self { pixels })
    }

    /// The same for a file of which nothing is known but its bytes.
    ///
    /// # Errors
    /// As `from_bytes`.
    pub fn from_any(bytes: &[u8], limits: Limits) -> Result<Self, ImagingError> {
        Self::from_bytes(bytes, sniff::format_of(bytes)?, limits)
    }

    /// What can be told before any variant is made.
    ///
    /// # Errors
    /// When the pixels cannot be scaled down.
    pub fn facts(&self) -> Result<Facts, ImagingError> {
        let placeholder = placeholder::thumbhash(&self.pixels)?;
        Ok(Facts { width: self.pixels.width(), height: self.pixels.height(), placeholder })
    }

    /// Makes one variant.
    ///
    /// # Errors
    /// When scaling or encoding fails.
    pub fn variant(&self, kind: VariantType) -> Result<Encoded, ImagingError> {
        let bound = kind.fits_in().unwrap_or(encode::MAX_SIDE);
        let scaled = resize::fit_inside(&self.pixels, bound)?;
        let pixels = scaled.as_ref().unwrap_or(&self.pixels);
        let bytes = Bytes::from(encode::webp(pixels)?);
        Ok(Encoded { kind, bytes, width: pixels.width(), height: pixels.height() })
    }
}
