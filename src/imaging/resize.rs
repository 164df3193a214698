//! Scaling down by Lanczos3, to the sizes that Pillow's `thumbnail` would make.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;

use super::ImagingError;
use crate::domain::variant_spec::{Bounds, Fit, LONGEST_SIDE, VariantSpec};

/// The image as a variant shows it; `None` where it is so already, for nothing is ever enlarged.
pub(super) fn for_variant(image: &DynamicImage, spec: &VariantSpec) -> Result<Option<DynamicImage>, ImagingError> {
    let (width, height) = spec.bounds.map_or((LONGEST_SIDE, LONGEST_SIDE), Bounds::sides);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let size = match spec.fit {
        Fit::Inside => fitted_size(image.width(), image.height(), (width, height)),
        Fit::Cover => covered_size(image.width(), image.height(), (width, height)),
    };
    let options = if spec.fit == Fit::Cover { options.fit_into_destination(Some((0.5, 0.5))) } else { options };
    size.map(|size| scale(image, size, &options)).transpose()
}

/// Fast, and good enough for what is looked at as a whole.
pub(super) fn roughly(image: &DynamicImage, side: u32) -> Result<DynamicImage, ImagingError> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::SuperSampling(FilterType::Box, 4));
    let size = fitted_size(image.width(), image.height(), (side, side));
    size.map_or_else(|| Ok(image.clone()), |size| scale(image, size, &options))
}

fn scale(
    image: &DynamicImage,
    (width, height): (u32, u32),
    options: &ResizeOptions,
) -> Result<DynamicImage, ImagingError> {
    let mut scaled = DynamicImage::new(width, height, image.color());
    Resizer::new().resize(image, &mut scaled, options).map_err(|error| ImagingError::Encoder(error.to_string()))?;
    Ok(scaled)
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
