//! What others may do with somebody's image and album, beside the second table of docs/permissions.md.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library, socket::Socket};

const PERMISSIONS: [&str; 3] = ["VIEW_ANY_IMAGE", "CHANGE_ANY_IMAGE", "DELETE_ANY_IMAGE"];

/// How somebody comes to what is not theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    None,
    /// The image or the album is shared: with an address, or with a group.
    Share {
        of: &'static str,
        by_group: bool,
        access: &'static str,
    },
    Permission(&'static str),
}

impl Way {
    fn all() -> Vec<Self> {
        let mut ways = vec![Self::None];
        for (of, by_group) in [("image", false), ("image", true), ("album", false), ("album", true)] {
            ways.extend(["VIEW", "EDIT"].map(|access| Self::Share { of, by_group, access }));
        }
        ways.extend(PERMISSIONS.map(Self::Permission));
        ways
    }

    /// The heading of the column that says what is allowed.
    fn column(self, target: &str) -> &'static str {
        match self {
            // An image that is shared by itself opens no album.
            Self::None => "anybody else",
            Self::Share { of: "image", .. } if target == "album" => "anybody else",
            Self::Share { access: "EDIT", .. } => "editor",
            Self::Share { .. } => "viewer",
            Self::Permission(permission) => permission,
        }
    }

    fn user(self) -> String {
        format!("{self:?}").to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-") + "@example.com"
    }
}

/// The rows of the table: what is done with what, and who may.
fn rules() -> Vec<(String, String, BTreeMap<String, bool>)> {
    let document = include_str!("../../docs/permissions.md");
    let table = document.lines().skip_while(|line| !line.starts_with("| with another user's"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut table = table.take_while(|line| line.starts_with('|')).map(cells);
    let headings = table.next().expect("headings");
    let rule = |row: Vec<String>| {
        let (target, operation) = row[0].split_once(": ").expect("what, and what is done");
        let allowed = headings.iter().zip(&row).skip(1).map(|(heading, cell)| {
            assert!(["yes", "-"].contains(&cell.as_str()), "{row:?}");
            (heading.clone(), cell == "yes")
        });
        (target.to_owned(), operation.trim_matches('`').to_owned(), allowed.collect())
    };
    table.skip(1).map(rule).collect()
}

/// An image and an album of Ann's, and an album of the other's.
struct Things {
    image: Value,
    album: Value,
    other_album: Value,
}

/// Whether something came of it.
async fn is_done(app: &TestApp, client: &Client, target: &str, operation: &str, things: &Things) -> bool {
    let Things { image, album, other_album } = things;
    let id = if target == "image" { image } else { album };
    let find = |name: &str| format!("query($id: ID!) {{ {name}(id: $id) {{ id }} }}");
    let of = |more: Value| {
        let mut input = json!({format!("{target}Id"): id});
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let (input, field) = match (target, operation) {
        (_, "image" | "album" | "node") => {
            return client.send(&find(operation), json!({"id": id})).await.0["data"][operation].is_object();
        }
        (_, "uploadProgress") => {
            let mut socket = Socket::of(app, client).await;
            let query = format!("subscription {{ uploadProgress(imageId: {id}) {{ status }} }}");
            socket.subscribe("1", &query, Value::Null).await;
            return socket.receive().await["payload"]["data"]["uploadProgress"].is_object();
        }
        (_, "updateImage") => (of(json!({"title": "new"})), "image { id }"),
        (_, "updateImages") => (json!({"imageIds": [id], "addTags": ["new"]}), "results { image { id } }"),
        (_, "deleteImages") => (json!({"imageIds": [id]}), "results { deletedImageId }"),
        (_, "generateVariants") => (of(json!({})), "image { id }"),
        (_, "deleteImage") => (of(json!({})), "deletedImageId"),
        (_, "share") => (of(json!({"email": "eve@example.com"})), "share { id }"),
        (_, "createShareLink") => (of(json!({})), "shareLink { id }"),
        ("image", "addImagesToAlbum") => (json!({"albumId": other_album, "imageIds": [id]}), "album { id }"),
        (_, "updateAlbum") => (of(json!({"name": "new"})), "album { id }"),
        (_, "moveImagesInAlbum" | "addImagesToAlbum" | "removeImagesFromAlbum") => {
            (of(json!({"imageIds": [image]})), "album { id }")
        }
        (_, "deleteAlbum") => (of(json!({})), "deletedAlbumId"),
        _ => panic!("no example of {operation}"),
    };
    let payload = client.mutate(operation, input, field).await.0;
    let name = field.split(' ').next().expect("a name");
    let (value, errors) = match &payload[name] {
        Value::Array(results) => {
            let inner = if operation == "deleteImages" { "deletedImageId" } else { "image" };
            (results[0][inner].clone(), Value::Null)
        }
        value => (value.clone(), payload["userErrors"].clone()),
    };
    if value.is_null() && errors.is_array() {
        let code = errors[0]["code"].as_str().expect("a code");
        assert!(["IMAGE_NOT_FOUND", "ALBUM_NOT_FOUND"].contains(&code), "{operation}: {errors}");
    }
    !value.is_null()
}

async fn album(client: &Client, images: &[&Value]) -> Value {
    let made = client.mutate("createAlbum", json!({"name": "Summer"}), "album { id }").await;
    let id = made.0["album"]["id"].clone();
    if !images.is_empty() {
        let input = json!({"albumId": id, "imageIds": images});
        let added = client.mutate("addImagesToAlbum", input, "album { id }").await;
        assert!(added.user_error_codes().is_empty());
    }
    id
}

/// Everything that a refusal could have changed.
async fn as_it_is(ann: &Client, things: &Things) -> Value {
    let query = "query($image: ID!, $album: ID!) { \
                 image(id: $image) { title tags status updatedAt shares { id } shareLinks { id } } \
                 album(id: $album) { name updatedAt imageCount images { nodes { id } } shares { id } shareLinks { id } } }";
    ann.send(query, json!({"image": things.image, "album": things.album})).await.0["data"].clone()
}

#[tokio::test]
async fn others_may_do_what_the_document_says_and_a_refusal_changes_nothing() {
    let app = TestApp::start_with(&["--rate-limit-points", "100000000", "--max-websockets", "1000"]).await;
    let (admin, ann) = (app.admin().await, app.user("ann@example.com").await);
    let rules = rules();
    assert!(rules.len() > 15, "the table is read");
    for way in Way::all() {
        let client = app.user(&way.user()).await;
        let me = client.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
        let permissions = if let Way::Permission(permission) = way { vec![permission] } else { Vec::new() };
        let input = json!({"name": way.user(), "permissions": permissions});
        let group = admin.mutate("createGroup", input, "group { id }").await.0["group"]["id"].clone();
        admin.mutate("setUserGroups", json!({"userId": me, "groupIds": [group]}), "user { id }").await;
        // Ann shares with groups that she is in.
        let anns = ann.send("{ me { id } }", Value::Null).await.0["data"]["me"]["id"].clone();
        let anns_groups = if matches!(way, Way::Share { .. }) { vec![&group] } else { Vec::new() };
        admin.mutate("setUserGroups", json!({"userId": anns, "groupIds": anns_groups}), "user { id }").await;
        let other_album = album(&client, &[]).await;
        for (target, operation, allowed) in &rules {
            let image = json!(library::seed(&app, "ann@example.com", 1, |_, _| {}).await[0].id.to_string());
            let album = album(&ann, &[&image]).await;
            let things = Things { image, album, other_album: other_album.clone() };
            if let Way::Share { of, by_group, access } = way {
                let id = if of == "image" { &things.image } else { &things.album };
                let mut input = json!({format!("{of}Id"): id, "access": access});
                if by_group {
                    input["groupId"] = group.clone();
                } else {
                    input["email"] = json!(way.user());
                }
                let shared = ann.mutate("share", input, "share { access }").await;
                assert_eq!(shared.0["share"]["access"], access, "{}", shared.0);
            }
            let before = as_it_is(&ann, &things).await;
            assert!(before["image"].is_object() && before["album"]["imageCount"] == 1, "{before}");
            let is_done = is_done(&app, &client, target, operation, &things).await;
            assert_eq!(is_done, allowed[way.column(target)], "{way:?} {target} {operation}");
            if !is_done {
                assert_eq!(as_it_is(&ann, &things).await, before, "{way:?} {target} {operation}");
            }
        }
    }
}
