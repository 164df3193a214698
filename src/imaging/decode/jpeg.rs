//! JPEG: grey, YCbCr, RGB, and the two of printers, CMYK and YCCK.

use image::{DynamicImage, GrayImage, RgbImage};

use super::{
    Beside, Flaw, Header, Pixels, Size,
    jpeg_outline::{JpegOutline, outline},
    libjpeg::{Damage, Decompressor, Samples},
};
use crate::imaging::{ImagingError, colour::Cmyk};

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    Ok(Decompressor::open(bytes)?.size())
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    // Coefficients have two bytes each, of up to four components.
    let bytes_a_pixel = if Decompressor::open(bytes)?.keeps_coefficients() { 4 + 4 * 2 } else { 4 };
    Ok(Header { size, bytes_a_pixel, has_alpha: false, motion: None, is_stilled: false })
}

pub(super) fn beside(bytes: &[u8]) -> Beside {
    let JpegOutline { exif, icc, xmp, iptc, .. } = outline(bytes);
    Beside { xmp, iptc, ..Beside::of(exif, icc) }
}

pub(super) fn decode(bytes: &[u8], reduction: f64) -> Result<(Pixels, Option<Flaw>), ImagingError> {
    let mut decompressor = Decompressor::open(bytes)?;
    let times = decompressor.reduce(reduction);
    let size @ Size { width, height } = decompressor.size_decoded();
    let (samples, pixels, damage) = decompressor.decode()?;
    let flaw = flaw(damage, &pixels, height as usize, times as usize)?
        .or_else(|| (!outline(bytes).has_end).then_some(Flaw::Damaged));
    let not_taken = || ImagingError::corrupt("the JPEG has too few samples");
    let pixels = match samples {
        Samples::Cmyk => Pixels::Cmyk(cmyk(pixels, size)),
        Samples::Grey => {
            Pixels::Image(GrayImage::from_raw(width, height, pixels).map(DynamicImage::from).ok_or_else(not_taken)?)
        }
        Samples::Rgb => {
            Pixels::Image(RgbImage::from_raw(width, height, pixels).map(DynamicImage::from).ok_or_else(not_taken)?)
        }
    };
    Ok((pixels, flaw))
}

/// The library goes on in one colour where data are missing: so do few pictures of themselves. Of one that was decoded so many
/// times smaller.
fn flaw(damage: Damage, pixels: &[u8], height: usize, times: usize) -> Result<Option<Flaw>, ImagingError> {
    if !damage.is_damaged {
        return Ok(None);
    }
    let short_from = damage.short_from.map_or(height, |row| row as usize / times);
    let flat = pixels.len().checked_div(height).map_or(0, |stride| flat_rows(pixels, stride));
    let missing = flat.min(height.saturating_sub(short_from));
    Flaw::of_missing(missing as u64, height as u64).map(Some)
}

/// How many rows at the end are like the one above each.
fn flat_rows(pixels: &[u8], stride: usize) -> usize {
    let rows = pixels.rchunks_exact(stride);
    rows.clone().zip(rows.skip(1)).take_while(|(row, above)| row == above).count()
}

/// Inks are written the other way round, by Adobe's programs and, as browsers have it, by all others.
fn cmyk(mut samples: Vec<u8>, size: Size) -> Cmyk {
    for share in &mut samples {
        *share = 255 - *share;
    }
    Cmyk { samples, width: size.width, height: size.height }
}
