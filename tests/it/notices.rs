//! Users are told of what changes the ways into their accounts. The mails go through a real mail server.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    second_factor::code,
    support::{
        TestApp,
        client::{Answer, Client},
        mailbox::Mailbox,
    },
};

const NONE: [&str; 0] = [];
const PASSWORD: &str = "a good one, long enough";
const OTHER: &str = "another one, long enough";

async fn with_user(app: &TestApp) -> Client {
    let input = json!({"email": "ann@example.com", "password": PASSWORD});
    assert_eq!(app.admin().await.mutate("createUser", input, "user { id }").await.user_error_codes(), NONE);
    by_password(app, PASSWORD).await
}

async fn by_password(app: &TestApp, password: &str) -> Client {
    let input = json!({"email": "ann@example.com", "password": password});
    let session = app.anonymous().mutate("logIn", input, "session { accessToken }").await;
    Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()))
}

async fn make_token(client: &Client, now: DateTime<Utc>) -> Answer {
    let input = json!({"name": "CI", "scopes": ["READ"], "expiresAt": now + TimeDelta::days(1)});
    client.mutate("createApiToken", input, "created { __typename }").await
}

/// The first lines of the mails that were sent since the last look, without the times.
async fn told(app: &TestApp, mailbox: &Mailbox) -> Vec<String> {
    app.run_all_jobs().await;
    let mails = mailbox.take().into_iter();
    let told = mails.map(|mail| {
        assert_eq!(mail.to, "ann@example.com");
        assert_eq!(mail.subject, "Your account was changed / 계정이 변경되었습니다");
        assert!(!mail.text.contains("://"), "a link that a thief could imitate: {}", mail.text);
        mail.text.split(',').next().expect("what happened").to_owned()
    });
    told.collect()
}

#[tokio::test]
async fn what_opens_an_account_does_not_change_unseen() {
    let mailbox = Mailbox::open();
    let flags = mailbox.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let app = TestApp::start_with(&flags).await;
    let ann = with_user(&app).await;
    assert_eq!(told(&app, &mailbox).await, NONE, "a log-in changes nothing");

    let wrong = json!({"currentPassword": OTHER, "newPassword": OTHER});
    let refused = ann.mutate("changePassword", wrong, "user { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(told(&app, &mailbox).await, NONE, "nothing was changed");

    let right = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    assert_eq!(ann.mutate("changePassword", right, "user { id }").await.user_error_codes(), NONE);
    assert_eq!(told(&app, &mailbox).await, ["Your password was changed"]);

    let begun = ann.mutate("beginTotp", json!({"password": OTHER}), "totp { secret }").await;
    assert_eq!(told(&app, &mailbox).await, NONE, "not yet a factor");
    let code = code(&app, begun.text("/totp/secret"));
    let confirmed = ann.mutate("confirmTotp", json!({"code": code}), "recoveryCodes").await;
    let recovery = confirmed.0["recoveryCodes"][0].clone();
    assert_eq!(told(&app, &mailbox).await, ["Codes of an app were set up as a second factor"]);
    let disabled = ann.mutate("disableTotp", json!({"password": OTHER, "code": recovery}), "user { id }").await;
    assert_eq!(disabled.user_error_codes(), NONE);
    assert_eq!(told(&app, &mailbox).await, ["A second factor was removed"]);

    for _ in 0..12 {
        assert_eq!(make_token(&ann, app.app.clock.now()).await.user_error_codes(), NONE);
    }
    assert_eq!(told(&app, &mailbox).await, ["An API token was created"; 10], "no flood");
}

#[tokio::test]
async fn who_was_deactivated_is_not_written_to() {
    let mailbox = Mailbox::open();
    let flags = mailbox.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let app = TestApp::start_with(&flags).await;
    let ann = with_user(&app).await;
    assert_eq!(make_token(&ann, app.app.clock.now()).await.user_error_codes(), NONE);
    let me = ann.send("{ me { id } }", Value::Null).await;
    let input = json!({"userId": me.0["data"]["me"]["id"]});
    assert_eq!(app.admin().await.mutate("deactivateUser", input, "user { id }").await.user_error_codes(), NONE);
    assert_eq!(told(&app, &mailbox).await, NONE);
}
