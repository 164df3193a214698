//! Metadata: what cameras wrote, as people read it; for the owner alone where it was; and junk that harms nobody.

use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, exif::ExifBlock, pictures};

const METADATA: &str = "query($id: ID!) { image(id: $id) { status metadata { cameraMake cameraModel takenAt \
    takenAtOffset location { latitude longitude } exif } } }";

async fn metadata(client: &Client, id: &Value) -> Value {
    let answer = client.send(METADATA, json!({"id": id})).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    assert_eq!(answer.0["data"]["image"]["status"], "COMPLETED");
    answer.0["data"]["image"]["metadata"].clone()
}

fn phone() -> ExifBlock {
    ExifBlock::default()
        .ascii(0x010F, "Darkroom\0 ")
        .ascii(0x0110, "Test phone")
        .exif_ascii(0x9003, "2026:07:14 18:30:05")
        .exif_ascii(0x9011, "+09:00")
        .exif_rational(0x829D, &[(16, 10)])
        .exif_short(0x8827, 50)
        .gps_ascii(1, "N")
        .gps_rational(2, &[(37, 1), (33, 1), (5940, 100)])
        .gps_ascii(3, "E")
        .gps_rational(4, &[(126, 1), (58, 1), (4068, 100)])
}

#[tokio::test]
async fn a_phones_photo_tells_what_when_and_to_its_owner_where() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let photo = phone().in_jpeg(&pictures::small_jpeg());
    let before = ann.ticket("a.jpg", "image/jpeg", 10).await.image;
    let query = "query($id: ID!) { image(id: $id) { metadata { cameraMake } } }";
    assert_eq!(ann.send(query, json!({"id": before})).await.0["data"]["image"]["metadata"], Value::Null);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", photo).await;
    let found = metadata(&ann, &image["id"]).await;
    assert_eq!((&found["cameraMake"], &found["cameraModel"]), (&json!("Darkroom"), &json!("Test phone")));
    assert_eq!((&found["takenAt"], &found["takenAtOffset"]), (&json!("2026-07-14T09:30:05+00:00"), &json!("+09:00")));
    let location = &found["location"];
    assert!((location["latitude"].as_f64().expect("a latitude") - 37.5665).abs() < 1e-4, "{location}");
    assert!((location["longitude"].as_f64().expect("a longitude") - 126.9780).abs() < 1e-4, "{location}");
    assert_eq!((&found["exif"]["FNumber"], &found["exif"]["PhotographicSensitivity"]), (&json!("f/1.6"), &json!("50")));
    assert!(found["exif"]["GPSLatitude"].is_string());

    // Who may see the image does not see where it was taken.
    let seen = metadata(&admin, &image["id"]).await;
    assert_eq!((&seen["cameraMake"], &seen["location"]), (&json!("Darkroom"), &Value::Null));
    assert!(!seen["exif"].to_string().contains("GPS"), "{seen}");
}

#[tokio::test]
async fn every_orientation_of_truth_is_kept_apart() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let plain = pictures::small_jpeg();
    let south_west = ExifBlock::default()
        .gps_ascii(1, "S")
        .gps_rational(2, &[(33, 1), (51, 1), (0, 1)])
        .gps_ascii(3, "W")
        .gps_rational(4, &[(70, 1), (40, 1), (0, 1)]);
    for (block, pointer, expected) in [
        (south_west, "/location/latitude", json!(-33.85)),
        (
            ExifBlock::default().exif_ascii(0x9003, "2026:07:14 18:30:05"),
            "/takenAt",
            json!("2026-07-14T18:30:05+00:00"),
        ),
        (ExifBlock::default().exif_ascii(0x9003, "2026:07:14 18:30:05"), "/takenAtOffset", Value::Null),
        (ExifBlock::default().ascii(0x0132, "2026:07:14 18:30:05"), "/takenAt", json!("2026-07-14T18:30:05+00:00")),
        (ExifBlock::default().exif_ascii(0x9003, "0000:00:00 00:00:00"), "/takenAt", Value::Null),
        (ExifBlock::default().exif_ascii(0x9003, "2026:13:45 99:99:99"), "/takenAt", Value::Null),
        (ExifBlock::default().exif_ascii(0x9003, "yesterday"), "/takenAt", Value::Null),
        (ExifBlock::default().gps_ascii(1, "N").gps_rational(2, &[(1, 0), (0, 0), (0, 0)]), "/location", Value::Null),
        (ExifBlock::default().ascii(0x013B, "한 사람"), "/exif/Artist", json!("한 사람")),
        (ExifBlock::default().exif_undefined(0x9286, b"ASCII\0\0\0hello"), "/exif/UserComment", json!("hello")),
        (ExifBlock::default().exif_rational(0x829A, &[(1, 0)]), "/exif", json!({})),
        (
            ExifBlock::default().exif_ascii(0x9003, "9999:12:31 23:59:59").exif_ascii(0x9011, "-23:59"),
            "/takenAt",
            Value::Null,
        ),
        (
            ExifBlock::default()
                .gps_ascii(1, "Q")
                .gps_rational(2, &[(33, 1), (0, 1), (0, 1)])
                .gps_ascii(3, "E")
                .gps_rational(4, &[(1, 1), (0, 1), (0, 1)]),
            "/location",
            Value::Null,
        ),
        (
            ExifBlock::default()
                .gps_ascii(1, "N")
                .gps_rational(2, &[(9999, 1), (0, 1), (0, 1)])
                .gps_ascii(3, "E")
                .gps_rational(4, &[(1, 1), (0, 1), (0, 1)]),
            "/location",
            Value::Null,
        ),
    ] {
        let image = ann.processed(&app, "a.jpg", "image/jpeg", block.in_jpeg(&plain)).await;
        let found = metadata(&ann, &image["id"]).await;
        assert_eq!(found.pointer(pointer), Some(&expected), "{found}");
    }
    let image = ann.processed(&app, "a.jpg", "image/jpeg", plain).await;
    let found = metadata(&ann, &image["id"]).await;
    assert_eq!((&found["exif"], &found["takenAt"]), (&json!({}), &Value::Null), "nothing was written");
}

/// Each of these would be gigabytes if the parser were let at it: the file is small, and what it says of itself is not.
#[tokio::test]
async fn blocks_that_would_be_bombs_are_not_parsed() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (photo, png) = (pictures::small_jpeg(), pictures::png(&pictures::drawing(64, 64).into()));
    for (name, kind, bytes) in [
        ("a.jpg", "image/jpeg", ExifBlock::pointing_in_squares(2000).in_jpeg(&photo)),
        ("a.png", "image/png", ExifBlock::pointing_in_squares(60_000).in_png(&png)),
        ("a.png", "image/png", ExifBlock::sharing_one_value(100, 5_000_000).in_png(&png)),
        (
            "a.png",
            "image/png",
            phone().exif_undefined(0x9286, &vec![0; 400_000]).ascii(0x013B, &"\0".repeat(400_000)).in_png(&png),
        ),
    ] {
        let image = ann.processed(&app, name, kind, bytes).await;
        assert_eq!(image["status"], "COMPLETED", "{}", image["failure"]);
        assert_eq!(metadata(&ann, &image["id"]).await["exif"], json!({}));
    }
}

#[tokio::test]
async fn junk_costs_itself_and_never_the_image() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let notes = phone().exif_undefined(0x927C, &vec![0xA5; 60_000]).exif_undefined(0x9286, &[0; 3000]);
    let png = pictures::png(&pictures::drawing(64, 64).into());
    // 9 MB: more fits into no upload of the default size.
    let huge = phone().exif_undefined(0x927C, &vec![0xFF; 9_000_000]).in_png(&png);
    for (name, kind, bytes, make) in [
        ("a.jpg", "image/jpeg", notes.in_jpeg(&photo), json!("Darkroom")),
        ("a.png", "image/png", huge, json!("Darkroom")),
        ("a.jpg", "image/jpeg", phone().a_little_broken().in_jpeg(&photo), json!("Darkroom")),
        ("a.jpg", "image/jpeg", phone().truncated(40).in_jpeg(&photo), Value::Null),
        ("a.jpg", "image/jpeg", ExifBlock::junk(3000).in_jpeg(&photo), Value::Null),
        (
            "a.jpg",
            "image/jpeg",
            ExifBlock::default().ascii(0x010F, &"x".repeat(5000)).in_jpeg(&photo),
            json!("x".repeat(1000)),
        ),
        ("a.jpg", "image/jpeg", ExifBlock::default().pointing_at_itself().in_jpeg(&photo), Value::Null),
    ] {
        let image = ann.processed(&app, name, kind, bytes).await;
        assert_eq!(image["status"], "COMPLETED", "{}", image["failure"]);
        let found = metadata(&ann, &image["id"]).await;
        assert_eq!(found["cameraMake"], make);
        assert_eq!(found["exif"].get("MakerNote"), None);
        assert!(found["exif"].to_string().len() < 20_000, "{}", found["exif"].to_string().len());
    }
}

/// A segment of a JPEG, in front of all others.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("at most 64 KiB").to_be_bytes();
    [&[0xFF, 0xD8, 0xFF, marker], &length[..], content, &jpeg[2..]].concat()
}

#[tokio::test]
async fn what_people_wrote_into_a_file_is_suggested_to_its_owner_and_taken_over_by_nobody() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let packet = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
        <rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title><rdf:Alt>\
        <rdf:li xml:lang='x-default'>A pier</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>";
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat();
    let records = b"\x1c\x02\x05\x00\x05Other\x1c\x02\x19\x00\x03sea\x1c\x02\x19\x00\x03sun\x1c\x02\x74\x00\x03Ann";
    let length = u32::try_from(records.len()).expect("short").to_be_bytes();
    let iptc = [b"Photoshop 3.0\x008BIM\x04\x04\0\0", &length[..], records].concat();
    let photo = with_segment(&with_segment(&pictures::small_jpeg(), 0xED, &iptc), 0xE1, &xmp);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", photo).await;
    let query = "query($id: ID!) { image(id: $id) { title description tags metadata { removed \
        suggested { title description keywords rights } } } }";
    let of = async |client: &Client| client.send(query, json!({"id": image["id"]})).await.0["data"]["image"].clone();
    let seen = of(&ann).await;
    let expected = json!({"title": "A pier", "description": null, "keywords": ["sea", "sun"], "rights": "Ann"});
    assert_eq!(seen["metadata"], json!({"removed": ["XMP", "IPTC"], "suggested": expected}));
    assert_eq!((&seen["title"], &seen["tags"]), (&json!(""), &json!([])));
    assert_eq!(of(&admin).await["metadata"]["suggested"], Value::Null, "for its owner alone");
    let plain = ann.processed(&app, "b.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let plain = ann.send(query, json!({"id": plain["id"]})).await.0["data"]["image"]["metadata"].clone();
    assert_eq!(plain, json!({"removed": [], "suggested": null}));
}
