//! Scaling down by Lanczos3, to the sizes that Pillow's `thumbnail` would make.

use std::{borrow::Cow, sync::OnceLock};

use image::{DynamicImage, metadata::Orientation};

use super::{
    ImagingError,
    crop::Crop,
    decode::Size,
    resample::{Filter, resample},
    turn::{turned_by, upright_size},
};
use crate::domain::variant_spec::{Bounds, Fit, MAX_SIDE, VariantSpec};

/// In pixels, of the square that a large picture is brought into once: small variants are made from that.
const MIDDLE: u32 = 1200;

/// Of its size in a variant, a picture that was decoded smaller has to have at least so much. With less, Lanczos has too few
/// samples to choose from.
const LEAST_DECODED: f64 = 1.5;

/// In pixels, of the shorter side: what facts are told from is decoded no smaller.
const LOOKED_AT: u32 = 300;

/// A picture, and what its variants are made from.
pub(super) struct Scaler {
    /// As it was decoded, which may be smaller than it is, and before it is turned.
    decoded: DynamicImage,
    /// Of the whole picture, before it is turned.
    size: Size,
    turns: Vec<Orientation>,
    /// Of a quarter of the work, and 54 dB away from what Lanczos would make of the whole: the encoder takes more.
    middle: OnceLock<Option<DynamicImage>>,
}

impl Scaler {
    /// Of a picture of that size, which these turns make upright. What is scaled is turned afterwards, when there is less of it,
    /// unless one of the variants is of full size.
    pub(super) fn new(decoded: DynamicImage, size: Size, turns: &[Orientation], specs: &[VariantSpec]) -> Self {
        let upright = upright_size(size, turns);
        if specs.iter().any(|spec| size_of(upright, spec).is_none()) {
            let decoded = turned_by(decoded, turns);
            return Self { decoded, size: upright, turns: Vec::new(), middle: OnceLock::new() };
        }
        Self { decoded, size, turns: turns.to_vec(), middle: OnceLock::new() }
    }

    pub(super) const fn decoded(&self) -> &DynamicImage {
        &self.decoded
    }

    /// Of the whole picture, upright.
    pub(super) fn size(&self) -> Size {
        upright_size(self.size, &self.turns)
    }

    /// Something to look at, at most so many pixels a side.
    pub(super) fn roughly(&self, side: u32) -> Result<DynamicImage, ImagingError> {
        Ok(turned_by(roughly(&self.decoded, side)?, &self.turns))
    }

    /// The picture as a variant shows it.
    ///
    /// # Errors
    /// When it was decoded too small for this variant.
    pub(super) fn for_variant(&self, spec: &VariantSpec) -> Result<Cow<'_, DynamicImage>, ImagingError> {
        let Some(size) = size_of(self.size(), spec) else {
            let is_whole = self.decoded.width() == self.size.width && self.turns.is_empty();
            let not_whole =
                || ImagingError::Encoder("the picture was not decoded for a variant of full size".to_owned());
            return is_whole.then_some(Cow::Borrowed(&self.decoded)).ok_or_else(not_whole);
        };
        let scaled = self.scaled(self.before_turns(size), spec.fit)?;
        if self.turns.is_empty() { Ok(scaled) } else { Ok(Cow::Owned(turned_by(scaled.into_owned(), &self.turns))) }
    }

    /// The size that these turns make into that one.
    fn before_turns(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let Size { width, height } = upright_size(Size { width, height }, &self.turns);
        (width, height)
    }

    fn scaled(&self, size: (u32, u32), fit: Fit) -> Result<Cow<'_, DynamicImage>, ImagingError> {
        let Size { width, height } = self.size();
        let Some(middle_size) = fitted_size(width, height, (MIDDLE, MIDDLE)).map(|size| self.before_turns(size)) else {
            return scale(&self.decoded, size, fit).map(Cow::Owned);
        };
        let is_middle = fit == Fit::Inside && size == middle_size;
        let is_from_middle = is_middle || (2 * size.0 <= middle_size.0 && 2 * size.1 <= middle_size.1);
        if !is_from_middle || self.decoded.width() <= middle_size.0 {
            return scale(&self.decoded, size, fit).map(Cow::Owned);
        }
        let middle = self.middle.get_or_init(|| scale(&self.decoded, middle_size, Fit::Inside).ok());
        let middle = middle.as_ref().ok_or_else(|| ImagingError::Encoder("scaling the picture failed".to_owned()))?;
        if is_middle {
            return Ok(Cow::Borrowed(middle));
        }
        scale(middle, size, fit).map(Cow::Owned)
    }
}

/// How many times smaller a picture of that size may be decoded for these variants.
pub(super) fn reduction(size: Size, specs: &[VariantSpec]) -> f64 {
    let of_spec = |spec: &VariantSpec| {
        size_of(size, spec).map_or(1.0, |(width, height)| {
            let [wide, high] =
                [(size.width, width), (size.height, height)].map(|(all, of)| f64::from(all) / f64::from(of));
            (wide.min(high) / LEAST_DECODED).max(1.0)
        })
    };
    let for_a_look = f64::from(size.width.min(size.height)) / f64::from(LOOKED_AT);
    specs.iter().map(of_spec).fold(for_a_look.max(1.0), f64::min)
}

/// A frame as a variant shows it.
pub(super) fn frame<'a>(image: &'a DynamicImage, spec: &VariantSpec) -> Result<Cow<'a, DynamicImage>, ImagingError> {
    let size = Size { width: image.width(), height: image.height() };
    let Some(size) = size_of(size, spec) else { return Ok(Cow::Borrowed(image)) };
    scale(image, size, spec.fit).map(Cow::Owned)
}

/// In pixels; `None` where the picture is so already, for nothing is ever enlarged.
fn size_of(Size { width, height }: Size, spec: &VariantSpec) -> Option<(u32, u32)> {
    let bounds = spec.bounds.map_or((MAX_SIDE, MAX_SIDE), Bounds::sides);
    match spec.fit {
        Fit::Inside => fitted_size(width, height, bounds),
        Fit::Cover => covered_size(width, height, bounds),
    }
}

/// Fast, and good enough for what is looked at as a whole: the means of a few pixels of each part.
fn roughly(image: &DynamicImage, side: u32) -> Result<DynamicImage, ImagingError> {
    let Some((width, height)) = fitted_size(image.width(), image.height(), (side, side)) else {
        return Ok(image.clone());
    };
    let few = ((4 * width).min(image.width()), (4 * height).min(image.height()));
    let few = resample(image, Crop::whole(image), few, Filter::Nearest)?;
    resample(&few, Crop::whole(&few), (width, height), Filter::Box)
}

fn scale(image: &DynamicImage, size: (u32, u32), fit: Fit) -> Result<DynamicImage, ImagingError> {
    let crop = match fit {
        Fit::Inside => Crop::whole(image),
        Fit::Cover => Crop::of_shape(size, image),
    };
    resample(image, crop, size, Filter::Lanczos3)
}

/// The box's own size, or the largest of its shape that the picture can fill.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, positive, within the picture")]
fn covered_size(width: u32, height: u32, (most_wide, most_high): (u32, u32)) -> Option<(u32, u32)> {
    let too_small = f64::from(width) / f64::from(most_wide);
    let scale = too_small.min(f64::from(height) / f64::from(most_high)).min(1.0);
    let side = |most: u32, of: u32| ((f64::from(most) * scale).round() as u32).clamp(1, of);
    let size = (side(most_wide, width), side(most_high, height));
    (size != (width, height)).then_some(size)
}

/// Of the two whole sizes around the exact one, the one whose aspect is nearer to the original's.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, positive, and below the square's side"
)]
fn fitted_size(width: u32, height: u32, (most_wide, most_high): (u32, u32)) -> Option<(u32, u32)> {
    if width <= most_wide && height <= most_high {
        return None;
    }
    let (bound_wide, bound_high) = (f64::from(most_wide), f64::from(most_high));
    let aspect = f64::from(width) / f64::from(height);
    let nearest = |exact: f64, aspect_of: &dyn Fn(f64) -> f64| {
        let miss = |size: f64| if size == 0.0 { 0.0 } else { (aspect - aspect_of(size)).abs() };
        let (low, high) = (exact.floor(), exact.ceil());
        (if miss(high) < miss(low) { high } else { low }).max(1.0) as u32
    };
    if bound_wide / bound_high >= aspect {
        Some((nearest(bound_high * aspect, &|width| width / bound_high), most_high))
    } else {
        Some((most_wide, nearest(bound_wide / aspect, &|height| bound_wide / height)))
    }
}

#[cfg(test)]
mod tests {
    use super::fitted_size;

    /// What Pillow 13.0 made of these sizes by `Image.new("1", (w, h)).thumbnail((s, s))`.
    #[expect(clippy::type_complexity, reason = "rows of a table: original, box, thumbnail")]
    const PILLOW: &[((u32, u32), u32, (u32, u32))] = include!("../../tests/fixtures/pillow_thumbnail_sizes.in");

    #[test]
    fn sizes_are_those_of_pillow() {
        for &((width, height), side, expected) in PILLOW {
            let ours = fitted_size(width, height, (side, side)).unwrap_or((width, height));
            assert_eq!(ours, expected, "{width}×{height} into {side}");
        }
    }
}
