//! Passkeys: made, signed in with, refused, removed; as the only factor, and as the one that permissions need.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{ADMIN_PASSWORD, Answer, Client},
    device::Device,
};

const NONE: [&str; 0] = [];
const PASSWORD: &str = "a good one, long enough";
const PAGE: &str = "https://app.example.com";
const FLAGS: [&str; 6] = [
    "--public-url",
    "https://images.example.com",
    "--cors-origins",
    "https://app.example.com",
    "--passkey-domain",
    "example.com",
];
const BEGIN_LOG_IN: &str =
    "mutation { beginPasskeyLogIn { passkeyChallenge { options challenge } userErrors { code } } }";

async fn with_user(app: &TestApp, email: &str) -> Client {
    let input = json!({"email": email, "password": PASSWORD});
    let made = app.admin().await.mutate("createUser", input, "user { id }").await;
    assert_eq!(made.user_error_codes(), NONE);
    by_password(app, email).await
}

async fn by_password(app: &TestApp, email: &str) -> Client {
    let input = json!({"email": email, "password": PASSWORD});
    client(app, &app.anonymous().mutate("logIn", input, "session { accessToken }").await)
}

fn client(app: &TestApp, session: &Answer) -> Client {
    Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()))
}

async fn begin(client: &Client, password: Option<&str>) -> Answer {
    client.mutate("beginPasskey", json!({"password": password}), "passkeyChallenge { options challenge }").await
}

/// What a device makes of a challenge.
async fn made_by(device: &mut Device, begun: &Answer) -> Value {
    let challenge = &begun.0["passkeyChallenge"];
    let credential = device.create(PAGE, &challenge["options"]).await;
    json!({"challenge": challenge["challenge"], "credential": credential, "name": " My phone "})
}

async fn with_passkey(client: &Client) -> Device {
    let mut device = Device::new();
    let input = made_by(&mut device, &begin(client, Some(PASSWORD)).await).await;
    let added = client.mutate("addPasskey", input, "passkey { id name }").await;
    assert_eq!(added.user_error_codes(), NONE, "{}", added.0);
    assert_eq!(added.text("/passkey/name"), "My phone");
    device
}

/// The answer of a device to a new challenge.
async fn answer(app: &TestApp, device: &mut Device) -> Value {
    let begun = app.anonymous().send(BEGIN_LOG_IN, Value::Null).await;
    let challenge = &begun.0["data"]["beginPasskeyLogIn"]["passkeyChallenge"];
    let credential = device.get(PAGE, &challenge["options"]).await;
    json!({"challenge": challenge["challenge"], "credential": credential})
}

async fn log_in(app: &TestApp, input: Value) -> Answer {
    app.anonymous().mutate("logInWithPasskey", input, "session { accessToken user { email } }").await
}

#[tokio::test]
async fn a_device_signs_its_user_in_without_an_address_and_once_by_a_challenge() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = with_user(&app, "ann@example.com").await;
    let mut device = with_passkey(&ann).await;
    let first = answer(&app, &mut device).await;
    app.app.clock.advance(TimeDelta::seconds(1));
    let second = answer(&app, &mut device).await;
    let both = tokio::join!(log_in(&app, second.clone()), log_in(&app, second));
    let let_in = [&both.0, &both.1].into_iter().filter(|answer| answer.user_error_codes().is_empty()).count();
    assert_eq!(let_in, 1, "of two at once one: {} {}", both.0.0, both.1.0);
    assert_eq!(log_in(&app, first).await.user_error_codes(), ["INVALID_TOKEN"], "an older challenge is over");
    app.app.clock.advance(TimeDelta::seconds(1));
    let session = log_in(&app, answer(&app, &mut device).await).await;
    assert_eq!(session.text("/session/user/email"), "ann@example.com");
    let listed =
        client(&app, &session).send("{ passkeys { name createdAt lastUsedAt } me { lastLoginAt } }", Value::Null).await;
    assert!(listed.0["data"]["passkeys"][0]["lastUsedAt"].is_string(), "{}", listed.0);
    let tried = answer(&app, &mut device).await;
    app.app.clock.advance(TimeDelta::minutes(7));
    assert_eq!(log_in(&app, tried).await.user_error_codes(), ["INVALID_TOKEN"], "after its time");
}

#[tokio::test]
async fn what_is_forged_or_somebody_elses_is_refused_and_changes_nothing() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = with_user(&app, "ann@example.com").await;
    let bob = with_user(&app, "bob@example.com").await;
    let mut device = with_passkey(&ann).await;

    let mut elsewhere = made_by(&mut Device::new(), &begin(&ann, Some(PASSWORD)).await).await;
    assert_eq!(
        bob.mutate("addPasskey", elsewhere.clone(), "passkey { id }").await.user_error_codes(),
        ["INVALID_TOKEN"],
        "a challenge of somebody else's"
    );
    elsewhere["challenge"] = begin(&ann, Some(PASSWORD)).await.0["passkeyChallenge"]["challenge"].clone();
    assert_eq!(
        ann.mutate("addPasskey", elsewhere.clone(), "passkey { id }").await.user_error_codes(),
        ["INVALID_CREDENTIALS"],
        "an answer to another challenge"
    );
    for credential in [
        json!({}),
        json!("x"),
        json!({"id": "x", "rawId": "eA", "type": "public-key", "response": {"attestationObject": "AAAA", "clientDataJSON": "e30"}}),
    ] {
        elsewhere["credential"] = credential.clone();
        let refused = ann.mutate("addPasskey", elsewhere.clone(), "passkey { id }").await;
        let is_refused = refused.user_error_codes() == ["INVALID_CREDENTIALS"] || refused.0["errors"].is_array();
        assert!(is_refused, "{credential}: {}", refused.0);
    }
    assert_eq!(begin(&ann, Some("wrong")).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(begin(&ann, None).await.user_error_codes(), ["INVALID_CREDENTIALS"], "who has a password says it");
    let listed = ann.send("{ passkeys { id } }", Value::Null).await;
    assert_eq!(listed.0["data"]["passkeys"].as_array().map(Vec::len), Some(1));
    assert_eq!(bob.send("{ passkeys { id } }", Value::Null).await.0["data"]["passkeys"], json!([]));

    app.app.clock.advance(TimeDelta::seconds(1));
    let right = answer(&app, &mut device).await;
    let forged = |path: &str, value: Value| {
        let mut input = right.clone();
        *input.pointer_mut(path).expect("a place") = value;
        input
    };
    let unknown = {
        let mut other = Device::new();
        let begun = begin(&bob, Some(PASSWORD)).await;
        made_by(&mut other, &begun).await;
        answer(&app, &mut other).await
    };
    let mut careless = Device { is_verifying: false, ..device.clone() };
    let begun = app.anonymous().send(BEGIN_LOG_IN, Value::Null).await.0["data"]["beginPasskeyLogIn"].clone();
    let page = "https://evil.example.org";
    let mut options = begun["passkeyChallenge"]["options"].clone();
    options["rpId"] = json!("evil.example.org");
    let phished = json!({
        "challenge": begun["passkeyChallenge"]["challenge"],
        "credential": device.clone().get(page, &options).await,
    });
    let mut unverified = begun["passkeyChallenge"]["options"].clone();
    unverified["userVerification"] = json!("discouraged");
    let unverified = json!({
        "challenge": begun["passkeyChallenge"]["challenge"],
        "credential": careless.get(PAGE, &unverified).await,
    });
    let signature = right["credential"]["response"]["signature"].as_str().expect("a signature");
    let flipped = if signature.starts_with("MEU") { signature.replacen("MEU", "MEQ", 1) } else { "AAAA".to_owned() };
    for (what, input, code) in [
        ("another signature", forged("/credential/response/signature", json!(flipped)), "INVALID_CREDENTIALS"),
        (
            "another user",
            forged("/credential/response/userHandle", json!("AAAAAAAAAAAAAAAAAAAAAA")),
            "INVALID_CREDENTIALS",
        ),
        ("no user", forged("/credential/response/userHandle", Value::Null), "INVALID_CREDENTIALS"),
        (
            "another challenge",
            forged("/challenge", begun["passkeyChallenge"]["challenge"].clone()),
            "INVALID_CREDENTIALS",
        ),
        ("no challenge of ours", forged("/challenge", json!("e30.e30")), "INVALID_TOKEN"),
        ("a passkey that was never added", unknown, "INVALID_CREDENTIALS"),
        ("a page elsewhere", phished, "INVALID_CREDENTIALS"),
        ("a device that does not look who holds it", unverified, "INVALID_CREDENTIALS"),
    ] {
        let refused = log_in(&app, input).await;
        assert_eq!(refused.user_error_codes(), [code], "{what}");
        assert!(refused.0["session"].is_null());
    }
    let begun = begin(&ann, Some(PASSWORD)).await;
    let challenge = begun.0["passkeyChallenge"]["challenge"].clone();
    let registration = log_in(&app, forged("/challenge", challenge)).await;
    assert_eq!(registration.user_error_codes(), ["INVALID_TOKEN"], "a challenge to make one is none to sign in");
    assert_eq!(log_in(&app, right).await.user_error_codes(), NONE, "none of these used the challenge up");
}

#[tokio::test]
async fn who_is_shut_out_stays_out_and_what_is_removed_is_gone() {
    let app = TestApp::start_with(&FLAGS).await;
    let ann = with_user(&app, "ann@example.com").await;
    let mut device = with_passkey(&ann).await;
    let id = ann.send("{ me { id } passkeys { id } }", Value::Null).await;
    let user = id.0["data"]["me"]["id"].clone();
    app.admin().await.mutate("deactivateUser", json!({"userId": user}), "user { id }").await;
    app.app.clock.advance(TimeDelta::seconds(1));
    let refused = log_in(&app, answer(&app, &mut device).await).await;
    assert_eq!(refused.user_error_codes(), ["INVALID_CREDENTIALS"]);
    app.admin().await.mutate("reactivateUser", json!({"userId": user}), "user { id }").await;
    app.app.clock.advance(TimeDelta::seconds(1));
    let session = log_in(&app, answer(&app, &mut device).await).await;
    let ann = client(&app, &session);
    let input = |password: &str| json!({"passkeyId": id.0["data"]["passkeys"][0]["id"], "password": password});
    let other = with_user(&app, "bob@example.com").await;
    let not_theirs = other.mutate("removePasskey", input(PASSWORD), "removedPasskeyId").await;
    assert_eq!(not_theirs.user_error_codes(), ["INVALID_TOKEN"]);
    let wrong = ann.mutate("removePasskey", input("wrong"), "removedPasskeyId").await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let mut newer = Device::new();
    let made = made_by(&mut newer, &begin(&ann, Some(PASSWORD)).await).await;
    let removal = |answer: &Answer| json!({"passkeyId": answer.0["passkey"]["id"], "password": PASSWORD});
    let added = ann.mutate("addPasskey", made.clone(), "passkey { id }").await;
    assert_eq!(ann.mutate("removePasskey", removal(&added), "removedPasskeyId").await.user_error_codes(), NONE);
    let again = ann.mutate("addPasskey", made, "passkey { id }").await;
    assert_eq!(again.user_error_codes(), ["INVALID_TOKEN"], "what was removed does not come back");
    let removed = ann.mutate("removePasskey", input(PASSWORD), "removedPasskeyId").await;
    assert_eq!(removed.user_error_codes(), NONE);
    app.app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(log_in(&app, answer(&app, &mut device).await).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
}

#[tokio::test]
async fn permissions_that_need_more_than_a_password_are_there_by_a_passkey() {
    let mut flags = FLAGS.to_vec();
    flags.extend(["--require-2fa", "MANAGE_USERS"]);
    let app = TestApp::start_with(&flags).await;
    let by_password = async || {
        let input = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
        client(&app, &app.anonymous().mutate("logIn", input, "session { accessToken }").await)
    };
    let admin = by_password().await;
    let users = "{ users { nodes { id } } }";
    assert_eq!(admin.send(users, Value::Null).await.error_code(), "FORBIDDEN");
    let mut device = Device::new();
    let begun = begin(&admin, Some(ADMIN_PASSWORD)).await;
    let input = made_by(&mut device, &begun).await;
    let added = admin.mutate("addPasskey", input, "passkey { id }").await;
    assert_eq!(added.user_error_codes(), NONE);
    assert!(admin.send(users, Value::Null).await.0["data"]["users"].is_object(), "it was shown just now");
    assert_eq!(by_password().await.send(users, Value::Null).await.error_code(), "FORBIDDEN", "a password alone");
    app.app.clock.advance(TimeDelta::seconds(1));
    let session = log_in(&app, answer(&app, &mut device).await).await;
    let admin = client(&app, &session);
    assert!(admin.send(users, Value::Null).await.0["data"]["users"].is_object());
    let new = json!({"name": "ci", "scopes": ["ADMINISTER"], "expiresAt": app.app.clock.now() + TimeDelta::days(1)});
    let token_of = async |client: &Client| {
        let made = client.mutate("createApiToken", new.clone(), "created { secret }").await;
        Client::new(app.url("/graphql"), Some(made.text("/created/secret").to_owned()))
    };
    let (weak, strong) = (token_of(&by_password().await).await, token_of(&admin).await);
    assert_eq!(weak.send(users, Value::Null).await.error_code(), "FORBIDDEN", "a token is worth what made it");
    assert!(strong.send(users, Value::Null).await.0["data"]["users"].is_object());
    let removal = json!({"passkeyId": added.0["passkey"]["id"], "password": ADMIN_PASSWORD});
    let removed = admin.mutate("removePasskey", removal, "removedPasskeyId").await;
    assert_eq!(removed.user_error_codes(), NONE);
    for client in [&admin, &strong] {
        assert_eq!(client.send(users, Value::Null).await.error_code(), "FORBIDDEN", "after the last one is gone");
    }
}

#[tokio::test]
async fn whoever_stole_a_password_adds_no_second_factor_of_their_own() {
    let mut flags = FLAGS.to_vec();
    flags.extend(["--require-2fa", "MANAGE_USERS"]);
    let app = TestApp::start_with(&flags).await;
    let thief = {
        let input = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
        client(&app, &app.anonymous().mutate("logIn", input, "session { accessToken }").await)
    };
    let owner = {
        let input = json!({"email": "admin@localhost", "password": ADMIN_PASSWORD});
        client(&app, &app.anonymous().mutate("logIn", input, "session { accessToken }").await)
    };
    // Begun while there was none, and ended when there is one.
    let begun = begin(&thief, Some(ADMIN_PASSWORD)).await;
    let input = made_by(&mut Device::new(), &begun).await;
    let totp = thief.mutate("beginTotp", json!({"password": ADMIN_PASSWORD}), "totp { secret }").await;
    let begun = begin(&owner, Some(ADMIN_PASSWORD)).await;
    let of_owner = made_by(&mut Device::new(), &begun).await;
    let added = owner.mutate("addPasskey", of_owner, "passkey { id }").await;
    assert_eq!(added.user_error_codes(), NONE);

    let late = thief.mutate("addPasskey", input, "passkey { id }").await;
    assert_eq!(late.user_error_codes(), ["INVALID_TOKEN"]);
    let refused = ["SECOND_FACTOR_REQUIRED"];
    assert_eq!(begin(&thief, Some(ADMIN_PASSWORD)).await.user_error_codes(), refused);
    let again = thief.mutate("beginTotp", json!({"password": ADMIN_PASSWORD}), "totp { secret }").await;
    assert_eq!(again.user_error_codes(), refused);
    let code = crate::second_factor::code(&app, totp.text("/totp/secret"));
    let confirmed = thief.mutate("confirmTotp", json!({"code": code}), "recoveryCodes").await;
    assert_eq!(confirmed.user_error_codes(), refused);
    let removal = json!({"passkeyId": added.0["passkey"]["id"], "password": ADMIN_PASSWORD});
    let removed = thief.mutate("removePasskey", removal, "removedPasskeyId").await;
    assert_eq!(removed.user_error_codes(), refused);
    assert_eq!(thief.send("{ users { nodes { id } } }", Value::Null).await.error_code(), "FORBIDDEN");
    let listed = owner.send("{ passkeys { id } me { hasSecondFactor } }", Value::Null).await;
    assert_eq!(listed.0["data"]["passkeys"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed.0["data"]["me"]["hasSecondFactor"], false, "no codes are asked for");

    // The operator's way out takes everything.
    app.app.services.accounts.reset_second_factor("admin@localhost").await.expect("a user");
    let left = owner.send("{ passkeys { id } users { nodes { id } } }", Value::Null).await;
    assert_eq!(left.error_code(), "FORBIDDEN");
    assert_eq!(owner.send("{ passkeys { id } }", Value::Null).await.0["data"]["passkeys"], json!([]));
}

#[tokio::test]
async fn an_answer_that_no_device_gives_is_not_read() {
    let app = TestApp::start_with(&FLAGS).await;
    let begun = app.anonymous().send(BEGIN_LOG_IN, Value::Null).await;
    let challenge = begun.0["data"]["beginPasskeyLogIn"]["passkeyChallenge"]["challenge"].clone();
    for credential in [json!("x".repeat(60_000)), json!({"id": "x".repeat(60_000)}), json!([[[[[]]]]])] {
        let refused = log_in(&app, json!({"challenge": challenge, "credential": credential})).await;
        assert_eq!(refused.user_error_codes(), ["INVALID_CREDENTIALS"]);
    }
    let long = json!({"challenge": "e30.".repeat(20_000), "credential": {}});
    assert_eq!(log_in(&app, long).await.user_error_codes(), ["INVALID_TOKEN"]);
}

#[tokio::test]
async fn a_server_without_a_domain_says_so() {
    let app = TestApp::start().await;
    let begun = app.anonymous().send(BEGIN_LOG_IN, Value::Null).await;
    assert_eq!(begun.0["data"]["beginPasskeyLogIn"]["userErrors"][0]["code"], "INVALID_STATE");
}

#[tokio::test]
async fn a_password_that_the_owner_sets_removes_what_a_thief_has_added_and_nothing_older() {
    let app = TestApp::start_with(&FLAGS).await;
    let thief = with_user(&app, "ann@example.com").await;
    let mut of_thief = with_passkey(&thief).await;
    let set = async || app.app.services.accounts.set_password_of("ann@example.com", Some(PASSWORD.to_owned())).await;
    set().await.expect("set");
    app.app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(log_in(&app, answer(&app, &mut of_thief).await).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    let mut of_ann = with_passkey(&by_password(&app, "ann@example.com").await).await;
    app.app.clock.advance(TimeDelta::days(8));
    set().await.expect("set");
    assert_eq!(log_in(&app, answer(&app, &mut of_ann).await).await.user_error_codes(), NONE);
}
