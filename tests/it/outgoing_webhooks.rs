//! Webhooks: addresses of users are told of what happens to images. What comes is checked by a library of Standard Webhooks that was not
//! written here.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;

use crate::support::{
    TestApp,
    client::Client,
    mailbox::Mailbox,
    pictures,
    receiver::{Message, Receiver},
};

const NONE: [&str; 0] = [];
const KINDS: [&str; 4] = ["COMPLETED", "DESCRIBED", "TRASHED", "DELETED"];
const DELIVERIES: &str = "query($id: ID!) { webhookDeliveries(webhookId: $id, first: 100) { nodes { id type status attempts \
                          nextAttemptAt lastHttpStatus lastError imageId payload } } }";

/// A webhook's id and secret.
async fn create(client: &Client, receiver: &Receiver, more: Value) -> (String, String) {
    let mut input = json!({"url": receiver.url(), "kinds": KINDS});
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let created = client.mutate("createWebhook", input, "created { secret webhook { id isEnabled } }").await;
    assert_eq!(created.user_error_codes(), NONE);
    (created.text("/created/webhook/id").to_owned(), created.text("/created/secret").to_owned())
}

/// Has everything done that is due.
async fn settle(app: &TestApp) {
    app.run_all_jobs().await;
    app.app.services.webhooks.look().await.expect("a look");
    app.run_all_jobs().await;
}

async fn photo(app: &TestApp, client: &Client) -> String {
    let image = client.processed(app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    image["id"].as_str().expect("an id").to_owned()
}

async fn describe(client: &Client, image: &str, title: &str) {
    let updated = client.mutate("updateImage", json!({"imageId": image, "title": title}), "image { title }").await;
    assert_eq!(updated.user_error_codes(), NONE);
}

async fn deliveries(client: &Client, webhook: &str) -> Vec<Value> {
    let answer = client.send(DELIVERIES, json!({"id": webhook})).await;
    answer.0["data"]["webhookDeliveries"]["nodes"].as_array().unwrap_or_else(|| panic!("{}", answer.0)).clone()
}

async fn webhook(client: &Client) -> Value {
    let fields = "{ webhooks { id isEnabled disabled { reason } failingSince isReplaying url kinds images } }";
    client.send(fields, Value::Null).await.0["data"]["webhooks"][0].clone()
}

/// Whether a message is signed by a secret. The held clock is not today's, which the library compares with.
fn is_signed(message: &Message, secret: &str) -> bool {
    let verifier = Verifier::new(secret).expect("a secret");
    let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp").parse().expect("a time"));
    let signature = verifier.sign(id, at, &message.body).expect("a signature");
    message.header("webhook-signature").split(' ').any(|one| one == signature)
}

#[tokio::test]
async fn whoever_asks_is_told_of_their_own_images_and_of_the_kinds_they_chose() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let receiver = Receiver::open().await;
    let before = photo(&app, &ann).await;
    let (id, secret) = create(&ann, &receiver, json!({"kinds": ["COMPLETED", "DELETED"]})).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    settle(&app).await;
    assert!(receiver.take().is_empty(), "what happened before it was there");

    let image = photo(&app, &ann).await;
    photo(&app, &bob).await;
    describe(&ann, &image, "Not told").await;
    settle(&app).await;
    let [message] = &receiver.take()[..] else { panic!("one message") };
    assert!(is_signed(message, &secret) && !is_signed(message, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_eq!(message.header("content-type"), "application/json");
    let told = message.json();
    assert_eq!(told["type"], "image.completed");
    assert!(told["timestamp"].as_str().is_some_and(|at| at.parse::<DateTime<Utc>>().is_ok()));
    let data = &told["data"];
    assert_eq!((&data["imageId"], &data["image"]["id"]), (&json!(image), &json!(image)));
    assert_eq!((&data["image"]["status"], &data["image"]["filename"]), (&json!("COMPLETED"), &json!("a.jpg")));
    assert_eq!(
        data["image"]["width"].as_u64().zip(data["image"]["height"].as_u64()).map(|(w, h)| w > 0 && h > 0),
        Some(true)
    );
    assert!(!message.json().to_string().contains("X-Amz"), "nothing in it opens the file");

    for one in [&before, &image] {
        let deleted = ann.mutate("deleteImage", json!({"imageId": one}), "deletedImageId").await;
        assert_eq!(deleted.user_error_codes(), NONE);
    }
    settle(&app).await;
    let messages = receiver.take();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message.json()["data"]["image"].is_null() && is_signed(message, &secret)));
    let all = deliveries(&ann, &id).await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one["status"] == "DELIVERED" && one["attempts"] == 1 && one["lastHttpStatus"] == 200));
    let ids: std::collections::HashSet<&str> = all.iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(ids.len() == 3 && messages.iter().all(|message| ids.contains(message.header("webhook-id"))));
}

#[tokio::test]
async fn everybodys_images_are_for_those_who_may_see_them_and_as_long_as_they_may() {
    let app = TestApp::start().await;
    let (admin, ann) = (app.admin().await, app.user("ann@example.com").await);
    let receiver = Receiver::open().await;
    let all = json!({"url": receiver.url(), "kinds": KINDS, "images": "ALL"});
    let refused = ann.mutate("createWebhook", all.clone(), "created { secret }").await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
    let group = json!({"name": "editors", "permissions": ["VIEW_ANY_IMAGE"]});
    let group = admin.mutate("createGroup", group, "group { id }").await.text("/group/id").to_owned();
    let bob = app.user("bob@example.com").await;
    let me = bob.send("{ me { id } }", Value::Null).await.text("/data/me/id").to_owned();
    let set = async |groups: Value| {
        let set = admin.mutate("setUserGroups", json!({"userId": me, "groupIds": groups}), "user { id }").await;
        assert_eq!(set.user_error_codes(), NONE);
        // Who asks is remembered for a second.
        app.app.clock.advance(TimeDelta::seconds(2));
    };
    set(json!([group])).await;
    let (id, _) = create(&bob, &receiver, json!({"images": "ALL"})).await;
    photo(&app, &ann).await;
    settle(&app).await;
    assert_eq!(receiver.types(), ["image.completed"]);

    receiver.answer(StatusCode::INTERNAL_SERVER_ERROR);
    photo(&app, &ann).await;
    settle(&app).await;
    assert_eq!(receiver.types(), ["image.completed"]);
    set(json!([])).await;
    receiver.answer(StatusCode::OK);
    photo(&app, &ann).await;
    app.app.clock.advance(TimeDelta::hours(1));
    settle(&app).await;
    assert_eq!(receiver.types(), NONE, "neither what is new nor what was on its way");
    assert_eq!(deliveries(&bob, &id).await.iter().filter(|one| one["status"] == "FAILED").count(), 1);

    let receiver = Receiver::open().await;
    create(&ann, &receiver, json!({})).await;
    let image = photo(&app, &ann).await;
    settle(&app).await;
    assert_eq!(receiver.types(), ["image.completed"]);
    describe(&ann, &image, "On its way").await;
    let ann_id = ann.send("{ me { id } }", Value::Null).await.text("/data/me/id").to_owned();
    assert_eq!(admin.mutate("deactivateUser", json!({"userId": ann_id}), "user { id }").await.user_error_codes(), NONE);
    settle(&app).await;
    assert_eq!(receiver.types(), NONE, "nothing goes out for who is shut out");
}

#[tokio::test]
async fn what_is_not_taken_comes_again_until_it_is() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    let (id, secret) = create(&ann, &receiver, json!({})).await;
    receiver.answer(StatusCode::SERVICE_UNAVAILABLE);
    photo(&app, &ann).await;
    settle(&app).await;
    settle(&app).await;
    let first = receiver.take();
    assert_eq!(first.len(), 1, "it is not sent again at once");
    for (pause, attempts) in [(TimeDelta::seconds(6), 2), (TimeDelta::minutes(5), 3), (TimeDelta::minutes(30), 4)] {
        let waiting = deliveries(&ann, &id).await;
        assert_eq!((&waiting[0]["status"], &waiting[0]["attempts"]), (&json!("PENDING"), &json!(attempts - 1)));
        assert_eq!(waiting[0]["lastHttpStatus"], 503);
        app.app.clock.advance(pause);
        settle(&app).await;
        let again = receiver.take();
        assert_eq!(again.len(), 1, "attempt {attempts}");
        assert_eq!(again[0].header("webhook-id"), first[0].header("webhook-id"));
        assert!(again[0].body == first[0].body && is_signed(&again[0], &secret));
        assert_ne!(again[0].header("webhook-timestamp"), first[0].header("webhook-timestamp"));
    }
    assert!(webhook(&ann).await["failingSince"].is_string());

    receiver.answer(StatusCode::NO_CONTENT);
    photo(&app, &ann).await;
    app.app.clock.advance(TimeDelta::minutes(5));
    settle(&app).await;
    assert_eq!(receiver.types(), ["image.completed"], "what is new waits for nothing that failed");
    app.app.clock.advance(TimeDelta::hours(2));
    settle(&app).await;
    assert_eq!(receiver.types(), ["image.completed"]);
    let all = deliveries(&ann, &id).await;
    assert!(all.len() == 2 && all.iter().all(|one| one["status"] == "DELIVERED"), "{all:?}");
    assert!(webhook(&ann).await["failingSince"].is_null());
}

#[tokio::test]
async fn who_takes_nothing_for_three_days_is_put_aside_and_told_and_gets_what_was_missed() {
    let mailbox = Mailbox::open();
    let flags = mailbox.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let app = TestApp::start_with(&flags).await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    let (id, _) = create(&ann, &receiver, json!({})).await;
    let began = app.app.clock.now();
    receiver.answer(StatusCode::INTERNAL_SERVER_ERROR);
    photo(&app, &ann).await;
    let (mut attempts, mut ann) = (0, ann);
    while webhook(&ann).await["isEnabled"] == json!(true) {
        settle(&app).await;
        attempts += receiver.take().len();
        app.app.clock.advance(TimeDelta::hours(1));
        // Tokens end after a day.
        ann = app.user("ann@example.com").await;
        assert!(app.app.clock.now() - began < TimeDelta::days(5), "it is put aside at some time");
        if attempts == 3 {
            // Another one, so that there is something to be sent at the end.
            describe(&ann, &photo(&app, &ann).await, "Two").await;
            attempts += 1;
        }
    }
    assert_eq!(webhook(&ann).await["disabled"]["reason"], "FAILING");
    assert!((app.app.clock.now() - began).num_hours() >= 72 && (8..60).contains(&attempts), "{attempts}");
    let mails = mailbox.take();
    assert!(mails.len() == 1 && mails[0].subject.starts_with("A webhook was disabled"), "{mails:?}");
    assert!(deliveries(&ann, &id).await.iter().all(|one| one["status"] == "FAILED"));

    photo(&app, &ann).await;
    app.app.clock.advance(TimeDelta::hours(20));
    settle(&app).await;
    assert_eq!(receiver.types(), NONE, "nothing is sent there any more");
    let refused = ann.mutate("testWebhook", json!({"webhookId": id}), "delivery { id }").await;
    assert_eq!(refused.user_error_codes(), ["INVALID_STATE"]);

    receiver.answer(StatusCode::OK);
    let enabled =
        ann.mutate("updateWebhook", json!({"webhookId": id, "isEnabled": true}), "webhook { isEnabled }").await;
    assert_eq!(enabled.0["webhook"]["isEnabled"], true);
    settle(&app).await;
    assert_eq!(receiver.types(), NONE, "from now on alone, unless it is asked for");
    let replayed =
        ann.mutate("replayWebhook", json!({"webhookId": id, "since": began}), "webhook { isReplaying }").await;
    assert_eq!(replayed.0["webhook"]["isReplaying"], true);
    settle(&app).await;
    let types = receiver.types();
    assert_eq!(types.iter().filter(|kind| *kind == "image.completed").count(), 3, "{types:?}");
    assert_eq!(types.iter().filter(|kind| *kind == "image.described").count(), 1, "{types:?}");
    assert_eq!(webhook(&ann).await["isReplaying"], false);
    assert!(deliveries(&ann, &id).await.iter().all(|one| one["status"] == "DELIVERED"));

    let one = deliveries(&ann, &id).await[0]["id"].clone();
    let again = json!({"webhookId": id, "deliveryId": one});
    assert_eq!(ann.mutate("replayWebhook", again, "webhook { id }").await.user_error_codes(), NONE);
    settle(&app).await;
    let [message] = &receiver.take()[..] else { panic!("one message") };
    assert_eq!(json!(message.header("webhook-id")), one);
}

#[tokio::test]
async fn an_address_that_is_gone_is_never_asked_again() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    let (id, _) = create(&ann, &receiver, json!({})).await;
    receiver.answer(StatusCode::GONE);
    let tested = ann.mutate("testWebhook", json!({"webhookId": id}), "delivery { type status }").await;
    assert_eq!(tested.0["delivery"], json!({"type": "webhook.test", "status": "PENDING"}));
    settle(&app).await;
    assert_eq!(receiver.types(), ["webhook.test"]);
    assert_eq!(webhook(&ann).await["disabled"]["reason"], "GONE");
    photo(&app, &ann).await;
    app.app.clock.advance(TimeDelta::days(1));
    settle(&app).await;
    assert_eq!(receiver.types(), NONE);
}

#[tokio::test]
async fn a_new_secret_and_the_one_before_sign_for_a_day() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    let (id, old) = create(&ann, &receiver, json!({})).await;
    let rotated = ann.mutate("rotateWebhookSecret", json!({"webhookId": id}), "rotated { secret }").await;
    let new = rotated.text("/rotated/secret");
    assert_ne!(new, old);
    for (later, signs) in [(TimeDelta::zero(), (true, true)), (TimeDelta::hours(25), (true, false))] {
        app.app.clock.advance(later);
        // The token of before has ended.
        let ann = app.user("ann@example.com").await;
        let tested = ann.mutate("testWebhook", json!({"webhookId": id}), "delivery { id }").await;
        assert_eq!(tested.user_error_codes(), NONE);
        settle(&app).await;
        let [message] = &receiver.take()[..] else { panic!("one message") };
        assert_eq!((is_signed(message, new), is_signed(message, &old)), signs);
    }
}

#[tokio::test]
async fn an_event_is_sent_once_however_many_look() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    let (id, _) = create(&ann, &receiver, json!({})).await;
    let image = photo(&app, &ann).await;
    for number in 0..30 {
        describe(&ann, &image, &format!("Title {number}")).await;
    }
    let webhooks = &app.app.services.webhooks;
    let (one, other, third) = tokio::join!(webhooks.dispatch(), webhooks.dispatch(), webhooks.dispatch());
    assert!(one.is_ok() && other.is_ok() && third.is_ok());
    settle(&app).await;
    let messages = receiver.take();
    let ids: std::collections::HashSet<&str> = messages.iter().map(|message| message.header("webhook-id")).collect();
    assert_eq!((messages.len(), ids.len()), (31, 31));
    let cursors: Vec<String> = messages.iter().map(|message| message.json()["data"]["cursor"].to_string()).collect();
    assert!(cursors.is_sorted(), "one webhook is told in order: {cursors:?}");
    let first: Value = ann
        .send("query($id: ID!) { webhookDeliveries(webhookId: $id, first: 20) { nodes { id } pageInfo { hasNextPage endCursor } } }", json!({"id": id}))
        .await
        .0["data"]["webhookDeliveries"]
        .clone();
    let query = "query($id: ID!, $after: String) { webhookDeliveries(webhookId: $id, first: 20, after: $after) { nodes { id } } }";
    let rest = ann.send(query, json!({"id": id, "after": first["pageInfo"]["endCursor"]})).await;
    let pages = [&first["nodes"], &rest.0["data"]["webhookDeliveries"]["nodes"]];
    let listed: std::collections::HashSet<String> =
        pages.iter().flat_map(|page| page.as_array().expect("nodes")).map(|node| node["id"].to_string()).collect();
    assert_eq!(listed.len(), 31);
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let receiver = Receiver::open().await;
    let long = "x".repeat(256);
    for (change, codes) in [
        (json!({"kinds": []}), vec!["INVALID_VALUE"]),
        (json!({"kinds": ["UNKNOWN"]}), vec!["INVALID_VALUE"]),
        (json!({"description": long, "url": "nonsense"}), vec!["INVALID_VALUE", "TOO_LONG"]),
        (json!({"description": "a\u{0}b"}), vec!["INVALID_VALUE"]),
        (json!({"url": format!("https://example.com/{}", "x".repeat(2000))}), vec!["TOO_LONG"]),
        (json!({"url": format!("https://example.com/{}", "é".repeat(700))}), vec!["TOO_LONG"]),
    ] {
        let mut input = json!({"url": receiver.url(), "kinds": KINDS});
        input.as_object_mut().expect("an object").extend(change.as_object().cloned().unwrap_or_default());
        let refused = ann.mutate("createWebhook", input, "created { secret }").await;
        assert_eq!(refused.user_error_codes(), codes, "{change}");
    }
    assert_eq!(webhook(&ann).await, Value::Null);

    let (id, _) = create(&ann, &receiver, json!({})).await;
    let long_ago = "2020-01-01T00:00:00Z";
    for (name, input, selection) in [
        ("updateWebhook", json!({"webhookId": id, "url": "https://example.com/"}), "webhook { id }"),
        ("rotateWebhookSecret", json!({"webhookId": id}), "rotated { secret }"),
        ("testWebhook", json!({"webhookId": id}), "delivery { id }"),
        ("replayWebhook", json!({"webhookId": id, "since": long_ago}), "webhook { id }"),
        ("deleteWebhook", json!({"webhookId": id}), "deletedWebhookId"),
    ] {
        assert_eq!(bob.mutate(name, input, selection).await.user_error_codes(), ["WEBHOOK_NOT_FOUND"], "{name}");
    }
    let theirs = bob.send(DELIVERIES, json!({"id": id})).await;
    assert_eq!(theirs.0["data"]["webhookDeliveries"], Value::Null);
    settle(&app).await;
    assert_eq!(receiver.types(), NONE);
    assert_eq!(webhook(&ann).await["url"], receiver.url());

    let backwards = json!({"webhookId": id, "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"});
    assert_eq!(ann.mutate("replayWebhook", backwards, "webhook { id }").await.user_error_codes(), ["INVALID_VALUE"]);
    // The earliest moment that there is in the type.
    let earliest = json!({"webhookId": id, "since": "-262143-01-01T00:00:00Z"});
    assert_eq!(ann.mutate("replayWebhook", earliest, "webhook { id }").await.user_error_codes(), NONE);
    settle(&app).await;
    let both = json!({"webhookId": id, "since": long_ago, "deliveryId": id});
    assert_eq!(ann.mutate("replayWebhook", both, "webhook { id }").await.error_code(), "BAD_USER_INPUT");
    let unknown = json!({"webhookId": id, "deliveryId": id});
    assert_eq!(ann.mutate("replayWebhook", unknown, "webhook { id }").await.user_error_codes(), ["WEBHOOK_NOT_FOUND"]);
    for _ in 0..19 {
        create(&ann, &receiver, json!({})).await;
    }
    let one_more = json!({"url": receiver.url(), "kinds": KINDS});
    let refused = ann.mutate("createWebhook", one_more, "created { secret }").await;
    assert_eq!(refused.user_error_codes(), ["QUOTA_EXCEEDED"]);
    let deleted = ann.mutate("deleteWebhook", json!({"webhookId": id}), "deletedWebhookId").await;
    assert_eq!(deleted.text("/deletedWebhookId"), id);
    assert_eq!(ann.send(DELIVERIES, json!({"id": id})).await.0["data"]["webhookDeliveries"], Value::Null);
}
