//! What a page shows before the picture is there: a blur in about 25 bytes, or one colour.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use image::RgbaImage;

/// The largest side that ThumbHash takes, in pixels.
pub(super) const MAX_SIDE: u32 = 100;

/// The ThumbHash in base64, of a picture of at most `MAX_SIDE`.
pub(super) fn thumbhash(small: &RgbaImage) -> String {
    let hash = thumbhash::rgba_to_thumb_hash(small.width() as usize, small.height() as usize, small.as_raw());
    BASE64.encode(hash)
}

/// The mean of the colours that most of the picture is of, as `#rrggbb`. What is transparent does not count.
pub(super) fn dominant_colour(small: &RgbaImage) -> String {
    // Red, green, blue and their weight, in boxes of a sixteenth of each channel.
    let mut boxes = vec![[0_u64; 4]; 16 * 16 * 16];
    for [r, g, b, alpha] in small.pixels().map(|pixel| pixel.0.map(u64::from)) {
        let found = &mut boxes[usize::try_from((r / 16 * 16 + g / 16) * 16 + b / 16).unwrap_or(0)];
        for (sum, value) in found.iter_mut().zip([r * alpha, g * alpha, b * alpha, alpha]) {
            *sum += value;
        }
    }
    let [r, g, b, weight] = boxes.into_iter().max_by_key(|found| found[3]).unwrap_or_default();
    let [r, g, b] = [r, g, b].map(|sum| sum / weight.max(1));
    format!("#{r:02x}{g:02x}{b:02x}")
}
