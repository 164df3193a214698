//! Bad input: a clear code for each rule, and nothing left behind.

use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, upload::TICKET};

/// Refused with exactly these codes, and not a row, object or job more than before.
async fn assert_refused(app: &TestApp, ann: &Client, input: Value, codes: &[&str]) {
    let payload = ann.mutate("requestUpload", input.clone(), TICKET).await;
    assert_eq!(payload.user_error_codes(), codes, "{input}");
    assert_eq!(payload.0["upload"], Value::Null);
    assert_eq!(count(ann).await, 0, "{input} left a row");
    assert_eq!((app.objects().await, app.queued_jobs().await), (vec![], vec![]));
}

async fn count(ann: &Client) -> u64 {
    let all = "{ images(filter: {status: [PENDING, UPLOADING, PROCESSING, COMPLETED, FAILED]}) { totalCount } }";
    ann.send(all, Value::Null).await.0["data"]["images"]["totalCount"].as_u64().expect("a count")
}

#[tokio::test]
async fn every_rule_of_request_upload_has_its_code() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let general = ann.general().await;
    let input = |change: Value| {
        let mut input =
            json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 1000, "categoryId": general});
        let fields = change.as_object().expect("an object").clone();
        input.as_object_mut().expect("an object").extend(fields);
        input
    };
    for bad in [
        "",
        " ",
        "a/b.jpg",
        "a\\b.jpg",
        "a:b.jpg",
        "a<b.jpg",
        "a>b.jpg",
        "a|b.jpg",
        "a?b.jpg",
        "a*b.jpg",
        "a\"b.jpg",
        "a\u{0}b.jpg",
        "a\nb.jpg",
    ] {
        assert_refused(&app, &ann, input(json!({"filename": bad})), &["INVALID_FILENAME"]).await;
    }
    let long = format!("{}.jpg", "x".repeat(252));
    assert_refused(&app, &ann, input(json!({"filename": long})), &["INVALID_FILENAME"]).await;
    for bad in ["a", "a.", ".jpg", "a.exe", "a.svg", "a.jpg.php"] {
        assert_refused(&app, &ann, input(json!({"filename": bad})), &["UNSUPPORTED_EXTENSION"]).await;
    }
    for bad in ["", "image/svg+xml", "text/html", "image/jpeg; x=y", "image"] {
        assert_refused(&app, &ann, input(json!({"contentType": bad})), &["UNSUPPORTED_CONTENT_TYPE"]).await;
    }
    assert_refused(&app, &ann, input(json!({"filename": "a.png"})), &["EXTENSION_MISMATCH"]).await;
    assert_refused(&app, &ann, input(json!({"fileSize": 0})), &["FILE_EMPTY"]).await;
    assert_refused(&app, &ann, input(json!({"fileSize": 10 * 1024 * 1024 + 1})), &["FILE_TOO_LARGE"]).await;
    assert_refused(&app, &ann, input(json!({"fileSize": 9_007_199_254_740_991_u64})), &["FILE_TOO_LARGE"]).await;
    let nowhere = "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f";
    assert_refused(&app, &ann, input(json!({"categoryId": nowhere})), &["CATEGORY_NOT_FOUND"]).await;
    assert_refused(&app, &ann, input(json!({"idempotencyKey": "x".repeat(256)})), &["TOO_LONG"]).await;
    assert_refused(&app, &ann, input(json!({"idempotencyKey": ""})), &["INVALID_VALUE"]).await;
    let everything = json!({"filename": "a/b", "contentType": "x", "fileSize": 0, "categoryId": nowhere});
    let codes = ["FILE_EMPTY", "INVALID_FILENAME", "UNSUPPORTED_CONTENT_TYPE", "CATEGORY_NOT_FOUND"];
    assert_refused(&app, &ann, input(everything), &codes).await;

    for good in ["A.JPG", "ä ö.jpeg", "사진.jpg", "...jpg", &format!("{}.jpg", "x".repeat(251))] {
        let payload = ann.mutate("requestUpload", input(json!({"filename": good})), TICKET).await;
        assert_eq!(payload.user_error_codes(), [] as [&str; 0], "{good}");
    }
}

#[tokio::test]
async fn an_inactive_category_takes_nothing() {
    let app = TestApp::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann@example.com").await);
    let general = ann.general().await;
    let input = json!({"categoryId": general, "isActive": false});
    admin.mutate("updateCategory", input, "category { isActive }").await;
    let upload = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 1000, "categoryId": general});
    assert_refused(&app, &ann, upload, &["CATEGORY_NOT_FOUND"]).await;
}

#[tokio::test]
async fn wrong_types_and_malformed_ids_are_bad_input() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let general = ann.general().await;
    let good = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": 1000, "categoryId": general});
    for (field, bad) in [
        ("fileSize", json!(-1)),
        ("fileSize", json!(1.5)),
        ("fileSize", json!("1000")),
        ("fileSize", json!(9_007_199_254_740_992_u64)),
        ("fileSize", Value::Null),
        ("filename", json!(7)),
        ("categoryId", json!("general")),
        ("categoryId", json!("")),
        ("categoryId", json!("0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f\u{0}")),
    ] {
        let mut input = good.clone();
        input[field] = bad.clone();
        let answer = ann.mutate("requestUpload", input, TICKET).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{field}: {bad}");
    }
    for id in ["", "1", "null", "../etc/passwd", "'; DROP TABLE image; --", &"9".repeat(10_000)] {
        for query in [
            "query($id: ID!) { image(id: $id) { id } }",
            "query($id: ID!) { node(id: $id) { id } }",
            "mutation($id: ID!) { deleteImage(input: {imageId: $id}) { deletedImageId } }",
        ] {
            assert_eq!(ann.send(query, json!({"id": id})).await.error_code(), "BAD_USER_INPUT", "{id}");
        }
    }
    assert_eq!(count(&ann).await, 0);
}

#[tokio::test]
async fn details_beyond_their_limits_complete_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let photo = crate::support::pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    ticket.post(photo).await;
    let before = ann.image(&ticket.image).await;
    let jobs = app.queued_jobs().await;
    let many: Vec<String> = (0..51).map(|index| index.to_string()).collect();
    for (field, value, code) in [
        ("title", json!("x".repeat(10_000)), "TOO_LONG"),
        ("title", json!("a\u{0}b"), "INVALID_VALUE"),
        ("description", json!("x".repeat(5001)), "TOO_LONG"),
        ("altText", json!("x".repeat(1001)), "TOO_LONG"),
        ("tags", json!(many), "TOO_LONG"),
        ("tags", json!(["x".repeat(51)]), "TOO_LONG"),
        ("tags", json!(["fine", "  "]), "INVALID_VALUE"),
        ("tags", json!(["a\u{0}b"]), "INVALID_VALUE"),
    ] {
        let mut input = json!({"imageId": ticket.image});
        input[field] = value;
        let payload = ann.mutate("completeUpload", input, "image { id }").await;
        assert_eq!(payload.user_error_codes(), [code], "{field}");
        assert_eq!(payload.0["userErrors"][0]["field"], json!([field]));
    }
    assert_eq!(ann.image(&ticket.image).await, before);
    assert_eq!(app.queued_jobs().await, jobs);
    let most = json!({"imageId": ticket.image, "title": "😀".repeat(255), "tags": ["사진", "x".repeat(50)]});
    let payload = ann.mutate("completeUpload", most, "image { status }").await;
    assert_eq!(payload.0["image"]["status"], "PROCESSING");
}

#[tokio::test]
async fn progress_grows_within_bounds_and_ends_with_the_upload() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 1000).await;
    let report = |bytes: u64| {
        let input = json!({"imageId": ticket.image, "bytesUploaded": bytes});
        ann.mutate("reportUploadProgress", input, "image { status updatedAt }")
    };
    let bytes = || async {
        let row = app.app.services.library.image(&caller(&app).await, ticket.image.parse().expect("an id")).await;
        row.expect("a row").expect("an image").bytes_received()
    };
    assert_eq!(report(400).await.0["image"]["status"], "UPLOADING");
    assert_eq!(bytes().await, 400);
    report(500).await;
    assert_eq!(bytes().await, 400, "too soon after the last one");
    app.app.clock.advance(chrono::TimeDelta::seconds(1));
    report(300).await;
    assert_eq!(bytes().await, 400, "a count never shrinks");
    report(9_007_199_254_740_991).await;
    assert_eq!(bytes().await, 1000, "nor does it grow beyond the file");
    ann.mutate("cancelUpload", json!({"imageId": ticket.image}), "cancelledImageId").await;
    assert_eq!(report(10).await.user_error_codes(), ["IMAGE_NOT_FOUND"]);
}

async fn caller(app: &TestApp) -> darkroom::domain::caller::Caller {
    let token = app.user("ann@example.com").await.token.expect("a token");
    app.app.services.accounts.authenticate(&token).await.expect("a caller")
}
