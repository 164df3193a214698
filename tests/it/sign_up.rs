//! Accounts by mail: signed up for, invited, forgotten passwords. The mails go through a real mail server.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client},
    mailbox::Mailbox,
    socket::Socket,
};

const NONE: [&str; 0] = [];
const PASSWORD: &str = "a good one, long enough";

/// With everybody allowed to sign up, and somewhere to read their mails.
async fn open(sign_up: &str) -> (TestApp, Mailbox) {
    let mailbox = Mailbox::open();
    let flags = [mailbox.flags(), vec!["--sign-up".to_owned(), sign_up.to_owned()]].concat();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    (TestApp::start_with(&flags).await, mailbox)
}

async fn sign_up(app: &TestApp, email: &str) -> Answer {
    app.anonymous().mutate("signUp", json!({"email": email, "password": PASSWORD}), "session { accessToken }").await
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().mutate("logIn", json!({"email": email, "password": password}), "session { accessToken }").await
}

async fn use_link(app: &TestApp, name: &str, mut input: Value, token: &str) -> Answer {
    input["token"] = json!(token);
    app.anonymous().mutate(name, input, "user { email isEmailVerified }").await
}

async fn emails(app: &TestApp) -> Value {
    app.admin().await.send("{ users { nodes { email } } }", Value::Null).await.0["data"]["users"]["nodes"].clone()
}

#[tokio::test]
async fn an_account_is_made_by_the_link_of_a_mail_and_nobody_learns_who_has_one() {
    let (app, mailbox) = open("open").await;
    for (input, codes) in [
        (json!({"email": "ann", "password": PASSWORD}), vec!["INVALID_VALUE"]),
        (json!({"email": "ann@example.com", "password": "password123"}), vec!["WEAK_PASSWORD"]),
        (
            json!({"email": "", "password": "", "displayName": "\n"}),
            vec!["INVALID_VALUE", "INVALID_VALUE", "WEAK_PASSWORD"],
        ),
    ] {
        let refused = app.anonymous().mutate("signUp", input, "session { accessToken }").await;
        assert_eq!(refused.user_error_codes(), codes);
    }
    assert_eq!(app.queued_jobs().await, NONE);
    assert_eq!(sign_up(&app, " Ann@Example.com ").await.0, json!({"session": null, "userErrors": []}));
    assert_eq!(log_in(&app, "ann@example.com", PASSWORD).await.user_error_codes(), ["INVALID_CREDENTIALS"], "not yet");
    app.run_all_jobs().await;
    let [mail] = &mailbox.take()[..] else { panic!("one mail") };
    assert_eq!((mail.to.as_str(), mail.from.as_str()), ("ann@example.com", "Images <images@example.com>"));
    assert_eq!(mail.subject, "Confirm your email address");
    assert!(mail.text.contains(&app.url("/account/verify-email#token=")), "{}", mail.text);

    let token = mail.token();
    let (id, tag) = token.split_once('.').expect("an id");
    for forged in
        ["", ".", id, &format!("{id}."), &format!("{id}.AAAA"), &format!("{}.{tag}", uuid::Uuid::nil().simple())]
    {
        assert_eq!(
            use_link(&app, "verifyEmail", json!({}), forged).await.user_error_codes(),
            ["INVALID_TOKEN"],
            "{forged}"
        );
    }
    for (name, more) in
        [("resetPassword", json!({"newPassword": PASSWORD})), ("acceptInvitation", json!({"password": PASSWORD}))]
    {
        assert_eq!(
            use_link(&app, name, more, token).await.user_error_codes(),
            ["INVALID_TOKEN"],
            "it is for something else"
        );
    }
    assert_eq!(emails(&app).await, json!([{"email": "admin@localhost"}]));
    let wrong = use_link(&app, "verifyEmail", json!({"password": "another one, long enough"}), token).await;
    assert_eq!(wrong.user_error_codes(), ["INVALID_CREDENTIALS"], "somebody else may have signed up");
    assert_eq!(use_link(&app, "verifyEmail", json!({}), token).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    assert_eq!(emails(&app).await, json!([{"email": "admin@localhost"}]));
    let made = use_link(&app, "verifyEmail", json!({"password": PASSWORD}), token).await;
    assert_eq!(made.0["user"], json!({"email": "ann@example.com", "isEmailVerified": true}));
    assert_eq!(use_link(&app, "verifyEmail", json!({}), token).await.user_error_codes(), ["INVALID_TOKEN"], "once");
    assert_eq!(log_in(&app, "ann@example.com", PASSWORD).await.user_error_codes(), NONE);

    // Known or not, the answer is the same, and so is what the database is asked.
    let mut asked = Vec::new();
    for email in ["ann@example.com", "new@example.com"] {
        let recording = app.app.db.record();
        assert_eq!(sign_up(&app, email).await.0, json!({"session": null, "userErrors": []}));
        asked.push(recording.take().into_iter().map(|statement| statement.sql).collect::<Vec<_>>());
    }
    assert_eq!(asked[0], asked[1]);
    app.run_all_jobs().await;
    let mails = mailbox.take();
    assert_eq!(mails[0].subject, "You already have an account");
    assert!(!mails[0].text.contains("token"), "{}", mails[0].text);
    app.app.clock.advance(TimeDelta::hours(24));
    assert_eq!(
        use_link(&app, "verifyEmail", json!({}), mails[1].token()).await.user_error_codes(),
        ["INVALID_TOKEN"],
        "late"
    );
    app.sweep().await;
    assert_eq!(emails(&app).await, json!([{"email": "admin@localhost"}, {"email": "ann@example.com"}]));
}

#[tokio::test]
async fn a_server_that_is_closed_takes_neither_sign_ups_nor_invitations() {
    for (setting, invited) in [("closed", vec!["INVALID_STATE"]), ("invite", vec![])] {
        let (app, mailbox) = open(setting).await;
        assert_eq!(sign_up(&app, "ann@example.com").await.user_error_codes(), ["INVALID_STATE"]);
        let admin = app.admin().await;
        let invite = admin.mutate("inviteUser", json!({"email": "bob@example.com"}), "invitedEmail").await;
        assert_eq!(invite.user_error_codes(), invited);
        app.run_all_jobs().await;
        assert_eq!(mailbox.take().len(), usize::from(invited.is_empty()));
    }
}

#[tokio::test]
async fn who_is_invited_chooses_a_password_and_is_in_the_groups() {
    let (app, mailbox) = open("invite").await;
    let admin = app.admin().await;
    let made = admin
        .mutate("createGroup", json!({"name": "viewers", "permissions": ["VIEW_ANY_IMAGE"]}), "group { id }")
        .await;
    let viewers = made.0["group"]["id"].clone();
    let input = json!({"email": "Bob@Example.com", "groupIds": [viewers]});
    let ann = app.user("ann@example.com").await;
    assert_eq!(ann.mutate("inviteUser", input.clone(), "invitedEmail").await.error_code(), "FORBIDDEN");
    for (input, code) in
        [(json!({"email": "bob"}), "INVALID_VALUE"), (json!({"email": "ann@example.com"}), "EMAIL_TAKEN")]
    {
        assert_eq!(admin.mutate("inviteUser", input, "invitedEmail").await.user_error_codes(), [code]);
    }
    assert_eq!(app.queued_jobs().await, NONE);
    assert_eq!(admin.mutate("inviteUser", input, "invitedEmail").await.0["invitedEmail"], "bob@example.com");
    app.run_all_jobs().await;
    let mail = mailbox.take().remove(0);
    assert!(
        mail.text.contains("within 7 days") && mail.text.contains("/account/accept-invitation#token="),
        "{}",
        mail.text
    );
    let accept = json!({"password": "short"});
    assert_eq!(use_link(&app, "acceptInvitation", accept, mail.token()).await.user_error_codes(), ["WEAK_PASSWORD"]);
    let accept = json!({"password": PASSWORD, "displayName": "Bob"});
    let (one, two) = tokio::join!(
        use_link(&app, "acceptInvitation", accept.clone(), mail.token()),
        use_link(&app, "acceptInvitation", accept, mail.token())
    );
    let mut codes = [one.user_error_codes(), two.user_error_codes()];
    codes.sort_unstable();
    assert_eq!(codes, [vec![], vec!["INVALID_TOKEN"]], "of two at once one is first");
    let session = log_in(&app, "bob@example.com", PASSWORD).await;
    let bob = Client::new(app.url("/graphql"), Some(session.text("/session/accessToken").to_owned()));
    let me = bob.send("{ me { displayName permissions } }", Value::Null).await;
    assert_eq!(me.0["data"]["me"], json!({"displayName": "Bob", "permissions": ["VIEW_ANY_IMAGE"]}));
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_a_link_and_everything_that_was_open_ends() {
    let (app, mailbox) = open("closed").await;
    let (admin, program) = (app.admin().await, app.user("ann@example.com").await);
    let forget = async |email: &str| {
        app.anonymous()
            .mutate("requestPasswordReset", json!({"email": email}), "__typename")
            .await
            .user_error_codes()
            .len()
    };
    assert_eq!(forget("nobody@").await, 1);
    for email in ["ANN@example.com", "nobody@example.com"] {
        assert_eq!(forget(email).await, 0);
    }
    app.run_all_jobs().await;
    let mails = mailbox.take();
    assert_eq!(mails.len(), 1, "who has no account is not written to: {mails:?}");
    let mut socket = Socket::of(&app, &program).await;
    let weak = json!({"newPassword": "ann@example.com"});
    assert_eq!(use_link(&app, "resetPassword", weak, mails[0].token()).await.user_error_codes(), ["WEAK_PASSWORD"]);
    let set = json!({"newPassword": PASSWORD});
    let done = use_link(&app, "resetPassword", set.clone(), mails[0].token()).await;
    assert_eq!(done.0["user"], json!({"email": "ann@example.com", "isEmailVerified": true}));
    assert_eq!(socket.close_frame().await.0, 4403);
    assert_eq!(program.send("{ me { id } }", Value::Null).await.0["data"]["me"], Value::Null);
    assert_eq!(log_in(&app, "ann@example.com", PASSWORD).await.user_error_codes(), NONE);
    assert_eq!(
        use_link(&app, "resetPassword", set.clone(), mails[0].token()).await.user_error_codes(),
        ["INVALID_TOKEN"]
    );

    // Nobody fills somebody's mailbox.
    for _ in 0..5 {
        assert_eq!(forget("ann@example.com").await, 0);
    }
    app.run_all_jobs().await;
    let mails = mailbox.take_links();
    assert_eq!(mails.len(), 2, "with the one that was used");
    app.app.clock.advance(TimeDelta::hours(1));
    assert_eq!(
        use_link(&app, "resetPassword", set.clone(), mails[0].token()).await.user_error_codes(),
        ["INVALID_TOKEN"],
        "late"
    );
    assert_eq!(forget("ann@example.com").await, 0);
    app.run_all_jobs().await;
    let later = mailbox.take().remove(0);
    // Of several links the one that is used ends the others.
    assert_eq!(forget("ann@example.com").await, 0);
    app.run_all_jobs().await;
    let newer = mailbox.take().remove(0);
    assert_eq!(use_link(&app, "resetPassword", set.clone(), newer.token()).await.user_error_codes(), NONE);
    assert_eq!(use_link(&app, "resetPassword", set.clone(), later.token()).await.user_error_codes(), ["INVALID_TOKEN"]);
    assert_eq!(forget("ann@example.com").await, 0);
    app.run_all_jobs().await;
    let later = mailbox.take_links().remove(0);
    // An account that is closed stays closed.
    let users = admin.send(r#"{ users(prefix: "ann") { nodes { id } } }"#, Value::Null).await;
    let id = json!({"userId": users.0["data"]["users"]["nodes"][0]["id"]});
    admin.mutate("deactivateUser", id, "user { id }").await;
    assert_eq!(use_link(&app, "resetPassword", set, later.token()).await.user_error_codes(), ["INVALID_TOKEN"]);
    assert_eq!(forget("ann@example.com").await, 0);
    app.run_all_jobs().await;
    assert_eq!(mailbox.take().len(), 0);
}

#[tokio::test]
async fn an_address_is_confirmed_in_the_language_of_its_user() {
    let (app, mailbox) = open("closed").await;
    let mut ann = app.user("ann@example.com").await;
    let language = [("accept-language", "ko-KR,ko;q=0.9,en;q=0.8")]
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    ann.http = reqwest::Client::builder().default_headers(language.into_iter().collect()).build().expect("a client");
    ann.send("mutation { requestEmailVerification { userErrors { code } } }", Value::Null).await;
    app.run_all_jobs().await;
    let mail = mailbox.take().remove(0);
    assert_eq!(mail.subject, "이메일 주소를 확인해 주세요");
    assert!(mail.text.contains("24시간"), "{}", mail.text);
    let is_verified =
        async || ann.send("{ me { isEmailVerified } }", Value::Null).await.0["data"]["me"]["isEmailVerified"].clone();
    assert_eq!(is_verified().await, false);
    assert_eq!(use_link(&app, "verifyEmail", json!({}), mail.token()).await.user_error_codes(), NONE);
    assert_eq!(is_verified().await, true);
}

#[tokio::test]
async fn a_mail_waits_until_its_server_is_back() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("smtp://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let app =
        TestApp::start_with(&["--smtp-url", &url, "--mail-from", "images@example.com", "--sign-up", "open"]).await;
    assert_eq!(sign_up(&app, "ann@example.com").await.user_error_codes(), NONE);
    app.run_all_jobs().await;
    assert_eq!(app.queued_jobs().await, ["send_mail"], "it is tried again");
    app.app.clock.advance(TimeDelta::days(2));
    app.run_all_jobs().await;
    assert_eq!(app.queued_jobs().await, NONE, "until its link has ended");
}

#[tokio::test]
async fn who_signs_up_with_somebody_elses_address_neither_gets_their_account_nor_keeps_them_from_it() {
    let (app, mailbox) = open("open").await;
    let attacker = json!({"email": "ann@example.com", "password": "the attacker's own one"});
    for _ in 0..3 {
        assert_eq!(app.anonymous().mutate("signUp", attacker.clone(), "__typename").await.user_error_codes(), NONE);
    }
    // As many mails as there are in an hour; this one takes the place of the last of them.
    assert_eq!(sign_up(&app, "ann@example.com").await.user_error_codes(), NONE);
    app.run_all_jobs().await;
    let mails = mailbox.take();
    assert_eq!(mails.len(), 3);
    let password = json!({"password": PASSWORD});
    let tried = [&mails[0], &mails[1]].map(|mail| use_link(&app, "verifyEmail", password.clone(), mail.token()));
    for tried in tried {
        assert_eq!(tried.await.user_error_codes(), ["INVALID_CREDENTIALS"]);
    }
    assert_eq!(use_link(&app, "verifyEmail", password, mails[2].token()).await.user_error_codes(), NONE);
    assert_eq!(
        log_in(&app, "ann@example.com", "the attacker's own one").await.user_error_codes(),
        ["INVALID_CREDENTIALS"]
    );
    assert_eq!(log_in(&app, "ann@example.com", PASSWORD).await.user_error_codes(), NONE);
    let attackers =
        use_link(&app, "verifyEmail", json!({"password": "the attacker's own one"}), mails[0].token()).await;
    assert_eq!(attackers.user_error_codes(), ["INVALID_TOKEN"], "the address has its account");
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_author_may_do_when_it_is_accepted() {
    let (app, mailbox) = open("invite").await;
    let admin = app.admin().await;
    let input = json!({"name": "managers", "permissions": ["MANAGE_USERS", "VIEW_ANY_IMAGE"]});
    let managers = admin.mutate("createGroup", input, "group { id }").await.0["group"]["id"].clone();
    let ann = app.user("ann@example.com").await;
    let anns = ann.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
    admin.mutate("setUserGroups", json!({"userId": anns, "groupIds": [managers]}), "user { id }").await;
    for email in ["one@example.com", "two@example.com"] {
        let input = json!({"email": email, "groupIds": [managers]});
        assert_eq!(ann.mutate("inviteUser", input, "invitedEmail").await.user_error_codes(), NONE);
    }
    app.run_all_jobs().await;
    let mails = mailbox.take();
    // The group may do more than its author by now; then its author may do nothing any more.
    let more = json!({"groupId": managers, "permissions": ["MANAGE_USERS", "DELETE_ANY_IMAGE"]});
    admin.mutate("updateGroup", more, "group { id }").await;
    let accept = json!({"password": PASSWORD});
    assert_eq!(use_link(&app, "acceptInvitation", accept.clone(), mails[0].token()).await.user_error_codes(), NONE);
    admin.mutate("setUserGroups", json!({"userId": anns, "groupIds": []}), "user { id }").await;
    assert_eq!(
        use_link(&app, "acceptInvitation", accept, mails[1].token()).await.user_error_codes(),
        ["INVALID_TOKEN"]
    );
    assert_eq!(log_in(&app, "two@example.com", PASSWORD).await.user_error_codes(), ["INVALID_CREDENTIALS"]);
}

#[tokio::test]
async fn an_address_is_only_what_the_mail_goes_to() {
    let (app, mailbox) = open("open").await;
    for trick in [
        "x<victim@example.com>",
        "<victim@example.com>",
        "\"victim\"@example.com",
        "victim@example.com,1",
        "a..b@example.com",
    ] {
        assert_eq!(sign_up(&app, trick).await.user_error_codes(), ["INVALID_VALUE"], "{trick}");
        let reset = app.anonymous().mutate("requestPasswordReset", json!({"email": trick}), "__typename").await;
        assert_eq!(reset.user_error_codes(), ["INVALID_VALUE"], "{trick}");
    }
    app.run_all_jobs().await;
    assert_eq!(mailbox.take().len(), 0);
}
