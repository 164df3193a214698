//! JPEG, for those who want it. It has no alpha: what is transparent becomes white.

use image::{DynamicImage, Rgb, RgbImage, RgbaImage, codecs::jpeg::JpegEncoder};

use super::failed;
use crate::{domain::variant_spec::VariantSpec, imaging::ImagingError};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 100, as the operator's file is checked"
)]
pub(super) fn encode(image: &DynamicImage, spec: &VariantSpec) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, (spec.quality.round() as u8).max(1));
    match image {
        DynamicImage::ImageRgba8(rgba) => encoder.encode_image(&on_white(rgba)).map_err(failed)?,
        _ => encoder.encode_image(image).map_err(failed)?,
    }
    Ok(bytes)
}

fn on_white(image: &RgbaImage) -> RgbImage {
    let mut opaque = RgbImage::new(image.width(), image.height());
    for (from, to) in image.pixels().zip(opaque.pixels_mut()) {
        let [r, g, b, alpha] = from.0.map(u32::from);
        let blend = |value: u32| u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX);
        *to = Rgb([r, g, b].map(blend));
    }
    opaque
}
