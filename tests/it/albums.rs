//! Albums: what is in them, in which order, and what cannot be.

use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library};

const NONE: [&str; 0] = [];

async fn create(client: &Client, name: &str) -> String {
    let made = client.mutate("createAlbum", json!({"name": name}), "album { id }").await;
    assert_eq!(made.user_error_codes(), NONE);
    made.text("/album/id").to_owned()
}

async fn change(client: &Client, name: &str, input: Value) {
    assert_eq!(client.mutate(name, input, "album { id }").await.user_error_codes(), NONE);
}

/// The places of `ids` in which an album has its images, page by page.
async fn order(client: &Client, album: &str, ids: &[String]) -> Vec<usize> {
    let query = "query($id: ID!, $after: String) { album(id: $id) { imageCount images(first: 3, after: $after) { \
                 nodes { id } edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } }";
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let album = client.send(query, json!({"id": album, "after": after})).await.0["data"]["album"].clone();
        let page = &album["images"];
        let nodes = page["nodes"].as_array().expect("a list").iter();
        found.extend(nodes.map(|node| ids.iter().position(|id| node["id"] == id.as_str()).expect("one of them")));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(album["imageCount"], found.len());
            return found;
        }
    }
}

#[tokio::test]
async fn an_album_keeps_its_order() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = library::seed(&app, "ann@example.com", 6, |_, _| {}).await;
    let ids: Vec<String> = images.iter().map(|image| image.id.to_string()).collect();
    let album = create(&ann, "  Summer  ").await;
    change(&ann, "addImagesToAlbum", json!({"albumId": album, "imageIds": [ids[2], ids[0], ids[1]]})).await;
    change(&ann, "addImagesToAlbum", json!({"albumId": album, "imageIds": [ids[0], ids[3], ids[4], ids[5]]})).await;
    assert_eq!(order(&ann, &album, &ids).await, [2, 0, 1, 3, 4, 5], "what was there stays where it is");
    let input = json!({"albumId": album, "imageIds": [ids[5], ids[2]], "beforeImageId": ids[3]});
    change(&ann, "moveImagesInAlbum", input).await;
    assert_eq!(order(&ann, &album, &ids).await, [0, 1, 5, 2, 3, 4]);
    change(&ann, "moveImagesInAlbum", json!({"albumId": album, "imageIds": [ids[0]]})).await;
    assert_eq!(order(&ann, &album, &ids).await, [1, 5, 2, 3, 4, 0], "to the end");
    // Between the same two until there is no room, and then again.
    for round in 0..30 {
        let (moved, before) = if round % 2 == 0 { (5, 2) } else { (2, 5) };
        let input = json!({"albumId": album, "imageIds": [ids[moved]], "beforeImageId": ids[before]});
        change(&ann, "moveImagesInAlbum", input).await;
        let expected = if round % 2 == 0 { [1, 5, 2, 3, 4, 0] } else { [1, 2, 5, 3, 4, 0] };
        assert_eq!(order(&ann, &album, &ids).await, expected, "round {round}");
    }
    change(&ann, "removeImagesFromAlbum", json!({"albumId": album, "imageIds": [ids[5], ids[1]]})).await;
    ann.mutate("deleteImage", json!({"imageId": ids[3]}), "deletedImageId").await;
    assert_eq!(order(&ann, &album, &ids).await, [2, 4, 0]);
    let input = json!({"albumId": album, "name": "Winter", "description": "Cold"});
    change(&ann, "updateAlbum", input).await;
    let other = create(&ann, "Spring").await;
    let list = ann.send("{ albums(first: 5) { nodes { id name description owner { email } } } }", Value::Null).await;
    let owner = json!({"email": "ann@example.com"});
    assert_eq!(
        list.0["data"]["albums"]["nodes"],
        json!([
            {"id": other, "name": "Spring", "description": "", "owner": owner},
            {"id": album, "name": "Winter", "description": "Cold", "owner": owner},
        ])
    );
    let deleted = ann.mutate("deleteAlbum", json!({"albumId": album}), "deletedAlbumId").await;
    assert_eq!(deleted.text("/deletedAlbumId"), album);
    let left = ann.send("{ albums { nodes { name } } images { totalCount } }", Value::Null).await;
    assert_eq!(left.0["data"], json!({"albums": {"nodes": [{"name": "Spring"}]}, "images": {"totalCount": 5}}));
}

#[tokio::test]
async fn what_no_album_can_be_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let own = library::seed(&app, "ann@example.com", 2, |_, _| {}).await;
    let (own, second) = (own[0].id.to_string(), own[1].id.to_string());
    let bobs = library::seed(&app, "bob@example.com", 1, |_, _| {}).await[0].id.to_string();
    let album = create(&ann, "Summer").await;
    change(&ann, "addImagesToAlbum", json!({"albumId": album, "imageIds": [own]})).await;
    let nobody = "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f";
    let many: Vec<_> = (0..101_u128).map(uuid::Uuid::from_u128).collect();
    for (name, input, code) in [
        ("createAlbum", json!({"name": " "}), "INVALID_VALUE"),
        ("createAlbum", json!({"name": "a\nb"}), "INVALID_VALUE"),
        ("createAlbum", json!({"name": "x".repeat(101)}), "TOO_LONG"),
        ("createAlbum", json!({"name": "x", "description": "x".repeat(5001)}), "TOO_LONG"),
        ("createAlbum", json!({"name": "x", "description": "\u{0}"}), "INVALID_VALUE"),
        ("updateAlbum", json!({"albumId": album, "name": ""}), "INVALID_VALUE"),
        ("updateAlbum", json!({"albumId": nobody, "name": "x"}), "ALBUM_NOT_FOUND"),
        ("addImagesToAlbum", json!({"albumId": album, "imageIds": [second, bobs]}), "IMAGE_NOT_FOUND"),
        ("addImagesToAlbum", json!({"albumId": album, "imageIds": [second, nobody]}), "IMAGE_NOT_FOUND"),
        ("addImagesToAlbum", json!({"albumId": album, "imageIds": []}), "INVALID_VALUE"),
        ("addImagesToAlbum", json!({"albumId": album, "imageIds": many}), "TOO_LONG"),
        ("moveImagesInAlbum", json!({"albumId": album, "imageIds": [second]}), "IMAGE_NOT_FOUND"),
        ("moveImagesInAlbum", json!({"albumId": album, "imageIds": [own], "beforeImageId": second}), "IMAGE_NOT_FOUND"),
        ("moveImagesInAlbum", json!({"albumId": album, "imageIds": [own], "beforeImageId": own}), "INVALID_VALUE"),
        ("deleteAlbum", json!({"albumId": nobody}), "ALBUM_NOT_FOUND"),
    ] {
        let payload = ann.mutate(name, input.clone(), "__typename").await;
        assert_eq!(payload.user_error_codes(), [code], "{name} {input}");
    }
    let left = ann.send("{ albums { nodes { name images { nodes { id } } } } }", Value::Null).await;
    assert_eq!(left.0["data"]["albums"]["nodes"], json!([{"name": "Summer", "images": {"nodes": [{"id": own}]}}]));
    for query in [
        r#"{ albums(after: "*") { nodes { id } } }"#.to_owned(),
        "{ albums(first: 101) { nodes { id } } }".to_owned(),
        format!(r#"{{ album(id: "{album}") {{ images(after: "AAAA") {{ nodes {{ id }} }} }} }}"#),
    ] {
        assert_eq!(ann.send(&query, Value::Null).await.error_code(), "BAD_USER_INPUT", "{query}");
    }
}
