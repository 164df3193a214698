//! Pictures of every kind: what they become, and which of them are refused.

use image::{DynamicImage, GenericImageView};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures, skip::is_skipped};

/// Fetches a variant and decodes it.
async fn variant(image: &Value, index: usize) -> DynamicImage {
    let url = image["variants"][index]["url"].as_str().unwrap_or_else(|| panic!("no variant: {image}"));
    let bytes = reqwest::get(url).await.expect("an answer").bytes().await.expect("a body");
    pictures::decode_webp(&bytes)
}

#[tokio::test]
async fn every_exif_orientation_comes_out_upright() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let upright = pictures::drawing(320, 200);
    for orientation in 1..=8 {
        let laid = pictures::laid_down(&upright, orientation);
        assert_eq!(laid.width() == 200, orientation >= 5, "a picture that lies on its side");
        let photo = pictures::with_exif(&pictures::jpeg(&laid), orientation);
        let image = ann.processed(&app, "a.jpg", "image/jpeg", photo).await;
        assert_eq!((&image["width"], &image["height"]), (&json!(320), &json!(200)), "orientation {orientation}");
        let full = variant(&image, 4).await;
        assert_eq!(full.dimensions(), (320, 200), "orientation {orientation}");
        let (white, blue) = (full.get_pixel(20, 12), full.get_pixel(300, 188));
        assert!(white.0[..3].iter().all(|value| *value > 230), "orientation {orientation}: {white:?} at the top left");
        assert!(blue.0[2] > 200 && blue.0[0] < 60, "orientation {orientation}: {blue:?} at the bottom right");
        assert_eq!(variant(&image, 0).await.dimensions(), (150, 94), "orientation {orientation}");
    }
}

#[tokio::test]
async fn the_four_formats_are_taken_and_alpha_is_kept() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let drawing = pictures::drawing(200, 100);
    for (name, content_type, bytes) in [
        ("a.jpeg", "image/jpeg", pictures::jpeg(&drawing)),
        ("a.PNG", "image/png", pictures::png(&drawing.clone().into())),
        ("a.webp", "image/webp", pictures::webp(&drawing)),
        ("a.gif", "image/gif", pictures::gif(&drawing)),
        ("grey.png", "image/png", pictures::png(&DynamicImage::from(drawing.clone()).into_luma16().into())),
    ] {
        let image = ann.processed(&app, name, content_type, bytes).await;
        assert_eq!((&image["status"], &image["width"]), (&json!("COMPLETED"), &json!(200)), "{name}: {image}");
        let sizes: Vec<_> =
            image["variants"].as_array().expect("variants").iter().map(|v| v["width"].clone()).collect();
        assert_eq!(sizes, [150, 200, 200, 200, 200], "{name}: nothing is enlarged");
    }
    let translucent = pictures::png(&pictures::translucent(64, 64).into());
    let image = ann.processed(&app, "a.png", "image/png", translucent).await;
    let full = variant(&image, 4).await;
    assert_eq!((full.get_pixel(5, 30).0[3], full.get_pixel(60, 30).0[3]), (0, 255));
}

#[tokio::test]
async fn a_picture_that_is_damaged_and_shown_says_so_to_its_owner() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let (whole, broken) = (photo.clone(), photo[..photo.len() - 2].to_vec());
    for (bytes, notes) in [(whole, 0), (broken, 1)] {
        let image = ann.processed(&app, "a.jpg", "image/jpeg", bytes).await;
        assert_eq!(image["status"], "COMPLETED", "{image}");
        let query = "query($id: ID!) { image(id: $id) { metadata { notes } } }";
        let told = ann.send(query, json!({"id": image["id"]})).await.0;
        let told = told["data"]["image"]["metadata"]["notes"].as_array().expect("notes").clone();
        assert_eq!(told.len(), notes, "{told:?}");
        assert!(told.iter().all(|note| note.as_str().is_some_and(|note| note.contains("is damaged"))), "{told:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_sound_image_fail_with_the_right_code_and_leave_no_object() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let png = pictures::png(&pictures::drawing(64, 64).into());
    let gif = pictures::gif(&pictures::drawing(64, 64));
    let webp = pictures::webp(&pictures::drawing(64, 64));
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let cases = [
        ("text", "a.jpg", "image/jpeg", b"not an image at all, but some text".to_vec(), "NOT_AN_IMAGE"),
        ("an SVG", "a.png", "image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "NOT_AN_IMAGE"),
        ("one byte", "a.jpg", "image/jpeg", vec![0xFF], "NOT_AN_IMAGE"),
        ("a PNG called JPEG", "a.jpg", "image/jpeg", png.clone(), "CONTENT_TYPE_MISMATCH"),
        ("a JPEG called WebP", "a.webp", "image/webp", photo.clone(), "CONTENT_TYPE_MISMATCH"),
        ("half a JPEG", "a.jpg", "image/jpeg", cut(&photo), "CORRUPT"),
        ("a JPEG's head", "a.jpg", "image/jpeg", photo[..4].to_vec(), "CORRUPT"),
        ("half a PNG", "a.png", "image/png", cut(&png), "CORRUPT"),
        ("half a GIF", "a.gif", "image/gif", cut(&gif), "CORRUPT"),
        ("half a WebP", "a.webp", "image/webp", cut(&webp), "CORRUPT"),
        (
            "a PNG of 1×70000",
            "a.png",
            "image/png",
            pictures::png(&image::GrayImage::new(1, 70_000).into()),
            "TOO_MANY_PIXELS",
        ),
        ("a JPEG of 65500×65500", "a.jpg", "image/jpeg", claims_65500_squared(&photo), "TOO_MANY_PIXELS"),
    ];
    for (what, name, content_type, bytes, code) in cases {
        let image = ann.processed(&app, name, content_type, bytes).await;
        assert_eq!(image["status"], "FAILED", "{what}: {image}");
        assert_eq!(image["failure"]["code"], code, "{what}");
        assert!(image["failure"]["message"].as_str().is_some_and(|message| message.ends_with('.')), "{what}");
        assert_eq!(
            (&image["url"], &image["variants"], &image["existsInStorage"]),
            (&Value::Null, &json!([]), &json!(false))
        );
        assert_eq!(app.objects().await, [] as [String; 0], "{what} left something behind");
        assert!(!app.queued_jobs().await.contains(&"process"), "{what} is not tried again");
    }
}

#[tokio::test]
async fn the_bound_on_pixels_is_the_operators() {
    let app = TestApp::start_with(&["--max-image-pixels", "10000"]).await;
    let ann = app.user("ann@example.com").await;
    let just = ann.processed(&app, "a.png", "image/png", pictures::png(&pictures::drawing(100, 100).into())).await;
    assert_eq!(just["status"], "COMPLETED");
    let over = ann.processed(&app, "a.png", "image/png", pictures::png(&pictures::drawing(101, 100).into())).await;
    assert_eq!(over["failure"]["code"], "TOO_MANY_PIXELS");
}

#[tokio::test]
async fn a_wide_gamut_is_brought_to_srgb() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let profile = moxcms::ColorProfile::new_display_p3().encode().expect("a profile");
    let patch = image::RgbImage::from_pixel(32, 32, image::Rgb([200, 80, 60]));
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::set_icc_profile(&mut encoder, profile).expect("a profile");
    let color = image::ExtendedColorType::Rgb8;
    image::ImageEncoder::write_image(encoder, patch.as_raw(), 32, 32, color).expect("a PNG");
    let image = ann.processed(&app, "a.png", "image/png", bytes).await;
    let seen = variant(&image, 4).await.get_pixel(16, 16).0;
    // Display P3's (200, 80, 60) by the matrices of both spaces is (216, 69, 50) in sRGB, within WebP's loss.
    for (channel, expected) in seen.iter().zip([216_i16, 69, 50]) {
        assert!((i16::from(*channel) - expected).abs() <= 4, "{seen:?}");
    }
}

#[tokio::test]
async fn a_folder_of_pictures_ends_completed_or_failed() {
    let folder = pictures::corpus();
    if is_skipped(folder.is_some(), "a folder of pictures: IMAGE_CORPUS") {
        return;
    }
    let folder = folder.expect("a folder");
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let mut seen = 0;
    for file in files.filter(|entry| entry.file_type().is_file()) {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(content_type) = content_type_of(&name) else { continue };
        let bytes = std::fs::read(file.path()).expect("a file");
        if bytes.is_empty() {
            continue;
        }
        let image = ann.processed(&app, &name, content_type, bytes).await;
        // Those that are known to come out wrong may be refused as well.
        let is_bad = file.path().components().any(|part| part.as_os_str() == "bad" || part.as_os_str() == "telling");
        assert_settled(&app, &ann, &name, &image, is_bad).await;
        seen += 1;
    }
    assert!(seen > 0, "the folder has pictures");
}

async fn assert_settled(app: &TestApp, ann: &Client, name: &str, image: &Value, is_bad: bool) {
    let status = image["status"].as_str().expect("a status");
    assert!(["COMPLETED", "FAILED"].contains(&status), "{name}: {image}");
    assert!(is_bad || status == "COMPLETED", "{name}: {image}");
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, [] as [String; 0], "{name}");
}

fn content_type_of(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    darkroom::domain::format::ImageFormat::from_extension(extension)
        .map(darkroom::domain::format::ImageFormat::content_type)
}

/// The photo with a header that claims the largest size that JPEG has room for.
fn claims_65500_squared(photo: &[u8]) -> Vec<u8> {
    let mut bytes = photo.to_vec();
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame header");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    bytes
}
