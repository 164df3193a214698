//! JPEG: grey, YCbCr, RGB, and the two of printers, CMYK and YCCK.

use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::{
    JpegDecoder,
    errors::DecodeErrors,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{Beside, Header, MAX_SIDE, Pixels, Size};
use crate::imaging::{ImagingError, colour::Cmyk, whole::outline_jpeg};

/// Progressive files have ten or so; each costs a walk over the whole picture.
const MAX_SCANS: u32 = 64;

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    let (width, height) = opened(bytes)?.dimensions().unwrap_or_default();
    let [width, height] = [width, height].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    Ok(Size { width, height })
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let outline = outline_jpeg(bytes)?;
    if outline.scans > MAX_SCANS {
        return Err(ImagingError::corrupt(format!("the JPEG has too many scans: {}", outline.scans)));
    }
    // The coefficients of a progressive file wait in memory, two bytes each.
    let bytes_a_pixel = if outline.is_progressive { 4 + 4 * 2 } else { 4 };
    Ok(Header { size, bytes_a_pixel, has_alpha: false, motion: None, is_stilled: false })
}

pub(super) fn beside(bytes: &[u8]) -> Option<Beside> {
    let decoder = opened(bytes).ok()?;
    let (has_xmp, has_iptc) = (decoder.xmp().is_some(), decoder.iptc().is_some());
    Some(Beside { has_xmp, has_iptc, ..Beside::of(decoder.exif().cloned(), decoder.icc_profile()) })
}

pub(super) fn decode(bytes: &[u8]) -> Result<Pixels, ImagingError> {
    let mut decoder = opened(bytes)?;
    let found = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let wanted = match found {
        ColorSpace::Luma | ColorSpace::CMYK | ColorSpace::YCCK => found,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(wanted));
    let samples = decoder.decode()?;
    let Size { width, height } = size(bytes)?;
    let too_few = || ImagingError::corrupt("the JPEG has too few samples");
    Ok(match wanted {
        ColorSpace::CMYK | ColorSpace::YCCK => Pixels::Cmyk(cmyk(samples, wanted, bytes, Size { width, height })?),
        ColorSpace::Luma => {
            Pixels::Image(GrayImage::from_raw(width, height, samples).map(DynamicImage::from).ok_or_else(too_few)?)
        }
        _ => Pixels::Image(RgbImage::from_raw(width, height, samples).map(DynamicImage::from).ok_or_else(too_few)?),
    })
}

fn opened(bytes: &[u8]) -> Result<JpegDecoder<ZCursor<&[u8]>>, ImagingError> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_max_scans(MAX_SCANS as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers()?;
    Ok(decoder)
}

fn cmyk(mut samples: Vec<u8>, found: ColorSpace, bytes: &[u8], size: Size) -> Result<Cmyk, ImagingError> {
    if found == ColorSpace::YCCK {
        samples.as_chunks_mut::<4>().0.iter_mut().for_each(|[y, cb, cr, _]| {
            [*y, *cb, *cr] = cmy(*y, *cb, *cr);
        });
    }
    if outline_jpeg(bytes)?.is_adobe {
        for share in &mut samples {
            *share = 255 - *share;
        }
    }
    Ok(Cmyk { samples, width: size.width, height: size.height })
}

/// What JFIF makes of Y, Cb and Cr, the other way round: inks take light away.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn cmy(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let [y, cb, cr] = [f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0];
    let rgb =
        [1.402f32.mul_add(cr, y), (-0.344_136f32).mul_add(cb, (-0.714_136f32).mul_add(cr, y)), 1.772f32.mul_add(cb, y)];
    rgb.map(|light| (255.0 - light).round().clamp(0.0, 255.0) as u8)
}

impl From<DecodeErrors> for ImagingError {
    fn from(error: DecodeErrors) -> Self {
        Self::corrupt(error)
    }
}
