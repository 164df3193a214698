//! Sharing with people and groups: what they see, how it ends, and what is refused.

use futures_util::{StreamExt, future, stream};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, exif::ExifBlock, library, pictures, socket::Socket};

const NONE: [&str; 0] = [];

async fn share(client: &Client, input: Value) -> String {
    let shared = client.mutate("share", input, "share { id }").await;
    assert_eq!(shared.user_error_codes(), NONE);
    shared.text("/share/id").to_owned()
}

/// A picture that says where it was taken.
fn located() -> Vec<u8> {
    let exif = ExifBlock::default().gps_ascii(1, "N").gps_rational(2, &[(37, 1), (33, 1), (59, 1)]);
    exif.gps_ascii(3, "E").gps_rational(4, &[(126, 1), (58, 1), (41, 1)]).in_jpeg(&pictures::small_jpeg())
}

async fn is_seen(client: &Client, image: &str) -> bool {
    client.send("query($id: ID!) { image(id: $id) { id } }", json!({"id": image})).await.0["data"]["image"].is_object()
}

/// The ids of what is shared with somebody, page by page.
async fn shared_with(client: &Client, first: u32) -> Vec<Value> {
    let query = "query($first: Int!, $after: String) { sharedWithMe(first: $first, after: $after) { \
                 nodes { image { id } album { id } access sharedBy { email } } pageInfo { hasNextPage endCursor } } }";
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client.send(query, json!({"first": first, "after": after})).await.0["data"]["sharedWithMe"].clone();
        found.extend(page["nodes"].as_array().expect("a list").clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            return found;
        }
    }
}

#[tokio::test]
async fn what_is_shared_is_seen_until_it_is_taken_back() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", located()).await;
    let image = image["id"].as_str().expect("an id");
    let id = share(&ann, json!({"imageId": image, "email": " Bob@Example.com"})).await;
    let again = share(&ann, json!({"imageId": image, "email": "bob@example.com", "access": "EDIT"})).await;
    assert_eq!(again, id, "shared once, with another access");
    let seen = bob
        .send(
            "query($id: ID!) { image(id: $id) { url variants { url } shares { id } shareLinks { id } \
             metadata { location { latitude } } owner { email permissions } } }",
            json!({"id": image}),
        )
        .await
        .0["data"]["image"]
        .clone();
    assert_eq!(seen["metadata"]["location"], Value::Null, "the owner's alone");
    assert_eq!((&seen["shares"], &seen["shareLinks"]), (&json!([]), &json!([])));
    assert_eq!(seen["url"], Value::Null, "the original says where it was taken, too");
    assert_eq!(seen["variants"].as_array().expect("a list").len(), 5);
    let of_ann = ann.send("query($id: ID!) { image(id: $id) { shares { email access } } }", json!({"id": image})).await;
    assert_eq!(of_ann.0["data"]["image"]["shares"], json!([{"email": "bob@example.com", "access": "EDIT"}]));
    let list = shared_with(&bob, 10).await;
    let item =
        json!({"image": {"id": image}, "album": null, "access": "EDIT", "sharedBy": {"email": "ann@example.com"}});
    assert_eq!(list, [item]);
    let own = bob.send("{ images { totalCount } }", Value::Null).await;
    assert_eq!(own.0["data"]["images"]["totalCount"], 0, "lists are of what is one's own");

    let eve = app.user("eve@example.com").await;
    assert_eq!(
        eve.mutate("unshare", json!({"shareId": id}), "removedShareId").await.user_error_codes(),
        ["SHARE_NOT_FOUND"]
    );
    assert!(is_seen(&bob, image).await);
    let removed = ann.mutate("unshare", json!({"shareId": id}), "removedShareId").await;
    assert_eq!(removed.text("/removedShareId"), id);
    assert!(!is_seen(&bob, image).await);
    assert_eq!(shared_with(&bob, 10).await, Vec::<Value>::new());
    let twice = ann.mutate("unshare", json!({"shareId": id}), "removedShareId").await;
    assert_eq!(twice.user_error_codes(), ["SHARE_NOT_FOUND"]);
}

#[tokio::test]
async fn a_watcher_hears_of_an_upload_until_the_share_is_taken_back() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let bytes = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", bytes.len()).await;
    let input = json!({"imageId": ticket.image, "email": "bob@example.com"});
    let id = share(&ann, input.clone()).await;
    let mut socket = Socket::of(&app, &bob).await;
    socket.watch(&ticket.image).await;
    assert_eq!(socket.event("uploadProgress").await["status"], "PENDING");
    ann.mutate("reportUploadProgress", json!({"imageId": ticket.image, "bytesUploaded": 10}), "image { id }").await;
    assert_eq!(socket.event("uploadProgress").await["bytesUploaded"], 10);
    ann.mutate("unshare", json!({"shareId": id}), "removedShareId").await;
    assert_eq!(socket.receive().await["type"], "complete");
    // Whatever happens from now on is not told.
    ann.mutate("reportUploadProgress", json!({"imageId": ticket.image, "bytesUploaded": 20}), "image { id }").await;
    socket.watch(&ticket.image).await;
    assert_eq!(socket.receive().await["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_group_sees_what_is_shared_with_it_as_long_as_one_is_in_it() {
    let app = TestApp::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann@example.com").await, app.user("bob@example.com").await);
    let id_of = async |client: &Client| client.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
    let group = admin.mutate("createGroup", json!({"name": "family", "permissions": []}), "group { id }").await;
    let group = group.0["group"]["id"].clone();
    let image = library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    let input = json!({"imageId": image, "groupId": group});
    let outside = ann.mutate("share", input.clone(), "share { id }").await;
    assert_eq!(
        outside.user_error_codes(),
        ["GROUP_NOT_FOUND"],
        "who is not in a group does not learn that there is one"
    );
    for client in [&ann, &bob] {
        let input = json!({"userId": id_of(client).await, "groupIds": [group]});
        admin.mutate("setUserGroups", input, "user { id }").await;
    }
    share(&ann, input).await;
    assert!(is_seen(&bob, &image).await);
    let both = share(&ann, json!({"imageId": image, "email": "bob@example.com"})).await;
    assert_eq!(shared_with(&bob, 1).await.len(), 2, "by both ways");
    ann.mutate("unshare", json!({"shareId": both}), "removedShareId").await;
    admin.mutate("setUserGroups", json!({"userId": id_of(&bob).await, "groupIds": []}), "user { id }").await;
    assert!(!is_seen(&bob, &image).await);
    assert_eq!(shared_with(&bob, 10).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_shared_with_an_address_waits_for_its_account() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = library::seed(&app, "ann@example.com", 25, |_, _| {}).await;
    for image in &images {
        share(&ann, json!({"imageId": image.id.to_string(), "email": "new@example.com"})).await;
    }
    let new = app.user("new@example.com").await;
    let found = shared_with(&new, 10).await;
    let ids: Vec<_> = found.iter().map(|item| item["image"]["id"].as_str().expect("an id").to_owned()).collect();
    let expected: Vec<_> = images.iter().rev().map(|image| image.id.to_string()).collect();
    assert_eq!(ids, expected, "the latest share first, page by page");
    // What was deleted is no longer there, and whoever it was shared with may leave the rest.
    ann.mutate("deleteImage", json!({"imageId": ids[0]}), "deletedImageId").await;
    assert_eq!(shared_with(&new, 10).await.len(), 24);
    let mine = new.send("{ sharedWithMe(first: 1) { nodes { id } } }", Value::Null).await;
    let left = json!({"shareId": mine.0["data"]["sharedWithMe"]["nodes"][0]["id"]});
    assert_eq!(new.mutate("unshare", left, "removedShareId").await.user_error_codes(), NONE);
    assert_eq!(shared_with(&new, 10).await.len(), 23);
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    let nobody = "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f";
    for (input, code) in [
        (json!({"email": "x@example.com"}), "INVALID_VALUE"),
        (json!({"imageId": image}), "INVALID_VALUE"),
        (json!({"imageId": image, "albumId": nobody, "email": "x@example.com"}), "INVALID_VALUE"),
        (json!({"imageId": image, "email": "x@example.com", "groupId": nobody}), "INVALID_VALUE"),
        (json!({"imageId": image, "email": "ann@example.com"}), "INVALID_VALUE"),
        (json!({"imageId": image, "email": "not an address"}), "INVALID_VALUE"),
        (json!({"imageId": image, "email": format!("{}@example.com", "x".repeat(300))}), "INVALID_VALUE"),
        (json!({"imageId": image, "email": "x\u{0}@example.com"}), "INVALID_VALUE"),
        (json!({"imageId": image, "groupId": nobody}), "GROUP_NOT_FOUND"),
        (json!({"imageId": nobody, "email": "x@example.com"}), "IMAGE_NOT_FOUND"),
        (json!({"albumId": nobody, "email": "x@example.com"}), "ALBUM_NOT_FOUND"),
    ] {
        let refused = ann.mutate("share", input.clone(), "share { id }").await;
        assert_eq!(refused.user_error_codes(), [code], "{input}");
    }
    let at_once = (0..110).map(|number| {
        let input = json!({"imageId": image, "email": format!("u{number}@example.com")});
        let ann = ann.clone();
        async move { ann.mutate("share", input, "share { id }").await.user_error_codes().is_empty() }
    });
    let made = stream::iter(at_once).buffer_unordered(8).filter(|made| future::ready(*made)).count().await;
    assert_eq!(made, 100);
    let query = "query($id: ID!) { image(id: $id) { shares { email } } }";
    let left = ann.send(query, json!({"id": image})).await;
    assert_eq!(left.0["data"]["image"]["shares"].as_array().expect("a list").len(), 100);
}
