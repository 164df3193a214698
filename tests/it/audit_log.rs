//! The audit log: who did what to what, when and from where; and nothing of it for anybody else.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library};

const ENTRIES: &str = "nodes { action actor { email } targetId address details } pageInfo { hasNextPage endCursor }";

async fn log(client: &Client, filter: Value) -> Vec<Value> {
    let query = format!("query($filter: AuditLogFilter) {{ auditLog(first: 100, filter: $filter) {{ {ENTRIES} }} }}");
    let answer = client.send(&query, json!({"filter": filter})).await;
    answer.0["data"]["auditLog"]["nodes"].as_array().unwrap_or_else(|| panic!("{}", answer.0)).clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().expect("an action")).collect()
}

#[tokio::test]
async fn whatever_is_done_is_found_by_who_did_it_and_to_what() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let new = json!({"email": "ann@example.com", "password": "a good one, long enough"});
    let ann_id = admin.mutate("createUser", new, "user { id }").await.0["user"]["id"].clone();
    let log_in = async |password: &str| {
        let input = json!({"email": "Ann@example.com", "password": password});
        app.anonymous().mutate("logIn", input, "session { accessToken }").await
    };
    assert_eq!(log_in("wrong").await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let session = log_in("a good one, long enough").await;
    let ann = Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()));
    let image = library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    let share = ann.mutate("share", json!({"imageId": image, "email": "bob@example.com"}), "share { id }").await;
    let link =
        ann.mutate("createShareLink", json!({"imageId": image, "password": "a secret word"}), "shareLink { id }").await;
    ann.mutate("unshare", json!({"shareId": share.text("/share/id")}), "removedShareId").await;
    ann.mutate("revokeShareLink", json!({"shareLinkId": link.text("/shareLink/id")}), "revokedShareLinkId").await;
    ann.mutate("deleteImage", json!({"imageId": image}), "deletedImageId").await;
    let group = admin
        .mutate("createGroup", json!({"name": "editors", "permissions": ["CHANGE_ANY_IMAGE"]}), "group { id }")
        .await;
    let group = group.0["group"]["id"].clone();
    admin.mutate("setUserGroups", json!({"userId": ann_id, "groupIds": [group]}), "user { id }").await;

    let of_ann = log(&admin, json!({"actorId": ann_id})).await;
    assert_eq!(
        actions(&of_ann),
        ["IMAGE_DELETED", "SHARE_LINK_REVOKED", "UNSHARED", "SHARE_LINK_CREATED", "SHARED", "LOGGED_IN"]
    );
    assert!(of_ann.iter().all(|entry| entry["address"] == "127.0.0.1" && entry["actor"]["email"] == "ann@example.com"));
    assert_eq!(of_ann[4]["targetId"], image);
    assert_eq!(of_ann[4]["details"], json!({"email": "bob@example.com", "access": "view"}));
    assert!(!format!("{of_ann:?}").contains("a secret word"));
    let to_ann = log(&admin, json!({"targetId": ann_id})).await;
    assert_eq!(actions(&to_ann), ["USER_GROUPS_CHANGED", "LOGGED_IN", "LOG_IN_FAILED", "USER_CREATED"]);
    assert_eq!(to_ann[2]["details"], json!({"email": "ann@example.com", "reason": "WRONG_PASSWORD"}));
    assert_eq!(to_ann[0]["details"], json!({"groupIds": [group]}));
    let deleted = log(&admin, json!({"actions": ["IMAGE_DELETED", "GROUP_CREATED"]})).await;
    assert_eq!(actions(&deleted), ["GROUP_CREATED", "IMAGE_DELETED"]);
    let later = app.app.clock.now() + TimeDelta::seconds(1);
    assert_eq!(log(&admin, json!({"from": later})).await, Vec::<Value>::new());

    // Page by page.
    let query = format!("query($after: String) {{ auditLog(first: 3, after: $after) {{ {ENTRIES} }} }}");
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = admin.send(&query, json!({"after": after})).await.0["data"]["auditLog"].clone();
        all.extend(page["nodes"].as_array().expect("a list").clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(all, log(&admin, json!({})).await);

    // A refusal is not kept, and what is old is removed.
    let by_ann = json!({"actorId": ann_id});
    ann.mutate("share", json!({"imageId": image, "email": "bob@example.com"}), "share { id }").await;
    assert_eq!(log(&admin, by_ann.clone()).await, of_ann);
    app.app.clock.advance(TimeDelta::days(364));
    app.sweep().await;
    assert_eq!(log(&admin_again(&app).await, by_ann.clone()).await, of_ann);
    app.app.clock.advance(TimeDelta::days(2));
    app.sweep().await;
    assert_eq!(log(&admin_again(&app).await, by_ann).await, Vec::<Value>::new());
    for odd in ["+262142-12-31T23:59:59.9999Z", "1900-01-01T00:00:00Z"] {
        log(&admin_again(&app).await, json!({"from": odd})).await;
        log(&admin_again(&app).await, json!({"to": odd})).await;
    }
}

/// With a token that has not ended.
async fn admin_again(app: &TestApp) -> Client {
    let accounts = &app.app.services.accounts;
    let user = accounts.find_or_make("admin@localhost").await.expect("the administrator");
    Client::new(app.url("/graphql"), Some(accounts.print_token(&user).await.expect("a token")))
}
