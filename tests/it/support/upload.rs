//! Uploading as a browser does: a ticket, a form, a file.

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use super::{TestApp, client::Client};

/// What a ticket says.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub image: String,
    pub url: String,
    pub fields: Vec<(String, String)>,
}

impl Ticket {
    pub fn parse(upload: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no ticket: {upload}")).to_owned();
        let fields = upload["fields"].as_array().expect("fields").iter();
        Self {
            image: text(&upload["image"]["id"]),
            url: text(&upload["url"]),
            fields: fields.map(|field| (text(&field["name"]), text(&field["value"]))).collect(),
        }
    }

    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no field {name}")).1
    }

    /// The same ticket with one field changed.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.fields.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// The same ticket with one field more.
    pub fn with_more(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.fields.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// The same ticket with one field left out.
    pub fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.fields.retain(|(known, _)| known != name);
        changed
    }

    pub fn form(&self, file: Part) -> Form {
        let fields = self.fields.iter().cloned();
        let form = fields.fold(Form::new(), |form, (name, value)| form.text(name, value));
        form.part("file", file.file_name("file"))
    }

    /// Posts the form with these bytes.
    pub async fn post(&self, bytes: Vec<u8>) -> StatusCode {
        let answer = reqwest::Client::new().post(&self.url).multipart(self.form(Part::bytes(bytes))).send().await;
        // A storage may hang up on what it does not want.
        answer.map_or(StatusCode::BAD_REQUEST, |answer| answer.status())
    }
}

pub const TICKET: &str = "upload { image { id status } method url fields { name value } expiresAt maxFileSize }";

impl Client {
    /// Asks for a ticket that is going to be issued.
    pub async fn ticket(&self, filename: &str, content_type: &str, size: usize) -> Ticket {
        let input = json!({"filename": filename, "contentType": content_type, "fileSize": size,
            "categoryId": self.general().await});
        let payload = self.mutate("requestUpload", input, TICKET).await;
        assert_eq!(payload.user_error_codes(), [] as [&str; 0]);
        Ticket::parse(&payload.0["upload"])
    }

    /// Completes an upload that is going to be completed.
    pub async fn complete(&self, image: &str) {
        let payload = self.mutate("completeUpload", json!({"imageId": image}), "image { status }").await;
        assert_eq!(payload.user_error_codes(), [] as [&str; 0]);
    }

    /// Ticket, form and completion.
    pub async fn upload(&self, filename: &str, content_type: &str, bytes: Vec<u8>) -> String {
        let ticket = self.ticket(filename, content_type, bytes.len()).await;
        assert_eq!(ticket.post(bytes).await, StatusCode::CREATED);
        self.complete(&ticket.image).await;
        ticket.image
    }

    /// An image as it is once all of its jobs have run.
    pub async fn processed(&self, app: &TestApp, filename: &str, content_type: &str, bytes: Vec<u8>) -> Value {
        let image = self.upload(filename, content_type, bytes).await;
        app.run_all_jobs().await;
        self.image(&image).await
    }
}
