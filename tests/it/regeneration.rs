//! Images that are made anew, because they were made by other settings or before something was kept of them.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures};

const RUN: &str = "regeneration { status total examined remade failed endedAt }";
const IMAGE: &str = "query($id: ID!) { image(id: $id) { status dominantColor metadata { removed } \
    variants { name isUpToDate url } } }";

async fn sql(app: &TestApp, text: &str) {
    let conn = app.app.db.conn();
    conn.execute_raw(Statement::from_string(conn.get_database_backend(), text)).await.expect("to be written");
}

async fn known(client: &Client, id: &Value) -> Value {
    client.send(IMAGE, json!({"id": id})).await.0["data"]["image"].clone()
}

async fn run(app: &TestApp) -> Value {
    let answer = app.admin().await.send(&format!("{{ {RUN} }}"), Value::Null).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    answer.0["data"]["regeneration"].clone()
}

async fn photo(app: &TestApp, client: &Client) -> Value {
    client.processed(app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await["id"].clone()
}

fn urls(image: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").split('?').next().unwrap_or_default().to_owned();
    image["variants"].as_array().expect("variants").iter().map(|one| (text(&one["name"]), text(&one["url"]))).collect()
}

fn outdated(image: &Value) -> Vec<&str> {
    let variants = image["variants"].as_array().expect("variants").iter();
    variants.filter(|one| one["isUpToDate"] == false).filter_map(|one| one["name"].as_str()).collect()
}

#[tokio::test]
async fn what_is_out_of_date_is_made_anew_and_nothing_else() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let (old, fresh) = (photo(&app, &ann).await, photo(&app, &ann).await);
    let before = [known(&ann, &old).await, known(&ann, &fresh).await];
    assert_eq!(outdated(&before[0]), [] as [&str; 0]);
    // As a version before this one would have left it, or one with other settings.
    sql(&app, "UPDATE variant SET settings = 'webp 9x9 inside q1 e0' WHERE kind = 'small'").await;
    sql(&app, "UPDATE variant SET settings = NULL WHERE kind = 'large'").await;
    sql(&app, "DELETE FROM variant WHERE kind = 'medium'").await;
    sql(&app, "UPDATE image SET dominant_colour = NULL").await;
    sql(&app, "DELETE FROM image_metadata").await;
    sql(&app, "DELETE FROM image_fingerprint").await;
    let made = ann.mutate("generateVariants", json!({"imageId": fresh}), "image { id }").await;
    assert_eq!(made.user_error_codes(), [] as [&str; 0]);
    app.run_all_jobs().await;
    assert_eq!(outdated(&known(&ann, &old).await), ["small", "large"]);
    let fresh_before = known(&ann, &fresh).await;
    assert_eq!(outdated(&fresh_before), [] as [&str; 0]);

    app.app.clock.advance(TimeDelta::minutes(1));
    let cursor = ann.send("{ imageChangesCursor }", Value::Null).await.0["data"]["imageChangesCursor"].clone();
    let started = admin.mutate("regenerateVariants", json!({}), RUN).await;
    assert_eq!(started.0["regeneration"]["status"], "RUNNING", "{}", started.0);
    app.run_all_jobs().await;
    let ended = run(&app).await;
    let figures = ["status", "total", "examined", "remade", "failed"].map(|field| ended[field].clone());
    assert_eq!(json!(figures), json!(["FINISHED", 2, 2, 1, 0]), "{ended}");
    assert!(ended["endedAt"].is_string());

    let remade = known(&ann, &old).await;
    assert_eq!((&remade["status"], &remade["dominantColor"]), (&json!("COMPLETED"), &before[0]["dominantColor"]));
    assert_eq!(remade["metadata"], before[0]["metadata"]);
    assert_eq!(outdated(&remade), [] as [&str; 0]);
    for ((name, url), (_, url_before)) in urls(&remade).into_iter().zip(urls(&before[0])) {
        let is_new = ["small", "medium", "large"].contains(&name.as_str());
        assert_eq!(url != url_before, is_new, "caches keep what is under a key: {name}");
    }
    for variant in remade["variants"].as_array().expect("variants") {
        let answer = reqwest::get(variant["url"].as_str().expect("a URL")).await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(urls(&known(&ann, &fresh).await), urls(&fresh_before), "it was up to date");
    assert_ne!(
        ann.send("{ imageChangesCursor }", Value::Null).await.0["data"]["imageChangesCursor"],
        cursor,
        "caches are told"
    );

    // Addresses that clients hold are good for a day more; then the objects go.
    let objects = app.objects().await.len();
    app.sweep().await;
    assert_eq!(app.objects().await.len(), objects);
    app.app.clock.advance(TimeDelta::days(3));
    app.sweep().await;
    assert_eq!(app.objects().await.len(), 12, "two originals and their variants");
}

#[tokio::test]
async fn everything_of_one_owner_and_format_is_made_anew_if_that_is_asked_for() {
    let app = TestApp::start().await;
    let (ann, bob, admin) = (app.user("ann@example.com").await, app.user("bob@example.com").await, app.admin().await);
    let (of_ann, of_bob) = (photo(&app, &ann).await, photo(&app, &bob).await);
    let gif = pictures::gif(&pictures::drawing(20, 20));
    ann.processed(&app, "a.gif", "image/gif", gif).await;
    let (ann_before, bob_before) = (urls(&known(&ann, &of_ann).await), urls(&known(&bob, &of_bob).await));
    app.app.clock.advance(TimeDelta::minutes(1));
    let me = ann.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
    let input = json!({"ownerId": me, "contentType": "image/jpeg", "madeBefore": app.app.clock.now()});
    admin.mutate("regenerateVariants", input, RUN).await;
    app.run_all_jobs().await;
    let ended = run(&app).await;
    assert_eq!((&ended["examined"], &ended["remade"]), (&json!(1), &json!(1)), "{ended}");
    let ann_after = urls(&known(&ann, &of_ann).await);
    assert!(ann_before.iter().zip(&ann_after).all(|(before, after)| before.1 != after.1), "{ann_after:?}");
    assert_eq!(urls(&known(&bob, &of_bob).await), bob_before);
}

#[tokio::test]
async fn what_cannot_be_made_anew_stays_as_it_is() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let (lost, deleted, sound) = (photo(&app, &ann).await, photo(&app, &ann).await, photo(&app, &ann).await);
    let before = known(&ann, &lost).await;
    let id: darkroom::domain::ids::ImageId = lost.as_str().expect("an id").parse().expect("an id");
    let image = darkroom::db::images::find(app.app.db.conn(), id).await.expect("an answer").expect("an image");
    app.app.storage.delete(&[darkroom::storage::StorageKey::original(&image)]).await.expect("to be gone");
    app.app.clock.advance(TimeDelta::minutes(1));
    admin.mutate("regenerateVariants", json!({"madeBefore": app.app.clock.now()}), RUN).await;
    ann.mutate("deleteImage", json!({"imageId": deleted}), "deletedImageId").await;
    app.run_all_jobs().await;
    let ended = run(&app).await;
    let figures = ["status", "total", "remade", "failed"].map(|field| ended[field].clone());
    assert_eq!(json!(figures), json!(["FINISHED", 3, 1, 1]), "{ended}");
    let after = known(&ann, &lost).await;
    assert_eq!(urls(&after), urls(&before));
    for field in ["status", "dominantColor", "metadata"] {
        assert_eq!(after[field], before[field]);
    }
    assert_eq!(outdated(&after), [] as [&str; 0]);
    assert_eq!(outdated(&known(&ann, &sound).await), [] as [&str; 0]);
    assert_eq!(known(&ann, &deleted).await, Value::Null);
}

#[tokio::test]
async fn one_run_at_a_time_which_goes_on_if_its_job_is_lost_until_it_is_cancelled() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let id = photo(&app, &ann).await;
    let none: [&str; 0] = [];
    assert_eq!(run(&app).await, Value::Null);
    assert_eq!(cancel(&admin).await, ["INVALID_STATE"]);
    let later = app.app.clock.now() + TimeDelta::hours(1);
    for (input, code) in [
        (json!({"madeBefore": later}), "INVALID_VALUE"),
        (json!({"contentType": "image/svg+xml"}), "UNSUPPORTED_CONTENT_TYPE"),
    ] {
        assert_eq!(admin.mutate("regenerateVariants", input, RUN).await.user_error_codes(), [code]);
        assert_eq!((run(&app).await, app.queued_jobs().await), (Value::Null, vec![]));
    }
    for query in [
        "mutation { regenerateVariants(input: {}) { userErrors { code } } }",
        "mutation { regenerateVariants(input: {contentType: \"a\"}) { userErrors { code } } }",
        "mutation { cancelRegeneration { userErrors { code } } }",
        "{ regeneration { id } }",
    ] {
        assert_eq!(ann.send(query, Value::Null).await.error_code(), "FORBIDDEN", "{query}");
    }
    assert_eq!((run(&app).await, app.queued_jobs().await), (Value::Null, vec![]));

    admin.mutate("regenerateVariants", json!({}), RUN).await;
    assert_eq!(admin.mutate("regenerateVariants", json!({}), RUN).await.user_error_codes(), ["INVALID_STATE"]);
    sql(&app, "DELETE FROM job").await;
    app.sweep().await;
    assert!(app.queued_jobs().await.contains(&"regenerate"));
    sql(&app, "UPDATE variant SET settings = NULL").await;
    assert_eq!(cancel(&admin).await, none);
    app.run_all_jobs().await;
    assert_eq!(run(&app).await["status"], "CANCELLED");
    assert_eq!(outdated(&known(&ann, &id).await).len(), 5, "nothing more was made");
    assert_eq!(admin.mutate("regenerateVariants", json!({}), RUN).await.user_error_codes(), none);
    app.run_all_jobs().await;
    assert_eq!((&run(&app).await["status"], &run(&app).await["remade"]), (&json!("FINISHED"), &json!(1)));
}

async fn cancel(client: &Client) -> Vec<String> {
    let answer = client.send("mutation { cancelRegeneration { userErrors { code } } }", Value::Null).await;
    let errors = answer.0["data"]["cancelRegeneration"]["userErrors"].as_array().expect("a list").clone();
    errors.iter().map(|error| error["code"].as_str().expect("a code").to_owned()).collect()
}

#[tokio::test]
async fn what_is_amiss_here_leaves_the_image_as_it_was_and_the_run_waits() {
    let app = TestApp::start().await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let (first, second) = (photo(&app, &ann).await, photo(&app, &ann).await);
    let before = [known(&ann, &first).await, known(&ann, &second).await];
    sql(&app, "UPDATE image_metadata SET metadata = '{}'").await;
    app.app.clock.advance(TimeDelta::minutes(1));
    // No row of a variant can be written for a while.
    sql(&app, "ALTER TABLE variant RENAME COLUMN settings TO elsewhere").await;
    admin.mutate("regenerateVariants", json!({"madeBefore": app.app.clock.now()}), RUN).await;
    app.run_all_jobs().await;
    let ended = run(&app).await;
    assert_eq!((&ended["status"], &ended["remade"]), (&json!("RUNNING"), &json!(0)), "{ended}");
    sql(&app, "ALTER TABLE variant RENAME COLUMN elsewhere TO settings").await;
    for (id, before) in [&first, &second].into_iter().zip(&before) {
        assert_eq!(urls(&known(&ann, id).await), urls(before), "all at once, or nothing");
    }
    app.app.clock.advance(TimeDelta::hours(1));
    app.run_all_jobs().await;
    let ended = run(&app).await;
    assert_eq!((&ended["status"], &ended["examined"]), (&json!("FINISHED"), &json!(2)), "{ended}");
    assert_ne!(urls(&known(&ann, &second).await), urls(&before[1]));
}
