//! Avatars, and categories for some groups alone.

use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::Client,
    library, pictures,
    upload::{TICKET, Ticket},
};

const NONE: [&str; 0] = [];

async fn upload_into(app: &TestApp, client: &Client, category: &Value, bytes: Vec<u8>) -> Value {
    let input =
        json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": bytes.len(), "categoryId": category});
    let requested = client.mutate("requestUpload", input, TICKET).await;
    assert_eq!(requested.user_error_codes(), NONE);
    let ticket = Ticket::parse(&requested.0["upload"]);
    assert!(ticket.post(bytes).await.is_success());
    client.complete(&ticket.image).await;
    app.run_all_jobs().await;
    json!(ticket.image)
}

#[tokio::test]
async fn an_avatar_has_square_variants_and_is_seen_by_whoever_sees_its_user() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let category =
        ann.send("{ avatarCategory { id name maxFileSize } categories { name } }", Value::Null).await.0["data"].clone();
    assert_eq!(category["avatarCategory"]["maxFileSize"], 2 * 1024 * 1024);
    assert_eq!(category["categories"], json!([{"name": "general"}]), "not among those that people choose from");
    let category = &category["avatarCategory"]["id"];
    let photo = pictures::jpeg(&pictures::drawing(400, 300));
    let avatar = upload_into(&app, &ann, category, photo.clone()).await;
    let set = ann
        .mutate(
            "setAvatar",
            json!({"imageId": avatar}),
            "user { avatar { status variants { name width height isUpToDate } } }",
        )
        .await;
    let square = |name: &str, side: u32| json!({"name": name, "width": side, "height": side, "isUpToDate": true});
    assert_eq!(
        set.0["user"]["avatar"],
        json!({"status": "COMPLETED", "variants": [square("avatar_small", 64), square("avatar", 256)]})
    );
    // Whoever is shared something sees who shared it.
    let image = library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    ann.mutate("share", json!({"imageId": image, "email": "bob@example.com"}), "share { id }").await;
    let seen = bob.send("{ sharedWithMe { nodes { sharedBy { avatar { id url variants { url } metadata { location { latitude } } } } } } }", Value::Null).await;
    let seen = &seen.0["data"]["sharedWithMe"]["nodes"][0]["sharedBy"]["avatar"];
    assert_eq!(
        (&seen["id"], &seen["url"], seen["variants"].as_array().map(Vec::len)),
        (&avatar, &Value::Null, Some(2))
    );
    let by_id = bob.send("query($id: ID!) { image(id: $id) { id } }", json!({"id": avatar})).await;
    assert_eq!(by_id.0["data"]["image"], Value::Null, "but not by its id");

    let general = ann.general().await;
    let moved = ann.mutate("updateImage", json!({"imageId": avatar, "categoryId": general}), "image { id }").await;
    assert_eq!(moved.user_error_codes(), ["INVALID_STATE"]);
    let moved = ann.mutate("updateImage", json!({"imageId": image, "categoryId": category}), "image { id }").await;
    assert_eq!(moved.user_error_codes(), ["CATEGORY_NOT_FOUND"]);
    for other in [json!(image), json!("0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f")] {
        let refused = ann.mutate("setAvatar", json!({"imageId": other}), "user { id }").await;
        assert_eq!(refused.user_error_codes(), ["IMAGE_NOT_FOUND"]);
    }
    assert_eq!(
        bob.mutate("setAvatar", json!({"imageId": avatar}), "user { id }").await.user_error_codes(),
        ["IMAGE_NOT_FOUND"]
    );
    let me = ann.send("{ me { avatar { id } } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"]["avatar"]["id"], avatar, "a refusal changes nothing");
    ann.mutate("deleteImage", json!({"imageId": avatar}), "deletedImageId").await;
    let me = ann.send("{ me { avatar { id } } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"]["avatar"], Value::Null);
    let again = upload_into(&app, &ann, category, photo).await;
    ann.mutate("setAvatar", json!({"imageId": again}), "user { id }").await;
    let none = ann.mutate("setAvatar", json!({}), "user { avatar { id } }").await;
    assert_eq!(none.0["user"]["avatar"], Value::Null);
}

#[tokio::test]
async fn a_category_for_some_groups_is_there_for_nobody_else() {
    let app = TestApp::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann@example.com").await, app.user("bob@example.com").await);
    let anns = ann.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
    let group = admin.mutate("createGroup", json!({"name": "press", "permissions": []}), "group { id }").await;
    let group = group.0["group"]["id"].clone();
    let unknown = json!({"name": "x", "groupIds": ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]});
    assert_eq!(
        admin.mutate("createCategory", unknown, "category { id }").await.user_error_codes(),
        ["GROUP_NOT_FOUND"]
    );
    let made = admin
        .mutate(
            "createCategory",
            json!({"name": "press", "groupIds": [group]}),
            "category { id isRestricted groups { name } }",
        )
        .await;
    let category = made.0["category"]["id"].clone();
    assert_eq!(
        (&made.0["category"]["isRestricted"], &made.0["category"]["groups"]),
        (&json!(true), &json!([{"name": "press"}]))
    );
    let request = async |client: &Client| {
        let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 10, "categoryId": category});
        let codes = client.mutate("requestUpload", input, "upload { image { id } }").await;
        codes.user_error_codes().first().map(ToString::to_string)
    };
    let listed = async |client: &Client| {
        let names =
            client.send("{ categories { name groups { name } } }", Value::Null).await.0["data"]["categories"].clone();
        names.as_array().expect("a list").iter().any(|known| known["name"] == "press")
    };
    let by_id = async |client: &Client| {
        client.send("query($id: ID!) { node(id: $id) { id } }", json!({"id": category})).await.0["data"]["node"]
            .is_object()
    };
    let refused = Some("CATEGORY_NOT_FOUND".to_owned());
    assert_eq!((request(&ann).await, listed(&ann).await, by_id(&ann).await), (refused.clone(), false, false));
    admin.mutate("setUserGroups", json!({"userId": anns, "groupIds": [group]}), "user { id }").await;
    assert_eq!((request(&ann).await, listed(&ann).await, by_id(&ann).await), (None, true, true));
    assert_eq!((request(&bob).await, listed(&bob).await, by_id(&bob).await), (refused.clone(), false, false));
    assert_eq!((request(&admin).await, listed(&admin).await), (None, true));
    let image = library::seed(&app, "bob@example.com", 1, |_, _| {}).await[0].id.to_string();
    let moved = bob.mutate("updateImage", json!({"imageId": image, "categoryId": category}), "image { id }").await;
    assert_eq!(moved.user_error_codes(), ["CATEGORY_NOT_FOUND"]);
    // Of no group that is left: of nobody.
    admin.mutate("deleteGroup", json!({"groupId": group}), "deletedGroupId").await;
    assert_eq!((request(&ann).await, listed(&ann).await), (refused, false));
    let opened = admin
        .mutate("updateCategory", json!({"categoryId": category, "groupIds": []}), "category { isRestricted }")
        .await;
    assert_eq!(opened.0["category"]["isRestricted"], false);
    assert_eq!((request(&bob).await, listed(&bob).await), (None, true));
}
