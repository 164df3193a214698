//! HEIC and AVIF: one container, two codecs.
//!
//! The container is believed in nothing that costs memory: a picture's canvas is made when its first part has been
//! decoded and is as large as the container said.

mod av1;
mod container;
mod hevc;
mod overlay;
mod planes;
mod sequence;

use heifer_isobmff::{HeifFile, boxes::ColorInfo};
use image::{DynamicImage, GenericImage, GrayImage, Rgb, RgbImage, RgbaImage};

use self::{
    container::Part,
    planes::{ColourRule, Planes},
    sequence::{Sample, Sequence},
};
use super::{Beside, Header, Size};
use crate::imaging::{ImagingError, colour::Profile};

/// Planes of 16 bits, the decoder's own buffers, the canvas: measured at 13 for 4:4:4 of 10 bits.
const BYTES_A_PIXEL: u64 = 16;

/// What a file is, by what stands for it.
enum Container<'a> {
    Items(HeifFile<'a>),
    /// A film without a picture of its own.
    Film(Sequence<'a>),
}

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    match open(bytes)? {
        Container::Items(file) => container::size(&file, file.primary_id),
        Container::Film(film) => Ok(film.picture.size),
    }
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let (has_alpha, is_stilled) = match open(bytes)? {
        Container::Items(file) => (container::alpha(&file)?.is_some(), container::is_sequence(&file)),
        Container::Film(film) => (film.alpha.is_some(), true),
    };
    Ok(Header { size, bytes_a_pixel: BYTES_A_PIXEL, has_alpha, motion: None, is_stilled })
}

/// An orientation in EXIF is not to be followed: the container has its own.
pub(super) fn beside(bytes: &[u8]) -> Option<Beside> {
    let file = match open(bytes).ok()? {
        Container::Items(file) => file,
        Container::Film(film) => {
            let profile = film.picture.colour.and_then(|colour| profile_of(colour, None));
            return Some(Beside { profile, ..Beside::default() });
        }
    };
    let (turns, crop) = container::turns(&file).ok()?;
    let profile = match file.icc_profile(file.primary_id) {
        Ok(Some(profile)) => Some(Profile::Icc(profile.to_vec())),
        _ => {
            let peak = container::peak(&file, file.primary_id);
            container::colour(&file, file.primary_id).ok()?.and_then(|colour| profile_of(colour, peak))
        }
    };
    let exif = file.exif(file.primary_id).unwrap_or(None);
    Some(Beside { turns, crop, exif, profile, xmp: container::xmp(&file), iptc: None })
}

pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage, ImagingError> {
    match open(bytes)? {
        Container::Items(file) => decode_items(&file),
        Container::Film(film) => decode_film(&film),
    }
}

fn open(bytes: &[u8]) -> Result<Container<'_>, ImagingError> {
    match HeifFile::parse(bytes) {
        Ok(file) => Ok(Container::Items(file)),
        Err(error) => sequence::read(bytes).map(Container::Film).map_err(|_| ImagingError::corrupt(error)),
    }
}

fn decode_items(file: &HeifFile) -> Result<DynamicImage, ImagingError> {
    let fill = overlay::fill(file, file.primary_id)?;
    let mut canvas = None;
    for part in container::parts(file, file.primary_id)? {
        let planes = decode_part(file, &part)?;
        let canvas = canvas.get_or_insert_with(|| RgbImage::from_pixel(part.whole.width, part.whole.height, Rgb(fill)));
        planes.paint(canvas, (part.left, part.top))?;
    }
    let picture = canvas.ok_or_else(|| ImagingError::corrupt("the picture has no parts"))?;
    match container::alpha(file)? {
        Some(alpha) => with_alpha(file, picture, &alpha),
        None => Ok(picture.into()),
    }
}

fn decode_film(film: &Sequence) -> Result<DynamicImage, ImagingError> {
    let Size { width, height } = film.picture.size;
    let mut picture = RgbImage::new(width, height);
    decode_sample(&film.picture)?.paint(&mut picture, (0, 0))?;
    let Some(alpha) = &film.alpha else { return Ok(picture.into()) };
    if alpha.size != film.picture.size {
        return Err(ImagingError::corrupt("the alpha channel and the picture have different sizes"));
    }
    Ok(masked(&picture, &decode_sample(alpha)?.luma()?, false))
}

fn decode_sample(sample: &Sample) -> Result<Planes, ImagingError> {
    let rule = sample.colour.as_ref().and_then(rule_of);
    let mut planes = av1::decode(sample.data, sample.size, rule, 0)?;
    planes.crop_to(sample.size)?;
    Ok(planes)
}

fn rule_of(colour: &ColorInfo) -> Option<ColourRule> {
    match *colour {
        ColorInfo::Nclx { primaries, matrix, full_range, .. } => {
            Some(ColourRule { primaries, matrix, is_full_range: full_range })
        }
        ColorInfo::Icc(_) => None,
    }
}

fn decode_part(file: &HeifFile, part: &Part) -> Result<Planes, ImagingError> {
    // What the container says of colours comes before what the picture says.
    let colour = container::colour(file, part.item)?.or_else(|| part.colour.clone());
    let rule = colour.as_ref().and_then(rule_of);
    let point = container::operating_point(file, part.item);
    let mut planes = match &file.item(part.item).map_err(ImagingError::corrupt)?.item_type.0 {
        b"hvc1" => hevc::decode(&file.hevc_bitstream(part.item).map_err(ImagingError::corrupt)?, part.size)?,
        b"av01" => av1::decode(&file.item_data(part.item).map_err(ImagingError::corrupt)?, part.size, rule, point)?,
        _ => return Err(ImagingError::corrupt("the codec of the picture is not supported")),
    };
    if let Some(rule) = rule {
        planes.rule = rule;
    }
    planes.crop_to(part.size)?;
    Ok(planes)
}

fn with_alpha(file: &HeifFile, picture: RgbImage, alpha: &[Part]) -> Result<DynamicImage, ImagingError> {
    let (width, height) = picture.dimensions();
    let mut mask = None;
    for part in alpha {
        if (part.whole.width, part.whole.height) != (width, height) {
            return Err(ImagingError::corrupt("the alpha channel and the picture have different sizes"));
        }
        let mask = mask.get_or_insert_with(|| GrayImage::new(width, height));
        let luma = decode_part(file, part)?.luma()?;
        let (right, bottom) = ((width - part.left).min(luma.width()), (height - part.top).min(luma.height()));
        let visible = image::imageops::crop_imm(&luma, 0, 0, right, bottom).to_image();
        mask.copy_from(&visible, part.left, part.top).map_err(ImagingError::corrupt)?;
    }
    let mask = mask.ok_or_else(|| ImagingError::corrupt("the alpha channel has no parts"))?;
    Ok(masked(&picture, &mask, container::is_premultiplied(file)))
}

fn masked(picture: &RgbImage, mask: &GrayImage, is_premultiplied: bool) -> DynamicImage {
    let mut image = RgbaImage::new(picture.width(), picture.height());
    for ((rgb, alpha), rgba) in picture.pixels().zip(mask.pixels()).zip(image.pixels_mut()) {
        let alpha = alpha.0[0];
        let [r, g, b] = if is_premultiplied { rgb.0.map(|value| divide(value, alpha)) } else { rgb.0 };
        rgba.0 = [r, g, b, alpha];
    }
    image.into()
}

/// What was multiplied by its alpha before it was stored.
fn divide(value: u8, alpha: u8) -> u8 {
    let exact = (u32::from(value) * 255 + u32::from(alpha) / 2).checked_div(alpha.into()).unwrap_or(0);
    u8::try_from(exact).unwrap_or(u8::MAX)
}

fn profile_of(colour: ColorInfo, peak: Option<f32>) -> Option<Profile> {
    let ColorInfo::Nclx { primaries, transfer, .. } = colour else { return None };
    Profile::of_code_points(primaries, transfer, peak)
}
