//! Log-ins: refreshed once, or twice at once; in a cookie; looked through and ended; passwords that change.

use chrono::TimeDelta;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{ADMIN_PASSWORD, Client},
    socket::Socket,
};

const NONE: [&str; 0] = [];
const SESSION: &str = "session { accessToken refreshToken refreshTokenExpiresAt user { email } }";

async fn log_in(app: &TestApp, more: Value) -> Value {
    let mut input = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let payload = app.anonymous().mutate("logIn", input, SESSION).await;
    assert_eq!(payload.user_error_codes(), NONE);
    payload.0["session"].clone()
}

fn of(app: &TestApp, session: &Value) -> Client {
    Client::new(app.url("/graphql"), session["accessToken"].as_str().map(str::to_owned))
}

async fn refresh(app: &TestApp, session: &Value) -> Result<Value, String> {
    let input = json!({"refreshToken": session["refreshToken"]});
    let payload = app.anonymous().mutate("refreshSession", input, SESSION).await;
    match payload.user_error_codes().first() {
        Some(code) => Err((*code).to_owned()),
        None => Ok(payload.0["session"].clone()),
    }
}

async fn is_somebody(client: &Client) -> bool {
    client.send("{ me { id } }", Value::Null).await.0["data"]["me"].is_object()
}

#[tokio::test]
async fn a_lost_answer_and_two_at_once_get_the_same_token_and_a_thief_ends_the_log_in() {
    let app = TestApp::start().await;
    let session = log_in(&app, json!({})).await;
    let (one, two) = tokio::join!(refresh(&app, &session), refresh(&app, &session));
    let (one, two) = (one.expect("a session"), two.expect("a session"));
    assert_eq!(one["refreshToken"], two["refreshToken"], "neither is taken for a thief");
    app.app.clock.advance(TimeDelta::seconds(9));
    assert_eq!(refresh(&app, &session).await.expect("a session")["refreshToken"], one["refreshToken"]);
    let third = refresh(&app, &one).await.expect("a session");
    assert_ne!(third["refreshToken"], one["refreshToken"]);
    // The first one is two exchanges old: whoever has it has no business with it, in whatever time.
    assert_eq!(refresh(&app, &session).await, Err("INVALID_TOKEN".to_owned()));
    assert_eq!(refresh(&app, &third).await, Err("INVALID_TOKEN".to_owned()), "the whole log-in ended");
    assert!(!is_somebody(&of(&app, &third)).await);

    let session = log_in(&app, json!({})).await;
    let next = refresh(&app, &session).await.expect("a session");
    app.app.clock.advance(TimeDelta::seconds(10));
    assert_eq!(refresh(&app, &session).await, Err("INVALID_TOKEN".to_owned()), "the grace is over");
    assert_eq!(refresh(&app, &next).await, Err("INVALID_TOKEN".to_owned()));
}

#[tokio::test]
async fn log_ins_are_listed_and_ended_one_by_one_or_all_at_once() {
    let app = TestApp::start().await;
    let [one, two, three] =
        [log_in(&app, json!({})).await, log_in(&app, json!({"rememberMe": true})).await, log_in(&app, json!({})).await];
    let (first, second) = (of(&app, &one), of(&app, &two));
    let list = "{ sessions { id isCurrent isRemembered address userAgent createdAt lastUsedAt expiresAt } }";
    let sessions = first.send(list, Value::Null).await.0["data"]["sessions"].clone();
    let sessions = sessions.as_array().expect("a list");
    assert_eq!(sessions.iter().filter(|session| session["isCurrent"] == true).count(), 1);
    assert_eq!(sessions.iter().filter(|session| session["isRemembered"] == true).count(), 1);
    assert!(sessions.len() == 3 && sessions.iter().all(|session| session["address"] == "127.0.0.1"), "{sessions:?}");
    let remembered = sessions.iter().find(|session| session["isRemembered"] == true).expect("the second");
    let end: chrono::DateTime<chrono::Utc> = remembered["expiresAt"].as_str().expect("a time").parse().expect("a time");
    assert_eq!((end - app.app.clock.now()).num_days(), 14);

    // Another user's log-in is none of theirs.
    let ann = app.user("ann@example.com").await;
    let input = json!({"sessionId": remembered["id"]});
    assert_eq!(
        ann.mutate("revokeSession", input.clone(), "revokedSessionId").await.user_error_codes(),
        ["INVALID_TOKEN"]
    );
    assert!(is_somebody(&second).await);
    let mut socket = Socket::of(&app, &second).await;
    let revoked = first.mutate("revokeSession", input.clone(), "revokedSessionId").await;
    assert_eq!(revoked.0["revokedSessionId"], remembered["id"]);
    assert_eq!(socket.close_frame().await.0, 4403);
    assert!(!is_somebody(&second).await);
    assert_eq!(refresh(&app, &two).await, Err("INVALID_TOKEN".to_owned()));
    assert_eq!(first.mutate("revokeSession", input, "revokedSessionId").await.user_error_codes(), ["INVALID_TOKEN"]);

    first.send("mutation { logOutEverywhere { userErrors { code } } }", Value::Null).await;
    assert!(!is_somebody(&first).await && !is_somebody(&of(&app, &three)).await);
    assert_eq!(refresh(&app, &three).await, Err("INVALID_TOKEN".to_owned()));
    assert!(is_somebody(&app.admin().await).await, "API tokens stay");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_every_other_log_in_ends() {
    let app = TestApp::start().await;
    let (here, elsewhere) = (log_in(&app, json!({})).await, log_in(&app, json!({})).await);
    let client = of(&app, &here);
    let mut socket = Socket::of(&app, &of(&app, &elsewhere)).await;
    let change = async |current: &str, new: &str| {
        let input = json!({"currentPassword": current, "newPassword": new});
        client.mutate("changePassword", input, "user { email }").await
    };
    assert_eq!(change("wrong", "a new one, long enough").await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    for weak in ["short", "password123", "admin@localhost", &"long".repeat(40)] {
        let payload = change(ADMIN_PASSWORD, weak).await;
        assert_eq!(payload.user_error_codes(), ["WEAK_PASSWORD"], "{weak}");
        assert_eq!(payload.0["userErrors"][0]["field"], json!(["newPassword"]));
    }
    assert!(is_somebody(&of(&app, &elsewhere)).await, "nothing was changed");
    assert_eq!(change(ADMIN_PASSWORD, "a new one, long enough").await.user_error_codes(), NONE);
    assert_eq!(socket.close_frame().await.0, 4403);
    assert!(is_somebody(&client).await && !is_somebody(&of(&app, &elsewhere)).await);
    let old = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
    assert_eq!(app.anonymous().mutate("logIn", old, SESSION).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    log_in(&app, json!({"password": "a new one, long enough"})).await;
}

#[tokio::test]
async fn a_hash_by_old_parameters_is_made_anew_at_the_next_log_in() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    use sea_orm::{ConnectionTrait, Statement};
    let app = TestApp::start().await;
    let cheap = Params::new(8 * 1024, 1, 1, None).expect("parameters");
    let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap).hash_password(ADMIN_PASSWORD.as_bytes());
    let conn = app.app.db.conn();
    let backend = conn.get_database_backend();
    let set = Statement::from_sql_and_values(
        backend,
        "UPDATE \"user\" SET password_hash = $1",
        [old.expect("a hash").to_string().into()],
    );
    conn.execute_raw(set).await.expect("a row");
    let kept = async || {
        let read =
            Statement::from_string(backend, "SELECT password_hash FROM \"user\" WHERE email = 'admin@localhost'");
        let row = conn.query_one_raw(read).await.expect("a database").expect("a row");
        row.try_get::<String>("", "password_hash").expect("a hash")
    };
    log_in(&app, json!({})).await;
    let new = kept().await;
    assert!(new.contains("m=19456,t=2,p=1"), "{new}");
    log_in(&app, json!({})).await;
    assert_eq!(kept().await, new, "once is enough");
}

/// Sends an operation as a page of an origin would, with the cookies that it has.
async fn from_page(app: &TestApp, origin: &str, cookie: &str, query: &str) -> (Value, Vec<String>) {
    let mut request = reqwest::Client::new().post(app.url("/graphql")).json(&json!({"query": query}));
    if !origin.is_empty() {
        request = request.header(ORIGIN, origin);
    }
    if !cookie.is_empty() {
        request = request.header(COOKIE, cookie);
    }
    let answer = request.send().await.expect("an answer");
    let cookies = answer.headers().get_all(SET_COOKIE).iter();
    let cookies = cookies.map(|cookie| cookie.to_str().expect("text").to_owned()).collect();
    (answer.json().await.expect("JSON"), cookies)
}

#[tokio::test]
async fn a_browser_keeps_its_refresh_token_in_a_cookie_for_pages_of_ours_alone() {
    let app = TestApp::start_with(&["--cors-origins", "https://app.example.com"]).await;
    let log_in = |more: &str| {
        format!(
            "mutation {{ logIn(input: {{email: \"admin@localhost\", password: \"{ADMIN_PASSWORD}\", useCookie: true{more}}}) \
             {{ session {{ accessToken refreshToken }} userErrors {{ code field }} }} }}"
        )
    };
    for foreign in ["", "https://evil.example.com", "null", "https://app.example.com.evil.com"] {
        let (answer, cookies) = from_page(&app, foreign, "", &log_in("")).await;
        let errors = &answer["data"]["logIn"]["userErrors"];
        assert_eq!(errors[0], json!({"code": "INVALID_VALUE", "field": ["useCookie"]}), "{foreign}");
        assert_eq!(cookies, [""; 0]);
    }
    let ours = app.url("");
    for origin in ["https://app.example.com", &ours] {
        let (answer, cookies) = from_page(&app, origin, "", &log_in("")).await;
        assert_eq!(answer["data"]["logIn"]["session"]["refreshToken"], "", "no script sees it");
        let [cookie] = &cookies[..] else { panic!("one cookie: {cookies:?}") };
        let (pair, attributes) = cookie.split_once("; ").expect("attributes");
        assert!(pair.starts_with("darkroom_refresh="), "{cookie}");
        assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/", "until the browser is closed");

        let refresh =
            "mutation { refreshSession(input: {}) { session { accessToken refreshToken } userErrors { code } } }";
        let (answer, none) = from_page(&app, "https://evil.example.com", pair, refresh).await;
        assert_eq!(answer["data"]["refreshSession"]["userErrors"][0]["code"], "INVALID_VALUE");
        assert_eq!(none, [""; 0]);
        let (answer, cookies) = from_page(&app, origin, &format!("other=1; {pair}"), refresh).await;
        assert_eq!(answer["data"]["refreshSession"]["userErrors"], json!([]), "{answer}");
        let token = answer["data"]["refreshSession"]["session"]["accessToken"].as_str().expect("a token").to_owned();
        assert_ne!(cookies[0].split_once("; ").expect("attributes").0, pair);

        // A token that is worth nothing is forgotten.
        app.app.clock.advance(TimeDelta::seconds(11));
        let (answer, cookies) = from_page(&app, origin, pair, refresh).await;
        assert_eq!(answer["data"]["refreshSession"]["userErrors"][0]["code"], "INVALID_TOKEN");
        assert!(cookies[0].starts_with("darkroom_refresh=;") && cookies[0].contains("Max-Age=0"), "{cookies:?}");
        assert!(!is_somebody(&Client::new(app.url("/graphql"), Some(token))).await);
    }
    let (_, cookies) = from_page(&app, &ours, "", &log_in(", rememberMe: true")).await;
    assert!(cookies[0].contains("Expires="), "{cookies:?}");
}

#[tokio::test]
async fn over_https_the_cookie_is_this_hosts_alone() {
    let app = TestApp::start_with(&["--public-url", "https://images.example.com"]).await;
    let query = format!(
        "mutation {{ logIn(input: {{email: \"admin@localhost\", password: \"{ADMIN_PASSWORD}\", useCookie: true}}) \
         {{ session {{ refreshToken }} }} }}"
    );
    let (_, cookies) = from_page(&app, "https://images.example.com", "", &query).await;
    assert!(cookies[0].starts_with("__Host-darkroom_refresh="), "{cookies:?}");
    assert!(cookies[0].ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookies:?}");
}

#[tokio::test]
async fn nothing_that_is_made_while_the_password_changes_outlives_it() {
    let app = TestApp::start().await;
    let thief = of(&app, &log_in(&app, json!({})).await);
    let owner = of(&app, &log_in(&app, json!({})).await);
    let log_ins = (0..6).map(|_| {
        let input = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
        let nobody = app.anonymous();
        async move { nobody.mutate("logIn", input, SESSION).await.0["session"].clone() }
    });
    let expires_at = app.app.clock.now() + TimeDelta::days(1);
    let tokens = (0..6).map(|_| {
        let input = json!({"name": "mine", "scopes": ["READ"], "expiresAt": expires_at});
        let thief = thief.clone();
        async move { thief.mutate("createApiToken", input, "created { secret }").await.0["created"]["secret"].clone() }
    });
    let input = json!({"currentPassword": ADMIN_PASSWORD, "newPassword": "a new one, long enough"});
    let reset =
        app.app.services.accounts.set_password_of("admin@localhost", Some("a newer one, long enough".to_owned()));
    let (log_ins, tokens, changed, reset) = tokio::join!(
        futures_util::future::join_all(log_ins),
        futures_util::future::join_all(tokens),
        owner.mutate("changePassword", input, "user { id }"),
        reset
    );
    assert!(reset.is_ok(), "{reset:?} {:?}", changed.0);
    for session in log_ins.iter().filter(|session| session.is_object()) {
        assert!(!is_somebody(&of(&app, session)).await, "by a password that is none any more");
    }
    for secret in tokens.iter().filter_map(Value::as_str) {
        assert!(
            !is_somebody(&Client::new(app.url("/graphql"), Some(secret.to_owned()))).await,
            "by a log-in that is none"
        );
    }
}
