//! PNG of any depth; of an APNG the first frame.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, codecs::png::PngDecoder};

use super::{Beside, Header, METADATA_BYTES, Size, limits};
use crate::imaging::ImagingError;

/// RGBA of 16 bits.
const BYTES_A_PIXEL: u64 = 8;

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    reader.limits(limits(METADATA_BYTES));
    let (width, height) = reader.into_dimensions()?;
    Ok(Size { width, height })
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let decoder = opened(bytes, METADATA_BYTES)?;
    // A palette's too, which becomes one here.
    let has_alpha = decoder.color_type().has_alpha();
    let is_stilled = decoder.is_apng()?;
    Ok(Header { size, bytes_a_pixel: BYTES_A_PIXEL, has_alpha, motion: None, is_stilled })
}

pub(super) fn beside(bytes: &[u8]) -> Option<Beside> {
    let mut decoder = opened(bytes, METADATA_BYTES).ok()?;
    let exif = decoder.exif_metadata().unwrap_or(None);
    let has_xmp = decoder.xmp_metadata().is_ok_and(|xmp| xmp.is_some());
    let has_iptc = decoder.iptc_metadata().is_ok_and(|iptc| iptc.is_some());
    Some(Beside { has_xmp, has_iptc, ..Beside::of(exif, decoder.icc_profile().unwrap_or(None)) })
}

pub(super) fn decode(bytes: &[u8], pixels: u64) -> Result<DynamicImage, ImagingError> {
    Ok(DynamicImage::from_decoder(opened(bytes, pixels * BYTES_A_PIXEL + METADATA_BYTES)?)?)
}

fn opened(bytes: &[u8], max_alloc: u64) -> Result<PngDecoder<Cursor<&[u8]>>, ImagingError> {
    Ok(PngDecoder::with_limits(Cursor::new(bytes), limits(max_alloc))?)
}
