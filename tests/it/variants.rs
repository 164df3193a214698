//! The operator's own variants, and everything else that is made of a picture: first paint, motion, `srcset`.

use std::collections::BTreeMap;

use darkroom::domain::variant_spec::{VariantSet, VariantSpec};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{TestApp, client::Client, exif::ExifBlock, pictures, socket::Socket};

const KNOWN: &str = "query($id: ID!) { image(id: $id) { width height isAnimated dominantColor placeholder srcSet \
    metadata { removed notes } variants { type name contentType width height url } \
    variant(type: THUMBNAIL) { name } custom: variant(type: CUSTOM) { name } } }";

async fn known(client: &Client, image: &Value) -> Value {
    let answer = client.send(KNOWN, json!({"id": image["id"]})).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    answer.0["data"]["image"].clone()
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    std::fs::read(folder.join(name)).expect("a fixture")
}

#[tokio::test]
async fn what_phones_make_is_taken_and_shown_in_what_browsers_show() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    for (filename, content_type, name, moves) in [
        ("IMG_0001.HEIC", "image/heic", "420.heic", false),
        ("IMG_0002.heif", "image/heif", "alpha.heic", false),
        ("a.avif", "image/avif", "10bit.avif", false),
        ("a.gif", "image/gif", "moving.gif", true),
    ] {
        let image = ann.processed(&app, filename, content_type, fixture(name)).await;
        assert_eq!(image["status"], "COMPLETED", "{name}: {image}");
        let known = known(&ann, &image).await;
        assert_eq!((&known["width"], &known["isAnimated"]), (&json!(96), &json!(moves)), "{name}");
        for variant in known["variants"].as_array().expect("variants") {
            let answer = reqwest::get(variant["url"].as_str().expect("a URL")).await.expect("an answer");
            assert_eq!(answer.headers()["content-type"], "image/webp", "{name}");
            let bytes = answer.bytes().await.expect("bytes");
            assert_eq!(pictures::decode_webp(&bytes).width(), 96, "{name}");
            assert_eq!(bytes.windows(4).filter(|chunk| chunk == b"ANMF").count() > 1, moves, "{name}");
        }
    }
    // What it says it is counts, not what it is called.
    let image = ann.processed(&app, "a.heic", "image/heic", fixture("444.avif")).await;
    assert_eq!((&image["status"], &image["failure"]["code"]), (&json!("FAILED"), &json!("CONTENT_TYPE_MISMATCH")));
}

#[tokio::test]
async fn a_page_has_something_to_paint_before_the_first_variant() {
    let mut app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let bytes = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", bytes.len()).await;
    let mut socket = Socket::of(&app, &ann).await;
    let query = "subscription($id: ID!) { uploadProgress(imageId: $id) { status variantsReady variantsTotal \
        image { width height placeholder dominantColor isAnimated } } }";
    socket.subscribe("1", query, json!({"id": ticket.image})).await;
    socket.event("uploadProgress").await;
    assert_eq!(ticket.post(bytes).await, 201);
    ann.mutate("completeUpload", json!({"imageId": ticket.image}), "image { id }").await;
    app.work();
    loop {
        let event = socket.event("uploadProgress").await;
        let image = &event["image"];
        if event["variantsReady"] != 0 {
            let colour = image["dominantColor"].as_str().expect("a colour");
            assert!(colour.len() == 7 && colour.starts_with('#'), "{colour}");
            assert_eq!((&image["width"], &event["variantsTotal"]), (&json!(320), &json!(5)), "{event}");
        }
        if event["status"] == "COMPLETED" {
            break;
        }
    }
}

#[tokio::test]
async fn what_was_left_out_of_the_variants_is_told() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let located = ExifBlock::default()
        .gps_ascii(1, "N")
        .gps_rational(2, &[(37, 1), (0, 1), (0, 1)])
        .gps_ascii(3, "E")
        .gps_rational(4, &[(127, 1), (0, 1), (0, 1)])
        .in_jpeg(&pictures::small_jpeg());
    let image = ann.processed(&app, "a.jpg", "image/jpeg", located).await;
    assert_eq!(known(&ann, &image).await["metadata"]["removed"], json!(["EXIF", "GPS"]));
    let image = ann.processed(&app, "a.jpg", "image/jpeg", fixture("p3.jpg")).await;
    assert_eq!(known(&ann, &image).await["metadata"]["removed"], json!(["ICC_PROFILE"]));
    for variant in image["variants"].as_array().expect("variants") {
        let answer = reqwest::get(variant["url"].as_str().expect("a URL")).await.expect("an answer");
        let bytes = answer.bytes().await.expect("bytes");
        for chunk in [b"EXIF", b"XMP ", b"ICCP"] {
            assert!(!bytes.windows(4).any(|found| found == chunk), "{variant}");
        }
    }
}

const OWN: &str = r#"
    [[variant]]
    name = "hero"
    box = [200, 50]
    fit = "cover"
    format = "jpeg"
    quality = 80

    [[variant]]
    name = "small"
    box = 100
    format = "webp"
    quality = 75.5
    effort = 0
"#;

#[test]
fn the_manual_shows_the_five() {
    let manual = std::fs::read_to_string("docs/operations.md").expect("the manual");
    let begins = manual.find("[[variant]]").expect("an example");
    let example = &manual[begins..begins + manual[begins..].find("```").expect("an end")];
    let mut file: BTreeMap<String, Vec<VariantSpec>> = toml::from_str(example).expect("TOML");
    assert_eq!(VariantSet::new(file.remove("variant").expect("variants")), Ok(VariantSet::default()));
}

async fn with_variants(folder: &TempDir, name: &str, text: &str) -> TestApp {
    let file = folder.path().join(name);
    std::fs::write(&file, text).expect("a file");
    TestApp::start_with(&["--variants", file.to_str().expect("a path")]).await
}

#[tokio::test]
async fn the_operators_variants_are_made_in_the_place_of_the_five() {
    let folder = TempDir::new().expect("a folder");
    let app = with_variants(&folder, "variants.toml", OWN).await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let found = known(&ann, &image).await;
    let shape = |variant: &Value| {
        let [kind, name, content_type] = ["type", "name", "contentType"].map(|field| variant[field].clone());
        json!([kind, name, content_type, variant["width"], variant["height"]])
    };
    let variants = found["variants"].as_array().expect("variants");
    let shapes: Vec<Value> = variants.iter().map(shape).collect();
    assert_eq!(
        shapes,
        [json!(["SMALL", "small", "image/webp", 100, 75]), json!(["CUSTOM", "hero", "image/jpeg", 200, 50])]
    );
    assert_eq!((&found["variant"], &found["custom"]), (&Value::Null, &Value::Null), "no THUMBNAIL is made");
    let hero = reqwest::get(variants[1]["url"].as_str().expect("a URL")).await.expect("an answer");
    assert_eq!(hero.headers()["content-type"], "image/jpeg");
    let hero = image::load_from_memory(&hero.bytes().await.expect("bytes")).expect("a JPEG");
    assert_eq!((hero.width(), hero.height()), (200, 50));

    // Only what has the picture's shape is a choice for a browser, unless somebody asks for more.
    let set = found["srcSet"].as_str().expect("a set");
    assert!(!set.contains(", ") && set.ends_with(" 100w"), "{set}");
    let answer = ann
        .send(
            "query($id: ID!) { image(id: $id) { srcSet(sizes: [\"HERO\", \"small\", \"none\"]) } }",
            json!({"id": image["id"]}),
        )
        .await;
    let set = answer.0["data"]["image"]["srcSet"].as_str().expect("a set").to_owned();
    assert!(set.contains(" 100w, ") && set.ends_with(" 200w"), "{set}");

    // And they go with their image, object by object.
    assert_eq!(app.objects().await.len(), 3);
    for input in [json!({}), json!({"names": ["Hero"]}), json!({"types": ["SMALL"]})] {
        let input = json!({"imageId": image["id"], "names": input["names"], "types": input["types"]});
        let made = ann.mutate("generateVariants", input, "image { id }").await;
        assert_eq!(made.user_error_codes(), [] as [&str; 0]);
        app.run_all_jobs().await;
        assert_eq!(known(&ann, &image).await["variants"].as_array().expect("variants").len(), 2);
    }
    for input in [json!({"types": ["CUSTOM"]}), json!({"types": ["LARGE"]}), json!({"names": ["../hero"]})] {
        let input = json!({"imageId": image["id"], "names": input["names"], "types": input["types"]});
        let refused = ann.mutate("generateVariants", input, "image { id }").await;
        assert_eq!(refused.user_error_codes(), ["INVALID_VALUE"]);
        assert_eq!(app.queued_jobs().await, [] as [&str; 0]);
    }
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, [] as [String; 0]);
}

#[tokio::test]
async fn what_comes_back_from_the_trash_is_whole_with_the_operators_variants() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("variants.toml");
    std::fs::write(&file, OWN).expect("a file");
    let app = TestApp::start_with(&["--variants", file.to_str().expect("a path"), "--trash-retention", "3600"]).await;
    let ann = app.user("ann@example.com").await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    app.run_all_jobs().await;
    let restored = ann.mutate("restoreImage", json!({"imageId": image["id"]}), "image { status }").await;
    assert_eq!(restored.0["image"]["status"], "COMPLETED");
    assert_eq!(app.queued_jobs().await, [] as [&str; 0], "nothing is made again");
    assert_eq!(known(&ann, &image).await["variants"].as_array().expect("variants").len(), 2);
}

#[tokio::test]
async fn a_picture_that_breaks_behind_its_first_frame_leaves_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let mut bytes = fixture("moving.webp");
    let second = bytes.windows(4).rposition(|chunk| chunk == b"ANMF").expect("a second frame");
    // Behind the headers of the frame, which are looked at before anything is decoded.
    bytes[second + 42..].fill(0xFF);
    let image = ann.processed(&app, "a.webp", "image/webp", bytes).await;
    assert_eq!((&image["status"], &image["failure"]["code"]), (&json!("FAILED"), &json!("CORRUPT")));
    assert!(known(&ann, &image).await["metadata"].is_object(), "its first frame was read");
    assert_eq!(app.objects().await, [] as [String; 0]);
    let again = ann.mutate("generateVariants", json!({"imageId": image["id"]}), "image { id }").await;
    assert_eq!(again.user_error_codes(), ["INVALID_STATE"]);
    assert_eq!(app.queued_jobs().await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_file_of_variants_that_cannot_be_is_refused_with_what_is_wrong_with_it() {
    let folder = TempDir::new().expect("a folder");
    let spec =
        |more: &str| format!("{{\"variant\": [{{\"name\": \"a\", \"format\": \"webp\", \"quality\": 80{more}}}]}}");
    let twice = "{\"name\": \"a\", \"format\": \"webp\", \"quality\": 80}";
    for (text, why) in [
        ("{\"variant\": []}".to_owned(), "1 to 20"),
        (spec(", \"quality\": 101"), "quality"),
        (spec(", \"box\": 0"), "1 to 16383"),
        (spec(", \"box\": [10, 20000]"), "1 to 16383"),
        (spec(", \"fit\": \"cover\""), "needs a box"),
        (spec(", \"effort\": 7"), "0 to 6"),
        (spec(", \"colour\": 1"), "colour"),
        (spec("").replace("\"a\"", "\"../a\""), "not a valid variant name"),
        (spec("").replace("webp", "avif"), "avif"),
        (format!("{{\"variant\": [{twice}, {twice}]}}"), "twice"),
        ("not JSON".to_owned(), "expected"),
    ] {
        let file = folder.path().join("variants.json");
        std::fs::write(&file, &text).expect("a file");
        let started = std::process::Command::new(env!("CARGO_BIN_EXE_darkroom"))
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--variants")
            .arg(&file)
            .output()
            .expect("the program");
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(!started.status.success() && said.contains(why), "{text}: {said}");
    }
}
