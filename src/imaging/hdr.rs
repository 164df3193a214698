//! From HDR to SDR: pictures of PQ and HLG (ITU-R BT.2100), on screens that show no more than white.

use image::DynamicImage;

use super::colour::samples_of;

/// In cd/m²: the white of paper and text (ITU-R BT.2408), and the brightest light where a file does not say it.
const WHITE: f32 = 203.0;
const PEAK: f32 = 1000.0;
/// In cd/m²: what PQ ends at.
const BRIGHTEST: f32 = 10_000.0;
/// How far the middle of the curve is bent towards the corner between its ends (SMPTE ST 2094-50).
const BEND: f32 = 0.65;
/// In how many steps light is rounded before it is written as sRGB.
const STEPS: usize = 4096;

type Matrix = [[f32; 3]; 3];

/// Of light.
const BT2020_TO_BT709: Matrix =
    [[1.660_491, -0.587_641, -0.072_85], [-0.124_55, 1.132_9, -0.008_349], [-0.018_151, -0.100_579, 1.118_73]];

/// What a picture's numbers stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hdr {
    pub curve: HdrCurve,
    pub gamut: Gamut,
    /// In cd/m², its brightest light, where that is known.
    pub peak: Option<f32>,
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
                Self::Pq => pq(signal) * BRIGHTEST / WHITE,
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

    /// To BT.2020, of light.
    #[rustfmt::skip]
    const fn to_bt2020(self) -> Matrix {
        match self {
            Self::Bt2020 => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Bt709 => [
                [0.627_404, 0.329_283, 0.043_313],
                [0.069_097, 0.919_54, 0.011_362],
                [0.016_391, 0.088_013, 0.895_595],
            ],
            Self::DisplayP3 => [
                [0.753_833, 0.198_597, 0.047_57],
                [0.045_744, 0.941_777, 0.012_479],
                [-0.001_21, 0.017_602, 0.983_609],
            ],
        }
    }
}

/// Makes sRGB of it as Chromium does: by SMPTE ST 2094-50's curve for pictures that bring none, on the brightest of the three
/// colours in BT.2020, so that hues stay.
pub(super) fn to_srgb(mut image: DynamicImage, hdr: Hdr) -> DynamicImage {
    let (light, srgb, to_bt2020) = (hdr.curve.light(), srgb(), hdr.gamut.to_bt2020());
    // What HLG stands for is measured by the screen.
    let peak = hdr.peak.filter(|_| hdr.curve == HdrCurve::Pq).unwrap_or(PEAK);
    let curve = ToneCurve::of(peak.clamp(WHITE, BRIGHTEST) / WHITE);
    let channels = usize::from(image.color().channel_count());
    for pixel in samples_of(&mut image).chunks_exact_mut(channels) {
        let scene = [pixel[0], pixel[1], pixel[2]].map(|number| light[usize::from(number)]);
        let display = if hdr.curve == HdrCurve::Hlg { displayed(scene) } else { scene };
        let display = times(to_bt2020, display);
        let gain = curve.gain(display.into_iter().fold(0.0, f32::max));
        let shown = times(BT2020_TO_BT709, display.map(|light| light * gain));
        for (sample, light) in pixel.iter_mut().zip(shown) {
            *sample = srgb[step_of(light)];
        }
    }
    image
}

fn times(matrix: Matrix, [x, y, z]: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row[0] * x + row[1] * y + row[2] * z)
}

/// What becomes of light on a screen that shows no more than white: a straight line up to `WHITE`, and from there a quadratic
/// Bézier curve to the brightest light, which becomes white. In units of `WHITE`.
struct ToneCurve {
    peak: f32,
    /// What becomes of `WHITE`.
    white: f32,
    /// The curve's point in the middle.
    middle: (f32, f32),
}

impl ToneCurve {
    fn of(peak: f32) -> Self {
        let share_of_usual = (peak.log2() / (PEAK / WHITE).log2()).min(1.0);
        let white = 1.0 - share_of_usual / 2.0;
        let middle = |near: f32, far: f32| near + (far - near) * BEND;
        Self { peak, white, middle: (middle(1.0, 1.0 / white), middle(white, 1.0)) }
    }

    /// What light is multiplied by.
    fn gain(&self, light: f32) -> f32 {
        if light <= 1.0 {
            return self.white;
        }
        if light >= self.peak {
            return 1.0 / light;
        }
        let (across, up) = (self.middle.0 - 1.0, self.middle.1 - self.white);
        let bend = self.peak - 1.0 - 2.0 * across;
        // Where on the curve that light is, from 0 to 1: the root of a quadratic equation.
        let at = (light - 1.0) / (across + (across * across + bend * (light - 1.0)).sqrt());
        (self.white + 2.0 * up * at + (1.0 - self.white - 2.0 * up) * at * at) / light
    }
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
