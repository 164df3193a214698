//! Users who leave: what they take along, what becomes of their images, and that nothing of them remains.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library, pictures};

const NONE: [&str; 0] = [];
const PASSWORD: &str = "a good one, long enough";

/// Somebody with a password, signed in.
async fn signed_up(app: &TestApp, email: &str) -> Client {
    let admin = app.admin().await;
    let made = admin.mutate("createUser", json!({"email": email, "password": PASSWORD}), "user { id }").await;
    assert_eq!(made.user_error_codes(), NONE);
    log_in(app, email).await
}

async fn log_in(app: &TestApp, email: &str) -> Client {
    let input = json!({"email": email, "password": PASSWORD});
    let session = app.anonymous().mutate("logIn", input, "session { accessToken }").await;
    Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()))
}

async fn id_of(client: &Client) -> Value {
    client.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone()
}

/// Every row of every table as text.
async fn everything(app: &TestApp) -> Vec<String> {
    let conn = app.app.db.conn();
    let backend = conn.get_database_backend();
    let run = async |text: String| conn.query_all_raw(Statement::from_string(backend, text)).await.expect("rows");
    let (tables, row) = if backend == DbBackend::Postgres {
        ("SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()", None)
    } else {
        (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'image_gram%'",
            Some(()),
        )
    };
    let mut found = Vec::new();
    for table in run(tables.to_owned()).await {
        let table: String = table.try_get("", "name").expect("a name");
        if row.is_none() {
            for row in run(format!("SELECT t::text AS line FROM \"{table}\" t")).await {
                found.push(format!("{table}: {}", row.try_get::<String>("", "line").expect("a line")));
            }
            continue;
        }
        let columns: Vec<String> = run(format!("SELECT name FROM pragma_table_info('{table}')"))
            .await
            .iter()
            .map(|column| column.try_get("", "name").expect("a name"))
            .collect();
        let line: Vec<String> = columns.iter().map(|name| format!("quote(\"{name}\")")).collect();
        for row in run(format!("SELECT {} AS line FROM \"{table}\"", line.join(" || ' | ' || "))).await {
            found.push(format!("{table}: {}", row.try_get::<String>("", "line").expect("a line")));
        }
    }
    found
}

/// Where somebody could be known from: rows and objects that have one of these, but for the audit log's numbers.
async fn traces(app: &TestApp, of: &[&str]) -> Vec<String> {
    let mut traces = everything(app).await;
    traces.extend(app.objects().await);
    let has = |line: &String| {
        of.iter().any(|known| {
            line.contains(known)
                || line.contains(&known.to_uppercase())
                || line.contains(&known.replace('-', "").to_uppercase())
        })
    };
    traces.into_iter().filter(has).collect()
}

async fn has_everything(app: &TestApp, client: &Client, title: &str) -> Value {
    let image = client.processed(app, "holiday.jpg", "image/jpeg", pictures::small_jpeg()).await;
    client.ticket("pending.jpg", "image/jpeg", 1000).await;
    let album = client.mutate("createAlbum", json!({"name": "Summer"}), "album { id }").await.0["album"]["id"].clone();
    client.mutate("addImagesToAlbum", json!({"albumId": album, "imageIds": [image["id"]]}), "album { id }").await;
    client.mutate("share", json!({"albumId": album, "email": "bob@example.com"}), "share { id }").await;
    client.mutate("createShareLink", json!({"imageId": image["id"]}), "shareLink { id }").await;
    client
        .mutate(
            "updateImage",
            json!({"imageId": image["id"], "title": title, "tags": [title.to_lowercase()]}),
            "image { id }",
        )
        .await;
    image["id"].clone()
}

#[tokio::test]
async fn an_account_is_deleted_after_two_weeks_with_everything_that_it_had() {
    let app = TestApp::start().await;
    let (ann, bob) = (signed_up(&app, "annika@example.com").await, signed_up(&app, "bob@example.com").await);
    let id = id_of(&ann).await;
    has_everything(&app, &ann, "Annika").await;
    let bobs = has_everything(&app, &bob, "Holiday").await;
    bob.mutate("share", json!({"imageId": bobs, "email": "annika@example.com"}), "share { id }").await;
    ann.send("mutation { exportMyData { dataExport { id } } }", Value::Null).await;
    app.run_all_jobs().await;
    let wrong = ann.mutate("deleteMyAccount", json!({"password": "wrong"}), "user { id }").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(
        ann.mutate("deleteMyAccount", json!({"password": PASSWORD}), "user { id }").await.user_error_codes(),
        NONE
    );
    assert_eq!(ann.send("{ images { totalCount } }", Value::Null).await.error_code(), "UNAUTHENTICATED");

    // Who thinks better of it keeps everything.
    let ann = log_in(&app, "annika@example.com").await;
    let due =
        ann.send("{ me { deletionScheduledAt } }", Value::Null).await.0["data"]["me"]["deletionScheduledAt"].clone();
    let due: chrono::DateTime<chrono::Utc> = due.as_str().expect("a time").parse().expect("a time");
    assert_eq!(due, app.app.clock.now() + TimeDelta::days(14));
    let cancel = "mutation { cancelAccountDeletion { user { deletionScheduledAt } userErrors { code } } }";
    let kept = ann.send(cancel, Value::Null).await;
    assert_eq!(
        kept.0["data"]["cancelAccountDeletion"],
        json!({"user": {"deletionScheduledAt": null}, "userErrors": []})
    );
    app.app.clock.advance(TimeDelta::days(15));
    app.run_all_jobs().await;
    let ann = log_in(&app, "annika@example.com").await;
    assert_eq!(ann.send("{ images { totalCount } }", Value::Null).await.0["data"]["images"]["totalCount"], 1);

    assert_eq!(
        ann.mutate("deleteMyAccount", json!({"password": PASSWORD}), "user { id }").await.user_error_codes(),
        NONE
    );
    app.app.clock.advance(TimeDelta::days(14));
    for _ in 0..3 {
        app.run_all_jobs().await;
        app.app.clock.advance(TimeDelta::minutes(2));
    }
    app.run_all_jobs().await;
    let id = id.as_str().expect("an id");
    let left = traces(&app, &["annika", "Annika", id]).await;
    let numbers = left.iter().filter(|line| line.starts_with("audit: ") && !line.to_lowercase().contains("annika"));
    assert_eq!(numbers.count(), left.len(), "{left:#?}");
    assert!(traces(&app, &["bob@example.com", "Holiday"]).await.len() > 2, "the test finds what is there");
    let bob = log_in(&app, "bob@example.com").await;
    assert_eq!(bob.send("{ images { totalCount } }", Value::Null).await.0["data"]["images"]["totalCount"], 1);
    let input = json!({"email": "annika@example.com", "password": PASSWORD});
    let gone = app.anonymous().mutate("logIn", input, "session { accessToken }").await;
    assert_eq!(gone.user_error_codes(), ["INVALID_CREDENTIALS"]);
}

#[tokio::test]
async fn whoever_deletes_a_user_says_what_becomes_of_the_images() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (ann, bob) = (signed_up(&app, "annika@example.com").await, signed_up(&app, "bob@example.com").await);
    let image = has_everything(&app, &ann, "Annika").await;
    let (anns, bobs) = (id_of(&ann).await, id_of(&bob).await);
    for (input, code) in [
        (json!({"userId": anns, "images": "TRANSFER"}), "INVALID_VALUE"),
        (json!({"userId": anns, "images": "DELETE", "transferToUserId": bobs}), "INVALID_VALUE"),
        (json!({"userId": anns, "images": "TRANSFER", "transferToUserId": anns}), "USER_NOT_FOUND"),
        (json!({"userId": image, "images": "DELETE"}), "USER_NOT_FOUND"),
        (json!({"userId": id_of(&admin).await, "images": "DELETE"}), "INVALID_STATE"),
    ] {
        let refused = admin.mutate("deleteUser", input.clone(), "user { id }").await;
        assert_eq!(refused.user_error_codes(), [code], "{input}");
    }
    let still = ann.send("{ me { isDeactivated deletionScheduledAt } }", Value::Null).await;
    assert_eq!(still.0["data"]["me"], json!({"isDeactivated": false, "deletionScheduledAt": null}));
    let begin = bob.send("{ imageChangesCursor }", Value::Null).await.0["data"]["imageChangesCursor"].clone();
    let input = json!({"userId": anns, "images": "TRANSFER", "transferToUserId": bobs});
    assert_eq!(admin.mutate("deleteUser", input, "user { isDeactivated }").await.0["user"]["isDeactivated"], true);
    for _ in 0..3 {
        app.run_all_jobs().await;
        app.app.clock.advance(TimeDelta::minutes(2));
    }
    let seen = bob.send("{ images(filter: {search: \"nnik\", tags: [\"annika\"]}) { nodes { id owner { email } shares { id } variants { url } } } \
         albums { nodes { id } } imageStats { totalImages } tags { tag count } }", Value::Null).await.0["data"].clone();
    assert_eq!(seen["images"]["nodes"][0]["id"], image, "{seen}");
    assert_eq!(seen["images"]["nodes"][0]["owner"]["email"], "bob@example.com");
    assert_eq!((&seen["images"]["nodes"][0]["shares"], &seen["albums"]["nodes"]), (&json!([]), &json!([])));
    assert_eq!(
        (&seen["imageStats"]["totalImages"], &seen["tags"]),
        (&json!(1), &json!([{"tag": "annika", "count": 1}]))
    );
    let url = seen["images"]["nodes"][0]["variants"][0]["url"].as_str().expect("a URL");
    assert!(reqwest::get(url).await.expect("an answer").status().is_success());
    let mut socket = crate::support::socket::Socket::of(&app, &bob).await;
    socket
        .subscribe(
            "1",
            "subscription($after: String) { imageChanges(after: $after) { imageId } }",
            json!({"after": begin}),
        )
        .await;
    assert_eq!(socket.event("imageChanges").await["imageId"], image);
    let users = admin.send("{ users { nodes { email } } }", Value::Null).await;
    let left = json!([{"email": "admin@localhost"}, {"email": "bob@example.com"}]);
    assert_eq!(users.0["data"]["users"]["nodes"], left);
    assert!(
        !traces(&app, &["annika@example.com"]).await.iter().any(|line| !line.starts_with("image")),
        "what the image says is its own"
    );

    // Whoever may not delete images cannot do it in this way.
    let group =
        admin.mutate("createGroup", json!({"name": "managers", "permissions": ["MANAGE_USERS"]}), "group { id }").await;
    let eve = signed_up(&app, "eve@example.com").await;
    let input = json!({"userId": id_of(&eve).await, "groupIds": [group.0["group"]["id"]]});
    admin.mutate("setUserGroups", input, "user { id }").await;
    let eve = log_in(&app, "eve@example.com").await;
    for input in [
        json!({"userId": bobs, "images": "DELETE"}),
        json!({"userId": bobs, "images": "TRANSFER", "transferToUserId": id_of(&eve).await}),
    ] {
        assert_eq!(eve.mutate("deleteUser", input, "user { id }").await.error_code(), "FORBIDDEN");
    }
    let input = json!({"userId": bobs, "images": "DELETE"});
    assert_eq!(admin.mutate("deleteUser", input, "user { id }").await.user_error_codes(), NONE);
    for _ in 0..3 {
        app.run_all_jobs().await;
        app.app.clock.advance(TimeDelta::minutes(2));
    }
    assert_eq!(app.objects().await, NONE);
}

#[tokio::test]
async fn a_removal_that_has_begun_is_not_taken_back_and_promises_are_kept() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (ann, bob) = (signed_up(&app, "annika@example.com").await, signed_up(&app, "bob@example.com").await);
    let image = has_everything(&app, &ann, "Annika").await;
    let (anns, bobs) = (id_of(&ann).await, id_of(&bob).await);
    let give = json!({"userId": anns, "images": "TRANSFER", "transferToUserId": bobs});
    assert_eq!(admin.mutate("deleteUser", give.clone(), "user { id }").await.user_error_codes(), NONE);
    // Whoever is to have the images stays until they are there.
    let refused = admin.mutate("deleteUser", json!({"userId": bobs, "images": "DELETE"}), "user { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_STATE"]);
    let refused = bob.mutate("deleteMyAccount", json!({"password": PASSWORD}), "user { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_STATE"]);
    for (name, input) in [("reactivateUser", json!({"userId": anns})), ("deleteUser", give)] {
        assert_eq!(admin.mutate(name, input, "user { id }").await.user_error_codes(), ["INVALID_STATE"], "{name}");
    }
    for _ in 0..3 {
        app.run_all_jobs().await;
        app.app.clock.advance(TimeDelta::minutes(2));
    }
    let seen = bob.send("query($id: ID!) { image(id: $id) { id } }", json!({"id": image})).await;
    assert_eq!(seen.0["data"]["image"]["id"], image);
    assert_eq!(
        bob.mutate("deleteMyAccount", json!({"password": PASSWORD}), "user { id }").await.user_error_codes(),
        NONE
    );
    // By an administrator it cannot be cancelled.
    let eve = signed_up(&app, "eve@example.com").await;
    let input = json!({"password": PASSWORD});
    assert_eq!(eve.mutate("deleteMyAccount", input, "user { id }").await.user_error_codes(), NONE);
    let eve = log_in(&app, "eve@example.com").await;
    let input = json!({"userId": id_of(&eve).await, "images": "DELETE"});
    assert_eq!(admin.mutate("deleteUser", input, "user { id }").await.user_error_codes(), NONE);
    assert_eq!(eve.send("{ me { id } }", Value::Null).await.0["data"]["me"], Value::Null);
}

#[tokio::test]
async fn a_copy_that_is_made_while_its_user_leaves_does_not_stay() {
    let app = TestApp::start().await;
    let (admin, ann) = (app.admin().await, signed_up(&app, "annika@example.com").await);
    has_everything(&app, &ann, "Annika").await;
    ann.send("mutation { exportMyData { dataExport { id } } }", Value::Null).await;
    let anns = id_of(&ann).await;
    admin.mutate("deleteUser", json!({"userId": anns, "images": "DELETE"}), "user { id }").await;
    // As if another process had stored a file of it in the meantime.
    let exports =
        darkroom::db::data_exports::of_user(app.app.db.conn(), anns.as_str().expect("an id").parse().expect("an id"));
    let export = exports.await.expect("rows").remove(0);
    let key = darkroom::storage::StorageKey::of_export(&export, 0);
    app.app.storage.put(&key, bytes::Bytes::from_static(b"x"), "application/zip").await.expect("the storage");
    for _ in 0..3 {
        app.run_all_jobs().await;
        app.app.clock.advance(TimeDelta::minutes(2));
    }
    let users = admin.send("{ users { nodes { email } } }", Value::Null).await;
    assert_eq!(users.0["data"]["users"]["nodes"], json!([{"email": "admin@localhost"}]));
    assert_eq!(app.objects().await, NONE);
}

#[tokio::test]
async fn the_only_administrator_stays() {
    let app = TestApp::start().await;
    let input = json!({"email": "admin@localhost", "password": crate::support::client::ADMIN_PASSWORD});
    let session = app.anonymous().mutate("logIn", input, "session { accessToken }").await;
    let admin = Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()));
    let input = json!({"password": crate::support::client::ADMIN_PASSWORD});
    let refused = admin.mutate("deleteMyAccount", input, "user { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_STATE"]);
    assert_eq!(
        admin.send("{ me { deletionScheduledAt } }", Value::Null).await.0["data"]["me"]["deletionScheduledAt"],
        Value::Null
    );
}

#[tokio::test]
async fn a_copy_has_everything_and_ends_after_a_week() {
    let app = TestApp::start().await;
    let ann = app.user("annika@example.com").await;
    let image = has_everything(&app, &ann, "Annika").await;
    library::seed(&app, "bob@example.com", 1, |_, _| {}).await;
    let export = "mutation { exportMyData { dataExport { id readyAt files { url } } userErrors { code } } }";
    let requested = ann.send(export, Value::Null).await.0["data"]["exportMyData"].clone();
    assert_eq!((&requested["userErrors"], &requested["dataExport"]["files"]), (&json!([]), &json!([])));
    let again = ann.send(export, Value::Null).await.0["data"]["exportMyData"]["userErrors"][0]["code"].clone();
    assert_eq!(again, "INVALID_STATE");
    app.run_all_jobs().await;
    let list = "{ dataExports { readyAt files { url fileSize } } }";
    let made = ann.send(list, Value::Null).await.0["data"]["dataExports"].clone();
    let file = &made[0]["files"][0];
    let bytes =
        reqwest::get(file["url"].as_str().expect("a URL")).await.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(file["fileSize"], bytes.len());
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.to_vec())).expect("an archive");
    let mut read = |name: String| {
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_name(&name).expect("a file"), &mut content).expect("its content");
        content
    };
    let id = image.as_str().expect("an id");
    assert_eq!(read(format!("images/{id}.jpg")), pictures::small_jpeg());
    let about: Value = serde_json::from_slice(&read(format!("images/{id}.json"))).expect("JSON");
    assert_eq!((&about["title"], &about["originalFilename"]), (&json!("Annika"), &json!("holiday.jpg")));
    let account: Value = serde_json::from_slice(&read("account.json".to_owned())).expect("JSON");
    assert_eq!((&account["email"], &account["albums"][0]["imageIds"]), (&json!("annika@example.com"), &json!([id])));
    assert_eq!(archive.len(), 4, "two images, of which one has an original, and the account");
    let bob = app.user("bob@example.com").await;
    assert_eq!(bob.send(list, Value::Null).await.0["data"]["dataExports"], json!([]));
    app.app.clock.advance(TimeDelta::days(7));
    app.app.services.uploads.schedule_sweep().await.expect("a sweep");
    app.run_all_jobs().await;
    assert!(!app.objects().await.iter().any(|key| key.starts_with("exports/")));
}
