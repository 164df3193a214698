//! Colours: whatever a file says its numbers mean, they become sRGB.

use std::sync::Arc;

use image::{DynamicImage, RgbImage};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor, TransformOptions, XyY,
};

use super::hdr::{self, Gamut, Hdr, HdrCurve};

/// How many pixels are converted at once: a second copy of a whole picture would be half of its memory.
const AT_ONCE: usize = 16 * 1024;
/// Of 255: a profile that changes no colour by more is sRGB under another name.
const UNSEEN: u8 = 1;

/// The colours that a file says its numbers stand for.
#[derive(Debug, Clone)]
pub(super) enum Profile {
    Icc(Vec<u8>),
    /// By the code points of ITU-T H.273, as HEIC, AVIF and PNG have them.
    Cicp(CicpProfile),
    Hdr(Hdr),
    /// By a gamma and by primaries, as PNG has them.
    Measured(Measured),
}

/// What numbers stand for on the screen that they were made for; sRGB where nothing is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// The power that makes light of numbers.
    pub gamma: Option<f32>,
    pub gamut: Option<MeasuredGamut>,
}

/// By CIE's x and y.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeasuredGamut {
    pub white: (f32, f32),
    pub red: (f32, f32),
    pub green: (f32, f32),
    pub blue: (f32, f32),
}

impl Measured {
    fn profile(self) -> ColorProfile {
        let mut profile = ColorProfile::new_srgb();
        // Code points would come before what is said here.
        profile.cicp = None;
        if let Some(MeasuredGamut { white, red, green, blue }) = self.gamut {
            let [red, green, blue] = [red, green, blue].map(|(x, y)| Chromaticity { x, y });
            let white = XyY { x: white.0.into(), y: white.1.into(), yb: 1.0 };
            profile.update_rgb_colorimetry(white, ColorPrimaries { red, green, blue });
        }
        if let Some(gamma) = self.gamma {
            let curve = Some(ToneReprCurve::Parametric(vec![gamma]));
            (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
        }
        profile
    }
}

/// Four inks a pixel, each as a share of 255: 0 is bare paper.
#[derive(Debug)]
pub(super) struct Cmyk {
    pub samples: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

impl Profile {
    /// By the code points of ITU-T H.273, of a picture whose brightest light is so many cd/m²; nothing where they say sRGB.
    pub(super) fn of_code_points(primaries: u16, transfer: u16, peak: Option<f32>) -> Option<Self> {
        if let Some(curve) = HdrCurve::of_transfer(transfer) {
            return Some(Self::Hdr(Hdr { curve, gamut: Gamut::of_primaries(primaries), peak }));
        }
        let color_primaries = CicpColorPrimaries::try_from(u8::try_from(primaries).ok()?).ok()?;
        let transfer_characteristics = TransferCharacteristics::try_from(u8::try_from(transfer).ok()?).ok()?;
        let is_srgb = matches!(color_primaries, CicpColorPrimaries::Bt709 | CicpColorPrimaries::Unspecified)
            && matches!(transfer, 1 | 2 | 6 | 13);
        let cicp = CicpProfile {
            color_primaries,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        };
        (!is_srgb).then_some(Self::Cicp(cicp))
    }

    /// Whether code points say something: 2 is "unspecified".
    pub(super) fn knows_code_points(primaries: u8, transfer: u8) -> bool {
        let is_told = primaries != 2 && transfer != 2;
        is_told
            && CicpColorPrimaries::try_from(primaries).is_ok()
            && TransferCharacteristics::try_from(transfer).is_ok()
    }

    fn parse(&self) -> Option<ColorProfile> {
        match self {
            Self::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
            Self::Cicp(code_points) => Some(ColorProfile::new_from_cicp(*code_points)),
            Self::Measured(measured) => Some(measured.profile()),
            Self::Hdr(_) => None,
        }
    }
}

/// Converts to sRGB of 8 bits, RGB or RGBA. A profile that is broken, or of another kind than the pixels, is passed
/// over, as browsers do.
pub(super) fn to_srgb(image: DynamicImage, profile: Option<&Profile>) -> DynamicImage {
    let image = eight_bits(image);
    if let Some(Profile::Hdr(hdr)) = profile {
        return hdr::to_srgb(in_rgb(image), *hdr);
    }
    let Some(profile) = profile.and_then(Profile::parse) else { return in_rgb(image) };
    match profile.color_space {
        DataColorSpace::Gray => grey_to_srgb(image, &profile),
        DataColorSpace::Rgb => rgb_to_srgb(in_rgb(image), &profile),
        _ => in_rgb(image),
    }
}

/// An alpha that lets nothing through would cost ten times its weight to encode.
pub(super) fn without_idle_alpha(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageRgba8(rgba) if rgba.pixels().all(|pixel| pixel.0[3] == u8::MAX) => {
            DynamicImage::ImageRgba8(rgba).into_rgb8().into()
        }
        image => image,
    }
}

/// Converts from inks, by their profile or, where there is none, by the plain rule that browsers use.
pub(super) fn cmyk_to_srgb(cmyk: &Cmyk, profile: Option<&Profile>) -> DynamicImage {
    let profile = profile.and_then(Profile::parse).filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    let transform = profile.and_then(|profile| transform(&profile, Layout::Rgba, Layout::Rgb));
    let mut rgb = RgbImage::new(cmyk.width, cmyk.height);
    for (ink, rgb) in cmyk.samples.chunks(4 * AT_ONCE).zip(rgb.chunks_mut(3 * AT_ONCE)) {
        let is_done = transform.as_ref().is_some_and(|transform| transform.transform(ink, rgb).is_ok());
        if !is_done {
            for (ink, rgb) in ink.as_chunks::<4>().0.iter().zip(rgb.as_chunks_mut::<3>().0) {
                *rgb = [ink[0], ink[1], ink[2]].map(|share| multiply(255 - share, 255 - ink[3]));
            }
        }
    }
    rgb.into()
}

/// Of 255, rounded.
fn multiply(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 127;
    u8::try_from(product / 255).unwrap_or(u8::MAX)
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_) => image,
        DynamicImage::ImageLuma16(_) => image.into_luma8().into(),
        DynamicImage::ImageLumaA16(_) => image.into_luma_alpha8().into(),
        image => in_rgb(image),
    }
}

fn in_rgb(image: DynamicImage) -> DynamicImage {
    if image.color().has_alpha() { image.into_rgba8().into() } else { image.into_rgb8().into() }
}

fn grey_to_srgb(image: DynamicImage, profile: &ColorProfile) -> DynamicImage {
    let (layout, wanted) = match &image {
        DynamicImage::ImageLuma8(_) => (Layout::Gray, Layout::Rgb),
        DynamicImage::ImageLumaA8(_) => (Layout::GrayAlpha, Layout::Rgba),
        _ => return image,
    };
    let Some(transform) = transform(profile, layout, wanted) else { return in_rgb(image) };
    let grey = image.as_bytes().to_vec();
    let mut converted = in_rgb(image);
    let (from, to) = (layout.channels(), wanted.channels());
    for (grey, rgb) in grey.chunks(from * AT_ONCE).zip(samples_of(&mut converted).chunks_mut(to * AT_ONCE)) {
        if transform.transform(grey, rgb).is_err() {
            break;
        }
    }
    converted
}

fn rgb_to_srgb(mut image: DynamicImage, profile: &ColorProfile) -> DynamicImage {
    let layout = if image.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let Some(transform) = transform(profile, layout, layout).filter(|transform| changes_colours(transform, layout))
    else {
        return image;
    };
    let mut before = vec![0; AT_ONCE * layout.channels()];
    for samples in samples_of(&mut image).chunks_mut(before.len()) {
        let before = &mut before[..samples.len()];
        before.copy_from_slice(samples);
        if transform.transform(before, samples).is_err() {
            samples.copy_from_slice(before);
            break;
        }
    }
    image
}

/// Most photos carry a profile that says sRGB: it is found out by a few hundred colours, and passed over.
fn changes_colours(transform: &Arc<Transform8BitExecutor>, layout: Layout) -> bool {
    let steps = || (0..=255_u8).step_by(51);
    let colours = steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| [r, g, b, 255])));
    let before: Vec<u8> = colours.flat_map(|colour| colour.into_iter().take(layout.channels())).collect();
    let mut after = vec![0; before.len()];
    if transform.transform(&before, &mut after).is_err() {
        return false;
    }
    before.iter().zip(&after).any(|(before, after)| before.abs_diff(*after) > UNSEEN)
}

fn transform(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Transform8BitExecutor>> {
    profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, TransformOptions::default()).ok()
}

/// The samples of RGB or RGBA of 8 bits, to be written to.
pub(super) fn samples_of(image: &mut DynamicImage) -> &mut [u8] {
    match image {
        DynamicImage::ImageRgb8(image) => image,
        DynamicImage::ImageRgba8(image) => image,
        _ => &mut [],
    }
}
