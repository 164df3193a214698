//! New pixels for a picture's, by pic-scale.

use image::{DynamicImage, RgbImage, Rgba, RgbaImage};
pub(super) use pic_scale::ResamplingFunction as Filter;
use pic_scale::{ImageSize, ImageStore, ImageStoreMut, PicScaleError, Resampling, Scaler};

use super::ImagingError;

/// The part of a picture that is shown, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Window {
    x: usize,
    y: usize,
    size: ImageSize,
}

impl Window {
    pub(super) fn whole(image: &DynamicImage) -> Self {
        Self { x: 0, y: 0, size: size_in(image.width(), image.height()) }
    }

    /// The largest part of this shape, out of the middle.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, positive, within the picture"
    )]
    pub(super) fn of_shape((width, height): (u32, u32), image: &DynamicImage) -> Self {
        let [width, height] = [width, height].map(f64::from);
        let times = (f64::from(image.width()) / width).min(f64::from(image.height()) / height);
        let side = |of: f64, most: u32| ((of * times).round() as u32).clamp(1, most);
        let (width, height) = (side(width, image.width()), side(height, image.height()));
        let [x, y] = [image.width() - width, image.height() - height].map(|left| left as usize / 2);
        Self { x, y, size: size_in(width, height) }
    }
}

const fn size_in(width: u32, height: u32) -> ImageSize {
    ImageSize { width: width as usize, height: height as usize }
}

/// The window of an RGB or RGBA picture, in another size.
pub(super) fn resample(
    image: &DynamicImage,
    window: Window,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<DynamicImage, ImagingError> {
    let planner = Scaler::new(filter);
    let size = size_in(width, height);
    let scaled = match image {
        DynamicImage::ImageRgb8(rgb) => planner
            .plan_rgb_resampling(window.size, size)
            .and_then(|plan| run(&*plan, rgb, image.width(), window))
            .map(|samples| RgbImage::from_raw(width, height, samples).map(DynamicImage::from)),
        // The nearest pixel is taken as it is.
        DynamicImage::ImageRgba8(rgba) if filter == Filter::Nearest => planner
            .plan_rgba_resampling(window.size, size, false)
            .and_then(|plan| run(&*plan, rgba, image.width(), window))
            .map(|samples| RgbaImage::from_raw(width, height, samples).map(DynamicImage::from)),
        DynamicImage::ImageRgba8(rgba) => planner
            .plan_rgba_resampling(window.size, size, false)
            .and_then(|plan| run(&*plan, &weighted(rgba), image.width(), window))
            .map(|samples| RgbaImage::from_raw(width, height, samples).map(unweighted).map(DynamicImage::from)),
        _ => Ok(None),
    };
    let not_scaled = || ImagingError::Encoder("the picture was not scaled".to_owned());
    scaled.map_err(|error| ImagingError::Encoder(error.to_string()))?.ok_or_else(not_scaled)
}

fn run<const CHANNELS: usize>(
    plan: &Resampling<u8, CHANNELS>,
    samples: &[u8],
    width: u32,
    window: Window,
) -> Result<Vec<u8>, PicScaleError> {
    let size = plan.target_size();
    let mut scaled = vec![0; size.width * size.height * CHANNELS];
    let height = samples.len() / (width as usize * CHANNELS);
    let whole = ImageStore::<u8, CHANNELS>::from_slice(samples, width as usize, height)?;
    let shown = whole.crop(window.x, window.y, window.size.width, window.size.height)?;
    plan.resample(&shown, &mut ImageStoreMut::from_slice(&mut scaled, size.width, size.height)?)?;
    Ok(scaled)
}

/// Colours as much as they are seen, so that those of what is transparent do not bleed. pic-scale 0.7.12 would do it, but
/// takes pictures of less than 16 columns for opaque.
fn weighted(image: &RgbaImage) -> RgbaImage {
    let mut image = image.clone();
    for Rgba([r, g, b, alpha]) in image.pixels_mut() {
        [*r, *g, *b] = [*r, *g, *b].map(|colour| ratio(colour, *alpha, 255));
    }
    image
}

fn unweighted(mut image: RgbaImage) -> RgbaImage {
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

    use super::{Filter, Window, resample};

    #[test]
    fn what_is_transparent_lends_no_colour() {
        // Narrower than 16, where pic-scale itself does not look at alphas.
        for width in [8, 40] {
            let picture = DynamicImage::from(RgbaImage::from_fn(width, 400, |x, y| match (x + y) % 2 {
                0 => Rgba([0, 0, 255, 255]),
                _ => Rgba([255, 0, 0, 0]),
            }));
            let scaled = resample(&picture, Window::whole(&picture), (width / 2, 200), Filter::Lanczos3);
            for Rgba([red, _, blue, alpha]) in scaled.expect("scaled").into_rgba8().pixels() {
                assert!(
                    *red < 3 && *blue > 250 && (100..156).contains(alpha),
                    "{red} {blue} {alpha} of {width} columns"
                );
            }
        }
    }

    #[test]
    fn a_window_is_the_middle_of_what_it_covers() {
        let inside = |x| (100..200).contains(&x);
        let picture = RgbaImage::from_fn(300, 100, |x, _| if inside(x) { Rgba([9; 4]) } else { Rgba([255; 4]) });
        let picture = DynamicImage::from(picture);
        let window = Window::of_shape((50, 50), &picture);
        let scaled = resample(&picture, window, (50, 50), Filter::Lanczos3).expect("scaled").into_rgba8();
        assert!(scaled.pixels().all(|pixel| pixel.0[3] == 9));
    }
}
