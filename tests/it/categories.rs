//! Categories, as administrators keep them.

use serde_json::{Value, json};

use crate::support::{TestApp, client::Client};

const CATEGORY: &str = "category { id name description maxFileSize allowedExtensions isActive }";

async fn names(admin: &Client) -> Value {
    let answer = admin.send("{ categories(includeInactive: true) { name isActive } }", Value::Null).await;
    answer.0["data"]["categories"].clone()
}

#[tokio::test]
async fn an_empty_database_has_one_that_takes_everything() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let query = "{ categories { name description maxFileSize allowedExtensions isActive } }";
    let answer = ann.send(query, Value::Null).await;
    assert_eq!(
        answer.0["data"]["categories"],
        json!([{"name": "general", "description": "", "maxFileSize": 10 * 1024 * 1024, "isActive": true,
            "allowedExtensions": ["jpg", "jpeg", "png", "webp", "gif", "heic", "heif", "avif"]}])
    );
}

#[tokio::test]
async fn categories_are_made_and_changed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let input = json!({"name": " Covers & Posters ", "maxFileSize": 5000, "allowedExtensions": [".JPG", "jpg", "Png"]});
    let made = admin.mutate("createCategory", input, CATEGORY).await.0["category"].clone();
    assert_eq!((&made["name"], &made["allowedExtensions"]), (&json!("Covers & Posters"), &json!(["jpg", "png"])));
    let input = json!({"categoryId": made["id"], "description": "for the shop", "isActive": false});
    let changed = admin.mutate("updateCategory", input, CATEGORY).await.0["category"].clone();
    assert_eq!((&changed["name"], &changed["maxFileSize"]), (&made["name"], &made["maxFileSize"]), "left as it was");
    assert_eq!((&changed["description"], &changed["isActive"]), (&json!("for the shop"), &json!(false)));
    let seen = app.user("ann@example.com").await.send("{ categories { name } }", Value::Null).await;
    assert_eq!(seen.0["data"]["categories"], json!([{"name": "general"}]));

    let ann = app.user("ann@example.com").await;
    let ticket = ann.mutate(
        "requestUpload",
        json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 10, "categoryId": ann.general().await}),
        "upload { image { fileKey } }",
    );
    let key = ticket.await.text("/upload/image/fileKey").to_owned();
    assert!(key.starts_with("images/general/") && key.ends_with("jpg"), "{key}");
}

#[tokio::test]
async fn a_name_never_reaches_a_key() {
    let app = TestApp::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann@example.com").await);
    for name in ["../../etc", "a/b", "사진", "..", "%2e%2e", "General photos"] {
        let made = admin.mutate("createCategory", json!({"name": name}), CATEGORY).await;
        let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 10,
            "categoryId": made.text("/category/id")});
        let payload = ann.mutate("requestUpload", input, "upload { image { fileKey } }").await;
        let key = payload.text("/upload/image/fileKey").to_owned();
        let slug = key.split('/').nth(1).expect("a slug");
        assert_eq!(key.split('/').count(), 7, "{name}: {key}");
        assert!(!slug.is_empty() && slug.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}: {key}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = admin.mutate("createCategory", json!({"name": "Covers"}), CATEGORY).await;
    let id = made.text("/category/id").to_owned();
    let before = names(&admin).await;
    for (input, codes) in [
        (json!({"name": ""}), ["INVALID_VALUE"]),
        (json!({"name": "a\u{0}"}), ["INVALID_VALUE"]),
        (json!({"name": "x".repeat(101)}), ["TOO_LONG"]),
        (json!({"name": "GENERAL"}), ["CATEGORY_EXISTS"]),
        (json!({"name": "x", "description": "x".repeat(2001)}), ["TOO_LONG"]),
        (json!({"name": "x", "maxFileSize": 0}), ["INVALID_VALUE"]),
        (json!({"name": "x", "maxFileSize": 10 * 1024 * 1024 + 1}), ["INVALID_VALUE"]),
        (json!({"name": "x", "allowedExtensions": []}), ["INVALID_VALUE"]),
        (json!({"name": "x", "allowedExtensions": ["jpg", "exe"]}), ["INVALID_VALUE"]),
    ] {
        let payload = admin.mutate("createCategory", input.clone(), CATEGORY).await;
        assert_eq!(payload.user_error_codes(), codes, "{input}");
        let mut change = input.clone();
        change["categoryId"] = json!(id);
        let payload = admin.mutate("updateCategory", change, CATEGORY).await;
        assert_eq!(payload.user_error_codes(), codes, "{input}");
        assert_eq!(names(&admin).await, before, "{input}");
    }
    let nowhere = json!({"categoryId": "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", "name": "x"});
    let payload = admin.mutate("updateCategory", nowhere, CATEGORY).await;
    assert_eq!(payload.user_error_codes(), ["CATEGORY_NOT_FOUND"]);
}
