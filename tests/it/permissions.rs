//! Who may do what: every operation of the schema, as everybody who might ask, beside docs/permissions.md.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, pictures, socket::Socket};

/// Every operation that wants somebody.
pub const OPERATIONS: [&str; 84] = [
    "{ categories { id } }",
    "{ images { totalCount } }",
    "{ imageStats { totalImages } }",
    "{ imageChangesCursor }",
    "{ tags { tag } }",
    "{ trash { totalCount } }",
    "{ trashRetention }",
    r#"{ image(id: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { id } }"#,
    r#"{ node(id: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { id } }"#,
    r#"mutation { requestUpload(input: {filename: "a.jpg", contentType: "image/jpeg", fileSize: 1,
        categoryId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { upload { url } } }"#,
    r#"mutation { requestMultipartUpload(input: {filename: "a.jpg", contentType: "image/jpeg", fileSize: 1,
        categoryId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { multipartUpload { partCount } } }"#,
    r#"mutation { signUploadParts(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", partNumbers: [1]}) { parts { url } } }"#,
    r#"{ uploadedParts(imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { partNumber } }"#,
    r#"mutation { renewUpload(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { upload { url } } }"#,
    r#"mutation { reportUploadProgress(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", bytesUploaded: 1})
        { image { id } } }"#,
    r#"mutation { completeUpload(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { image { id } } }"#,
    r#"mutation { cancelUpload(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { cancelledImageId } }"#,
    r#"mutation { deleteImage(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { deletedImageId } }"#,
    r#"mutation { updateImage(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", title: "x"}) { image { id } } }"#,
    r#"mutation { updateImages(input: {imageIds: ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]}) { results { imageId } } }"#,
    r#"mutation { deleteImages(input: {imageIds: ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]}) { results { imageId } } }"#,
    r#"mutation { restoreImage(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { image { id } } }"#,
    r#"mutation { generateVariants(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { image { id } } }"#,
    r#"mutation { createCategory(input: {name: "x"}) { category { id } } }"#,
    r#"mutation { updateCategory(input: {categoryId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { category { id } } }"#,
    "{ regeneration { id } }",
    "mutation { regenerateVariants(input: {}) { regeneration { id } } }",
    "mutation { cancelRegeneration { regeneration { id } } }",
    "mutation { logOut { userErrors { code } } }",
    "mutation { logOutEverywhere { userErrors { code } } }",
    "{ sessions { id } }",
    "{ apiTokens { id } }",
    "{ users { nodes { id } } }",
    "{ groups { id } }",
    r#"mutation { revokeSession(input: {sessionId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { revokedSessionId } }"#,
    r#"mutation { changePassword(input: {currentPassword: "x", newPassword: "a good one, long enough"}) { user { id } } }"#,
    r#"mutation { createApiToken(input: {name: "x", scopes: [READ], expiresAt: "2026-12-01T00:00:00Z"})
        { created { secret } } }"#,
    r#"mutation { revokeApiToken(input: {apiTokenId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { revokedApiTokenId } }"#,
    "mutation { requestEmailVerification { userErrors { code } } }",
    r#"mutation { inviteUser(input: {email: "x@example.com"}) { invitedEmail } }"#,
    r#"mutation { updateProfile(input: {displayName: "x"}) { user { id } } }"#,
    r#"mutation { createUser(input: {email: "x@example.com"}) { user { id } } }"#,
    r#"mutation { setUserGroups(input: {userId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", groupIds: []}) { user { id } } }"#,
    r#"mutation { deactivateUser(input: {userId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { user { id } } }"#,
    r#"mutation { reactivateUser(input: {userId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { user { id } } }"#,
    r#"mutation { createGroup(input: {name: "x", permissions: []}) { group { id } } }"#,
    r#"mutation { updateGroup(input: {groupId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { group { id } } }"#,
    r#"mutation { deleteGroup(input: {groupId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { deletedGroupId } }"#,
    "{ avatarCategory { id } }",
    "{ dataExports { id } }",
    "{ auditLog { nodes { id } } }",
    "mutation { setAvatar(input: {}) { user { id } } }",
    "mutation { exportMyData { dataExport { id } } }",
    r#"mutation { deleteMyAccount(input: {password: "x"}) { user { id } } }"#,
    r#"mutation { beginTotp(input: {password: "x"}) { totp { secret } } }"#,
    r#"mutation { confirmTotp(input: {code: "x"}) { recoveryCodes } }"#,
    r#"mutation { disableTotp(input: {password: "x", code: "x"}) { user { id } } }"#,
    "{ passkeys { id } }",
    "mutation { beginPasskey(input: {}) { passkeyChallenge { challenge } } }",
    r#"mutation { addPasskey(input: {challenge: "x", credential: {}, name: "x"}) { passkey { id } } }"#,
    r#"mutation { removePasskey(input: {passkeyId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { removedPasskeyId } }"#,
    "mutation { cancelAccountDeletion { user { id } } }",
    r#"mutation { deleteUser(input: {userId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", images: DELETE}) { user { id } } }"#,
    r#"{ album(id: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { id } }"#,
    "{ albums { nodes { id } } }",
    "{ sharedWithMe { nodes { id } } }",
    r#"mutation { createAlbum(input: {name: "x"}) { album { id } } }"#,
    r#"mutation { updateAlbum(input: {albumId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { album { id } } }"#,
    r#"mutation { addImagesToAlbum(input: {albumId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", imageIds: ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]}) { album { id } } }"#,
    r#"mutation { removeImagesFromAlbum(input: {albumId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", imageIds: ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]}) { album { id } } }"#,
    r#"mutation { moveImagesInAlbum(input: {albumId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", imageIds: ["0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"]}) { album { id } } }"#,
    r#"mutation { deleteAlbum(input: {albumId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { deletedAlbumId } }"#,
    r#"mutation { share(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", email: "x@example.com"}) { share { id } } }"#,
    r#"mutation { unshare(input: {shareId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { removedShareId } }"#,
    r#"mutation { createShareLink(input: {imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { shareLink { id } } }"#,
    r#"mutation { revokeShareLink(input: {shareLinkId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { revokedShareLinkId } }"#,
    "{ webhooks { id } }",
    r#"{ webhookDeliveries(webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { nodes { id } } }"#,
    r#"mutation { createWebhook(input: {url: "https://example.com/", kinds: [COMPLETED]}) { created { secret } } }"#,
    r#"mutation { updateWebhook(input: {webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { webhook { id } } }"#,
    r#"mutation { rotateWebhookSecret(input: {webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { rotated { secret } } }"#,
    r#"mutation { testWebhook(input: {webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { delivery { id } } }"#,
    r#"mutation { replayWebhook(input: {webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f", deliveryId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"})
        { webhook { id } } }"#,
    r#"mutation { deleteWebhook(input: {webhookId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}) { deletedWebhookId } }"#,
];

/// What is told as it happens.
const SUBSCRIPTIONS: [&str; 3] = [
    r#"subscription { uploadProgress(imageId: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { status } }"#,
    "subscription { myUploads { status } }",
    r#"subscription { imageChanges(after: "BEGINNING") { cursor } }"#,
];

const SCOPES: [&str; 6] = ["READ", "UPLOAD", "EDIT", "DELETE", "SHARE", "ADMINISTER"];
const PERMISSIONS: [&str; 5] =
    ["VIEW_ANY_IMAGE", "CHANGE_ANY_IMAGE", "DELETE_ANY_IMAGE", "MANAGE_CATEGORIES", "MANAGE_USERS"];

/// A row of the document.
struct Rule {
    is_open: bool,
    scope: String,
    permission: String,
}

fn rules() -> BTreeMap<String, Rule> {
    let document = include_str!("../../docs/permissions.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let rules = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, who, scope, permission] = cells[..] else { panic!("four cells: {row}") };
        assert!(["anybody", "signed in"].contains(&who), "{row}");
        let rule = Rule { is_open: who == "anybody", scope: scope.to_owned(), permission: permission.to_owned() };
        (name.trim_matches('`').to_owned(), rule)
    });
    rules.collect()
}

/// The name of the one field that an operation asks for.
fn name_of(operation: &str) -> &str {
    let mut words = operation.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.find(|word| !["query", "mutation", "subscription"].contains(word)).expect("a field")
}

fn fields_of(root: &str) -> BTreeSet<String> {
    let found = crate::schema::types().into_iter().find(|definition| definition.name.node == root).expect("a root");
    let async_graphql::parser::types::TypeKind::Object(object) = found.kind else { panic!("{root} is no object") };
    object.fields.iter().map(|field| field.node.name.node.to_string()).collect()
}

#[test]
fn every_operation_of_the_schema_has_a_rule_and_is_tried() {
    let all: BTreeSet<String> = ["Query", "Mutation", "Subscription"].into_iter().flat_map(fields_of).collect();
    let rules = rules();
    assert_eq!(rules.keys().cloned().collect::<BTreeSet<_>>(), all, "docs/permissions.md has a row for each");
    let closed: BTreeSet<&str> =
        rules.iter().filter(|(_, rule)| !rule.is_open).map(|(name, _)| name.as_str()).collect();
    let tried: BTreeSet<&str> = OPERATIONS.iter().chain(&SUBSCRIPTIONS).map(|operation| name_of(operation)).collect();
    assert_eq!(tried, closed, "an example of each is tried as everybody");
}

/// UNAUTHENTICATED, FORBIDDEN, or nothing, whatever came of it.
async fn refusal(app: &TestApp, client: &Client, operation: &str) -> Option<String> {
    let errors = if operation.starts_with("subscription") {
        let mut socket = Socket::of(app, client).await;
        socket.subscribe("1", operation, Value::Null).await;
        let message = socket.receive().await;
        if message["type"] == "error" { message["payload"].clone() } else { message["payload"]["errors"].clone() }
    } else {
        client.send(operation, Value::Null).await.0["errors"].clone()
    };
    let code = errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
    ["UNAUTHENTICATED", "FORBIDDEN"].contains(&code.as_str()).then_some(code)
}

/// An upload under way, and one that is over.
async fn has_something_to_hear_of(app: &TestApp, client: &Client) {
    client.processed(app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    client.ticket("b.jpg", "image/jpeg", 1000).await;
}

async fn token(owner: &Client, app: &TestApp, scope: &str) -> Client {
    let input = json!({"name": scope, "scopes": [scope], "expiresAt": app.app.clock.now() + TimeDelta::days(1)});
    let made = owner.mutate("createApiToken", input, "created { secret }").await;
    Client::new(app.url("/graphql"), Some(made.text("/created/secret").to_owned()))
}

#[tokio::test]
async fn each_scope_and_each_permission_allows_what_the_document_says() {
    let app = TestApp::start_with(&["--rate-limit-points", "10000000", "--max-websockets", "1000"]).await;
    let (admin, rules) = (app.admin().await, rules());
    let beginning = admin.send("{ imageChangesCursor }", Value::Null).await.0["data"]["imageChangesCursor"].clone();
    let beginning = beginning.as_str().expect("a cursor");
    // Everybody has something to hear of.
    for client in [&admin, &app.user("ann@example.com").await] {
        has_something_to_hear_of(&app, client).await;
    }
    let mut permitted = Vec::new();
    for permission in PERMISSIONS {
        let email = format!("{}@example.com", permission.to_lowercase());
        let user = app.user(&email).await;
        let id = user.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
        let input = json!({"name": permission, "permissions": [permission]});
        let group = admin.mutate("createGroup", input, "group { id }").await.0["group"]["id"].clone();
        let input = json!({"userId": id, "groupIds": [group]});
        assert!(admin.mutate("setUserGroups", input, "user { id }").await.user_error_codes().is_empty());
        has_something_to_hear_of(&app, &user).await;
        permitted.push((permission, email));
    }
    let mut scoped = Vec::new();
    for scope in SCOPES {
        scoped.push((scope, token(&admin, &app, scope).await));
    }
    for operation in OPERATIONS.iter().chain(&SUBSCRIPTIONS) {
        let rule = &rules[name_of(operation)];
        let operation = &operation.replace("BEGINNING", beginning);
        assert_eq!(refusal(&app, &app.anonymous(), operation).await.as_deref(), Some("UNAUTHENTICATED"), "{operation}");
        let forbidden = |is_allowed: bool| (!is_allowed).then(|| "FORBIDDEN".to_owned());
        let ann = app.user("ann@example.com").await;
        let without = refusal(&app, &ann, operation).await;
        assert_eq!(without, forbidden(rule.permission.is_empty()), "without permissions: {operation}");
        for (permission, email) in &permitted {
            let is_allowed = rule.permission.is_empty() || rule.permission == *permission;
            let with = refusal(&app, &app.user(email).await, operation).await;
            assert_eq!(with, forbidden(is_allowed), "{permission}: {operation}");
        }
        for (scope, client) in &mut scoped {
            let is_allowed = rule.scope == "any" || rule.scope == *scope;
            let with = refusal(&app, client, operation).await;
            assert_eq!(with, forbidden(is_allowed), "a token of an administrator for {scope}: {operation}");
            if name_of(operation) == "logOut" {
                *client = token(&admin, &app, scope).await;
            }
        }
    }
}
