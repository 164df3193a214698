//! The second factor: set up, asked for, guessed at, lost; and permissions that need one.

use chrono::TimeDelta;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::support::{TestApp, client::Client, socket::Socket};

const NONE: [&str; 0] = [];
const PASSWORD: &str = "a good one, long enough";

async fn log_in(app: &TestApp, code: Option<&str>) -> crate::support::client::Answer {
    let input = json!({"email": "ann@example.com", "password": PASSWORD, "code": code});
    app.anonymous().mutate("logIn", input, "session { accessToken }").await
}

fn client(app: &TestApp, session: &crate::support::client::Answer) -> Client {
    Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()))
}

/// The code that an app shows now.
pub fn code(app: &TestApp, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let totp = Builder::new().with_secret(secret).build().expect("a secret that apps take");
    totp.generate(app.app.clock.now().timestamp().unsigned_abs()).to_string()
}

/// Ann with a second factor: its secret, and the recovery codes.
async fn with_factor(app: &TestApp) -> (String, Vec<String>) {
    let made = app
        .admin()
        .await
        .mutate("createUser", json!({"email": "ann@example.com", "password": PASSWORD}), "user { id }")
        .await;
    assert_eq!(made.user_error_codes(), NONE);
    let ann = client(app, &log_in(app, None).await);
    let wrong = ann.mutate("beginTotp", json!({"password": "wrong"}), "totp { secret }").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let none = ann.mutate("confirmTotp", json!({"code": "000000"}), "recoveryCodes").await;
    assert_eq!(none.user_error_codes(), ["INVALID_STATE"]);
    let begun = ann.mutate("beginTotp", json!({"password": PASSWORD}), "totp { secret otpauthUrl }").await;
    let secret = begun.text("/totp/secret").to_owned();
    assert!(begun.text("/totp/otpauthUrl").starts_with("otpauth://totp/"), "{}", begun.0);
    assert_eq!(log_in(app, None).await.user_error_codes(), NONE, "what is not confirmed is asked of nobody");
    let wrong = ann.mutate("confirmTotp", json!({"code": "abcdef"}), "recoveryCodes").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let confirmed = ann.mutate("confirmTotp", json!({"code": code(app, &secret)}), "recoveryCodes").await;
    assert_eq!(confirmed.user_error_codes(), NONE);
    let codes = confirmed.0["recoveryCodes"].as_array().expect("codes").iter();
    let codes: Vec<String> = codes.map(|code| code.as_str().expect("a code").to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_factor_that_counts_is_the_one_whose_code_was_given() {
    let app = TestApp::start().await;
    with_factor(&app).await;
    for round in 0..10 {
        let admin = app.admin().await;
        let email = format!("user{round}@example.com");
        let made = admin.mutate("createUser", json!({"email": email, "password": PASSWORD}), "user { id }").await;
        assert_eq!(made.user_error_codes(), NONE);
        let log_in = async |code: Option<&str>| {
            let input = json!({"email": email, "password": PASSWORD, "code": code});
            app.anonymous().mutate("logIn", input, "session { accessToken }").await
        };
        let user = client(&app, &log_in(None).await);
        let begun = user.mutate("beginTotp", json!({"password": PASSWORD}), "totp { secret }").await;
        let first = begun.text("/totp/secret").to_owned();
        let confirm = user.mutate("confirmTotp", json!({"code": code(&app, &first)}), "recoveryCodes");
        let (confirmed, _) = tokio::join!(
            async {
                tokio::time::sleep(std::time::Duration::from_millis(round)).await;
                confirm.await
            },
            user.mutate("beginTotp", json!({"password": PASSWORD}), "totp { secret }")
        );
        let is_confirmed = confirmed.user_error_codes().is_empty();
        app.app.clock.advance(chrono::TimeDelta::seconds(31));
        let signed_in = log_in(Some(&code(&app, &first))).await;
        assert_eq!(signed_in.user_error_codes(), NONE, "whether it is confirmed: {is_confirmed}");
    }
}

#[tokio::test]
async fn a_password_alone_is_not_enough_and_no_code_is_good_twice() {
    let app = TestApp::start().await;
    let (secret, recovery) = with_factor(&app).await;
    assert_eq!(log_in(&app, None).await.user_error_codes(), ["SECOND_FACTOR_REQUIRED"]);
    let used = code(&app, &secret);
    assert_eq!(log_in(&app, Some(&used)).await.user_error_codes(), ["INVALID_CREDENTIALS"], "it confirmed the factor");
    app.app.clock.advance(TimeDelta::seconds(30));
    let next = code(&app, &secret);
    let both = tokio::join!(log_in(&app, Some(&next)), log_in(&app, Some(&next)));
    let let_in = [both.0, both.1].iter().filter(|answer| answer.user_error_codes().is_empty()).count();
    assert_eq!(let_in, 1, "of two at once one");
    let typed = format!(" {} ", recovery[3].to_uppercase());
    let session = log_in(&app, Some(&typed)).await;
    assert_eq!(session.user_error_codes(), NONE);
    assert_eq!(log_in(&app, Some(&recovery[3])).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let wrong = json!({"email": "ann@example.com", "password": "wrong", "code": recovery[4]});
    let wrong = app.anonymous().mutate("logIn", wrong, "session { accessToken }").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(
        log_in(&app, Some(&recovery[4])).await.user_error_codes(),
        NONE,
        "which a wrong password did not use up"
    );

    let ann = client(&app, &session);
    assert_eq!(ann.send("{ me { hasSecondFactor } }", Value::Null).await.0["data"]["me"]["hasSecondFactor"], true);
    let again = ann.mutate("beginTotp", json!({"password": PASSWORD}), "totp { secret }").await;
    assert_eq!(again.user_error_codes(), ["INVALID_STATE"]);
    let wrong = ann.mutate("disableTotp", json!({"password": PASSWORD, "code": "000000"}), "user { id }").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(log_in(&app, None).await.user_error_codes(), ["SECOND_FACTOR_REQUIRED"]);
    let disabled =
        ann.mutate("disableTotp", json!({"password": PASSWORD, "code": recovery[5]}), "user { hasSecondFactor }").await;
    assert_eq!(disabled.0["user"]["hasSecondFactor"], false);
    assert_eq!(log_in(&app, None).await.user_error_codes(), NONE);
}

#[tokio::test]
async fn codes_are_not_guessed_and_who_lost_them_is_helped_by_the_operator() {
    let app = TestApp::start().await;
    let (secret, _) = with_factor(&app).await;
    app.app.clock.advance(TimeDelta::hours(2));
    let mut tried = 0;
    while log_in(&app, Some("000000")).await.0["errors"].is_null() {
        tried += 1;
        assert!(tried < 10, "a password resets the count of codes");
    }
    app.app.clock.advance(TimeDelta::hours(2));
    assert_eq!(log_in(&app, Some(&code(&app, &secret))).await.user_error_codes(), NONE, "the pause ends");
    app.app.services.accounts.reset_second_factor("ann@example.com").await.expect("a user");
    assert_eq!(log_in(&app, None).await.user_error_codes(), NONE);
}

#[tokio::test]
async fn permissions_that_need_a_second_factor_are_there_with_it_alone() {
    let app = TestApp::start_with(&["--require-2fa", "manage_users, DELETE_ANY_IMAGE"]).await;
    let admin_of = async |code: Option<String>| {
        let input =
            json!({"email": "admin@localhost", "password": crate::support::client::ADMIN_PASSWORD, "code": code});
        client(&app, &app.anonymous().mutate("logIn", input, "session { accessToken }").await)
    };
    let admin = admin_of(None).await;
    let may = "{ me { permissions } }";
    let without = admin.send(may, Value::Null).await;
    assert_eq!(
        without.0["data"]["me"]["permissions"],
        json!(["VIEW_ANY_IMAGE", "CHANGE_ANY_IMAGE", "MANAGE_CATEGORIES"])
    );
    assert_eq!(admin.send("{ users { nodes { id } } }", Value::Null).await.error_code(), "FORBIDDEN");
    let mut socket = Socket::of(&app, &admin).await;
    let password = crate::support::client::ADMIN_PASSWORD;
    let begun = admin.mutate("beginTotp", json!({"password": password}), "totp { secret }").await;
    let secret = begun.text("/totp/secret").to_owned();
    admin.mutate("confirmTotp", json!({"code": code(&app, &secret)}), "recoveryCodes").await;
    assert_eq!(socket.close_frame().await.0, 1012, "to begin anew with other rights");
    assert_eq!(admin.send(may, Value::Null).await.0["data"]["me"]["permissions"].as_array().map(Vec::len), Some(5));
    assert!(admin.send("{ users { nodes { id } } }", Value::Null).await.0["data"]["users"].is_object());
}
