//! What is shown of a picture: all of it, or a part.

use image::DynamicImage;

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crop {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

impl Crop {
    /// All of a picture.
    pub(super) fn whole(image: &DynamicImage) -> Self {
        Self { left: 0, top: 0, width: image.width(), height: image.height() }
    }

    /// The largest part of a picture that has this shape, out of its middle.
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
        Self { left: (image.width() - width) / 2, top: (image.height() - height) / 2, width, height }
    }
}
