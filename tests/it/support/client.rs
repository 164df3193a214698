//! A client that speaks GraphQL over HTTP.

use serde_json::{Value, json};

pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    pub url: String,
    pub token: Option<String>,
    pub http: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer(pub Value);

impl Client {
    pub fn new(url: String, token: Option<String>) -> Self {
        Self { url, token, http: reqwest::Client::new() }
    }

    /// Sends an operation.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        Answer(self.try_send(query, variables).await.expect("an answer in JSON"))
    }

    /// The same where nobody may answer.
    pub async fn try_send(&self, query: &str, variables: Value) -> Option<Value> {
        let mut request = self.http.post(&self.url).json(&json!({"query": query, "variables": variables}));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.ok()?.json().await.ok()
    }

    /// Sends a mutation of one `input`, which is named like its input type, and gives its payload.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Answer {
        let mut type_name = name.to_owned();
        type_name[..1].make_ascii_uppercase();
        let query = format!(
            "mutation($input: {type_name}Input!) {{ {name}(input: $input) \
             {{ {selection} userErrors {{ code field message }} }} }}"
        );
        let answer = self.send(&query, json!({"input": input})).await;
        match answer.0["data"][name].clone() {
            Value::Null => answer,
            payload => Answer(payload),
        }
    }

    /// The id of the category that every database has.
    pub async fn general(&self) -> String {
        let answer = self.send("{ categories { id name } }", Value::Null).await;
        answer.0["data"]["categories"][0]["id"].as_str().expect("a category").to_owned()
    }

    /// One image with everything that a story asks after.
    pub async fn image(&self, id: &str) -> Value {
        let query = "query($id: ID!) { image(id: $id) { id status title tags fileSize width height placeholder url \
                     fileKey contentType originalFilename failure { code message } existsInStorage \
                     variants { type width height fileSize contentType url } category { name } owner { email } } }";
        let answer = self.send(query, json!({"id": id})).await;
        assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
        answer.0["data"]["image"].clone()
    }
}

impl Answer {
    /// The codes of `userErrors`, in their order.
    pub fn user_error_codes(&self) -> Vec<&str> {
        let errors = self.0["userErrors"].as_array().unwrap_or_else(|| panic!("no payload: {}", self.0));
        errors.iter().map(|error| error["code"].as_str().expect("a code")).collect()
    }

    /// The code of the one top-level error.
    pub fn error_code(&self) -> &str {
        let code = &self.0["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or_else(|| panic!("no error: {}", self.0))
    }

    /// A part of the payload or the data, as a string.
    pub fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}: {}", self.0))
    }
}
