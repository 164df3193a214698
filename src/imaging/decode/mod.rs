//! Decoding, under limits: bounded before the first pixel, upright, in sRGB.

mod gif;
mod gif_outline;
mod heif;
mod jpeg;
mod jpeg_outline;
mod libjpeg;
mod png;
mod png_chunks;
mod webp;
mod webp_frames;

use image::{DynamicImage, ImageError, error::LimitErrorKind, metadata::Orientation};

use super::{
    ImagingError, Limits,
    colour::{self, Cmyk, Profile},
    crop::Crop,
    sniff,
    turn::turned_by,
};
use crate::domain::format::ImageFormat;

/// What headers, text, profiles and makers' notes may take beside the pixels, in bytes.
const METADATA_BYTES: u64 = 32 * 1024 * 1024;
/// The longest side that JPEG and GIF have room for. A picture one pixel wide and fifty million tall costs
/// gigabytes to scale, whatever its area.
const MAX_SIDE: u32 = 65_535;
/// A picture that lacks more than one in so many of its rows is not shown.
const MOST_MISSING: u64 = 10;

/// Before an EXIF block in a JPEG. libvips, and with it sharp, writes it in a WebP too, and others in a PNG.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// In pixels, as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
}

/// What a file's header tells, before anything is decoded.
#[derive(Debug)]
pub(super) struct Header {
    pub size: Size,
    /// What one pixel takes while it is decoded, in bytes.
    pub bytes_a_pixel: u64,
    pub has_alpha: bool,
    pub motion: Option<Motion>,
    /// Whether there is motion that is not kept, because of its format.
    pub is_stilled: bool,
}

/// What a file says of its frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    pub frames: u32,
    /// In milliseconds, all frames together.
    pub duration: u64,
    /// How often it is played; for ever where there is no number.
    pub loops: Option<u16>,
    /// Of all frames together.
    pub pixels: u64,
}

/// What is written beside the pixels.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// What makes it upright, one after the other.
    pub turns: Vec<Orientation>,
    /// What is shown of it, before it is turned; all of it where nothing else is said.
    pub crop: Option<Crop>,
    pub exif: Option<Vec<u8>>,
    pub profile: Option<Profile>,
    /// A packet of XMP; empty where it is there and cannot be read.
    pub xmp: Option<Vec<u8>>,
    /// Records of IPTC; empty where they are there and cannot be read.
    pub iptc: Option<Vec<u8>>,
}

impl Beside {
    /// As most formats carry it: EXIF, which turns the picture, and an ICC profile.
    fn of(exif: Option<Vec<u8>>, icc: Option<Vec<u8>>) -> Self {
        let exif = exif.map(|mut block| {
            if block.starts_with(EXIF_PREFIX) {
                block.drain(..EXIF_PREFIX.len());
            }
            block
        });
        let turns = exif.as_deref().and_then(Orientation::from_exif_chunk).into_iter().collect();
        Self { turns, exif, profile: icc.map(Profile::Icc), ..Self::default() }
    }

    /// What is to be seen of the picture, before it is turned.
    fn shown(&self, image: DynamicImage) -> DynamicImage {
        match self.crop {
            Some(Crop { left, top, width, height }) => image.crop_imm(left, top, width, height),
            None => image,
        }
    }

    /// Of what is to be seen, before it is turned.
    pub(super) fn size_shown(&self, size: Size) -> Size {
        self.crop.map_or(size, |crop| Size { width: crop.width, height: crop.height })
    }
}

/// What is wrong with a file that is shown all the same, as browsers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("The file is damaged: parts of the picture may be missing or wrong.")]
    Damaged,
    #[error("The file breaks off: the last rows of the picture are missing.")]
    RowsMissing,
    #[error("The file is damaged: the animation ends before the damage.")]
    FramesMissing,
}

impl Flaw {
    /// Of so many rows or pixels, what could not be read; an error where that is too much to be shown.
    fn of_missing(missing: u64, of: u64) -> Result<Self, ImagingError> {
        if missing > of / MOST_MISSING {
            return Err(ImagingError::corrupt(format!("{missing} of {of} rows or pixels are missing")));
        }
        Ok(if missing > 0 { Self::RowsMissing } else { Self::Damaged })
    }
}

impl Size {
    pub(super) const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// Pixels as their decoder gives them.
enum Pixels {
    Image(DynamicImage),
    Cmyk(Cmyk),
}

/// A frame of an animation, whole and upright, in sRGB.
pub struct Frame {
    pub image: DynamicImage,
    /// In milliseconds.
    pub duration: u32,
}

/// A file whose header was read and found to be within the limits.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub bytes: &'a [u8],
    pub format: ImageFormat,
    pub header: Header,
}

impl<'a> Source<'a> {
    /// Reads the header of a file; of any format where none is expected.
    pub(super) fn open(bytes: &'a [u8], expected: Option<ImageFormat>, limits: Limits) -> Result<Self, ImagingError> {
        let format = sniff::format_of(bytes)?;
        if let Some(expected) = expected.filter(|expected| *expected != format) {
            let (expected, found) = (expected.content_type().to_owned(), format.content_type().to_owned());
            return Err(ImagingError::Mismatch { expected, found });
        }
        // A size that cannot be is refused before anybody looks further into the file.
        let size = match format {
            ImageFormat::Jpeg => jpeg::size(bytes),
            ImageFormat::Png => png::size(bytes),
            ImageFormat::Gif => gif::size(bytes),
            ImageFormat::WebP => webp::size(bytes),
            ImageFormat::Heic | ImageFormat::Avif => heif::size(bytes),
        }?;
        let Size { width, height } = size;
        if u64::from(width) * u64::from(height) > limits.max_pixels || width.max(height) > MAX_SIDE {
            return Err(ImagingError::TooManyPixels { width, height, max_pixels: limits.max_pixels });
        }
        if width == 0 || height == 0 {
            return Err(ImagingError::corrupt("the picture has no pixels"));
        }
        let header = match format {
            ImageFormat::Jpeg => jpeg::header(bytes, size),
            ImageFormat::Png => png::header(bytes, size),
            ImageFormat::Gif => gif::header(bytes, size),
            ImageFormat::WebP => webp::header(bytes, size),
            ImageFormat::Heic | ImageFormat::Avif => heif::header(bytes, size),
        }?;
        Ok(Self { bytes, format, header })
    }

    /// How many pixels there are to decode.
    pub(super) fn pixels(&self) -> u64 {
        self.header.size.pixels()
    }

    /// What is written beside the pixels. What cannot be read costs the image its orientation or its colours, but
    /// not its life.
    pub(super) fn beside(&self) -> Beside {
        match self.format {
            ImageFormat::Jpeg => Some(jpeg::beside(self.bytes)),
            ImageFormat::Png => png::beside(self.bytes),
            ImageFormat::Gif => Some(Beside::default()),
            ImageFormat::WebP => webp::beside(self.bytes),
            ImageFormat::Heic | ImageFormat::Avif => heif::beside(self.bytes),
        }
        .unwrap_or_default()
    }

    /// Decodes the picture, or the first frame, and turns it into sRGB: RGB or RGBA of 8 bits, not upright yet. Of a format
    /// that can be decoded smaller for less, it may be up to so many times smaller.
    pub(super) fn decode(&self, beside: &Beside, reduction: f64) -> Result<(DynamicImage, Option<Flaw>), ImagingError> {
        let (pixels, flaw) = match self.format {
            ImageFormat::Jpeg => jpeg::decode(self.bytes, reduction)?,
            ImageFormat::Png => {
                png::decode(self.bytes, self.header.size).map(|(image, flaw)| (Pixels::Image(image), flaw))?
            }
            ImageFormat::Gif => gif::decode(self.bytes).map(|(image, flaw)| (Pixels::Image(image), flaw))?,
            ImageFormat::WebP => (Pixels::Image(webp::decode(self.bytes, self.pixels())?), None),
            ImageFormat::Heic | ImageFormat::Avif => (Pixels::Image(heif::decode(self.bytes)?), None),
        };
        let image = match pixels {
            Pixels::Image(image) => colour::to_srgb(image, beside.profile.as_ref()),
            Pixels::Cmyk(cmyk) => colour::cmyk_to_srgb(&cmyk, beside.profile.as_ref()),
        };
        Ok((beside.shown(colour::without_idle_alpha(image)), flaw))
    }

    /// Every frame, one after the other.
    pub(super) fn frames<'b>(
        &'b self,
        beside: &'b Beside,
    ) -> Result<Box<dyn Iterator<Item = Result<Frame, ImagingError>> + 'b>, ImagingError> {
        let finish = move |frame: Result<(DynamicImage, u32), ImagingError>| {
            frame.map(|(image, duration)| {
                let image = beside.shown(colour::to_srgb(image, beside.profile.as_ref()));
                let image = turned_by(image, &beside.turns);
                Frame { image, duration }
            })
        };
        let counted = self.header.motion.map_or(1, |motion| motion.frames as usize);
        Ok(match self.format {
            ImageFormat::Gif => Box::new(gif::frames(self.bytes)?.take(counted).map(finish)),
            ImageFormat::WebP => Box::new(webp_frames::Frames::of(self.bytes)?.map(finish)),
            _ => Box::new(std::iter::empty()),
        })
    }
}

impl From<ImageError> for ImagingError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(limits) if matches!(limits.kind(), LimitErrorKind::InsufficientMemory) => {
                Self::corrupt("decoding it exceeds the memory limit")
            }
            error => Self::corrupt(error),
        }
    }
}
