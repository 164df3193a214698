//! Who is asking: nobody, somebody, somebody with a token that is worth nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::{
    permissions::OPERATIONS,
    support::{
        TestApp,
        client::{ADMIN_PASSWORD, Client},
    },
};

const SESSION: &str = "session { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt \
                       user { email isAdmin permissions lastLoginAt } }";

async fn log_in(app: &TestApp, email: &str, password: &str) -> Value {
    let input = json!({"email": email, "password": password});
    app.anonymous().mutate("logIn", input, SESSION).await.0
}

fn with_token(app: &TestApp, token: &str) -> Client {
    Client::new(app.url("/graphql"), Some(token.to_owned()))
}

async fn assert_nobody(client: &Client, who: &str) {
    let me = client.send("{ me { email } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"], Value::Null, "{who}");
    for operation in OPERATIONS {
        let answer = client.send(operation, Value::Null).await;
        assert_eq!(answer.error_code(), "UNAUTHENTICATED", "{who}: {operation}");
    }
}

#[tokio::test]
async fn the_first_administrator_signs_in_and_out() {
    let app = TestApp::start().await;
    let payload = log_in(&app, " Admin@LocalHost ", ADMIN_PASSWORD).await;
    let session = &payload["session"];
    assert_eq!(session["user"]["isAdmin"], true);
    assert_eq!(session["user"]["permissions"].as_array().map(Vec::len), Some(5));
    assert!(session["user"]["lastLoginAt"].is_string());
    let admin = with_token(&app, session["accessToken"].as_str().expect("a token"));
    let me = admin.send("{ me { email } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"]["email"], "admin@localhost");
    let mut socket = crate::support::socket::Socket::of(&app, &admin).await;
    admin.send("mutation { logOut { userErrors { code } } }", Value::Null).await;
    assert_nobody(&admin, "a revoked token").await;
    socket.subscribe("1", "{ me { email } }", Value::Null).await;
    assert_eq!(socket.close_frame().await.0, 4403, "a socket of a revoked token");
    let refresh = json!({"refreshToken": session["refreshToken"]});
    let payload = admin.mutate("refreshSession", refresh, SESSION).await;
    assert_eq!(payload.user_error_codes(), ["INVALID_TOKEN"], "its refresh token is gone with it");
}

#[tokio::test]
async fn wrong_credentials_are_refused_alike() {
    let app = TestApp::start().await;
    let user = app.user("ann@example.com").await;
    let cases = [
        ("admin@localhost", "wrong"),
        ("admin@localhost", ""),
        ("nobody@example.com", ADMIN_PASSWORD),
        ("ann@example.com", ""),
        ("", ""),
        ("admin@localhost\u{0}", ADMIN_PASSWORD),
        ("admin@localhost", &"x".repeat(100_000)),
    ];
    let mut messages = std::collections::HashSet::new();
    for (email, password) in cases {
        let payload = log_in(&app, email, password).await;
        assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS", "{email:?}");
        assert_eq!(payload["session"], Value::Null);
        messages.insert(payload["userErrors"][0]["message"].to_string());
    }
    assert_eq!(messages.len(), 1, "which of the two is wrong, nobody learns");
    assert!(user.token.is_some());
}

#[tokio::test]
async fn nobody_may_do_nothing() {
    let app = TestApp::start().await;
    assert_nobody(&app.anonymous(), "nobody").await;
    assert_eq!((app.objects().await, app.queued_jobs().await), (vec![], vec![]));
}

#[tokio::test]
async fn forged_and_expired_tokens_make_nobody() {
    // All of them ask from one address.
    let app = TestApp::start_with(&["--rate-limit-points", "10000000"]).await;
    let session = log_in(&app, "admin@localhost", ADMIN_PASSWORD).await["session"].clone();
    let good = session["accessToken"].as_str().expect("a token").to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let payload = BASE64.decode(parts[1]).expect("base64");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    let sign = |claims: &Value, algorithm: Algorithm, secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("a token")
    };
    let other = app.user("ann@example.com").await.send("{ me { id } }", Value::Null).await.0["data"]["me"].clone();
    let secret = std::fs::read(app.data_dir.path().join("jwt.secret"));
    let secret = secret.unwrap_or_else(|_| b"a secret that is long enough for a test".to_vec());
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(&claims, Algorithm::HS256, &secret)
    };
    let now = claims["iat"].as_i64().expect("a time");
    let none = BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let forged = [
        ("another secret", sign(&claims, Algorithm::HS256, b"another secret")),
        ("no algorithm", format!("{none}.{}.", parts[1])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("another algorithm", sign(&claims, Algorithm::HS512, &secret)),
        ("another issuer", changed("iss", json!("somebody"))),
        ("an end in the past", changed("exp", json!(now - 1))),
        ("a beginning in the future", changed("nbf", json!(now + 60))),
        ("no end", changed("exp", Value::Null)),
        ("a user who is not there", changed("sub", json!("0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"))),
        ("a log-in that is not there", changed("sid", json!("0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"))),
        ("no log-in", changed("sid", Value::Null)),
        ("another user's log-in", changed("sub", other["id"].clone())),
        ("an API token that is not there", format!("darkroom_{}", BASE64.encode([7; 32]))),
        ("an API token without anything", "darkroom_".to_owned()),
        ("rubbish", "rubbish".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, token) in forged {
        assert_nobody(&with_token(&app, &token), what).await;
    }
    let admin = with_token(&app, &good);
    assert_eq!(admin.send("{ me { isAdmin } }", Value::Null).await.0["data"]["me"]["isAdmin"], true);
    let printed = app.admin().await;
    app.app.clock.advance(TimeDelta::minutes(15));
    assert_nobody(&admin, "an expired access token").await;
    assert_eq!(printed.send("{ me { isAdmin } }", Value::Null).await.0["data"]["me"]["isAdmin"], true);
    app.app.clock.advance(TimeDelta::hours(24));
    assert_nobody(&printed, "an expired API token").await;
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use() {
    let app = TestApp::start().await;
    let session = log_in(&app, "admin@localhost", ADMIN_PASSWORD).await["session"].clone();
    app.app.clock.advance(TimeDelta::minutes(16));
    let stale = with_token(&app, session["accessToken"].as_str().expect("a token"));
    assert_nobody(&stale, "an expired access token").await;
    let refresh = json!({"refreshToken": session["refreshToken"]});
    let next = stale.mutate("refreshSession", refresh.clone(), SESSION).await;
    let next = next.0["session"].clone();
    assert_ne!(next["refreshToken"], session["refreshToken"]);
    assert_eq!(next["refreshTokenExpiresAt"], session["refreshTokenExpiresAt"], "a log-in does not last for ever");
    let fresh = with_token(&app, next["accessToken"].as_str().expect("a token"));
    assert_eq!(fresh.send("{ me { email } }", Value::Null).await.0["data"]["me"]["email"], "admin@localhost");
    for bad in [json!({"refreshToken": ""}), json!({"refreshToken": "\u{0}"}), json!({"refreshToken": "a.b.c"})] {
        assert_eq!(stale.mutate("refreshSession", bad, SESSION).await.user_error_codes(), ["INVALID_TOKEN"]);
    }
    assert_eq!(
        stale.mutate("refreshSession", json!({}), SESSION).await.user_error_codes(),
        ["INVALID_VALUE"],
        "no cookie"
    );
    app.app.clock.advance(TimeDelta::days(1));
    let late = json!({"refreshToken": next["refreshToken"]});
    assert_eq!(stale.mutate("refreshSession", late, SESSION).await.user_error_codes(), ["INVALID_TOKEN"]);
}

#[tokio::test]
async fn what_only_administrators_may_do_is_forbidden_to_others() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let general = ann.general().await;
    let update = format!(
        r#"mutation {{ updateCategory(input: {{categoryId: "{general}", name: "x"}}) {{ category {{ id }} }} }}"#
    );
    for operation in [
        "{ categories(includeInactive: true) { id } }",
        r#"mutation { createCategory(input: {name: "mine"}) { category { id } } }"#,
        &update,
    ] {
        assert_eq!(ann.send(operation, Value::Null).await.error_code(), "FORBIDDEN", "{operation}");
    }
    let left = app.admin().await.send("{ categories(includeInactive: true) { name } }", Value::Null).await;
    assert_eq!(left.0["data"]["categories"], json!([{"name": "general"}]));
    let me = ann.send("{ me { isAdmin permissions } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"], json!({"isAdmin": false, "permissions": []}));
}
