//! Every format and variation, beside what a reference decoder makes of it. The rows of docs/formats.md are written
//! here: a file whose colours drift, or that is not decoded any more, is a row that is not in the document.

use std::path::PathBuf;

use darkroom::{
    domain::variant_spec::{VariantSet, VariantSpec},
    imaging::{Decoded, Limits, Opened},
};
use image::{Rgba, RgbaImage};

use crate::{moving, pictures};

const LIMITS: Limits = Limits { max_pixels: 50_000_000 };
const DOCUMENT: &str = "docs/formats.md";
/// Of CIELAB: about what can be seen side by side. Decoders differ in how they spread colours of half the size, which
/// in a picture as small as these is a good part of it.
const UNSEEN: f64 = 2.5;

/// A file of tests/fixtures/images, and what is special about it.
const ROWS: &[(&str, &str)] = &[
    ("420.jpg", "JPEG, baseline, 4:2:0"),
    ("422.jpg", "JPEG, 4:2:2"),
    ("444.jpg", "JPEG, 4:4:4"),
    ("progressive.jpg", "JPEG, progressive"),
    ("grey.jpg", "JPEG, grey"),
    ("p3.jpg", "JPEG, Display P3's primaries by an ICC profile"),
    ("adobe.jpg", "JPEG, Adobe RGB by an ICC profile"),
    ("cmyk.jpg", "JPEG, CMYK of Adobe's kind, no profile"),
    ("inks.jpg", "JPEG, CMYK without Adobe's marker"),
    ("cmyk_profile.jpg", "JPEG, CMYK with an ICC profile"),
    ("ycck.jpg", "JPEG, YCCK"),
    ("arithmetic.jpg", "JPEG, arithmetic coding"),
    ("apart.jpg", "JPEG, a scan for each component, 4:2:0"),
    ("coarse_light.jpg", "JPEG, light sampled more coarsely than colours"),
    ("equal_ids.jpg", "JPEG, components with equal ids"),
    ("says_ycck.jpg", "JPEG, YCCK of three components by APP14"),
    ("empty_comment.jpg", "JPEG, a comment of length 0"),
    ("no_end.jpg", "JPEG, no end marker"),
    ("rgb.png", "PNG, 8 bits"),
    ("p3.png", "PNG, Display P3's primaries by an ICC profile"),
    ("adobe.png", "PNG, Adobe RGB by an ICC profile"),
    ("alpha.png", "PNG, alpha"),
    ("palette.png", "PNG, palette"),
    ("grey.png", "PNG, grey of 8 bits"),
    ("grey1.png", "PNG, grey of 1 bit"),
    ("grey16.png", "PNG, grey of 16 bits"),
    ("code_points.png", "PNG, code points beside a gamma"),
    ("pq.png", "PNG, HDR by PQ, which tells its brightest light"),
    ("apng.png", "APNG: its first frame"),
    ("late_exif.png", "PNG, EXIF behind the pixels, turned"),
    ("raw_profile.png", "PNG, EXIF as a text, turned"),
    ("no_end.png", "PNG, its end cut"),
    ("wrong_checksum.png", "PNG, a wrong checksum"),
    ("lossy.webp", "WebP, lossy"),
    ("lossless.webp", "WebP, lossless"),
    ("alpha.webp", "WebP, lossy with alpha"),
    ("moving.webp", "WebP, moving"),
    ("disposal.webp", "WebP, moving, disposed of to nothing"),
    ("exif_prefix.webp", "WebP, EXIF as in a JPEG, turned"),
    ("still.gif", "GIF"),
    ("moving.gif", "GIF, moving, three ways of disposal"),
    ("small_screen.gif", "GIF, larger than its screen"),
    ("junk.gif", "GIF, junk behind its frame"),
    ("unknown_extension.gif", "GIF, an unknown extension"),
    ("420.heic", "HEIC, 4:2:0"),
    ("444.heic", "HEIC, 4:4:4"),
    ("alpha.heic", "HEIC, alpha"),
    ("turned_irot1.heic", "HEIC, turned by irot to the left"),
    ("turned_irot3.heic", "HEIC, turned by irot to the right"),
    ("turned_imir1.heic", "HEIC, mirrored by imir"),
    ("turned_irot1_imir0.heic", "HEIC, turned and mirrored"),
    ("420.avif", "AVIF, 4:2:0"),
    ("422.avif", "AVIF, 4:2:2"),
    ("444.avif", "AVIF, 4:4:4"),
    ("400.avif", "AVIF, grey"),
    ("alpha.avif", "AVIF, alpha"),
    ("limited.avif", "AVIF, limited range"),
    ("10bit.avif", "AVIF, 10 bits"),
    ("12bit.avif", "AVIF, 12 bits"),
    ("matrix12.avif", "AVIF, a matrix derived from the primaries"),
    ("pq.avif", "AVIF, HDR by PQ"),
    ("pq_light.avif", "AVIF, HDR by PQ, which tells its brightest light"),
    ("hlg.avif", "AVIF, HDR by HLG"),
    ("turned_6.avif", "AVIF, turned by irot"),
    ("turned_5.avif", "AVIF, turned and mirrored"),
    ("moving.avif", "AVIF sequence: its first frame"),
    ("film.avif", "AVIF sequence that is a film alone: its first frame"),
];

fn fixture(name: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn five() -> Vec<VariantSpec> {
    VariantSet::default().iter().cloned().collect()
}

fn decoded(bytes: &[u8]) -> Decoded<'_> {
    Opened::new(bytes, None, LIMITS).expect("a header").decode(&five()).expect("a picture")
}

/// D65, of sRGB.
#[expect(clippy::many_single_char_names, reason = "as every textbook has them")]
fn lab([r, g, b]: [u8; 3]) -> [f64; 3] {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = [r, g, b].map(linear);
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = f((0.412_456 * r + 0.357_576 * g + 0.180_437 * b) / 0.950_47);
    let y = f(0.212_673 * r + 0.715_152 * g + 0.072_175 * b);
    let z = f((0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// As it would look on grey, so that alpha counts.
fn on_grey(Rgba([r, g, b, alpha]): Rgba<u8>) -> [u8; 3] {
    [r, g, b].map(|value| {
        let blended = (u32::from(value) * u32::from(alpha) + 128 * (255 - u32::from(alpha))) / 255;
        u8::try_from(blended).expect("a byte")
    })
}

/// The mean distance of two pictures' colours.
fn delta_e(ours: &RgbaImage, theirs: &RgbaImage) -> f64 {
    assert_eq!(ours.dimensions(), theirs.dimensions());
    let distance = |(ours, theirs): (&Rgba<u8>, &Rgba<u8>)| {
        let (ours, theirs) = (lab(on_grey(*ours)), lab(on_grey(*theirs)));
        ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).powi(2)).sum::<f64>().sqrt()
    };
    ours.pixels().zip(theirs.pixels()).map(distance).sum::<f64>() / f64::from(ours.width() * ours.height())
}

fn row((name, what): (&str, &str)) -> String {
    let bytes = fixture(name);
    let image = decoded(&bytes);
    let theirs = image::load_from_memory(&fixture(&format!("{name}.png"))).expect("a reference").into_rgba8();
    assert_eq!((image.pixels().width(), image.pixels().height()), theirs.dimensions(), "{name}");
    let distance = delta_e(&image.pixels().to_rgba8(), &theirs);
    assert!(distance < UNSEEN, "{name}: {distance}");
    let (facts, _) = image.facts().expect("facts");
    let moves = match (facts.is_animated, image.metadata().notes.is_empty()) {
        (false, _) => "",
        (true, true) => "moves",
        (true, false) => "first frame",
    };
    format!("| {what} | `{name}` | {}×{} | {distance:.1} | {moves} |", facts.width, facts.height)
}

#[test]
fn every_format_is_decoded_as_a_reference_decoder_does() {
    let document = std::fs::read_to_string(DOCUMENT).expect("the document");
    let rows: Vec<String> = ROWS.iter().copied().map(row).collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !document.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "not in {DOCUMENT}:\n{}", rows.join("\n"));
}

#[test]
fn what_is_damaged_and_shown_says_so() {
    let damaged = ["no_end.jpg", "junk.gif", "no_end.png", "wrong_checksum.png"];
    for (name, _) in ROWS.iter().filter(|(name, _)| !["moving.avif", "film.avif", "apng.png"].contains(name)) {
        let bytes = fixture(name);
        let notes = decoded(&bytes).metadata().notes;
        assert_eq!(notes.iter().any(|note| note.contains("is damaged")), damaged.contains(name), "{name}: {notes:?}");
    }
}

#[test]
fn what_lacks_more_than_a_tenth_of_its_rows_is_damaged() {
    for name in ["420.jpg", "progressive.jpg", "rgb.png", "grey16.png", "lossy.webp"] {
        let whole = fixture(name);
        let mut broken = whole[..whole.len() * 4 / 5].to_vec();
        let opened = Opened::new(&broken, None, LIMITS).and_then(|opened| opened.decode(&five()));
        assert!(opened.is_err(), "{name}: {:?}", opened.map(|image| image.metadata().notes));
        // An end marker does not make it whole.
        broken.extend(b"\xff\xd9");
        let opened = Opened::new(&broken, None, LIMITS).and_then(|opened| opened.decode(&five()));
        assert!(opened.is_err(), "{name} with an end marker");
    }
}

#[test]
fn the_pictures_are_all_in_the_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    for file in folder.read_dir().expect("a folder") {
        let name = file.expect("a file").file_name().into_string().expect("a name");
        // A reference is named after the file whose it is, and the scripts made both.
        let of = name.strip_suffix(".png").unwrap_or_default();
        let is_in = |name: &str| ROWS.iter().any(|(row, _)| *row == name);
        assert!(
            is_in(&name) || is_in(of) || ["make.py", "odd.py", "turn.py"].contains(&name.as_str()),
            "{name} is in no row"
        );
    }
}

/// Frames as libwebp's own decoder gives them.
fn frames(bytes: &[u8]) -> Vec<(RgbaImage, u32)> {
    let image = decoded(bytes);
    let frames = image.frames().expect("an animation").map(|frame| frame.expect("a frame"));
    frames.map(|frame| (frame.image.into_rgba8(), frame.duration)).collect()
}

fn full_size() -> VariantSpec {
    VariantSpec { quality: 95.0, ..darkroom::domain::variant::VariantType::Webp.into() }
}

#[test]
fn animations_keep_their_timing_their_loops_and_their_disposal() {
    for (name, durations, loops) in [("moving.gif", vec![100, 200, 300], 3), ("moving.webp", vec![120, 340], 3)] {
        let bytes = fixture(name);
        let image = decoded(&bytes);
        let made = image.variant(&full_size()).expect("a variant");
        let ours = frames(&made.bytes);
        assert_eq!(ours.iter().map(|(_, duration)| *duration).collect::<Vec<_>>(), durations, "{name}");
        let decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&made.bytes)).expect("a WebP");
        // What a GIF calls two repetitions is played three times.
        let expected = image_webp::LoopCount::Times(std::num::NonZeroU16::new(loops).expect("some"));
        assert_eq!(format!("{:?}", decoder.loop_count()), format!("{expected:?}"), "{name}");
        let first = image::load_from_memory(&fixture(&format!("{name}.png"))).expect("a reference").into_rgba8();
        let turned = image::imageops::rotate180(&first);
        // Colours at half the size blur a picture as small as this one, but turn none.
        for (at, (right, wrong)) in [(&first, &turned), (&turned, &first)].into_iter().enumerate() {
            let (right, wrong) = (delta_e(&ours[at].0, right), delta_e(&ours[at].0, wrong));
            assert!(right * 6.0 < wrong, "{name}, frame {at}: {right} and {wrong}");
        }
        let thumbnail = image
            .variant(&VariantSpec { bounds: Some(darkroom::domain::variant_spec::Bounds::Square(48)), ..full_size() });
        let thumbnail = thumbnail.expect("a variant");
        assert_eq!((thumbnail.width, thumbnail.height), (48, 32));
        assert_eq!(frames(&thumbnail.bytes).len(), durations.len(), "{name}: small, and still moving");
    }
}

#[test]
fn a_gif_whose_program_forgot_the_trailer_is_whole() {
    for (name, count) in [("still.gif", 1), ("moving.gif", 3)] {
        let whole = fixture(name);
        let (trailer, rest) = whole.split_last().expect("bytes");
        assert_eq!(*trailer, 0x3B);
        let image = decoded(rest);
        assert_eq!(image.pixels().as_bytes(), decoded(&whole).pixels().as_bytes(), "{name}");
        assert_eq!(frames(rest).len(), count, "{name}");
    }
}

#[test]
fn a_gif_that_breaks_off_is_shown_as_far_as_its_frames_are_whole() {
    let moving = fixture("moving.gif");
    let broken = &moving[..moving.len() - 20];
    let image = decoded(broken);
    assert_eq!(image.pixels().as_bytes(), decoded(&moving).pixels().as_bytes());
    assert_eq!(frames(broken).len(), 2);
    assert!(image.metadata().notes[0].contains("the animation ends before the damage"), "{:?}", image.metadata().notes);
    let still = fixture("still.gif");
    let opened = Opened::new(&still[..still.len() / 2], None, LIMITS);
    assert!(opened.and_then(|opened| opened.decode(&five())).is_err(), "its one frame is not there");
}

#[test]
fn what_a_frame_disposes_of_is_gone_from_the_next_one() {
    let bytes = fixture("disposal.webp");
    let made = decoded(&bytes).variant(&full_size()).expect("a variant");
    let frames = frames(&made.bytes);
    let (second, third) = (&frames[1].0, &frames[2].0);
    assert_eq!((second.get_pixel(40, 30).0[3], second.get_pixel(70, 50).0[3]), (255, 0));
    assert_eq!((third.get_pixel(40, 30).0[3], third.get_pixel(70, 50).0[3]), (0, 255));
}

#[test]
fn an_animation_beyond_the_bounds_stands_still_and_says_so() {
    let frame = pictures::drawing(16, 16);
    let bytes = moving::gif(&frame, 1001);
    let image = decoded(&bytes);
    let (facts, _) = image.facts().expect("facts");
    assert!(facts.is_animated);
    assert!(image.metadata().notes[0].contains("1001 frames, more than 1000"), "{:?}", image.metadata().notes);
    assert_eq!(
        image_webp::WebPDecoder::new(std::io::Cursor::new(&image.variant(&full_size()).expect("one").bytes))
            .expect("a WebP")
            .num_frames(),
        0
    );
}

/// Text and lines of few colours, as in a screenshot.
fn screenshot(side: u32) -> RgbaImage {
    RgbaImage::from_fn(side, side, |x, y| {
        let is_ink = (x / 3 + y / 5).is_multiple_of(7) && !y.is_multiple_of(4);
        if is_ink { Rgba([200, 30, 40, 255]) } else { Rgba([250, 250, 250, 255]) }
    })
}

fn as_png(image: &RgbaImage) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).expect("a PNG");
    file.into_inner()
}

#[test]
fn frames_are_counted_by_their_own_size_where_it_is_more_than_the_screens() {
    let mut bytes = moving::gif(&pictures::drawing(1000, 1000), 101);
    bytes[6..10].copy_from_slice(&[1, 0, 1, 0]);
    // Of the first frame, by which the screen is widened.
    let first = bytes.windows(6).position(|window| window == [0x2C, 0, 0, 0, 0, 0xE8]).expect("a frame");
    bytes[first + 5..first + 9].copy_from_slice(&[1, 0, 1, 0]);
    let notes = decoded(&bytes).metadata().notes;
    assert!(notes.iter().any(|note| note.contains("pixels over all frames")), "{notes:?}");
}

#[test]
fn what_is_tiny_or_drawn_is_kept_without_loss() {
    for side in [7, 64, 600] {
        let picture = screenshot(side);
        let bytes = as_png(&picture);
        let made = decoded(&bytes).variant(&full_size()).expect("a variant");
        let made = image::load_from_memory(&made.bytes).expect("a WebP").into_rgba8();
        assert_eq!(made, picture, "{side}");
    }
    let photo = image::DynamicImage::from(pictures::drawing(600, 600)).into_rgba8();
    let bytes = as_png(&photo);
    let made = decoded(&bytes).variant(&full_size()).expect("a variant");
    assert_ne!(image::load_from_memory(&made.bytes).expect("a WebP").into_rgba8(), photo, "a photo is lossy");
}

#[test]
fn what_no_frame_covers_is_clear() {
    let part = RgbaImage::from_pixel(40, 30, Rgba([200, 30, 40, 255]));
    let mut bytes = moving::gif(&image::DynamicImage::from(part).into_rgb8(), 2);
    // The screen is larger than the frames.
    bytes[6..10].copy_from_slice(&[100, 0, 100, 0]);
    let made = decoded(&bytes).variant(&full_size()).expect("a variant");
    let shown = image_webp::WebPDecoder::new(std::io::Cursor::new(&made.bytes)).expect("a WebP");
    assert!(shown.has_alpha() && shown.is_animated());
    let frames = frames(&made.bytes);
    assert_eq!((frames[0].0.get_pixel(20, 20).0[3], frames[0].0.get_pixel(80, 80).0[3]), (255, 0));
}
