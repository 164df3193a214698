//! Every field of the contract, asked for of real rows and answered, on whichever database the suite runs.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind};
use serde_json::{Value, json};

use crate::{
    schema::{contract, not_yet},
    support::{TestApp, client::Client, exif::ExifBlock, pictures, socket::Socket, upload::Ticket},
};

/// What fields that want arguments are asked with.
const ARGUMENTS: [(&str, &str); 1] = [("Image.variant", "(type: SMALL)")];

/// The contract's object types by name.
struct Contract {
    objects: BTreeMap<String, Vec<FieldDefinition>>,
    not_yet: BTreeSet<String>,
    asked: BTreeSet<String>,
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(of) => named(of),
    }
}

impl Contract {
    fn read() -> Self {
        let objects = contract().into_iter().filter_map(|definition| match definition.kind {
            TypeKind::Object(object) => {
                let fields = object.fields.into_iter().map(|field| field.node).collect();
                Some((definition.name.node.to_string(), fields))
            }
            _ => None,
        });
        Self { objects: objects.collect(), not_yet: not_yet().into_iter().collect(), asked: BTreeSet::new() }
    }

    /// Everything of a type, and of what it refers to, but for types that are being asked for already.
    fn all_of(&mut self, name: &str, around: &[&str]) -> String {
        let around = [around, &[name]].concat();
        let mut selection = String::new();
        for field in self.objects.get(name).cloned().unwrap_or_default() {
            let path = format!("{name}.{}", field.name.node);
            let of = named(&field.ty.node).to_owned();
            if self.not_yet.contains(&path) || around.contains(&of.as_str()) {
                continue;
            }
            let arguments = ARGUMENTS.iter().find(|(known, _)| *known == path).map_or("", |(_, arguments)| arguments);
            selection.extend([" ", field.name.node.as_str(), arguments]);
            if self.objects.contains_key(&of) {
                selection.extend([" {", &self.all_of(&of, &around), "}"]);
            }
            self.asked.insert(path);
        }
        selection
    }

    /// Asks a query for everything of what it gives.
    async fn query(&mut self, client: &Client, field: &str, arguments: &str, of: &str) -> Value {
        let query = format!("{{ {field}{arguments} {{ {} }} }}", self.all_of(of, &[]));
        self.asked.insert(format!("Query.{field}"));
        let answer = client.send(&query, Value::Null).await;
        assert_eq!(answer.0["errors"], Value::Null, "{query}");
        assert_ne!(answer.0["data"][field], Value::Null, "{query}");
        answer.0["data"][field].clone()
    }

    async fn mutation(&mut self, client: &Client, field: &str, input: Value) -> Value {
        let mutation = self.objects["Mutation"].iter().find(|known| known.name.node == field).expect("a mutation");
        let of = named(&mutation.ty.node).to_owned();
        let arguments = mutation.arguments.first().map(|input| named(&input.node.ty.node).to_owned());
        let selection = self.all_of(&of, &[]);
        self.asked.insert(format!("Mutation.{field}"));
        let query = match arguments {
            Some(input) => format!("mutation($input: {input}!) {{ {field}(input: $input) {{ {selection} }} }}"),
            None => format!("mutation {{ {field} {{ {selection} }} }}"),
        };
        let answer = client.send(&query, json!({"input": input})).await;
        assert_eq!(answer.0["errors"], Value::Null, "{query}");
        let payload = answer.0["data"][field].clone();
        assert_eq!(payload["userErrors"], json!([]), "{field}");
        payload
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_the_contract_is_answered() {
    let mut app = TestApp::start_with(&["--sign-up", "open"]).await;
    let (ann, admin) = (app.user("ann@example.com").await, app.admin().await);
    let mut contract = Contract::read();
    let made = contract.mutation(&admin, "createCategory", json!({"name": "Covers"})).await;
    let category = made["category"]["id"].clone();
    contract.mutation(&admin, "updateCategory", json!({"categoryId": category, "description": "x"})).await;
    app.work();

    let photo = ExifBlock::default()
        .ascii(0x010F, "Darkroom")
        .gps_ascii(1, "N")
        .gps_rational(2, &[(37, 1), (0, 1), (0, 1)])
        .gps_ascii(3, "E")
        .gps_rational(4, &[(127, 1), (0, 1), (0, 1)])
        .in_jpeg(&pictures::small_jpeg());
    let input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": photo.len(),
        "categoryId": category});
    let requested = contract.mutation(&ann, "requestUpload", input.clone()).await;
    let id = requested["upload"]["image"]["id"].clone();
    let renewed = contract.mutation(&ann, "renewUpload", json!({"imageId": id})).await;
    contract.mutation(&ann, "reportUploadProgress", json!({"imageId": id, "bytesUploaded": 1})).await;
    let mut socket = Socket::of(&app, &ann).await;
    let progress = contract.all_of("UploadProgress", &[]);
    let subscription = format!("subscription($id: ID!) {{ uploadProgress(imageId: $id) {{ {progress} }} }}");
    socket.subscribe("1", &subscription, json!({"id": id})).await;
    let mine = format!("subscription {{ myUploads {{ {progress} }} }}");
    assert_eq!(Ticket::parse(&renewed["upload"]).post(photo.clone()).await, 201);
    contract.mutation(&ann, "completeUpload", json!({"imageId": id, "title": "A", "tags": ["b"]})).await;
    while socket.event("uploadProgress").await["status"] != "COMPLETED" {}
    assert_eq!(socket.receive().await["type"], "complete");
    contract.mutation(&ann, "updateImage", json!({"imageId": id, "altText": "c"})).await;
    let failed = fails(&app, &ann, &photo).await;
    let pending = contract.mutation(&ann, "requestUpload", input).await;
    let mut socket = Socket::of(&app, &ann).await;
    socket.subscribe("1", &mine, Value::Null).await;
    socket.event("myUploads").await;
    contract.asked.extend(["Subscription.uploadProgress".to_owned(), "Subscription.myUploads".to_owned()]);

    let image = contract.query(&ann, "image", &format!("(id: {id})"), "Image").await;
    assert!(image["metadata"]["location"]["latitude"].is_number(), "{image}");
    let image = contract.query(&ann, "image", &format!("(id: {failed})"), "Image").await;
    assert!(image["failure"]["code"].is_string(), "{image}");
    let list = "(first: 5, filter: {search: \"a\", tags: [\"b\"], status: [COMPLETED], createdFrom: \
        \"2020-01-01T00:00:00Z\", createdTo: \"2100-01-01T00:00:00Z\"}, orderBy: {field: TITLE, direction: ASC})";
    let page = contract.query(&ann, "images", list, "ImageConnection").await;
    assert_eq!(page["totalCount"], 1);
    contract.query(&ann, "imageStats", "", "ImageStats").await;
    contract.query(&ann, "me", "", "User").await;
    contract.query(&ann, "categories", "", "Category").await;
    let node = ann.send(&format!("{{ node(id: {id}) {{ __typename id }} }}"), Value::Null).await;
    assert_eq!(node.0["data"]["node"], json!({"__typename": "Image", "id": id}));
    contract.asked.insert("Query.node".to_owned());

    contract.mutation(&ann, "generateVariants", json!({"imageId": id, "types": ["SMALL"]})).await;
    contract.mutation(&ann, "cancelUpload", json!({"imageId": pending["upload"]["image"]["id"]})).await;
    contract.mutation(&ann, "deleteImage", json!({"imageId": id})).await;
    let credentials = json!({"email": "admin@localhost", "password": crate::support::client::ADMIN_PASSWORD});
    let session = contract.mutation(&app.anonymous(), "logIn", credentials).await["session"].clone();
    let refresh = json!({"refreshToken": session["refreshToken"]});
    let session = contract.mutation(&app.anonymous(), "refreshSession", refresh).await["session"].clone();
    let token = session["accessToken"].as_str().map(str::to_owned);
    contract.mutation(&Client::new(app.url("/graphql"), token), "logOut", Value::Null).await;
    contract.mutation(&app.admin().await, "logOutEverywhere", Value::Null).await;
    let new = json!({"email": "new@example.com", "password": "a good one, long enough"});
    contract.mutation(&app.anonymous(), "signUp", new).await;

    let fields = contract
        .objects
        .iter()
        .flat_map(|(name, fields)| fields.iter().map(move |field| format!("{name}.{}", field.name.node)));
    let unasked: Vec<String> =
        fields.filter(|field| !contract.asked.contains(field) && !contract.not_yet.contains(field)).collect();
    assert!(unasked.is_empty(), "{unasked:?}");
}

/// An image whose processing fails.
async fn fails(app: &TestApp, ann: &Client, photo: &[u8]) -> Value {
    let mut broken = photo.to_vec();
    broken.truncate(photo.len() / 2);
    let id = ann.upload("a.jpg", "image/jpeg", broken).await;
    let mut socket = Socket::of(app, ann).await;
    socket.watch(&id).await;
    while socket.event("uploadProgress").await["status"] != "FAILED" {}
    json!(id)
}
