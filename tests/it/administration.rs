//! Users, groups and tokens for programs: who may make them, what they permit, and that it ends when it is taken back.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures, socket::Socket};

const NONE: [&str; 0] = [];

async fn id_of(client: &Client) -> Value {
    client.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone()
}

async fn group(manager: &Client, name: &str, permissions: &[&str]) -> Value {
    let payload =
        manager.mutate("createGroup", json!({"name": name, "permissions": permissions}), "group { id }").await;
    assert_eq!(payload.user_error_codes(), NONE);
    payload.0["group"]["id"].clone()
}

async fn put_into(manager: &Client, user: &Value, groups: &[&Value]) {
    let input = json!({"userId": user, "groupIds": groups});
    assert_eq!(manager.mutate("setUserGroups", input, "user { id }").await.user_error_codes(), NONE);
}

async fn permissions(client: &Client) -> Value {
    client.send("{ me { permissions groups { name } } }", Value::Null).await.0["data"]["me"].clone()
}

async fn is_seen(client: &Client, image: &str) -> bool {
    let answer = client.send("query($id: ID!) { image(id: $id) { id } }", json!({"id": image})).await;
    answer.0["data"]["image"].is_object()
}

#[tokio::test]
async fn a_group_widens_what_its_members_see_and_do_as_long_as_they_are_in_it() {
    let app = TestApp::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann@example.com").await, app.user("bob@example.com").await);
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let image = image["id"].as_str().expect("an id");
    let bobs = id_of(&bob).await;
    let (viewers, editors) =
        (group(&admin, "viewers", &["VIEW_ANY_IMAGE"]).await, group(&admin, "editors", &["CHANGE_ANY_IMAGE"]).await);
    assert!(!is_seen(&bob, image).await);
    let retitle = json!({"imageId": image, "title": "Bob was here"});
    assert_eq!(
        bob.mutate("updateImage", retitle.clone(), "image { id }").await.user_error_codes(),
        ["IMAGE_NOT_FOUND"]
    );

    let mut socket = Socket::of(&app, &bob).await;
    put_into(&admin, &bobs, &[&viewers]).await;
    assert_eq!(socket.close_frame().await.0, 1012, "to begin anew with other rights");
    assert_eq!(permissions(&bob).await, json!({"permissions": ["VIEW_ANY_IMAGE"], "groups": [{"name": "viewers"}]}));
    assert!(is_seen(&bob, image).await);
    assert_eq!(
        bob.mutate("updateImage", retitle.clone(), "image { id }").await.user_error_codes(),
        ["IMAGE_NOT_FOUND"]
    );
    let mut socket = Socket::of(&app, &bob).await;
    socket
        .subscribe("1", &format!("subscription {{ uploadProgress(imageId: \"{image}\") {{ status }} }}"), Value::Null)
        .await;
    assert_eq!(socket.receive().await["payload"]["data"]["uploadProgress"]["status"], "COMPLETED");

    put_into(&admin, &bobs, &[&viewers, &editors]).await;
    assert_eq!(bob.mutate("updateImage", retitle.clone(), "image { title }").await.0["image"]["title"], "Bob was here");
    let delete = json!({"imageId": image});
    assert_eq!(bob.mutate("deleteImage", delete, "deletedImageId").await.user_error_codes(), ["IMAGE_NOT_FOUND"]);

    // What a group permits changes for all who are in it.
    let mut socket = Socket::of(&app, &bob).await;
    let input = json!({"groupId": viewers, "permissions": []});
    assert_eq!(admin.mutate("updateGroup", input, "group { permissions }").await.0["group"]["permissions"], json!([]));
    assert_eq!(socket.close_frame().await.0, 1012);
    assert!(is_seen(&bob, image).await, "who may change it sees it");
    let deleted = admin.mutate("deleteGroup", json!({"groupId": editors}), "deletedGroupId").await;
    assert_eq!(deleted.0["deletedGroupId"], editors);
    assert!(!is_seen(&bob, image).await);
    assert_eq!(bob.mutate("updateImage", retitle, "image { id }").await.user_error_codes(), ["IMAGE_NOT_FOUND"]);
    assert_eq!(permissions(&bob).await, json!({"permissions": [], "groups": [{"name": "viewers"}]}));
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let app = TestApp::start().await;
    let (admin, ann, bob) = (app.admin().await, app.user("ann@example.com").await, app.user("bob@example.com").await);
    let (anns, bobs, admins) = (id_of(&ann).await, id_of(&bob).await, id_of(&admin).await);
    let managers = group(&admin, "managers", &["MANAGE_USERS", "VIEW_ANY_IMAGE"]).await;
    let deleters = group(&admin, "deleters", &["DELETE_ANY_IMAGE"]).await;
    put_into(&admin, &anns, &[&managers]).await;
    // With the permission, but not with these permissions, nor towards administrators.
    for (name, input) in [
        ("createGroup", json!({"name": "all", "permissions": ["DELETE_ANY_IMAGE"]})),
        ("updateGroup", json!({"groupId": managers, "permissions": ["MANAGE_USERS", "DELETE_ANY_IMAGE"]})),
        ("updateGroup", json!({"groupId": deleters, "name": "mine"})),
        ("deleteGroup", json!({"groupId": deleters})),
        ("setUserGroups", json!({"userId": anns, "groupIds": [managers, deleters]})),
        ("setUserGroups", json!({"userId": admins, "groupIds": []})),
        ("deactivateUser", json!({"userId": admins})),
        ("reactivateUser", json!({"userId": admins})),
        ("createUser", json!({"email": "eve@example.com", "groupIds": [deleters]})),
    ] {
        let answer = ann.mutate(name, input.clone(), "__typename").await;
        assert_eq!(answer.error_code(), "FORBIDDEN", "{name} {input}");
        assert_eq!(bob.mutate(name, input, "__typename").await.error_code(), "FORBIDDEN", "{name} by bob");
    }
    put_into(&admin, &bobs, &[&deleters]).await;
    for (name, input) in [
        ("setUserGroups", json!({"userId": bobs, "groupIds": []})),
        ("deactivateUser", json!({"userId": bobs})),
        ("reactivateUser", json!({"userId": bobs})),
    ] {
        let taken = ann.mutate(name, input, "user { id }").await;
        assert_eq!(taken.error_code(), "FORBIDDEN", "{name}: nor taken away what they cannot give back");
    }
    // A token gives no more than it is good for, whoever made it.
    let input = json!({"name": "bot", "scopes": ["ADMINISTER"], "expiresAt": app.app.clock.now() + TimeDelta::days(1)});
    let secret = admin.mutate("createApiToken", input, "created { secret }").await.text("/created/secret").to_owned();
    let program = Client::new(app.url("/graphql"), Some(secret));
    let all = json!({"name": "all", "permissions": ["VIEW_ANY_IMAGE"]});
    assert_eq!(program.mutate("createGroup", all, "group { id }").await.error_code(), "FORBIDDEN");
    let in_group = json!({"email": "eve@example.com", "groupIds": [deleters]});
    assert_eq!(program.mutate("createUser", in_group, "user { id }").await.error_code(), "FORBIDDEN");
    let left =
        admin.send("{ groups { name permissions } users { nodes { email groups { name } } } }", Value::Null).await;
    assert_eq!(
        left.0["data"],
        json!({
            "groups": [
                {"name": "deleters", "permissions": ["DELETE_ANY_IMAGE"]},
                {"name": "managers", "permissions": ["VIEW_ANY_IMAGE", "MANAGE_USERS"]},
            ],
            "users": {"nodes": [
                {"email": "admin@localhost", "groups": []},
                {"email": "ann@example.com", "groups": [{"name": "managers"}]},
                {"email": "bob@example.com", "groups": [{"name": "deleters"}]},
            ]},
        })
    );
    // What they have they may give.
    let given =
        ann.mutate("createUser", json!({"email": "Eve@Example.com", "groupIds": [managers]}), "user { email }").await;
    assert_eq!(given.0["user"]["email"], "eve@example.com");
}

#[tokio::test]
async fn a_user_who_is_made_signs_in_until_they_are_deactivated() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let new = json!({"email": "Ann@Example.com", "displayName": "Ann Taylor", "password": "a good one, long enough"});
    let made = admin.mutate("createUser", new.clone(), "user { id email displayName isAdmin isDeactivated }").await;
    let id = made.0["user"]["id"].clone();
    assert_eq!(
        made.0["user"],
        json!({
            "id": id, "email": "ann@example.com", "displayName": "Ann Taylor", "isAdmin": false, "isDeactivated": false,
        })
    );
    assert_eq!(admin.mutate("createUser", new, "user { id }").await.user_error_codes(), ["EMAIL_TAKEN"]);
    let log_in = async || {
        let input = json!({"email": "ann@example.com", "password": "a good one, long enough"});
        app.anonymous().mutate("logIn", input, "session { accessToken refreshToken }").await
    };
    let session = log_in().await.0["session"].clone();
    let ann = Client::new(app.url("/graphql"), session["accessToken"].as_str().map(str::to_owned));
    let program = app.user("ann@example.com").await;
    let image = program.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let (mut socket, mut of_program) = (Socket::of(&app, &ann).await, Socket::of(&app, &program).await);

    let deactivated = admin.mutate("deactivateUser", json!({"userId": id}), "user { isDeactivated }").await;
    assert_eq!(deactivated.0["user"]["isDeactivated"], true);
    assert_eq!((socket.close_frame().await.0, of_program.close_frame().await.0), (4403, 4403));
    for client in [&ann, &program] {
        assert_eq!(client.send("{ images { totalCount } }", Value::Null).await.error_code(), "UNAUTHENTICATED");
    }
    assert_eq!(log_in().await.user_error_codes(), ["INVALID_CREDENTIALS"], "as if there were no such account");
    let refresh = json!({"refreshToken": session["refreshToken"]});
    let refreshed = app.anonymous().mutate("refreshSession", refresh, "session { accessToken }").await;
    assert_eq!(refreshed.user_error_codes(), ["INVALID_TOKEN"]);
    assert!(is_seen(&admin, image["id"].as_str().expect("an id")).await, "their images stay");

    let reactivated = admin.mutate("reactivateUser", json!({"userId": id}), "user { isDeactivated }").await;
    assert_eq!(reactivated.0["user"]["isDeactivated"], false);
    assert_eq!(
        ann.send("{ images { totalCount } }", Value::Null).await.error_code(),
        "UNAUTHENTICATED",
        "ended is ended"
    );
    assert_eq!(log_in().await.user_error_codes(), NONE);
    let own = json!({"userId": id_of(&admin).await});
    assert_eq!(admin.mutate("deactivateUser", own, "user { id }").await.user_error_codes(), ["INVALID_STATE"]);
}

#[tokio::test]
async fn what_no_account_or_group_can_be_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let long = "x".repeat(101);
    let nobody = "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f";
    for (name, input, codes) in [
        ("createUser", json!({"email": "ann"}), vec!["INVALID_VALUE"]),
        ("createUser", json!({"email": "ann@b@c"}), vec!["INVALID_VALUE"]),
        ("createUser", json!({"email": "a nn@example.com"}), vec!["INVALID_VALUE"]),
        ("createUser", json!({"email": "ann\u{0}@example.com"}), vec!["INVALID_VALUE"]),
        ("createUser", json!({"email": format!("{}@example.com", "x".repeat(250))}), vec!["INVALID_VALUE"]),
        (
            "createUser",
            json!({"email": "", "displayName": "", "password": "short"}),
            vec!["INVALID_VALUE", "INVALID_VALUE", "WEAK_PASSWORD"],
        ),
        ("createUser", json!({"email": "ann@example.com", "displayName": long}), vec!["TOO_LONG"]),
        ("createUser", json!({"email": "ann@example.com", "groupIds": [nobody]}), vec!["GROUP_NOT_FOUND"]),
        ("setUserGroups", json!({"userId": nobody, "groupIds": []}), vec!["USER_NOT_FOUND"]),
        ("deactivateUser", json!({"userId": nobody}), vec!["USER_NOT_FOUND"]),
        ("reactivateUser", json!({"userId": nobody}), vec!["USER_NOT_FOUND"]),
        ("createGroup", json!({"name": " ", "permissions": []}), vec!["INVALID_VALUE"]),
        ("createGroup", json!({"name": "a\nb", "permissions": []}), vec!["INVALID_VALUE"]),
        ("createGroup", json!({"name": long, "permissions": []}), vec!["TOO_LONG"]),
        ("updateGroup", json!({"groupId": nobody, "name": "x"}), vec!["GROUP_NOT_FOUND"]),
        ("deleteGroup", json!({"groupId": nobody}), vec!["GROUP_NOT_FOUND"]),
        ("updateProfile", json!({"displayName": ""}), vec!["INVALID_VALUE"]),
        (
            "createApiToken",
            json!({"name": "", "scopes": [], "expiresAt": "2020-01-01T00:00:00Z"}),
            vec!["INVALID_VALUE"; 3],
        ),
        (
            "createApiToken",
            json!({"name": long, "scopes": ["READ"], "expiresAt": "2036-01-01T00:00:00Z"}),
            vec!["TOO_LONG", "INVALID_VALUE"],
        ),
    ] {
        let payload = admin.mutate(name, input.clone(), "__typename").await;
        assert_eq!(payload.user_error_codes(), codes, "{name} {input}");
    }
    let many: Vec<_> = (0..101_u128).map(uuid::Uuid::from_u128).collect();
    let payload = admin.mutate("createUser", json!({"email": "ann@example.com", "groupIds": many}), "__typename").await;
    assert_eq!(payload.user_error_codes(), ["TOO_LONG"]);
    let left =
        admin.send("{ users { nodes { email displayName } } groups { name } apiTokens { name } }", Value::Null).await;
    assert_eq!(left.0["data"]["users"]["nodes"], json!([{"email": "admin@localhost", "displayName": "admin"}]));
    assert_eq!(left.0["data"]["groups"], json!([]));
    group(&admin, "editors", &[]).await;
    let again = admin.mutate("createGroup", json!({"name": "editors", "permissions": []}), "group { id }").await;
    assert_eq!(again.user_error_codes(), ["GROUP_EXISTS"]);
    let other = group(&admin, "viewers", &[]).await;
    let renamed = admin.mutate("updateGroup", json!({"groupId": other, "name": "editors"}), "group { id }").await;
    assert_eq!(renamed.user_error_codes(), ["GROUP_EXISTS"]);
}

#[tokio::test]
async fn users_are_found_by_the_beginning_of_their_address_page_by_page() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for email in [
        "anna@example.com",
        "ann@example.com",
        "änne@example.com",
        "bob@example.com",
        "ann_b@example.com",
        "ann%@x.com",
    ] {
        app.user(email).await;
    }
    let page = async |prefix: &str, after: Value| {
        let query = "query($prefix: String!, $after: String) { users(prefix: $prefix, first: 2, after: $after) \
                     { nodes { email } pageInfo { hasNextPage endCursor } } }";
        admin.send(query, json!({"prefix": prefix, "after": after})).await.0["data"]["users"].clone()
    };
    let mut found: Vec<String> = Vec::new();
    let mut after = Value::Null;
    loop {
        let users = page("ANN", after).await;
        let nodes = users["nodes"].as_array().expect("a list").iter();
        found.extend(nodes.map(|user| user["email"].as_str().expect("an address").to_owned()));
        after = users["pageInfo"]["endCursor"].clone();
        if users["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(found, ["ann%@x.com", "ann@example.com", "ann_b@example.com", "anna@example.com"]);
    assert_eq!(page("%", Value::Null).await["nodes"], json!([]));
    assert_eq!(page("\u{0}", Value::Null).await["nodes"], json!([]));
    assert_eq!(page("ä", Value::Null).await["nodes"][0]["email"], "änne@example.com");
    let bad = admin.send(r#"{ users(after: "*") { nodes { id } } }"#, Value::Null).await;
    assert_eq!(bad.error_code(), "BAD_USER_INPUT");
}
