//! Pictures to upload. Real photos are taken from IMAGE_CORPUS or ../shared/images where those are there;
//! everything else is drawn here, so that nothing of anybody else's is committed.

use std::{io::Cursor, path::PathBuf};

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, RgbaImage,
    codecs::{gif::GifEncoder, jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};

/// A folder of real pictures, where there is one.
pub fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("IMAGE_CORPUS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/images");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// A photo of 12 megapixels with an EXIF block: a real one where there is a corpus, else one drawn to be as busy.
pub fn photo_12mp() -> Vec<u8> {
    let real = corpus().map(|folder| folder.join("photos/iphone12_12mp_420.jpg"));
    let photo = real.and_then(|file| std::fs::read(file).ok()).unwrap_or_else(|| jpeg(&drawing(4032, 3024)));
    with_exif(&photo, 1)
}

/// Something with a bright corner at the top left and a blue one at the bottom right, and detail between.
pub fn drawing(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x * 255 / width, y * 255 / height);
        let texture = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 27;
        let [u, v, texture] = [u, v, texture].map(|value| u8::try_from(value & 0xFF).unwrap_or(0));
        if x * 4 < width && y * 4 < height {
            Rgb([255, 255, 255])
        } else if x * 4 >= width * 3 && y * 4 >= height * 3 {
            Rgb([0, 0, 255])
        } else {
            Rgb([u / 2 + texture, v / 2 + texture, 40 + texture])
        }
    })
}

pub fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(image).expect("a JPEG");
    bytes
}

pub fn small_jpeg() -> Vec<u8> {
    jpeg(&drawing(320, 240))
}

pub fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let color: ExtendedColorType = image.color().into();
    PngEncoder::new(&mut bytes).write_image(image.as_bytes(), image.width(), image.height(), color).expect("a PNG");
    bytes
}

pub fn webp(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .expect("a WebP");
    bytes
}

pub fn gif(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = image::Frame::new(DynamicImage::from(image.clone()).into_rgba8());
    GifEncoder::new(&mut bytes).encode_frame(frame).expect("a GIF");
    bytes
}

/// Half of it see-through.
pub fn translucent(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| image::Rgba([200, 30, 30, if x * 2 < width { 0 } else { 255 }]))
}

/// A JPEG with an EXIF block: this orientation, and a camera named "Darkroom test".
pub fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let make = b"Darkroom test\0";
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    // Make: ASCII, behind the directory of two entries.
    tiff.extend([0x0F, 0x01, 0x02, 0x00, u8::try_from(make.len()).expect("short"), 0, 0, 0, 38, 0, 0, 0]);
    // Orientation: one short.
    tiff.extend([0x12, 0x01, 0x03, 0x00, 1, 0, 0, 0, orientation, 0, 0, 0]);
    tiff.extend([0, 0, 0, 0]);
    tiff.extend(make);
    let length = u16::try_from(2 + 6 + tiff.len()).expect("short").to_be_bytes();
    let head: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE1];
    [head, &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

/// What a viewer would see if it did not know of EXIF: the inverse of what the orientation asks for.
pub fn laid_down(upright: &RgbImage, orientation: u8) -> RgbImage {
    let image = DynamicImage::from(upright.clone());
    let laid = match orientation {
        1 => image,
        2 => image.fliph(),
        3 => image.rotate180(),
        4 => image.flipv(),
        5 => image.rotate90().fliph(),
        6 => image.rotate270(),
        7 => image.rotate270().fliph(),
        8 => image.rotate90(),
        other => panic!("no orientation {other}"),
    };
    laid.into_rgb8()
}

/// Decodes what a variant's URL gave.
pub fn decode_webp(bytes: &[u8]) -> DynamicImage {
    image::load(Cursor::new(bytes), image::ImageFormat::WebP).expect("a WebP")
}

/// The names of a WebP's chunks.
pub fn webp_chunks(bytes: &[u8]) -> Vec<String> {
    assert_eq!((&bytes[..4], &bytes[8..12]), (b"RIFF".as_slice(), b"WEBP".as_slice()));
    let mut chunks = Vec::new();
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        chunks.push(String::from_utf8_lossy(&head[..4]).into_owned());
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        at += 8 + length + length % 2;
    }
    chunks
}
