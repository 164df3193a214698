//! New pixels for a picture's, by pic-scale.

use image::{DynamicImage, RgbImage, Rgba, RgbaImage};
pub(super) use pic_scale::ResamplingFunction as Filter;
use pic_scale::{ImageSize, ImageStore, ImageStoreMut, PicScaleError, Resampling, Scaler};

use super::{ImagingError, crop::Crop};

const fn size_in(width: u32, height: u32) -> ImageSize {
    ImageSize { width: width as usize, height: height as usize }
}

/// A part of an RGB or RGBA picture, in another size.
pub(super) fn resample(
    image: &DynamicImage,
    crop: Crop,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<DynamicImage, ImagingError> {
    let planner = Scaler::new(filter);
    let (from, size) = (size_in(crop.width, crop.height), size_in(width, height));
    let scaled = match image {
        DynamicImage::ImageRgb8(rgb) => planner
            .plan_rgb_resampling(from, size)
            .and_then(|plan| run(&*plan, rgb, image.width(), crop))
            .map(|samples| RgbImage::from_raw(width, height, samples).map(DynamicImage::from)),
        // The nearest pixel is taken as it is.
        DynamicImage::ImageRgba8(rgba) if filter == Filter::Nearest => planner
            .plan_rgba_resampling(from, size, false)
            .and_then(|plan| run(&*plan, rgba, image.width(), crop))
            .map(|samples| RgbaImage::from_raw(width, height, samples).map(DynamicImage::from)),
        DynamicImage::ImageRgba8(rgba) => planner
            .plan_rgba_resampling(from, size, false)
            .and_then(|plan| run(&*plan, &premultiplied(rgba), image.width(), crop))
            .map(|samples| RgbaImage::from_raw(width, height, samples).map(straight).map(DynamicImage::from)),
        _ => Ok(None),
    };
    let not_scaled = || ImagingError::Encoder("scaling the picture failed".to_owned());
    scaled.map_err(|error| ImagingError::Encoder(error.to_string()))?.ok_or_else(not_scaled)
}

fn run<const CHANNELS: usize>(
    plan: &Resampling<u8, CHANNELS>,
    samples: &[u8],
    width: u32,
    crop: Crop,
) -> Result<Vec<u8>, PicScaleError> {
    let size = plan.target_size();
    let mut scaled = vec![0; size.width * size.height * CHANNELS];
    let height = samples.len() / (width as usize * CHANNELS);
    let whole = ImageStore::<u8, CHANNELS>::from_slice(samples, width as usize, height)?;
    let [left, top, wide, high] = [crop.left, crop.top, crop.width, crop.height].map(|length| length as usize);
    let shown = whole.crop(left, top, wide, high)?;
    plan.resample(&shown, &mut ImageStoreMut::from_slice(&mut scaled, size.width, size.height)?)?;
    Ok(scaled)
}

/// So that the colours of what is transparent do not bleed. pic-scale 0.7.12 would do it, but its check of whether there is
/// anything to do (the one for AVX-512) passes over the columns behind the last sixteen.
fn premultiplied(image: &RgbaImage) -> RgbaImage {
    let mut image = image.clone();
    for Rgba([r, g, b, alpha]) in image.pixels_mut() {
        [*r, *g, *b] = [*r, *g, *b].map(|colour| ratio(colour, *alpha, 255));
    }
    image
}

fn straight(mut image: RgbaImage) -> RgbaImage {
    for Rgba([r, g, b, alpha]) in image.pixels_mut().filter(|pixel| pixel.0[3] > 0) {
        [*r, *g, *b] = [*r, *g, *b].map(|colour| ratio(colour, 255, *alpha));
    }
    image
}

/// `value` × `times` / `by`, rounded.
fn ratio(value: u8, times: u8, by: u8) -> u8 {
    let [value, times, by] = [value, times, by].map(u16::from);
    u8::try_from((value * times + by / 2) / by).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgba, RgbaImage};

    use super::{Crop, Filter, resample};

    #[test]
    fn what_is_transparent_lends_no_colour() {
        // Narrower than 16: pic-scale's own check sees no alpha in it.
        for width in [8, 40] {
            let picture = DynamicImage::from(RgbaImage::from_fn(width, 400, |x, y| match (x + y) % 2 {
                0 => Rgba([0, 0, 255, 255]),
                _ => Rgba([255, 0, 0, 0]),
            }));
            let scaled = resample(&picture, Crop::whole(&picture), (width / 2, 200), Filter::Lanczos3);
            for Rgba([red, _, blue, alpha]) in scaled.expect("scaled").into_rgba8().pixels() {
                assert!(
                    *red < 3 && *blue > 250 && (100..156).contains(alpha),
                    "{red} {blue} {alpha} of {width} columns"
                );
            }
        }
    }

    #[test]
    fn what_covers_a_box_is_the_middle_of_the_picture() {
        let inside = |x| (100..200).contains(&x);
        let picture = RgbaImage::from_fn(300, 100, |x, _| if inside(x) { Rgba([9; 4]) } else { Rgba([255; 4]) });
        let picture = DynamicImage::from(picture);
        let crop = Crop::of_shape((50, 50), &picture);
        let scaled = resample(&picture, crop, (50, 50), Filter::Lanczos3).expect("scaled").into_rgba8();
        assert!(scaled.pixels().all(|pixel| pixel.0[3] == 9));
    }
}
