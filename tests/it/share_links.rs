//! Links: what somebody without an account sees, how often, until when, and behind which password.

use chrono::TimeDelta;
use reqwest::{StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library, pictures, until};

const NONE: [&str; 0] = [];
const SHOWN: &str = "opened { image { id title width originalUrl variants { url } srcSet } album { name } }";

struct Link {
    id: String,
    url: String,
    token: String,
}

async fn link(client: &Client, input: Value) -> Link {
    let made = client.mutate("createShareLink", input, "shareLink { id url viewCount }").await;
    assert_eq!(made.user_error_codes(), NONE);
    let url = made.text("/shareLink/url").to_owned();
    let token = url.rsplit('/').next().expect("a token").to_owned();
    Link { id: made.text("/shareLink/id").to_owned(), url, token }
}

/// The codes of a refusal to open a link; none, where it is open.
async fn refusal(client: &Client, token: &str, password: Option<&str>) -> Vec<String> {
    let opened = client.mutate("openShareLink", json!({"token": token, "password": password}), SHOWN).await;
    let codes: Vec<String> = opened.user_error_codes().into_iter().map(str::to_owned).collect();
    assert_eq!(opened.0["opened"].is_null(), !codes.is_empty(), "{}", opened.0);
    codes
}

async fn page(url: &str) -> reqwest::Response {
    reqwest::get(url).await.expect("an answer")
}

#[tokio::test]
async fn a_link_shows_variants_and_texts_and_nothing_else() {
    let app = TestApp::start().await;
    let (ann, anybody) = (app.user("ann@example.com").await, app.anonymous());
    let image = ann.processed(&app, "secret-name.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let title = json!({"imageId": image["id"], "title": "<script>alert(1)</script>"});
    ann.mutate("updateImage", title, "image { id }").await;
    let link = link(&ann, json!({"imageId": image["id"]})).await;
    let opened = anybody.mutate("openShareLink", json!({"token": link.token}), SHOWN).await;
    let shown = &opened.0["opened"]["image"];
    assert_eq!((&shown["title"], &shown["originalUrl"]), (&json!("<script>alert(1)</script>"), &Value::Null));
    let variants = shown["variants"].as_array().expect("a list");
    assert_eq!(variants.len(), 5);
    let fetched = page(variants[0]["url"].as_str().expect("a URL")).await;
    assert_eq!(fetched.status(), StatusCode::OK);
    assert_eq!(fetched.headers()[header::CONTENT_TYPE], "image/webp");

    let page_of_link = page(&link.url).await;
    assert_eq!(page_of_link.status(), StatusCode::OK);
    let policy = page_of_link.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; img-src http") && !policy.contains("script"), "{policy}");
    for (name, value) in
        [("cache-control", "private, no-store"), ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex")]
    {
        assert_eq!(page_of_link.headers()[name], value);
    }
    let html = page_of_link.text().await.expect("a page");
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"), "{html}");
    assert!(html.contains("srcset=") && !html.contains("secret-name") && !html.contains("example.com\""), "{html}");
    let of_ann = "query($id: ID!) { image(id: $id) { shareLinks { id viewCount lastViewedAt hasPassword } } }";
    until("both views are counted", async || {
        let links = ann.send(of_ann, json!({"id": image["id"]})).await.0["data"]["image"]["shareLinks"].clone();
        assert_eq!(links[0]["hasPassword"], false);
        links[0]["viewCount"] == 2
    })
    .await;

    let with_original = self::link(&ann, json!({"imageId": image["id"], "allowOriginal": true})).await;
    let opened = anybody.mutate("openShareLink", json!({"token": with_original.token}), SHOWN).await;
    let original = page(opened.text("/opened/image/originalUrl")).await;
    assert_eq!(original.bytes().await.expect("bytes").to_vec(), pictures::small_jpeg());
}

#[tokio::test]
async fn a_link_ends_when_it_is_revoked_or_expires_and_with_what_it_shows() {
    let app = TestApp::start().await;
    let (admin, ann, bob, anybody) =
        (app.admin().await, app.user("ann@example.com").await, app.user("bob@example.com").await, app.anonymous());
    let images = library::seed(&app, "ann@example.com", 3, |_, _| {}).await;
    let id = |at: usize| images[at].id.to_string();
    let end = app.app.clock.now() + TimeDelta::hours(1);
    let (revoked, expiring, of_deleted) = (
        link(&ann, json!({"imageId": id(0)})).await,
        link(&ann, json!({"imageId": id(0), "expiresAt": end})).await,
        link(&ann, json!({"imageId": id(1)})).await,
    );
    let of_deactivated = link(&ann, json!({"imageId": id(2)})).await;
    for link in [&revoked, &expiring, &of_deleted, &of_deactivated] {
        assert_eq!(refusal(&anybody, &link.token, None).await, NONE);
    }
    let foreign = bob.mutate("revokeShareLink", json!({"shareLinkId": revoked.id}), "revokedShareLinkId").await;
    assert_eq!(foreign.user_error_codes(), ["SHARE_NOT_FOUND"]);
    let ended = ann.mutate("revokeShareLink", json!({"shareLinkId": revoked.id}), "revokedShareLinkId").await;
    assert_eq!(ended.text("/revokedShareLinkId"), revoked.id);
    app.app.clock.advance(TimeDelta::hours(1));
    ann.mutate("deleteImage", json!({"imageId": id(1)}), "deletedImageId").await;
    assert_eq!(refusal(&anybody, &of_deactivated.token, None).await, NONE);
    let anns = ann.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
    admin.mutate("deactivateUser", json!({"userId": anns}), "user { id }").await;
    for link in [&revoked, &expiring, &of_deleted, &of_deactivated] {
        assert_eq!(refusal(&anybody, &link.token, None).await, ["INVALID_TOKEN"]);
        assert_eq!(page(&link.url).await.status(), StatusCode::NOT_FOUND);
    }
    // What nobody was given.
    let mut forged = of_deactivated.token.clone().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("a token");
    for token in [forged.as_str(), "", "x", &"A".repeat(43), &"x".repeat(5000), "../../media"] {
        assert_eq!(refusal(&anybody, token, None).await, ["INVALID_TOKEN"], "{token}");
    }
    assert_eq!(page(&app.url(&format!("/s/{forged}"))).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_password_opens_the_page_for_an_hour_and_guessing_it_takes_long() {
    let app = TestApp::start().await;
    let (ann, anybody) = (app.user("ann@example.com").await, app.anonymous());
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let link = link(&ann, json!({"imageId": image["id"], "password": "오늘의 사진"})).await;
    assert_eq!(refusal(&anybody, &link.token, None).await, ["INVALID_CREDENTIALS"]);
    assert_eq!(refusal(&anybody, &link.token, Some("wrong")).await, ["INVALID_CREDENTIALS"]);
    assert_eq!(refusal(&anybody, &link.token, Some("오늘의 사진")).await, NONE);

    let browser = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
    let give = async |url: &str, password: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
        let request = browser.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        request.send().await.expect("an answer")
    };
    let form = page(&link.url).await.text().await.expect("a page");
    assert!(form.contains("type=\"password\"") && !form.contains("<img"), "{form}");
    let wrong = give(&link.url, "wrong").await;
    assert_eq!((wrong.status(), wrong.headers().get(header::SET_COOKIE)), (StatusCode::FORBIDDEN, None));
    let right = give(&link.url, "오늘의 사진").await;
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    let cookie = right.headers()[header::SET_COOKIE].to_str().expect("a cookie").to_owned();
    assert!(cookie.contains(&format!("Path=/s/{}", link.token)) && cookie.contains("HttpOnly"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let with_pass = async |url: &str, pair: &str| {
        let answer = browser.get(url).header(header::COOKIE, pair).send().await.expect("an answer");
        answer.text().await.expect("a page").contains("<img")
    };
    assert!(with_pass(&link.url, &pair).await);
    let another = self::link(&ann, json!({"imageId": image["id"], "password": "another one"})).await;
    assert!(!with_pass(&another.url, &pair).await, "a pass is for one link");
    assert!(!with_pass(&link.url, &pair.replace('=', "=9")).await, "and cannot be made longer");
    app.app.clock.advance(TimeDelta::hours(1));
    assert!(!with_pass(&link.url, &pair).await, "nor lasts");

    for _ in 0..6 {
        let guess = give(&another.url, "guess").await;
        if guess.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(guess.headers().contains_key(header::RETRY_AFTER));
            return;
        }
    }
    panic!("passwords can be guessed without a pause");
}

#[tokio::test]
async fn an_album_is_shown_page_by_page() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let album = ann.mutate("createAlbum", json!({"name": "Summer & sea"}), "album { id }").await;
    let album = album.0["album"]["id"].clone();
    let shared = link(&ann, json!({"albumId": album})).await;
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    ann.mutate("addImagesToAlbum", json!({"albumId": album, "imageIds": [image["id"]]}), "album { id }").await;
    let html = page(&shared.url).await.text().await.expect("a page");
    assert!(html.contains("Summer &amp; sea") && html.matches("<img").count() == 1, "{html}");
    let query = "opened { image { id } album { name images(first: 1) { nodes { id variants { url } } pageInfo { hasNextPage } } } }";
    let opened = app.anonymous().mutate("openShareLink", json!({"token": shared.token}), query).await;
    let opened = &opened.0["opened"];
    assert_eq!((&opened["image"], &opened["album"]["name"]), (&Value::Null, &json!("Summer & sea")));
    assert_eq!(opened["album"]["images"]["nodes"][0]["variants"].as_array().expect("a list").len(), 5);
    ann.mutate("removeImagesFromAlbum", json!({"albumId": album, "imageIds": [image["id"]]}), "album { id }").await;
    let html = page(&shared.url).await.text().await.expect("a page");
    assert!(!html.contains("<img"), "{html}");
}

#[tokio::test]
async fn what_no_link_can_be_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string();
    let now = app.app.clock.now();
    for (input, code) in [
        (json!({}), "INVALID_VALUE"),
        (json!({"imageId": image, "expiresAt": now}), "INVALID_VALUE"),
        (json!({"imageId": image, "expiresAt": now + TimeDelta::days(4000)}), "INVALID_VALUE"),
        (json!({"imageId": image, "password": "short"}), "WEAK_PASSWORD"),
        (json!({"imageId": image, "password": "x".repeat(129)}), "WEAK_PASSWORD"),
    ] {
        let refused = ann.mutate("createShareLink", input.clone(), "shareLink { id }").await;
        assert_eq!(refused.user_error_codes(), [code], "{input}");
    }
    for number in 0..21 {
        let made = ann.mutate("createShareLink", json!({"imageId": image}), "shareLink { id }").await;
        assert_eq!(made.user_error_codes().first(), (number == 20).then_some(&"QUOTA_EXCEEDED"));
    }
    let left = ann.send("query($id: ID!) { image(id: $id) { shareLinks { id } } }", json!({"id": image})).await;
    assert_eq!(left.0["data"]["image"]["shareLinks"].as_array().expect("a list").len(), 20);
}
