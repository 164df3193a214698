//! Where webhooks do not lead: into the network of the server, however the address is written.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, receiver::Receiver, until};

/// A network that nothing is in, so that nothing else is allowed.
const NOTHING: [&str; 2] = ["--webhook-networks", "203.0.113.7"];

/// What is refused at once.
const FORBIDDEN: [&str; 44] = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "data:text/plain,x",
    "https://",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com/#fragment",
    "https://example.com:0/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://\u{ff11}27.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255:8443/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://192.0.0.170/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[ff02::1]/",
];

async fn try_to_create(client: &Client, url: &str) -> (Vec<String>, Value) {
    let input = json!({"url": url, "kinds": ["COMPLETED"]});
    let answer = client.mutate("createWebhook", input, "created { webhook { id } }").await;
    (answer.user_error_codes().into_iter().map(str::to_owned).collect(), answer.0["created"]["webhook"]["id"].clone())
}

/// What came of a test, after everything that is due was done.
async fn tested(app: &TestApp, client: &Client, id: &Value) -> Value {
    let tested = client.mutate("testWebhook", json!({"webhookId": id}), "delivery { id }").await;
    assert_eq!(tested.user_error_codes(), [] as [&str; 0]);
    app.app.clock.advance(TimeDelta::minutes(10));
    app.run_all_jobs().await;
    let query =
        "query($id: ID!) { webhookDeliveries(webhookId: $id) { nodes { status attempts lastError lastHttpStatus } } }";
    let mut outcome = Value::Null;
    // Somebody else may run the job.
    until("an attempt", async || {
        outcome = client.send(query, json!({"id": id})).await.0["data"]["webhookDeliveries"]["nodes"][0].clone();
        outcome["attempts"] != 0
    })
    .await;
    outcome
}

#[tokio::test]
async fn addresses_around_the_server_are_refused_however_they_are_written() {
    let app = TestApp::start_with(&NOTHING).await;
    let ann = app.user("ann@example.com").await;
    for url in FORBIDDEN {
        let allowed = url == "http://example.com/";
        let (codes, id) = try_to_create(&ann, url).await;
        if allowed {
            // A network is allowed, so that a name may lead there; this one does not.
            assert_eq!(codes, [] as [&str; 0], "{url}");
            let outcome = tested(&app, &ann, &id).await;
            assert!(
                ["FORBIDDEN", "UNKNOWN_HOST"].contains(&outcome["lastError"].as_str().expect("an error")),
                "{outcome}"
            );
        } else {
            assert_eq!(codes, ["INVALID_VALUE"], "{url}");
        }
    }
    let listed = ann.send("{ webhooks { id } }", Value::Null).await;
    assert_eq!(listed.0["data"]["webhooks"].as_array().map(Vec::len), Some(1), "nothing else was kept");
}

#[tokio::test]
async fn a_name_that_leads_into_the_servers_network_is_not_followed() {
    let app = TestApp::start_with(&NOTHING).await;
    let ann = app.user("ann@example.com").await;
    let receiver = Receiver::open().await;
    for scheme in ["http", "https"] {
        let (codes, id) = try_to_create(&ann, &format!("{scheme}://localhost:{}/", receiver.address.port())).await;
        assert_eq!(codes, [] as [&str; 0]);
        let outcome = tested(&app, &ann, &id).await;
        assert_eq!(
            outcome,
            json!({"status": "PENDING", "attempts": 1, "lastError": "FORBIDDEN", "lastHttpStatus": null})
        );
    }
    assert!(receiver.take().is_empty(), "nobody came");
}

/// What the operator allows can change: what leads to where nothing is sent any more can still be changed and disabled.
#[tokio::test]
async fn what_leads_where_nothing_may_be_sent_any_more_can_be_disabled() {
    let app = TestApp::start_with(&NOTHING).await;
    let ann = app.user("ann@example.com").await;
    let (_, id) = try_to_create(&ann, "https://example.com/").await;
    let sql = "UPDATE webhook SET url = 'http://127.0.0.1:9/'";
    sea_orm::ConnectionTrait::execute_unprepared(app.app.db.conn(), sql).await.expect("an update");
    for (change, codes) in [
        (json!({"webhookId": id, "url": "http://127.0.0.1:9/"}), vec!["INVALID_VALUE"]),
        (json!({"webhookId": id, "description": "moved"}), vec![]),
        (json!({"webhookId": id, "isEnabled": false}), vec![]),
    ] {
        let changed = ann.mutate("updateWebhook", change.clone(), "webhook { isEnabled }").await;
        assert_eq!(changed.user_error_codes(), codes, "{change}");
    }
    let listed = ann.send("{ webhooks { isEnabled description } }", Value::Null).await;
    assert_eq!(listed.0["data"]["webhooks"], json!([{"isEnabled": false, "description": "moved"}]));
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (receiver, other) = (Receiver::open().await, Receiver::open().await);
    receiver.redirect(other.url());
    let (_, id) = try_to_create(&ann, &receiver.url()).await;
    let outcome = tested(&app, &ann, &id).await;
    assert_eq!(outcome, json!({"status": "PENDING", "attempts": 1, "lastError": null, "lastHttpStatus": 307}));
    assert_eq!((receiver.take().len(), other.take().len()), (1, 0));
}

#[tokio::test]
async fn who_does_not_answer_keeps_nobody_else_waiting() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    // Connections are made, and nobody ever reads from them.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (_, id) = try_to_create(&ann, &format!("http://{}/", silent.local_addr().expect("an address"))).await;
    let receiver = Receiver::open().await;
    let (_, theirs) = try_to_create(&bob, &receiver.url()).await;
    let (silent_outcome, outcome) = tokio::join!(tested(&app, &ann, &id), tested(&app, &bob, &theirs));
    assert_eq!(outcome["status"], "DELIVERED");
    assert_eq!(silent_outcome["lastError"], "TIMED_OUT");
}
