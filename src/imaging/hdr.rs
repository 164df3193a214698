//! From HDR to SDR: pictures of PQ and HLG (ITU-R BT.2100), on screens that show no more than white.

use image::DynamicImage;

use super::colour::samples_of;

/// In cd/m²: the white of paper and text (ITU-R BT.2408), and the brightest light where a file does not say it.
const WHITE: f32 = 203.0;
const PEAK: f32 = 1000.0;
/// In how many steps light is rounded before it is written as sRGB.
const STEPS: usize = 4096;

/// What a picture's numbers stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hdr {
    pub curve: HdrCurve,
    pub gamut: Gamut,
}

/// From a number to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HdrCurve {
    Pq,
    Hlg,
}

/// Which red, green and blue are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gamut {
    Bt709,
    Bt2020,
    DisplayP3,
}

impl HdrCurve {
    /// By H.273, table 3.
    pub(super) const fn of_transfer(transfer: u16) -> Option<Self> {
        match transfer {
            16 => Some(Self::Pq),
            18 => Some(Self::Hlg),
            _ => None,
        }
    }

    /// The light of each number: of PQ in units of `WHITE`, of HLG that of the scene, from 0 to 1.
    fn light(self) -> [f32; 256] {
        std::array::from_fn(|number| {
            #[expect(clippy::cast_precision_loss, reason = "a byte")]
            let signal = number as f32 / 255.0;
            match self {
                Self::Pq => pq(signal) * 10_000.0 / WHITE,
                Self::Hlg => hlg(signal),
            }
        })
    }
}

impl Gamut {
    /// By H.273, table 2.
    pub(super) const fn of_primaries(primaries: u16) -> Self {
        match primaries {
            9 => Self::Bt2020,
            11 | 12 => Self::DisplayP3,
            _ => Self::Bt709,
        }
    }

    /// To BT.709, of light.
    #[rustfmt::skip]
    const fn to_bt709(self) -> [[f32; 3]; 3] {
        match self {
            Self::Bt709 => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Bt2020 => [
                [1.660_491, -0.587_641, -0.072_850],
                [-0.124_550, 1.132_9, -0.008_349],
                [-0.018_151, -0.100_579, 1.118_73],
            ],
            Self::DisplayP3 => [
                [1.224_94, -0.224_94, 0.0],
                [-0.042_057, 1.042_057, 0.0],
                [-0.019_638, -0.078_636, 1.098_274],
            ],
        }
    }
}

/// Makes sRGB of it. Lights are compressed as Chromium does, by Reinhard's rule extended to `PEAK`, on the brightest of the
/// three colours, so that hues stay.
pub(super) fn to_srgb(mut image: DynamicImage, hdr: Hdr) -> DynamicImage {
    let (light, srgb, matrix) = (hdr.curve.light(), srgb(), hdr.gamut.to_bt709());
    let channels = usize::from(image.color().channel_count());
    for pixel in samples_of(&mut image).chunks_exact_mut(channels) {
        let scene = [pixel[0], pixel[1], pixel[2]].map(|number| light[usize::from(number)]);
        let display = if hdr.curve == HdrCurve::Hlg { displayed(scene) } else { scene };
        let brightest = display.into_iter().fold(0.0, f32::max);
        let peak = PEAK / WHITE;
        let factor = (1.0 + brightest / (peak * peak)) / (1.0 + brightest);
        let shown = display.map(|light| light * factor);
        for (sample, row) in pixel.iter_mut().zip(matrix) {
            let light = row[0] * shown[0] + row[1] * shown[1] + row[2] * shown[2];
            *sample = srgb[step_of(light)];
        }
    }
    image
}

/// SMPTE ST 2084: from 0 to 1, where 1 is 10,000 cd/m².
fn pq(signal: f32) -> f32 {
    const M1: f32 = 2610.0 / 16384.0;
    const M2: f32 = 2523.0 / 4096.0 * 128.0;
    const C1: f32 = 3424.0 / 4096.0;
    const C2: f32 = 2413.0 / 4096.0 * 32.0;
    const C3: f32 = 2392.0 / 4096.0 * 32.0;
    let root = signal.powf(1.0 / M2);
    ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// BT.2100: the light of the scene, from 0 to 1.
fn hlg(signal: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 1.0 - 4.0 * A;
    const C: f32 = 0.559_910_7;
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

/// What a screen of `PEAK` makes of the light of a scene, in units of `WHITE`.
fn displayed(scene: [f32; 3]) -> [f32; 3] {
    let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
    scene.map(|light| light * luminance.powf(0.2) * PEAK / WHITE)
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
fn srgb() -> Vec<u8> {
    let encoded = |step: usize| {
        let light = step as f32 / (STEPS - 1) as f32;
        let signal = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (signal * 255.0).round() as u8
    };
    (0..STEPS).map(encoded).collect()
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn step_of(light: f32) -> usize {
    (light.clamp(0.0, 1.0) * (STEPS - 1) as f32).round() as usize
}
