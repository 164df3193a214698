//! Hand: pixels. Bytes in, bytes out.
//!
//! Everything but `sandbox` is pure and blocking, and may be handed a file that was made to kill: so the server never
//! calls it in its own process, but through the sandbox, in one that has limits and that may die.

mod colour;
mod crop;
mod decode;
mod encode;
mod exif_block;
mod hdr;
mod metadata;
mod perceptual_hash;
mod placeholder;
mod resample;
mod resize;
pub mod sandbox;
mod sniff;
mod suggested;
mod turn;

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use image::DynamicImage;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::decode::Frame;
use self::{
    decode::{Beside, Flaw, Motion, Source},
    encode::{AnimationEncoder, MOST_LOSSLESS, SourceKind},
    resize::Scaler,
    turn::upright_size,
};
use crate::domain::{
    failure::{Failure, FailureCode},
    fingerprint::Fingerprint,
    format::ImageFormat,
    image::Facts,
    metadata::Metadata,
    variant::{VariantFormat, VariantName},
    variant_spec::VariantSpec,
};

/// An animation of more frames stands still.
const MAX_FRAMES: u32 = 1000;
/// In pixels: that of a film in 4K. libwebp holds half a dozen of them.
const MAX_FRAME: u64 = 9_000_000;
/// In pixels, over all frames: four seconds of 978 × 720 at 30 a second. Where everything in them moves, that is a minute of CPU, in a debug build.
const MAX_PIXELS_OF_FRAMES: u64 = 100_000_000;
/// In milliseconds.
const MAX_ANIMATION: u64 = 5 * 60 * 1000;
/// How many times as many bytes as its original a variant that moves may have; and in bytes, what is never too many.
const MOST_OF_ORIGINAL: usize = 4;
const LEAST_MOST: usize = 1024 * 1024;
/// In bytes a pixel: what a variant takes while it is scaled and encoded, measured. An alpha, and what is drawn, is
/// encoded without loss, which takes libwebp thirty bytes; a moving one is compared with the frames before it.
const ENCODING: u64 = 4;
const SCALED: u64 = 3;
/// Eleven more than without at 12 megapixels, and room for more.
const ENCODING_SHARP: u64 = 24;
const ENCODING_ALPHA: u64 = 36;
const MOVING: u64 = 60;
/// In bytes: what a job takes beside its pixels.
const BESIDE_PIXELS: u64 = 24 * 1024 * 1024;

/// How much an image may ask of the machine.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    /// Width times height, known before anything is decoded.
    pub max_pixels: u64,
}

/// Why bytes do not become an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ImagingError {
    #[error("the file is not an image")]
    NotAnImage,
    #[error("the file is {found}, but was announced as {expected}")]
    Mismatch { expected: String, found: String },
    #[error("the image has {width} × {height} pixels, more than the {max_pixels} that are allowed")]
    TooManyPixels { width: u32, height: u32, max_pixels: u64 },
    #[error("the file is damaged: {0}")]
    Corrupt(String),
    /// Not the file's fault.
    #[error("the encoder failed: {0}")]
    Encoder(String),
}

impl ImagingError {
    fn corrupt(why: impl ToString) -> Self {
        Self::Corrupt(why.to_string())
    }

    /// What the person who uploaded is told; nothing where the file is not to blame.
    pub fn as_failure(&self) -> Option<Failure> {
        let (code, message) = match self {
            Self::NotAnImage => (FailureCode::NotAnImage, "The file is not an image in a supported format.".to_owned()),
            Self::Mismatch { expected, found } => {
                let message = format!("The upload was announced as {expected}, but the file is {found}.");
                (FailureCode::ContentTypeMismatch, message)
            }
            Self::TooManyPixels { width, height, max_pixels } => {
                let message = format!(
                    "The image has {width} × {height} pixels; at most {max_pixels} are allowed, and \
                     65535 a side."
                );
                (FailureCode::TooManyPixels, message)
            }
            Self::Corrupt(_) => (FailureCode::Corrupt, "The file is damaged and cannot be decoded.".to_owned()),
            Self::Encoder(_) => return None,
        };
        Some(Failure { code, message })
    }
}

/// A file whose header was read, and found to be within the limits.
pub struct Opened<'a>(Source<'a>);

/// An image decoded once: upright, in sRGB, RGB or RGBA of 8 bits.
pub struct Decoded<'a> {
    source: Source<'a>,
    beside: Beside,
    picture: Scaler,
    /// `None` for one that stands still, or is made to.
    motion: Option<Motion>,
    /// A variant that moves took too many bytes: larger ones are not tried.
    is_too_heavy: AtomicBool,
    notes: Vec<String>,
}

/// A variant as bytes.
#[derive(Debug, Clone)]
pub struct Encoded {
    pub name: VariantName,
    pub format: VariantFormat,
    pub bytes: Bytes,
    pub width: u32,
    pub height: u32,
}

impl<'a> Opened<'a> {
    /// Reads a file's header; of any format where none is expected.
    ///
    /// # Errors
    /// When it is no image, another format than expected, too large, or damaged.
    pub fn new(bytes: &'a [u8], expected: Option<ImageFormat>, limits: Limits) -> Result<Self, ImagingError> {
        Source::open(bytes, expected, limits).map(Self)
    }

    /// In bytes, what it takes at most to decode the image and make these variants, so many of them at once.
    pub fn memory(&self, specs: &[VariantSpec], at_once: usize) -> u64 {
        let Source { bytes, header, .. } = &self.0;
        let pixels = self.0.pixels();
        let encoding = |pixels: u64, spec: &VariantSpec| match kind_of(self.0.format) {
            _ if header.has_alpha => pixels * ENCODING_ALPHA,
            SourceKind::MayBeDrawn if pixels <= MOST_LOSSLESS => pixels * ENCODING_ALPHA,
            SourceKind::MayBeDrawn | SourceKind::Photo if spec.sharp_yuv => pixels * ENCODING_SHARP,
            SourceKind::MayBeDrawn | SourceKind::Photo => pixels * ENCODING,
        };
        let of_variant = |spec: &VariantSpec| match spec.bounds {
            Some(bounds) => {
                let (width, height) = bounds.sides();
                let scaled = (u64::from(width) * u64::from(height)).min(pixels);
                encoding(scaled, spec) + scaled * SCALED
            }
            None => encoding(pixels, spec),
        };
        let mut variants: Vec<u64> = specs.iter().map(of_variant).collect();
        variants.sort_unstable_by(|one, other| other.cmp(one));
        let making = match self.moving() {
            Some(_) => pixels * MOVING,
            None => variants.into_iter().take(at_once).sum(),
        };
        pixels * header.bytes_a_pixel + making + 3 * bytes.len() as u64 + BESIDE_PIXELS
    }

    /// The motion, where it is kept.
    fn moving(&self) -> Option<Motion> {
        self.0.header.motion.filter(|motion| too_much(*motion, self.0.pixels()).is_none())
    }

    /// Decodes it, as large as these variants need it.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn decode(self, specs: &[VariantSpec]) -> Result<Decoded<'a>, ImagingError> {
        let motion = self.moving();
        let Self(source) = self;
        let beside = source.beside();
        let size = beside.size_shown(source.header.size);
        let reduction = resize::reduction(upright_size(size, &beside.turns), specs);
        let (pixels, flaw) = source.decode(&beside, reduction)?;
        let picture = Scaler::new(pixels, size, &beside.turns, specs);
        let mut notes: Vec<String> = flaw.iter().map(Flaw::to_string).collect();
        if source.header.is_stilled {
            notes.push("Animations in this format are not supported: the variants show the first frame.".to_owned());
        }
        if let Some(what) = source.header.motion.and_then(|motion| too_much(motion, source.pixels())) {
            notes.push(format!("The animation has {what}: the variants show the first frame."));
        }
        Ok(Decoded { source, beside, picture, motion, is_too_heavy: AtomicBool::new(false), notes })
    }
}

/// Cameras write no other formats than these.
const fn kind_of(format: ImageFormat) -> SourceKind {
    match format {
        ImageFormat::Jpeg | ImageFormat::Heic => SourceKind::Photo,
        ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP | ImageFormat::Avif => SourceKind::MayBeDrawn,
    }
}

/// What an animation has too much of to be kept moving.
fn too_much(motion: Motion, pixels: u64) -> Option<String> {
    if motion.frames > MAX_FRAMES {
        return Some(format!("{} frames, more than {MAX_FRAMES}", motion.frames));
    }
    if pixels > MAX_FRAME {
        return Some(format!("frames of more than {MAX_FRAME} pixels"));
    }
    if motion.pixels > MAX_PIXELS_OF_FRAMES {
        return Some(format!("more than {MAX_PIXELS_OF_FRAMES} pixels over all frames"));
    }
    let seconds = MAX_ANIMATION / 1000;
    (motion.duration > MAX_ANIMATION).then(|| format!("{} seconds, more than {seconds}", motion.duration / 1000))
}

impl Decoded<'_> {
    /// What variants are made of; of an animation, the first frame. Whole and upright where one of them is of full size.
    pub const fn pixels(&self) -> &DynamicImage {
        self.picture.decoded()
    }

    /// What can be told before any variant is made.
    ///
    /// # Errors
    /// When the pixels cannot be scaled down.
    pub fn facts(&self) -> Result<(Facts, Fingerprint), ImagingError> {
        let small = self.picture.roughly(placeholder::MAX_SIDE)?;
        let size = self.picture.size();
        let perceptual_hash = perceptual_hash::of(&small);
        let small = small.into_rgba8();
        let facts = Facts {
            width: size.width,
            height: size.height,
            placeholder: placeholder::thumbhash(&small),
            dominant_colour: Some(placeholder::dominant_colour(&small)),
            is_animated: self.source.header.motion.is_some() || self.source.header.is_stilled,
        };
        Ok((facts, Fingerprint { sha256: Sha256::digest(self.source.bytes).into(), perceptual_hash }))
    }

    /// Whether its variants move, which takes as much memory as there is for it: one of them at a time.
    pub const fn is_moving(&self) -> bool {
        self.motion.is_some()
    }

    /// Every frame of an animation, one after the other.
    ///
    /// # Errors
    /// When the file cannot be taken apart; a frame that is damaged is an error of its own.
    pub fn frames(&self) -> Result<impl Iterator<Item = Result<Frame, ImagingError>>, ImagingError> {
        self.source.frames(&self.beside)
    }

    /// What is written beside the pixels, none of which is in any variant.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = self.beside.exif.clone().map(metadata::read).unwrap_or_default();
        metadata.removed = metadata::removed(&self.beside, &metadata);
        metadata.suggested = suggested::of(&self.beside);
        metadata.notes.clone_from(&self.notes);
        metadata
    }

    /// Makes one of the variants that it was decoded for.
    ///
    /// # Errors
    /// When a frame is damaged, or scaling or encoding fails.
    pub fn variant(&self, spec: &VariantSpec) -> Result<Encoded, ImagingError> {
        let pixels = self.picture.for_variant(spec)?;
        let (width, height) = (pixels.width(), pixels.height());
        let moving = match self.motion {
            Some(motion) if spec.format == VariantFormat::WebP => self.moving((width, height), motion, spec)?,
            _ => None,
        };
        let bytes = match moving {
            Some(bytes) => bytes,
            None => encode::still(&pixels, spec, kind_of(self.source.format))?,
        };
        Ok(Encoded { name: spec.name.clone(), format: spec.format, bytes: bytes.into(), width, height })
    }

    /// All frames, unless they take too many bytes: then the first one stands for them, in this variant and in those that are
    /// made after it, which are larger.
    fn moving(&self, size: (u32, u32), motion: Motion, spec: &VariantSpec) -> Result<Option<Vec<u8>>, ImagingError> {
        if self.is_too_heavy.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut animation = AnimationEncoder::new(size, motion.loops, spec)?;
        for frame in self.frames()? {
            let frame = frame?;
            let scaled = resize::frame(&frame.image, spec)?;
            animation.add(&scaled, frame.duration)?;
        }
        let bytes = animation.finish()?;
        let is_too_heavy = bytes.len() > LEAST_MOST.max(MOST_OF_ORIGINAL * self.source.bytes.len());
        self.is_too_heavy.store(is_too_heavy, Ordering::Relaxed);
        Ok((!is_too_heavy).then_some(bytes))
    }
}
