//! Files made to kill, each kind by itself: refused with the right word, in little time and little memory.

use std::{fmt::Write as _, io::Write as _, path::PathBuf, time::Duration};

use flate2::{Compression, write::ZlibEncoder};
use tempfile::TempDir;

use crate::{moving, pictures, program};

const MEBIBYTE: u64 = 1024 * 1024;
/// What the program takes for any file; the kernel counts what the tests had when they started it.
const LITTLE_MEMORY: u64 = 256 * MEBIBYTE;
/// Of CPU.
const LITTLE_TIME: Duration = Duration::from_secs(3);

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name))
        .expect("a fixture")
}

/// Says what the program's last word on a file is, once it was found to have cost little.
fn end_of(bytes: &[u8]) -> String {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("hostile"), bytes).expect("a file");
    let ran = program::variants_of(folder.path(), &["hostile".to_owned()]);
    let end = ran.end_of("hostile").to_owned();
    assert!(ran.peak_memory < LITTLE_MEMORY, "{} MiB: {end}", ran.peak_memory / MEBIBYTE);
    assert!(ran.cpu < LITTLE_TIME, "{:?}: {end}", ran.cpu);
    end
}

fn is_too_large(bytes: &[u8]) {
    let end = end_of(bytes);
    assert!(end.contains("more than the 50000000 that are allowed"), "{end}");
}

fn is_damaged(bytes: &[u8]) {
    let end = end_of(bytes);
    assert!(end.starts_with("the file is damaged"), "{end}");
}

#[test]
fn a_jpeg_that_claims_a_side_of_65500() {
    let mut bytes = fixture("420.jpg");
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    is_too_large(&bytes);
}

#[test]
fn a_jpeg_of_a_hundred_thousand_scans() {
    // Each of them a walk over the whole picture, of eight bytes.
    let bytes = fixture("progressive.jpg");
    let scan = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).expect("a scan");
    let end = bytes.len() - 2;
    let mut many = bytes[..end].to_vec();
    for _ in 0..100_000 {
        many.extend_from_slice(&bytes[scan..(scan + 12).min(end)]);
    }
    many.extend_from_slice(&bytes[end..]);
    is_damaged(&many);
}

fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut checked = kind.to_vec();
    checked.extend_from_slice(data);
    let mut chunk = u32::try_from(data.len()).expect("a length").to_be_bytes().to_vec();
    chunk.extend_from_slice(&checked);
    chunk.extend(crc32fast::hash(&checked).to_be_bytes());
    chunk
}

/// 200 MB of nothing, in 200 kB.
fn bomb() -> Vec<u8> {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        deflated.write_all(&vec![0; 1_000_000]).expect("memory");
    }
    deflated.finish().expect("memory")
}

/// Behind the header, before everything else.
fn png_with(chunk: &[u8]) -> Vec<u8> {
    let mut bytes = fixture("rgb.png");
    bytes.splice(33..33, chunk.iter().copied());
    bytes
}

#[test]
fn a_png_that_claims_a_side_of_60000() {
    let mut bytes = fixture("rgb.png");
    let header = [60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat();
    let mut data = bytes[16..29].to_vec();
    data[..8].copy_from_slice(&header);
    bytes.splice(8..33, png_chunk(*b"IHDR", &data));
    is_too_large(&bytes);
}

#[test]
fn a_png_with_a_text_that_inflates_to_200_megabytes() {
    let end = end_of(&png_with(&png_chunk(*b"zTXt", &[b"Comment\0\0".as_slice(), &bomb()].concat())));
    // The text is nobody's business; the picture is sound.
    assert!(program::is_made(&end) || end.starts_with("the file is damaged"), "{end}");
}

#[test]
fn a_png_with_a_profile_that_inflates_to_200_megabytes() {
    let end = end_of(&png_with(&png_chunk(*b"iCCP", &[b"profile\0\0".as_slice(), &bomb()].concat())));
    assert!(program::is_made(&end) || end.starts_with("the file is damaged"), "{end}");
}

#[test]
fn a_gif_with_a_screen_of_65535() {
    let mut bytes = fixture("still.gif");
    bytes[6..10].copy_from_slice(&[0xFF; 4]);
    is_too_large(&bytes);
}

#[test]
fn a_gif_of_ten_thousand_frames() {
    let bytes = moving::gif(&pictures::drawing(8, 8), 10_000);
    let end = end_of(&bytes);
    assert!(program::is_made(&end), "its first frame is shown: {end}");
}

#[test]
fn a_webp_with_a_chunk_of_four_gigabytes() {
    let mut bytes = fixture("alpha.webp");
    let chunk = bytes.windows(4).position(|kind| kind == b"ALPH").expect("a chunk");
    bytes[chunk + 4..chunk + 8].copy_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF]);
    is_damaged(&bytes);
    let mut bytes = fixture("lossy.webp");
    bytes.extend_from_slice(b"EXIF\xF0\xFF\xFF\xFF");
    let end = end_of(&bytes);
    assert!(program::is_made(&end) || end.starts_with("the file is damaged"), "{end}");
}

/// In the place of what the container says of its picture's size.
fn with_size(name: &str, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = fixture(name);
    let mut from = 0;
    while let Some(at) = bytes[from..].windows(4).position(|kind| kind == b"ispe") {
        from += at + 8;
        bytes[from..from + 8].copy_from_slice(&[width.to_be_bytes(), height.to_be_bytes()].concat());
    }
    bytes
}

#[test]
fn heic_and_avif_whose_container_lies_about_the_size() {
    for name in ["444.heic", "444.avif"] {
        is_too_large(&with_size(name, 60_000, 60_000));
        // Within what is allowed, and far more than there is.
        is_damaged(&with_size(name, 7000, 7000));
    }
    // HEVC codes blocks of 64, so that a little more than is shown is no lie.
    is_damaged(&with_size("444.avif", 16, 16));
}

#[test]
fn heic_that_is_said_to_be_put_together_from_others() {
    for kind in [b"grid", b"iovl", b"iden"] {
        let mut bytes = fixture("444.heic");
        let at = bytes.windows(4).position(|found| found == b"hvc1").expect("an item");
        bytes[at..at + 4].copy_from_slice(kind);
        let end = end_of(&bytes);
        assert!(!program::is_made(&end), "{end}");
    }
}

#[test]
fn what_is_no_image_whatever_it_calls_itself() {
    let mut page = "<svg xmlns=\"http://www.w3.org/2000/svg\">".to_owned();
    write!(page, "<script>{}</script></svg>", "x".repeat(100)).expect("memory");
    for bytes in [b"".as_slice(), b"\xFF\xD8", b"GIF89a", b"RIFF\0\0\0\0WEBP", page.as_bytes(), &[0; 4096]] {
        let end = end_of(bytes);
        assert!(end.starts_with("the file is"), "{end}");
    }
}

#[test]
fn pictures_that_break_off() {
    for name in ["420.jpg", "rgb.png", "lossy.webp", "still.gif", "444.heic", "444.avif"] {
        let bytes = fixture(name);
        is_damaged(&bytes[..bytes.len() * 2 / 3]);
    }
}
