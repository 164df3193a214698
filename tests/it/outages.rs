//! The database or the storage is away: who needs it is told so, soon and with when to try again; and it heals by itself.

use chrono::TimeDelta;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    TestApp, database_elsewhere,
    network::{Path, State},
    pictures,
    skip::is_skipped,
    unreliable::{Fails, Unreliable},
    until,
};

/// The code of an answer that says to try again, and its message.
async fn put_off(answer: Response) -> (String, String) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds = answer.headers()["retry-after"].to_str().expect("a text").parse::<u64>().expect("seconds");
    assert!((1..60).contains(&seconds));
    let body: Value = answer.json().await.expect("JSON");
    let error = &body["errors"][0];
    assert_eq!(error["extensions"]["retryAfter"], seconds, "{body}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

async fn send(app: &TestApp, token: &str, query: &str, variables: Value) -> Response {
    let request = reqwest::Client::new().post(app.url("/graphql")).bearer_auth(token);
    request.json(&json!({"query": query, "variables": variables})).send().await.expect("an answer")
}

async fn assert_said_and_healed(app: &TestApp, path: &Path, state: State) {
    let ann = app.user("ann@example.com").await;
    let token = ann.token.clone().expect("a token");
    let query = "{ images { totalCount } }";
    path.set(state);
    let (code, message) = put_off(send(app, &token, query, Value::Null).await).await;
    assert_eq!(code, "DATABASE_UNAVAILABLE", "{message}");
    assert!(!message.contains("127.0.0.1"), "where it is, is nobody's business: {message}");
    let input = json!({"input": {"name": "Never"}});
    let mutation = "mutation($input: CreateCategoryInput!) { createCategory(input: $input) { category { id } } }";
    until("a refusal without a question to the database", async || {
        let (code, message) = put_off(send(app, &token, mutation, input.clone()).await).await;
        code == "DATABASE_UNAVAILABLE" && message.contains("Nothing was changed")
    })
    .await;
    path.mend();
    until("the database again", async || send(app, &token, query, Value::Null).await.status().is_success()).await;
    let categories = ann.send("{ categories { name } }", Value::Null).await;
    assert!(!categories.0.to_string().contains("Never"), "{}", categories.0);
}

#[tokio::test]
async fn the_database_being_away_is_said_at_once_and_heals() {
    let database = database_elsewhere().await.pop();
    if is_skipped(database.is_some(), "PostgreSQL") {
        return;
    }
    let url: url::Url = database.expect("a database").parse().expect("a URL");
    let target = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let path = Path::to(Some(target.parse().expect("an address"))).await;
    let url = url.as_str().replace(&target, &path.address.to_string());
    let app = TestApp::start_with(&["--database-url", &url]).await;
    for state in [State::Cut, State::Stalled] {
        assert_said_and_healed(&app, &path, state).await;
    }
}

#[tokio::test]
async fn a_storage_that_is_away_is_not_asked_again_and_again_and_heals() {
    let storage = Unreliable::start().await;
    let app = TestApp::start_with(&storage.flags()).await;
    let ann = app.user("ann@example.com").await;
    let token = ann.token.clone().expect("a token");
    let photo = pictures::small_jpeg();
    let mut tickets = Vec::new();
    for _ in 0..3 {
        let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
        storage.store(&ticket, &photo).await;
        tickets.push(ticket.image);
    }

    storage.set(Fails::Always);
    let mutation = "mutation($id: ID!) { completeUpload(input: {imageId: $id}) { image { status } } }";
    let complete = async |image: &str| send(&app, &token, mutation, json!({"id": image})).await;
    // One object that cannot be read says nothing of the others.
    let mut failures = 0;
    for _ in 0..4 {
        assert_eq!(put_off(complete(&tickets[0]).await).await.0, "STORAGE_UNAVAILABLE");
        assert!(storage.failures() > failures, "it was asked");
        failures = storage.failures();
    }
    for image in &tickets {
        assert_eq!(put_off(complete(image).await).await.0, "STORAGE_UNAVAILABLE");
    }
    failures = storage.failures();
    for image in &tickets {
        assert_eq!(put_off(complete(image).await).await.0, "STORAGE_UNAVAILABLE");
    }
    assert_eq!(storage.failures(), failures, "nobody asked it again");
    // Tickets need no storage that answers.
    let other = ann.ticket("b.jpg", "image/jpeg", photo.len()).await;

    storage.set(Fails::Never);
    assert!(other.post(photo).await.is_success());
    app.app.clock.advance(TimeDelta::seconds(2));
    for image in &tickets {
        assert!(complete(image).await.status().is_success());
    }
    app.run_all_jobs().await;
    assert_eq!(ann.image(&tickets[0]).await["status"], "COMPLETED");
}
