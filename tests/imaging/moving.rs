//! Animations, drawn.

use image::{DynamicImage, RgbImage, codecs::gif::GifEncoder};

/// So many frames, every other one upside down, a tenth of a second each.
pub fn gif(image: &RgbImage, frames: usize) -> Vec<u8> {
    let upright = DynamicImage::from(image.clone()).into_rgba8();
    let turned = image::imageops::rotate180(&upright);
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for image in [upright, turned].into_iter().cycle().take(frames) {
        let delay = image::Delay::from_numer_denom_ms(100, 1);
        encoder.encode_frame(image::Frame::from_parts(image, 0, 0, delay)).expect("a frame");
    }
    drop(encoder);
    bytes
}
