//! Editing and deleting: only what was given, within all limits, one image or a hundred, and the trash.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library::seed, pictures, socket::Socket};

const NONE: [&str; 0] = [];
const SHOWN: &str = "image { id title description altText tags category { id } updatedAt }";

async fn shown(client: &Client, id: &str) -> Value {
    let query = format!("query($id: ID!) {{ {} }}", SHOWN.replacen("image", "image(id: $id)", 1));
    client.send(&query, json!({"id": id})).await.0["data"]["image"].clone()
}

#[tokio::test]
async fn only_the_fields_that_are_given_change() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let id = seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    let before = shown(&ann, &id).await;
    app.app.clock.advance(TimeDelta::seconds(1));
    let same = ann.mutate("updateImage", json!({"imageId": id}), SHOWN).await;
    assert_eq!((same.user_error_codes(), &same.0["image"]), (NONE.to_vec(), &before), "nothing given, nothing changed");
    for (field, value) in [
        ("title", json!("A new title")),
        ("title", json!("")),
        ("description", json!("x".repeat(5000))),
        ("altText", json!("한 사진")),
        ("tags", json!(["z", "a", "m"])),
        ("tags", json!([])),
    ] {
        let mut expected = shown(&ann, &id).await;
        let changed = ann.mutate("updateImage", json!({"imageId": id, field: value}), SHOWN).await;
        assert_eq!(changed.user_error_codes(), NONE);
        expected[field] = value;
        expected["updatedAt"] = changed.0["image"]["updatedAt"].clone();
        assert_eq!(changed.0["image"], expected, "{field}");
        assert_eq!(shown(&ann, &id).await, expected, "{field} is kept");
        assert_ne!(expected["updatedAt"], before["updatedAt"]);
    }
    let tags = json!([" b ", "a", "b", "a"]);
    let changed = ann.mutate("updateImage", json!({"imageId": id, "tags": tags}), SHOWN).await;
    assert_eq!(changed.0["image"]["tags"], json!(["b", "a"]), "trimmed, each once, in their order");
}

#[tokio::test]
async fn what_breaks_a_rule_changes_nothing() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let admin = app.admin().await;
    let images = seed(&app, "ann@example.com", 2, |_, _| {}).await;
    let id = images[0].id.to_string();
    let category = async |input: Value| {
        let made = admin.mutate("createCategory", input, "category { id }").await;
        made.text("/category/id").to_owned()
    };
    let small = category(json!({"name": "small", "maxFileSize": 10})).await;
    let png = category(json!({"name": "png", "allowedExtensions": ["png"]})).await;
    let strict = category(json!({"name": "strict", "maxFileSize": 10, "allowedExtensions": ["png"]})).await;
    let closed = category(json!({"name": "closed", "isActive": false})).await;
    let before = shown(&ann, &id).await;
    let nowhere = "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f";
    for (input, codes) in [
        (json!({"title": null}), vec!["INVALID_VALUE"]),
        (json!({"description": null, "altText": null}), vec!["INVALID_VALUE", "INVALID_VALUE"]),
        (json!({"tags": null}), vec!["INVALID_VALUE"]),
        (json!({"categoryId": null}), vec!["INVALID_VALUE"]),
        (json!({"title": "x".repeat(256)}), vec!["TOO_LONG"]),
        (json!({"description": "x".repeat(5001), "altText": "x".repeat(1001)}), vec!["TOO_LONG", "TOO_LONG"]),
        (json!({"title": "a\u{0}b"}), vec!["INVALID_VALUE"]),
        (json!({"tags": vec!["x".repeat(51)]}), vec!["TOO_LONG"]),
        (json!({"tags": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), vec!["TOO_LONG"]),
        (json!({"tags": ["a", " "]}), vec!["INVALID_VALUE"]),
        (json!({"tags": ["a\nb"]}), vec!["INVALID_VALUE"]),
        (json!({"title": "good", "categoryId": nowhere}), vec!["CATEGORY_NOT_FOUND"]),
        (json!({"title": "good", "categoryId": closed}), vec!["CATEGORY_NOT_FOUND"]),
        (json!({"title": "good", "categoryId": small}), vec!["FILE_TOO_LARGE"]),
        (json!({"title": "good", "categoryId": png}), vec!["UNSUPPORTED_EXTENSION"]),
        (json!({"title": "good", "categoryId": strict}), vec!["FILE_TOO_LARGE", "UNSUPPORTED_EXTENSION"]),
    ] {
        let mut input = input;
        input["imageId"] = json!(id);
        let payload = ann.mutate("updateImage", input.clone(), SHOWN).await;
        assert_eq!((payload.user_error_codes(), &payload.0["image"]), (codes, &Value::Null), "{input}");
        assert_eq!(shown(&ann, &id).await, before, "{input}");
    }
    for (client, id) in [(&bob, id.as_str()), (&ann, nowhere)] {
        let payload = client.mutate("updateImage", json!({"imageId": id, "title": "mine"}), SHOWN).await;
        assert_eq!(payload.user_error_codes(), ["IMAGE_NOT_FOUND"]);
    }
    let input = json!({"imageId": id, "title": "mine"});
    assert_eq!(app.anonymous().mutate("updateImage", input.clone(), SHOWN).await.error_code(), "UNAUTHENTICATED");
    let malformed = ann.mutate("updateImage", json!({"imageId": "1", "title": "x"}), SHOWN).await;
    assert_eq!(malformed.error_code(), "BAD_USER_INPUT");
    assert_eq!(shown(&ann, &id).await, before);
    // An administrator may.
    assert_eq!(admin.mutate("updateImage", input, SHOWN).await.0["image"]["title"], "mine");
}

#[tokio::test]
async fn an_image_moves_where_its_file_would_have_been_taken() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let made = admin.mutate("createCategory", json!({"name": "Covers"}), "category { id }").await;
    let input = json!({"imageId": image["id"], "categoryId": made.0["category"]["id"]});
    let moved = ann.mutate("updateImage", input, "image { category { name } fileKey url }").await;
    assert_eq!(moved.0["image"]["category"]["name"], "Covers");
    assert_eq!(moved.0["image"]["fileKey"], image["fileKey"], "its objects stay where they are");
    let url = moved.text("/image/url");
    assert_eq!(reqwest::get(url).await.expect("an answer").status(), 200);
    let stats = "{ imageStats { byCategory { category { name } count } } }";
    let stats = ann.send(stats, Value::Null).await;
    assert_eq!(stats.0["data"]["imageStats"]["byCategory"], json!([{"category": {"name": "Covers"}, "count": 1}]));
}

const RESULTS: &str = "results { imageId image { title tags category { name } } userErrors { code } }";

#[tokio::test]
async fn a_hundred_images_are_changed_each_by_itself() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let admin = app.admin().await;
    let images = seed(&app, "ann@example.com", 4, |number, image| {
        image.details.tags = match number {
            0 => vec!["old".to_owned(), "kept".to_owned()],
            1 => (0..50).map(|number| number.to_string()).collect(),
            _ => Vec::new(),
        };
        if number == 2 {
            image.filename = darkroom::domain::filename::Filename::parse("a.gif").expect("a name");
        }
    })
    .await;
    let bobs = seed(&app, "bob@example.com", 1, |_, _| {}).await[0].id.to_string();
    let input = json!({"name": "Covers", "allowedExtensions": ["jpg"]});
    let covers = admin.mutate("createCategory", input, "category { id }").await.text("/category/id").to_owned();
    let mut ids: Vec<String> = images.iter().map(|image| image.id.to_string()).collect();
    ids.extend([bobs.clone(), ids[0].clone()]);
    let input = json!({"imageIds": ids, "addTags": [" new ", "kept"], "removeTags": ["old", "never"],
        "categoryId": covers});
    let payload = ann.mutate("updateImages", input, RESULTS).await;
    assert_eq!(payload.user_error_codes(), NONE);
    let results = payload.0["results"].as_array().expect("results").clone();
    let codes: Vec<String> = results.iter().map(|result| result["userErrors"].to_string()).collect();
    assert_eq!(
        codes,
        [
            "[]",
            r#"[{"code":"TOO_LONG"}]"#,
            r#"[{"code":"UNSUPPORTED_EXTENSION"}]"#,
            "[]",
            r#"[{"code":"IMAGE_NOT_FOUND"}]"#
        ],
        "each once, in their order"
    );
    assert_eq!(results[0]["image"]["tags"], json!(["kept", "new"]));
    assert_eq!(results[3]["image"]["tags"], json!(["new", "kept"]));
    assert_eq!(results[0]["image"]["category"]["name"], "Covers");
    assert_eq!(shown(&ann, &ids[1]).await["tags"].as_array().expect("tags").len(), 50, "refused whole");
    assert_ne!(shown(&ann, &ids[1]).await["category"]["id"], covers.as_str());
    assert_eq!(shown(&bob, &bobs).await["tags"], json!(images_tags(&app, "bob@example.com").await));

    let too_many: Vec<String> = (0..101).map(|_| app.app.clock.new_id().to_string()).collect();
    for (input, code) in [
        (json!({"imageIds": too_many, "addTags": ["x"]}), "TOO_LONG"),
        (json!({"imageIds": [], "addTags": ["x"]}), "INVALID_VALUE"),
        (json!({"imageIds": [ids[3]], "addTags": ["x".repeat(51)]}), "TOO_LONG"),
        (json!({"imageIds": [ids[3]], "removeTags": [""]}), "INVALID_VALUE"),
        (json!({"imageIds": [ids[3]], "categoryId": bobs}), "CATEGORY_NOT_FOUND"),
    ] {
        let before = shown(&ann, &ids[3]).await;
        let payload = ann.mutate("updateImages", input.clone(), RESULTS).await;
        assert_eq!((payload.user_error_codes(), &payload.0["results"]), (vec![code], &json!([])), "{input}");
        assert_eq!(shown(&ann, &ids[3]).await, before);
    }
}

async fn images_tags(app: &TestApp, email: &str) -> Vec<String> {
    let owner = app.app.services.accounts.find_or_make(email).await.expect("a user").id;
    let all = crate::support::library::all_of(app, owner, &darkroom::domain::image::ImageStatus::VISIBLE).await;
    all[0].details.tags.clone()
}

#[tokio::test]
async fn many_are_deleted_each_by_itself() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
        ids.push(image["id"].as_str().expect("an id").to_owned());
    }
    let results = "results { imageId deletedImageId userErrors { code } }";
    let input = json!({"imageIds": ids});
    let payload = bob.mutate("deleteImages", input.clone(), results).await;
    assert!(
        payload.0["results"].as_array().expect("results").iter().all(|result| {
            result["deletedImageId"].is_null() && result["userErrors"][0]["code"] == "IMAGE_NOT_FOUND"
        })
    );
    assert_eq!(app.anonymous().mutate("deleteImages", input.clone(), results).await.error_code(), "UNAUTHENTICATED");
    assert_eq!(app.objects().await.len(), 18, "nothing happened");
    let payload = ann.mutate("deleteImages", json!({"imageIds": [ids[0], ids[1], ids[0]]}), results).await;
    assert_eq!(payload.0["results"].as_array().expect("results").len(), 2);
    assert_eq!(payload.0["results"][1], json!({"imageId": ids[1], "deletedImageId": ids[1], "userErrors": []}));
    app.run_all_jobs().await;
    assert_eq!(app.objects().await.len(), 6);
    assert_eq!(ann.image(&ids[2]).await["status"], "COMPLETED");
}

#[tokio::test]
async fn the_trash_keeps_what_was_completed_until_its_time_is_over() {
    let app = TestApp::start_with(&["--trash-retention", "3600"]).await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].as_str().expect("an id");
    let trash = "{ trash { totalCount nodes { id status trashedAt title variants { url } url } } \
        images { totalCount } imageStats { totalImages totalSize } me { storageUsed } tags { tag } }";
    let mut watcher = Socket::of(&app, &ann).await;
    watcher.subscribe("1", "subscription { myUploads { status image { id } } }", Value::Null).await;
    let deleted = ann.mutate("deleteImage", json!({"imageId": id}), "deletedImageId").await;
    assert_eq!(deleted.0["deletedImageId"], id);
    assert_eq!(watcher.event("myUploads").await["status"], "DELETED");
    assert_eq!(
        ann.send("query($id: ID!) { image(id: $id) { id } }", json!({"id": id})).await.0["data"]["image"],
        Value::Null
    );
    let seen = ann.send(trash, Value::Null).await.0["data"].clone();
    assert_eq!((&seen["trash"]["totalCount"], &seen["images"]["totalCount"]), (&json!(1), &json!(0)));
    assert_eq!(seen["imageStats"], json!({"totalImages": 0, "totalSize": 0}));
    assert_eq!(seen["me"]["storageUsed"], image["fileSize"], "it still takes room");
    let node = &seen["trash"]["nodes"][0];
    assert_eq!((&node["status"], node["trashedAt"].is_string()), (&json!("DELETED"), true));
    assert_eq!(reqwest::get(node["url"].as_str().expect("a URL")).await.expect("an answer").status(), 200);
    for name in ["updateImage", "generateVariants", "deleteImage", "completeUpload", "renewUpload"] {
        let selection = match name {
            "deleteImage" => "deletedImageId",
            "renewUpload" => "upload { url }",
            _ => "image { id }",
        };
        let payload = ann.mutate(name, json!({"imageId": id}), selection).await;
        assert_eq!(payload.user_error_codes(), ["IMAGE_NOT_FOUND"], "{name}");
    }
    let restore = "image { status title trashedAt }";
    assert_eq!(
        bob.mutate("restoreImage", json!({"imageId": id}), restore).await.user_error_codes(),
        ["IMAGE_NOT_FOUND"]
    );
    assert_eq!(
        app.anonymous().mutate("restoreImage", json!({"imageId": id}), restore).await.error_code(),
        "UNAUTHENTICATED"
    );
    let restored = ann.mutate("restoreImage", json!({"imageId": id}), restore).await;
    assert_eq!(restored.0["image"], json!({"status": "COMPLETED", "title": image["title"], "trashedAt": null}));
    let again = ann.mutate("restoreImage", json!({"imageId": id}), restore).await;
    assert_eq!(again.user_error_codes(), ["IMAGE_NOT_FOUND"], "it is not in the trash any more");
    assert_eq!(ann.image(id).await["status"], "COMPLETED");

    ann.mutate("deleteImage", json!({"imageId": id}), "deletedImageId").await;
    app.app.clock.advance(TimeDelta::minutes(59));
    app.sweep().await;
    assert_eq!(app.objects().await.len(), 6, "its time is not over");
    app.app.clock.advance(TimeDelta::minutes(2));
    app.sweep().await;
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, NONE);
    assert_eq!(ann.send("{ trash { totalCount } }", Value::Null).await.0["data"]["trash"]["totalCount"], 0);

    // For good at once: past the trash, and out of it.
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let for_good = json!({"imageId": image["id"], "permanently": true});
    ann.mutate("deleteImage", for_good.clone(), "deletedImageId").await;
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, NONE);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    let input = json!({"imageIds": [image["id"]], "permanently": true});
    assert_eq!(
        bob.mutate("deleteImages", input.clone(), "results { userErrors { code } }").await.0["results"][0]["userErrors"]
            [0]["code"],
        "IMAGE_NOT_FOUND"
    );
    ann.mutate("deleteImages", input, "results { deletedImageId }").await;
    app.run_all_jobs().await;
    assert_eq!(app.objects().await, NONE);
    // What is in the sandbox again is not lost either, and goes back there.
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let again = json!({"imageId": image["id"], "types": ["SMALL"]});
    assert_eq!(ann.mutate("generateVariants", again, "image { status }").await.0["image"]["status"], "PROCESSING");
    ann.mutate("deleteImage", json!({"imageId": image["id"]}), "deletedImageId").await;
    app.run_all_jobs().await;
    assert_eq!(ann.send("{ trash { totalCount } }", Value::Null).await.0["data"]["trash"]["totalCount"], 1);
    let restored = ann.mutate("restoreImage", json!({"imageId": image["id"]}), restore).await;
    assert_eq!(restored.0["image"]["status"], "PROCESSING");
    app.run_all_jobs().await;
    let whole = ann.image(image["id"].as_str().expect("an id")).await;
    assert_eq!((&whole["status"], whole["variants"].as_array().expect("variants").len()), (&json!("COMPLETED"), 5));
    ann.mutate("deleteImage", json!({"imageId": image["id"], "permanently": true}), "deletedImageId").await;
    // What was never completed has nothing to restore.
    let ticket = ann.ticket("a.jpg", "image/jpeg", 10).await;
    ann.mutate("deleteImage", json!({"imageId": ticket.image}), "deletedImageId").await;
    assert_eq!(ann.send("{ trash { totalCount } }", Value::Null).await.0["data"]["trash"]["totalCount"], 0);
}

#[tokio::test]
async fn nobody_has_more_than_their_quota() {
    let photo = pictures::small_jpeg();
    let quota = photo.len() * 5 / 2;
    let app = TestApp::start_with(&["--storage-quota", &quota.to_string()]).await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let used = async |client: &Client| {
        client.send("{ me { storageUsed storageQuota } }", Value::Null).await.0["data"]["me"].clone()
    };
    assert_eq!(used(&ann).await, json!({"storageUsed": 0, "storageQuota": quota}));
    let first = ann.upload("1.jpg", "image/jpeg", photo.clone()).await;
    let keyed = json!({"filename": "0.jpg", "contentType": "image/jpeg", "fileSize": photo.len(),
        "categoryId": ann.general().await, "idempotencyKey": "k"});
    assert_eq!(ann.mutate("requestUpload", keyed.clone(), "upload { url }").await.user_error_codes(), NONE);
    let new = |name: &str| {
        json!({"filename": name, "contentType": "image/jpeg", "fileSize": photo.len(),
        "categoryId": keyed["categoryId"]})
    };
    let refused = ann.mutate("requestUpload", new("2.jpg"), "upload { url }").await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"], "tickets take room while they are good");
    assert_eq!(used(&ann).await["storageUsed"], photo.len(), "what is not there is not counted");
    // Two tickets for the room of one, one after the other: whoever is completed first gets it.
    let mut tickets = Vec::new();
    for name in ["2.jpg", "3.jpg"] {
        app.app.clock.advance(TimeDelta::minutes(61));
        let ticket = ann.ticket(name, "image/jpeg", photo.len()).await;
        assert_eq!(ticket.post(photo.clone()).await, 201);
        tickets.push(ticket);
    }
    let [second, third] = tickets.try_into().unwrap_or_else(|_| panic!("two tickets"));
    ann.complete(&second.image).await;
    let refused = ann.mutate("completeUpload", json!({"imageId": third.image}), "image { status }").await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"]);
    let refused = ann.mutate("renewUpload", json!({"imageId": third.image}), "upload { url }").await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"], "nor is it kept waiting");
    let refused = ann.mutate("requestUpload", keyed.clone(), "upload { url }").await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"], "by no way");
    let state = ann.image(&third.image).await;
    assert!(["PENDING", "UPLOADING"].contains(&state["status"].as_str().expect("a status")), "{state}");
    let input = json!({"filename": "4.jpg", "contentType": "image/jpeg", "fileSize": photo.len(),
        "categoryId": ann.general().await});
    let refused = ann.mutate("requestUpload", input.clone(), "upload { url }").await;
    assert_eq!((refused.user_error_codes(), &refused.0["upload"]), (vec!["QUOTA_EXCEEDED"], &Value::Null));
    let all = "{ images(filter: {status: [PENDING, UPLOADING, PROCESSING, COMPLETED, FAILED]}) { totalCount } }";
    assert_eq!(ann.send(all, Value::Null).await.0["data"]["images"]["totalCount"], 4, "nothing was made");
    assert_eq!(bob.mutate("requestUpload", input, "upload { url }").await.user_error_codes(), NONE);
    // Room is made, and the upload that waited gets it.
    app.run_all_jobs().await;
    ann.mutate("deleteImage", json!({"imageId": first}), "deletedImageId").await;
    ann.complete(&third.image).await;
    app.run_all_jobs().await;
    assert_eq!(ann.image(&third.image).await["status"], "COMPLETED");
    assert_eq!(used(&ann).await["storageUsed"], 2 * photo.len());
}

/// Four at once for the room of one.
#[tokio::test(flavor = "multi_thread")]
async fn room_is_given_once() {
    let photo = pictures::small_jpeg();
    let app = TestApp::start_with(&["--storage-quota", &(photo.len() * 3 / 2).to_string()]).await;
    let ann = app.user("ann@example.com").await;
    let general = ann.general().await;
    let request = |number: u32| {
        let input = json!({"filename": format!("{number}.jpg"), "contentType": "image/jpeg", "fileSize": photo.len(),
            "categoryId": general});
        let ann = ann.clone();
        async move { ann.mutate("requestUpload", input, "upload { url }").await.0["userErrors"][0]["code"].clone() }
    };
    let refused = json!("QUOTA_EXCEEDED");
    let mut codes = futures_util::future::join_all((0..4).map(request)).await;
    codes.sort_by_key(Value::is_null);
    assert_eq!(codes, [refused.clone(), refused.clone(), refused.clone(), Value::Null], "one ticket");
    let mut tickets = Vec::new();
    for number in 0..4 {
        // Each when the one before has ended.
        app.app.clock.advance(TimeDelta::minutes(61));
        let ticket = ann.ticket(&format!("{number}.jpg"), "image/jpeg", photo.len()).await;
        assert_eq!(ticket.post(photo.clone()).await, 201);
        tickets.push(ticket.image);
    }
    let complete = |id: &String| {
        let (ann, input) = (ann.clone(), json!({"imageId": id}));
        async move { ann.mutate("completeUpload", input, "image { status }").await.0["userErrors"][0]["code"].clone() }
    };
    let mut codes = futures_util::future::join_all(tickets.iter().map(complete)).await;
    codes.sort_by_key(Value::is_null);
    assert_eq!(codes, [refused.clone(), refused.clone(), refused, Value::Null], "and room for one");
}
