//! Encoding: pixels in, files out. No metadata goes in, so none comes out.

mod animation;
mod jpeg;
mod webp;

use image::DynamicImage;

pub(super) use self::animation::AnimationEncoder;
use super::ImagingError;
use crate::domain::{variant::VariantFormat, variant_spec::VariantSpec};

/// In pixels: what is drawn is tried without loss up to here.
pub(super) const MOST_LOSSLESS: u64 = webp::MOST_LOSSLESS as u64;

/// What a picture may be, by the format that it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceKind {
    Photo,
    /// Line art, text, icons and screenshots are kept without loss.
    MayBeDrawn,
}

/// Encodes RGB or RGBA of 8 bits.
pub(super) fn still(image: &DynamicImage, spec: &VariantSpec, source: SourceKind) -> Result<Vec<u8>, ImagingError> {
    match spec.format {
        VariantFormat::WebP => webp::encode(image, spec, source),
        VariantFormat::Jpeg => jpeg::encode(image, spec),
    }
}

fn failed(what: impl ToString) -> ImagingError {
    ImagingError::Encoder(what.to_string())
}
