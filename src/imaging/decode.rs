//! Decoding, under limits: bounded before the first pixel, upright, in sRGB.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, error::LimitErrorKind, metadata::Orientation};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::{ImagingError, Limits, whole};
use crate::domain::format::ImageFormat;

/// What headers, text, profiles and makers' notes may take beside the pixels.
const METADATA_BYTES: u64 = 32 * 1024 * 1024;
/// The longest side that JPEG and GIF have room for. A picture one pixel wide and fifty million tall costs
/// gigabytes to scale, whatever its area.
const MAX_SIDE: u32 = 65_535;
/// RGBA of 16 bits.
const MAX_BYTES_A_PIXEL: u64 = 8;

/// Decodes the first frame, turns it upright and into sRGB.
pub(super) fn upright_srgb(bytes: &[u8], format: ImageFormat, limits: Limits) -> Result<DynamicImage, ImagingError> {
    let (width, height) = reader(bytes, format, METADATA_BYTES).into_dimensions().map_err(corrupt)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.max_pixels || width.max(height) > MAX_SIDE {
        return Err(ImagingError::TooManyPixels { width, height, max_pixels: limits.max_pixels });
    }
    match format {
        ImageFormat::Jpeg => whole::check_jpeg(bytes)?,
        ImageFormat::Gif => whole::check_gif(bytes)?,
        // Their decoders notice.
        ImageFormat::Png | ImageFormat::WebP => {}
    }
    let budget = pixels * MAX_BYTES_A_PIXEL + METADATA_BYTES;
    let mut decoder = reader(bytes, format, budget).into_decoder().map_err(corrupt)?;
    // Metadata that cannot be read costs the image its orientation or its colours, but not its life.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or(None);
    let mut image = eight_bits(DynamicImage::from_decoder(decoder).map_err(corrupt)?);
    if let Some(profile) = profile {
        image = to_srgb(image, &profile);
    }
    image.apply_orientation(orientation);
    Ok(image)
}

/// What a camera wrote, as it stands in the file.
pub(super) fn exif_block(bytes: &[u8], format: ImageFormat) -> Option<Vec<u8>> {
    reader(bytes, format, METADATA_BYTES).into_decoder().ok()?.exif_metadata().ok()?
}

fn reader(bytes: &[u8], format: ImageFormat, max_alloc: u64) -> ImageReader<Cursor<&[u8]>> {
    let format = match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::WebP => image::ImageFormat::WebP,
        ImageFormat::Gif => image::ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(max_alloc);
    reader.limits(limits);
    reader
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    if image.color().has_alpha() { image.into_rgba8().into() } else { image.into_rgb8().into() }
}

/// Converts from an RGB profile. One that is broken, or of another kind, is passed over, as browsers do.
fn to_srgb(image: DynamicImage, profile: &[u8]) -> DynamicImage {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return image };
    if profile.color_space != DataColorSpace::Rgb {
        return image;
    }
    let layout = if image.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let options = TransformOptions::default();
    let Ok(transform) = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, options) else {
        return image;
    };
    let source = image.as_bytes();
    let mut converted = vec![0; source.len()];
    if transform.transform(source, &mut converted).is_err() {
        return image;
    }
    let (width, height) = (image.width(), image.height());
    let rebuilt = match layout {
        Layout::Rgba => image::RgbaImage::from_raw(width, height, converted).map(DynamicImage::from),
        _ => image::RgbImage::from_raw(width, height, converted).map(DynamicImage::from),
    };
    rebuilt.unwrap_or(image)
}

fn corrupt(error: ImageError) -> ImagingError {
    match error {
        ImageError::Limits(limits) if matches!(limits.kind(), LimitErrorKind::InsufficientMemory) => {
            ImagingError::Corrupt("it wants more memory than its pixels need".to_owned())
        }
        error => ImagingError::Corrupt(error.to_string()),
    }
}
