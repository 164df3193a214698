//! Images that are alike: copies by their bytes, and pictures by their look; among one's own alone.

use image::DynamicImage;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures};

const SIMILAR: &str =
    "query($id: ID!, $first: Int! = 10) { image(id: $id) { duplicateOf { id } similar(first: $first) { id } } }";

async fn similar_to(client: &Client, image: &Value) -> (Value, Vec<Value>) {
    let answer = client.send(SIMILAR, json!({"id": image["id"]})).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    let image = &answer.0["data"]["image"];
    let similar = image["similar"].as_array().expect("a list").iter().map(|image| image["id"].clone());
    (image["duplicateOf"]["id"].clone(), similar.collect())
}

/// A picture with a light where it is told to be.
fn lamp(x: u32, y: u32) -> DynamicImage {
    image::RgbImage::from_fn(300, 200, |u, v| {
        let distance = u.abs_diff(x).pow(2) + v.abs_diff(y).pow(2);
        let light = u8::try_from((20_000 / (distance / 8 + 80)).min(255)).unwrap_or(255);
        image::Rgb([light, light / 2 + u8::try_from(u * 100 / 300).unwrap_or(0), 90 - light / 4])
    })
    .into()
}

#[tokio::test]
async fn copies_are_known_by_their_bytes_and_relatives_by_their_look() {
    let app = TestApp::start().await;
    let (ann, ben) = (app.user("ann@example.com").await, app.user("ben@example.com").await);
    let photo = pictures::jpeg(&lamp(80, 60).into_rgb8());
    let smaller = lamp(80, 60).resize_exact(210, 140, image::imageops::FilterType::Triangle);
    let first = ann.processed(&app, "a.jpg", "image/jpeg", photo.clone()).await;
    let copy = ann.processed(&app, "b.jpg", "image/jpeg", photo.clone()).await;
    let again = ann.processed(&app, "c.jpg", "image/jpeg", photo.clone()).await;
    let small = ann.processed(&app, "d.png", "image/png", pictures::png(&smaller)).await;
    let other = ann.processed(&app, "e.jpg", "image/jpeg", pictures::jpeg(&lamp(250, 180).into_rgb8())).await;
    let bens = ben.processed(&app, "f.jpg", "image/jpeg", photo).await;

    assert_eq!(
        similar_to(&ann, &first).await,
        (Value::Null, vec![copy["id"].clone(), again["id"].clone(), small["id"].clone()])
    );
    assert_eq!(similar_to(&ann, &again).await.0, first["id"], "the oldest, not the next");
    let (original, similar) = similar_to(&ann, &small).await;
    assert_eq!(original, Value::Null, "other bytes");
    assert!(similar.contains(&first["id"]) && !similar.contains(&other["id"]), "{similar:?}");
    assert_eq!(similar_to(&ann, &other).await, (Value::Null, vec![]));
    // What Ben has is nobody else's business, nor Ann's his.
    assert_eq!(similar_to(&ben, &bens).await, (Value::Null, vec![]));
    let hidden = ben.send(SIMILAR, json!({"id": first["id"]})).await;
    assert_eq!(hidden.0["data"]["image"], Value::Null);

    // What is deleted is no original, and like nothing.
    ann.mutate("deleteImage", json!({"imageId": first["id"]}), "deletedImageId").await;
    assert_eq!(similar_to(&ann, &copy).await, (Value::Null, vec![again["id"].clone(), small["id"].clone()]));
    assert_eq!(similar_to(&ann, &again).await.0, copy["id"]);

    let answer = ann.send(SIMILAR, json!({"id": copy["id"], "first": 1})).await;
    assert_eq!(answer.0["data"]["image"]["similar"], json!([{"id": again["id"]}]));
    for first in [0, 101, -1] {
        let refused = ann.send(SIMILAR, json!({"id": copy["id"], "first": first})).await;
        assert_eq!(refused.error_code(), "BAD_USER_INPUT", "{first}");
    }
    let recorded = app.app.db.record();
    let list = "{ images(first: 20) { nodes { id duplicateOf { id title } } } }";
    assert_eq!(ann.send(list, Value::Null).await.0["errors"], Value::Null);
    let statements = recorded.take();
    assert!(statements.len() <= 4, "{statements:?}");
}

#[tokio::test]
async fn an_upload_that_is_not_processed_is_like_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = json!({"id": ann.ticket("a.jpg", "image/jpeg", 10).await.image});
    assert_eq!(similar_to(&ann, &image).await, (Value::Null, vec![]));
}
