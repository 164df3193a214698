//! Encoding: pixels in, files out. No metadata goes in, so none comes out.

mod animation;
mod jpeg;
mod webp;

use image::DynamicImage;

pub(super) use self::animation::AnimationEncoder;
use super::ImagingError;
use crate::domain::{variant::VariantFormat, variant_spec::VariantSpec};

/// Encodes RGB or RGBA of 8 bits.
pub(super) fn still(image: &DynamicImage, spec: &VariantSpec) -> Result<Vec<u8>, ImagingError> {
    match spec.format {
        VariantFormat::WebP => webp::encode(image, spec),
        VariantFormat::Jpeg => jpeg::encode(image, spec),
    }
}

fn failed(what: impl ToString) -> ImagingError {
    ImagingError::Encoder(what.to_string())
}
