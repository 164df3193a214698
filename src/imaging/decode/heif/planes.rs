//! Light and colours apart, as codecs have them, and how they become red, green and blue: ITU-T H.273.

use image::{GrayImage, RgbImage};

use super::super::Size;
use crate::imaging::ImagingError;

/// One is this much in the arithmetic below.
const ONE: i64 = 1 << 14;

/// A decoded picture: its light and, where it is not grey, its two colours.
pub(super) struct Planes {
    /// In samples of light; codecs code whole blocks, so more than are shown.
    pub width: usize,
    pub height: usize,
    pub shown: Size,
    pub bits: u8,
    /// Whether there are half as many samples of colour, across and down.
    pub halved: (bool, bool),
    pub is_grey: bool,
    pub samples: [Vec<u16>; 3],
    pub rule: ColourRule,
}

/// How light and colours become red, green and blue.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColourRule {
    /// Of H.273, table 2.
    pub primaries: u16,
    /// Of H.273, table 4.
    pub matrix: u16,
    pub is_full_range: bool,
}

/// What a sample of light and of two colours does to red, green and blue, times `ONE`.
struct Mixture {
    black: i64,
    light: i64,
    red_of_v: i64,
    green_of_u: i64,
    green_of_v: i64,
    blue_of_u: i64,
}

impl Planes {
    /// Takes over the size that the container says, if the picture has it.
    pub(super) fn crop_to(&mut self, size: Size) -> Result<(), ImagingError> {
        let (width, height) = (size.width as usize, size.height as usize);
        let across = |side: usize| side.div_ceil(1 + usize::from(self.halved.0));
        let down = |side: usize| side.div_ceil(1 + usize::from(self.halved.1));
        let colours = if self.is_grey { 0 } else { across(self.width) * down(self.height) };
        let is_whole = self.samples[0].len() >= self.width * self.height
            && self.samples[1..].iter().all(|plane| plane.len() >= colours);
        if self.width < width || self.height < height || !is_whole || !matches!(self.bits, 8..=16) {
            return Err(ImagingError::corrupt("the picture is smaller than its container declares"));
        }
        self.shown = size;
        Ok(())
    }

    /// The light alone, as an alpha is.
    pub(super) fn luma(&self) -> Result<GrayImage, ImagingError> {
        let mix = self.mixture()?;
        Ok(GrayImage::from_fn(self.shown.width, self.shown.height, |x, y| {
            let sample = self.samples[0][y as usize * self.width + x as usize];
            image::Luma([to_byte((i64::from(sample) - mix.black) * mix.light)])
        }))
    }

    /// Paints the picture where it belongs; what reaches beyond the canvas is cut off.
    pub(super) fn paint(&self, canvas: &mut RgbImage, (left, top): (u32, u32)) -> Result<(), ImagingError> {
        let mix = self.mixture()?;
        let width = self.shown.width.min(canvas.width().saturating_sub(left)) as usize;
        let height = self.shown.height.min(canvas.height().saturating_sub(top)) as usize;
        let stride = canvas.width() as usize * 3;
        let mut colours = [vec![0; self.width], vec![0; self.width]];
        for y in 0..height {
            let begin = (top as usize + y) * stride + left as usize * 3;
            let row = canvas.as_flat_samples_mut().samples[begin..begin + width * 3].as_chunks_mut::<3>().0;
            let light = self.samples[0][y * self.width..].iter().map(|sample| i64::from(*sample) - mix.black);
            if self.is_grey {
                row.iter_mut().zip(light).for_each(|(pixel, light)| *pixel = [to_byte(light * mix.light); 3]);
            } else if self.rule.matrix == 0 {
                let at = |plane: usize, x: usize| i64::from(self.samples[plane][y * self.width + x]) - mix.black;
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = [at(2, x), at(0, x), at(1, x)].map(|value| to_byte(value * mix.light));
                }
            } else {
                self.spread_colours(y, &mut colours);
                for (((pixel, light), u), v) in row.iter_mut().zip(light).zip(&colours[0]).zip(&colours[1]) {
                    *pixel = mix.rgb(light, (*u).into(), (*v).into());
                }
            }
        }
        Ok(())
    }

    /// The colours of one row, a value for every sample of light, times 16: three parts of the nearest sample and one
    /// of the next, either way.
    fn spread_colours(&self, y: usize, rows: &mut [Vec<i32>; 2]) {
        let middle = 1_i32 << (self.bits - 1);
        let width = self.width.div_ceil(1 + usize::from(self.halved.0));
        let height = self.height.div_ceil(1 + usize::from(self.halved.1));
        let (near, next) = nearest(y, self.halved.1, height);
        for (plane, row) in self.samples[1..].iter().zip(rows) {
            let column = |x: usize| {
                let sample = |y: usize| i32::from(plane[y * width + x]) - middle;
                3 * sample(near) + sample(next)
            };
            for (x, value) in row.iter_mut().enumerate() {
                let (near, next) = nearest(x, self.halved.0, width);
                *value = 3 * column(near) + column(next);
            }
        }
    }

    fn mixture(&self) -> Result<Mixture, ImagingError> {
        if self.rule.matrix == 0 && (self.halved.0 || self.halved.1) {
            return Err(ImagingError::corrupt("the RGB planes have different sizes"));
        }
        // How much of light is red, and how much is blue.
        let (red, blue) = match self.rule.matrix {
            _ if self.is_grey => (0.299, 0.114),
            0 | 2 | 5 | 6 => (0.299, 0.114),
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            // Light is constant in the tenth and the thirteenth; nearly nothing is made so, and others read it so.
            9 | 10 => (0.2627, 0.0593),
            12 | 13 => shares_of_primaries(self.rule.primaries),
            matrix => {
                return Err(ImagingError::corrupt(format!("the matrix coefficients are not supported: {matrix}")));
            }
        };
        let green = 1.0 - red - blue;
        let step = f64::from(1_u32 << (self.bits - 8));
        let most = f64::from((1_u32 << self.bits) - 1);
        let (black, light, colour) = if self.rule.is_full_range {
            (0.0, 255.0 / most, 255.0 / most)
        } else {
            (16.0 * step, 255.0 / (219.0 * step), 255.0 / (224.0 * step))
        };
        Ok(Mixture {
            black: whole(black),
            light: scaled(light),
            red_of_v: scaled(2.0 * (1.0 - red) * colour),
            green_of_u: scaled(2.0 * (1.0 - blue) * blue / green * colour),
            green_of_v: scaled(2.0 * (1.0 - red) * red / green * colour),
            blue_of_u: scaled(2.0 * (1.0 - blue) * colour),
        })
    }
}

/// How much of light is red and how much is blue, where these are the primaries: the second row of the matrix that makes
/// CIE XYZ of them.
const fn shares_of_primaries(primaries: u16) -> (f64, f64) {
    match primaries {
        4 => (0.2990, 0.1146),
        5 => (0.2220, 0.0713),
        6 | 7 => (0.2124, 0.0866),
        9 => (0.2627, 0.0593),
        11 => (0.2095, 0.0689),
        12 => (0.2290, 0.0793),
        _ => (0.2126, 0.0722),
    }
}

impl Mixture {
    /// The colours are times 16.
    fn rgb(&self, light: i64, u: i64, v: i64) -> [u8; 3] {
        let light = light * self.light;
        [
            to_byte(light + v * self.red_of_v / 16),
            to_byte(light - (u * self.green_of_u + v * self.green_of_v) / 16),
            to_byte(light + u * self.blue_of_u / 16),
        ]
    }
}

/// Which sample belongs to a place, and which is the next nearest to it.
fn nearest(at: usize, is_halved: bool, count: usize) -> (usize, usize) {
    if !is_halved {
        return (at, at);
    }
    let near = (at / 2).min(count.saturating_sub(1));
    let next = if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(count.saturating_sub(1)) };
    (near, next)
}

fn to_byte(scaled: i64) -> u8 {
    u8::try_from(((scaled + ONE / 2) / ONE).clamp(0, 255)).unwrap_or(0)
}

fn scaled(value: f64) -> i64 {
    whole(value * f64::from(1 << 14))
}

#[expect(clippy::cast_possible_truncation, reason = "small")]
const fn whole(value: f64) -> i64 {
    value.round() as i64
}
