//! Turning a picture upright. A quarter turn reads a whole column for each row, which is done in blocks by fast_transpose: pixel
//! by pixel it cost a photo of 12 megapixels as much as all of its small variants.

use fast_transpose::{FlipMode, FlopMode, transpose_rgb};
use image::{DynamicImage, RgbImage, metadata::Orientation};

use super::decode::Size;

/// The picture after all of these turns.
pub(super) fn turned_by(image: DynamicImage, turns: &[Orientation]) -> DynamicImage {
    turns.iter().fold(image, |image, turn| turned(image, *turn))
}

/// The size of a picture after these turns; and before them, of one that is so after them.
pub(super) fn upright_size(Size { width, height }: Size, turns: &[Orientation]) -> Size {
    // From 5 on, by their numbers in EXIF, rows become columns.
    let quarters = turns.iter().filter(|turn| turn.to_exif() >= 5).count();
    if quarters % 2 == 0 { Size { width, height } } else { Size { width: height, height: width } }
}

/// The picture as it is to be seen.
pub(super) fn turned(mut image: DynamicImage, turn: Orientation) -> DynamicImage {
    // The crate's plain transposition is a quarter turn to the left.
    let quarter = match turn {
        Orientation::Rotate90 => Some((FlipMode::Flip, FlopMode::Flop)),
        Orientation::Rotate270 => Some((FlipMode::NoFlip, FlopMode::NoFlop)),
        Orientation::Rotate90FlipH => Some((FlipMode::NoFlip, FlopMode::Flop)),
        Orientation::Rotate270FlipH => Some((FlipMode::Flip, FlopMode::NoFlop)),
        _ => None,
    };
    if let Some(turned) = quarter.and_then(|(flip, flop)| transposed(&image, flip, flop)) {
        return turned;
    }
    image.apply_orientation(turn);
    image
}

/// Rows become columns, which may be mirrored; `None` for pixels of another kind than RGB of 8 bits. The crate has the same for
/// RGBA, which in 0.2.7 mirrors wrongly from eight pixels on.
fn transposed(image: &DynamicImage, flip: FlipMode, flop: FlopMode) -> Option<DynamicImage> {
    let (width, height) = (image.width(), image.height());
    let (wide, high) = (width as usize, height as usize);
    let image = image.as_rgb8()?;
    let mut turned = RgbImage::new(height, width);
    transpose_rgb(image, wide * 3, &mut turned, high * 3, wide, high, flip, flop).ok()?;
    Some(turned.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_is_that_of_a_plain_loop() {
        for (width, height) in [(1, 1), (3, 200), (67, 45), (128, 33)] {
            let rgba = DynamicImage::from(image::RgbaImage::from_fn(width, height, |x, y| {
                image::Rgba([x, y, x * y, x + y].map(|value| u8::try_from(value % 251).expect("a byte")))
            }));
            for image in [DynamicImage::from(rgba.to_rgb8()), rgba] {
                for turn in (1..=8).filter_map(Orientation::from_exif) {
                    let mut expected = image.clone();
                    expected.apply_orientation(turn);
                    assert_eq!(turned(image.clone(), turn), expected, "{turn:?} of {width}×{height}");
                }
            }
        }
    }
}
