//! Scaling down by Lanczos3, to the sizes that Pillow's `thumbnail` would make.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;

use super::ImagingError;

/// The image scaled to fit a square; `None` where it fits already, for nothing is ever enlarged.
pub(super) fn fit_inside(image: &DynamicImage, side: u32) -> Result<Option<DynamicImage>, ImagingError> {
    let Some((width, height)) = fitted_size(image.width(), image.height(), side) else { return Ok(None) };
    let mut scaled = DynamicImage::new(width, height, image.color());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(image, &mut scaled, &options).map_err(|error| ImagingError::Encoder(error.to_string()))?;
    Ok(Some(scaled))
}

/// Of the two whole sizes around the exact one, the one whose aspect is nearer to the original's.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, positive, and below the square's side"
)]
fn fitted_size(width: u32, height: u32, side: u32) -> Option<(u32, u32)> {
    if width <= side && height <= side {
        return None;
    }
    let bound = f64::from(side);
    let aspect = f64::from(width) / f64::from(height);
    let nearest = |exact: f64, aspect_of: &dyn Fn(f64) -> f64| {
        let miss = |size: f64| if size == 0.0 { 0.0 } else { (aspect - aspect_of(size)).abs() };
        let (low, high) = (exact.floor(), exact.ceil());
        (if miss(high) < miss(low) { high } else { low }).max(1.0) as u32
    };
    if aspect <= 1.0 {
        Some((nearest(bound * aspect, &|width| width / bound), side))
    } else {
        Some((side, nearest(bound / aspect, &|height| bound / height)))
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
            let ours = fitted_size(width, height, side).unwrap_or((width, height));
            assert_eq!(ours, expected, "{width}×{height} into {side}");
        }
    }
}
