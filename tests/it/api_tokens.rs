//! Tokens for programs: good for what they are for, until they end; and what it costs to know one.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures, socket::Socket};

const NONE: [&str; 0] = [];

#[tokio::test]
async fn a_token_for_a_program_does_what_it_is_for_and_nothing_else() {
    let app = TestApp::start().await;
    // The operator's command made this one, which is good for everything.
    let ann = app.user("ann@example.com").await;
    let make = async |scopes: &[&str]| {
        let expires_at = app.app.clock.now() + TimeDelta::days(30);
        let input = json!({"name": "bot", "scopes": scopes, "expiresAt": expires_at});
        let made = ann.mutate("createApiToken", input, "created { secret apiToken { id scopes lastUsedAt } }").await;
        assert_eq!(made.user_error_codes(), NONE);
        (
            Client::new(app.url("/graphql"), Some(made.text("/created/secret").to_owned())),
            made.0["created"]["apiToken"].clone(),
        )
    };
    let image = ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let id = image["id"].as_str().expect("an id");
    let operations = [
        ("READ", "{ images { totalCount } }".to_owned()),
        ("READ", format!("{{ image(id: \"{id}\") {{ id }} }}")),
        ("READ", "{ categories { id } }".to_owned()),
        ("UPLOAD", format!("mutation {{ completeUpload(input: {{imageId: \"{id}\"}}) {{ image {{ id }} }} }}")),
        ("UPLOAD", format!("mutation {{ renewUpload(input: {{imageId: \"{id}\"}}) {{ userErrors {{ code }} }} }}")),
        (
            "EDIT",
            format!("mutation {{ updateImage(input: {{imageId: \"{id}\", title: \"x\"}}) {{ image {{ id }} }} }}"),
        ),
        ("DELETE", format!("mutation {{ restoreImage(input: {{imageId: \"{id}\"}}) {{ userErrors {{ code }} }} }}")),
        ("ACCOUNT", "{ sessions { id } }".to_owned()),
        ("ACCOUNT", "{ apiTokens { id } }".to_owned()),
        ("ACCOUNT", "mutation { logOutEverywhere { userErrors { code } } }".to_owned()),
        ("ACCOUNT", r#"mutation { updateProfile(input: {displayName: "x"}) { user { id } } }"#.to_owned()),
    ];
    for scopes in [&["READ"][..], &["UPLOAD"], &["EDIT"], &["DELETE"], &["ADMINISTER"], &["READ", "UPLOAD"]] {
        let (program, made) = make(scopes).await;
        assert_eq!(made["scopes"], json!(scopes));
        for (scope, operation) in &operations {
            let answer = program.send(operation, Value::Null).await;
            let is_allowed = scopes.contains(scope);
            let code = answer.0["errors"][0]["extensions"]["code"].as_str();
            assert_eq!(code, (!is_allowed).then_some("FORBIDDEN"), "{scopes:?}: {operation}: {}", answer.0);
        }
        let users = program.send("{ users { nodes { id } } }", Value::Null).await;
        assert_eq!(users.error_code(), "FORBIDDEN", "a scope gives no permission that the user lacks");
    }
    let (program, made) = make(&["READ"]).await;
    assert_eq!(program.send("{ me { email } }", Value::Null).await.0["data"]["me"]["email"], "ann@example.com");
    let listed = ann.send("{ apiTokens { id lastUsedAt } }", Value::Null).await;
    let listed =
        listed.0["data"]["apiTokens"].as_array().expect("a list").iter().find(|one| one["id"] == made["id"]).cloned();
    assert!(listed.expect("the token")["lastUsedAt"].is_string());
    let bob = app.user("bob@example.com").await;
    let input = json!({"apiTokenId": made["id"]});
    assert_eq!(
        bob.mutate("revokeApiToken", input.clone(), "revokedApiTokenId").await.user_error_codes(),
        ["INVALID_TOKEN"]
    );
    let mut socket = Socket::of(&app, &program).await;
    assert_eq!(ann.mutate("revokeApiToken", input, "revokedApiTokenId").await.user_error_codes(), NONE);
    assert_eq!(socket.close_frame().await.0, 4403);
    assert_eq!(program.send("{ me { id } }", Value::Null).await.0["data"]["me"], Value::Null);
    let (program, _) = make(&["READ"]).await;
    program.send("mutation { logOut { userErrors { code } } }", Value::Null).await;
    assert_eq!(
        program.send("{ me { id } }", Value::Null).await.0["data"]["me"],
        Value::Null,
        "a program gives its token up"
    );
    let (program, _) = make(&["READ"]).await;
    app.app.clock.advance(TimeDelta::days(30));
    assert_eq!(program.send("{ me { id } }", Value::Null).await.0["data"]["me"], Value::Null, "it has expired");
    app.sweep().await;
}

#[tokio::test]
async fn a_request_with_a_known_token_asks_the_database_nothing_and_one_with_a_new_token_one_thing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let sent = async |client: &Client| {
        let recording = app.app.db.record();
        assert!(client.send("{ me { email } }", Value::Null).await.0["data"]["me"].is_object());
        recording.take()
    };
    // The first use of a token is noted.
    assert_eq!(sent(&ann).await.len(), 2);
    assert_eq!(sent(&ann).await.len(), 0);
    app.app.clock.advance(TimeDelta::seconds(2));
    assert_eq!(sent(&ann).await.len(), 1);
}
