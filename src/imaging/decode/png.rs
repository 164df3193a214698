//! PNG of any depth; of an APNG the first frame.

use std::{io::Cursor, ops::RangeInclusive};

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Pixel, Rgb, RgbImage, Rgba, RgbaImage};
use png::{
    BitDepth, ColorType, Decoder, DecodingError, Info, InterlaceInfo, Limits, Reader, SourceChromaticities,
    Transformations, expand_interlaced_row,
};

use super::{Beside, Flaw, Header, METADATA_BYTES, Size, png_chunks};
use crate::imaging::{
    ImagingError,
    colour::{Measured, MeasuredGamut, Profile},
};

/// Others are mistakes, which would leave a picture black or white.
const USUAL_GAMMAS: RangeInclusive<f32> = 0.2..=5.0;
/// RGBA of 8 bits, and twice that: samples of 16 bits are turned into numbers beside what was read.
const BYTES_A_PIXEL: u64 = 8;
const BYTES_A_DEEP_PIXEL: u64 = 16;

/// How many of the units in which a PNG tells light are one cd/m².
const LIGHT: u32 = 10_000;

type PngReader<'a> = Reader<Cursor<&'a [u8]>>;

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    let limits = Limits { bytes: usize::try_from(METADATA_BYTES).map_err(ImagingError::corrupt)? };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    let header = decoder.read_header_info()?;
    Ok(Size { width: header.width, height: header.height })
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let reader = opened(bytes, METADATA_BYTES, Checks::None)?;
    // A palette's too, which becomes one here.
    let has_alpha = matches!(reader.output_color_type().0, ColorType::GrayscaleAlpha | ColorType::Rgba);
    let is_stilled = reader.info().is_animated();
    let is_deep = reader.output_color_type().1 == BitDepth::Sixteen;
    let bytes_a_pixel = if is_deep { BYTES_A_DEEP_PIXEL } else { BYTES_A_PIXEL };
    Ok(Header { size, bytes_a_pixel, has_alpha, motion: None, is_stilled })
}

pub(super) fn beside(bytes: &[u8]) -> Option<Beside> {
    let chunks = png_chunks::read(bytes);
    let reader = opened(bytes, METADATA_BYTES, Checks::None).ok()?;
    let icc = reader.info().icc_profile.as_deref().map(<[u8]>::to_vec);
    let beside = Beside::of(chunks.exif, icc);
    let profile = match reader.info().coding_independent_code_points {
        Some(points) if Profile::knows_code_points(points.color_primaries, points.transfer_function) => {
            by_code_points(reader.info())
        }
        _ => beside.profile.clone().or_else(|| measured(reader.info()).map(Profile::Measured)),
    };
    Some(Beside { xmp: chunks.xmp, iptc: chunks.iptc, profile, ..beside })
}

/// What `cICP` says, which comes before all others.
fn by_code_points(info: &Info) -> Option<Profile> {
    let points = info.coding_independent_code_points?;
    let of_picture = info.content_light_level.map(|light| light.max_content_light_level);
    let of_screen = info.mastering_display_color_volume.map(|screen| screen.max_luminance);
    let is_light = |most: &u32| *most >= LIGHT;
    let brightest = of_picture.filter(is_light).or(of_screen.filter(is_light));
    let brightest = brightest.and_then(|most| u16::try_from(most / LIGHT).ok());
    Profile::of_code_points(points.color_primaries.into(), points.transfer_function.into(), brightest.map(f32::from))
}

/// What `gAMA` and `cHRM` say, where neither a profile nor `sRGB` says it better.
fn measured(info: &Info) -> Option<Measured> {
    if info.srgb.is_some() || (info.gama_chunk.is_none() && info.chrm_chunk.is_none()) {
        return None;
    }
    let gamma = info.gama_chunk.map(|gamma| 1.0 / gamma.into_value()).filter(|gamma| USUAL_GAMMAS.contains(gamma));
    let gamut = info.chrm_chunk.map(|SourceChromaticities { white, red, green, blue }| {
        let [white, red, green, blue] = [white, red, green, blue].map(|(x, y)| (x.into_value(), y.into_value()));
        MeasuredGamut { white, red, green, blue }
    });
    // Whatever is divided by is not zero.
    let is_a_gamut =
        |gamut: &MeasuredGamut| [gamut.white, gamut.red, gamut.green, gamut.blue].iter().all(|(_, y)| *y > 0.01);
    Some(Measured { gamma, gamut: gamut.filter(is_a_gamut) })
}

/// Decodes it; where a checksum is wrong, as if there were none.
pub(super) fn decode(bytes: &[u8], size: Size) -> Result<(DynamicImage, Option<Flaw>), ImagingError> {
    let picture = Picture::read(bytes, size, Checks::All)?;
    if picture.is_whole {
        return Ok((picture.image()?, None));
    }
    drop(picture);
    let picture = Picture::read(bytes, size, Checks::None)?;
    let flaw = Flaw::of_missing(picture.left, size.pixels())?;
    Ok((picture.image()?, Some(flaw)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    All,
    None,
}

/// The samples as far as they could be read.
struct Picture {
    size: Size,
    colour: ColorType,
    depth: BitDepth,
    samples: Vec<u8>,
    /// In pixels, what could not.
    left: u64,
    /// Nothing was found to be wrong.
    is_whole: bool,
}

impl Picture {
    fn read(bytes: &[u8], size: Size, checks: Checks) -> Result<Self, ImagingError> {
        let mut reader = opened(bytes, size.pixels() * BYTES_A_PIXEL + METADATA_BYTES, checks)?;
        let (colour, depth) = reader.output_color_type();
        // Expanded, a sample has one byte or two.
        let pixel = colour.samples() * depth as usize / 8;
        let stride = size.width as usize * pixel;
        let bits = u8::try_from(8 * pixel).map_err(ImagingError::corrupt)?;
        let samples = vec![0; stride * size.height as usize];
        let mut picture = Self { size, colour, depth, samples, left: size.pixels(), is_whole: false };
        let mut rows = 0;
        // What breaks off is kept as far as it goes.
        loop {
            let row = match reader.next_interlaced_row() {
                Ok(Some(row)) => row,
                end => {
                    picture.is_whole = end.is_ok() && picture.left == 0;
                    return Ok(picture);
                }
            };
            match row.interlace() {
                InterlaceInfo::Null(_) => picture.samples[rows * stride..][..stride].copy_from_slice(row.data()),
                InterlaceInfo::Adam7(pass) => {
                    expand_interlaced_row(&mut picture.samples, stride, row.data(), pass, bits);
                }
            }
            rows += 1;
            picture.left = picture.left.saturating_sub((row.data().len() / pixel) as u64);
        }
    }

    fn image(self) -> Result<DynamicImage, ImagingError> {
        let Self { size: Size { width, height }, colour, depth, samples, .. } = self;
        if depth == BitDepth::Sixteen {
            return match colour {
                ColorType::Grayscale => of_sixteen::<Luma<u16>>(width, height, &samples).map(DynamicImage::from),
                ColorType::GrayscaleAlpha => of_sixteen::<LumaA<u16>>(width, height, &samples).map(DynamicImage::from),
                ColorType::Rgba => of_sixteen::<Rgba<u16>>(width, height, &samples).map(DynamicImage::from),
                ColorType::Rgb | ColorType::Indexed => {
                    of_sixteen::<Rgb<u16>>(width, height, &samples).map(DynamicImage::from)
                }
            };
        }
        match colour {
            ColorType::Grayscale => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
            ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, samples).map(DynamicImage::from),
            ColorType::Rgba => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
            ColorType::Rgb | ColorType::Indexed => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        }
        .ok_or_else(too_few)
    }
}

fn of_sixteen<P: Pixel<Subpixel = u16>>(
    width: u32,
    height: u32,
    samples: &[u8],
) -> Result<ImageBuffer<P, Vec<u16>>, ImagingError> {
    let samples = samples.as_chunks::<2>().0.iter().map(|sample| u16::from_be_bytes(*sample)).collect();
    ImageBuffer::from_raw(width, height, samples).ok_or_else(too_few)
}

fn too_few() -> ImagingError {
    ImagingError::corrupt("the PNG has too few samples")
}

fn opened(bytes: &[u8], max_alloc: u64, checks: Checks) -> Result<PngReader<'_>, ImagingError> {
    let limits = Limits { bytes: usize::try_from(max_alloc).map_err(ImagingError::corrupt)? };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(checks == Checks::None);
    Ok(decoder.read_info()?)
}

impl From<DecodingError> for ImagingError {
    fn from(error: DecodingError) -> Self {
        Self::corrupt(error)
    }
}

#[cfg(test)]
mod tests {
    use png::{Encoder, ScaledFloat};

    use super::*;
    use crate::imaging::colour;

    /// A grey in the middle, with this gamma and these primaries, as sRGB.
    fn middle(gamma: Option<f32>, gamut: Option<SourceChromaticities>) -> [u8; 3] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(ColorType::Rgb);
        if let Some(gamma) = gamma {
            encoder.set_source_gamma(ScaledFloat::new(gamma));
        }
        if let Some(gamut) = gamut {
            encoder.set_source_chromaticities(gamut);
        }
        encoder.write_header().and_then(|mut file| file.write_image_data(&[128, 64, 128])).expect("a PNG");
        let (image, _) = decode(&bytes, Size { width: 1, height: 1 }).expect("a picture");
        let profile = beside(&bytes).expect("a header").profile;
        colour::to_srgb(image, profile.as_ref()).into_rgb8().get_pixel(0, 0).0
    }

    #[test]
    fn gamma_and_primaries_are_followed() {
        assert_eq!(middle(None, None), [128, 64, 128]);
        // Numbers that are light itself: half of it is 188 in sRGB, a quarter 137.
        let linear = middle(Some(1.0), None);
        assert!(linear[0].abs_diff(188) < 2 && linear[1].abs_diff(137) < 2, "{linear:?}");
        assert_eq!(middle(Some(0.00001), None), [128, 64, 128], "no screen has that");
        let swapped = SourceChromaticities::new((0.3127, 0.3290), (0.30, 0.60), (0.64, 0.33), (0.15, 0.06));
        let swapped = middle(None, Some(swapped));
        assert!(swapped[0].abs_diff(64) < 3 && swapped[1].abs_diff(128) < 3, "{swapped:?}");
        let none = SourceChromaticities::new((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
        assert_eq!(middle(None, Some(none)), [128, 64, 128]);
    }
}
