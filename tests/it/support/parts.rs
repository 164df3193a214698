//! Uploads in parts, as a client sends them.

use darkroom::storage::StorageKey;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    TestApp,
    client::{Answer, Client},
    pictures,
    socket::Socket,
};

pub const NONE: [&str; 0] = [];
pub const MIB: usize = 1024 * 1024;
pub const FLAGS: [&str; 2] = ["--max-upload-size", "104857600"];
pub const UPLOADED: &str = "query ($id: ID!) { uploadedParts(imageId: $id) { partNumber size } }";

/// A picture of so many bytes: behind its first marker is room for comments.
pub fn large_jpeg(size: usize) -> Vec<u8> {
    let picture = pictures::small_jpeg();
    let mut bytes = picture[..2].to_vec();
    let mut missing = size - picture.len();
    while missing > 0 {
        // No comment has fewer than four bytes, nor more than 65,537.
        let length = if missing > 65_537 + 4 { 65_537 } else { missing.min(65_533) };
        bytes.extend([0xff, 0xfe]);
        bytes.extend(u16::try_from(length - 2).expect("a length").to_be_bytes());
        bytes.extend((4..length).map(|at| u8::try_from(at % 251).expect("a byte")));
        missing -= length;
    }
    bytes.extend_from_slice(&picture[2..]);
    assert_eq!(bytes.len(), size);
    bytes
}

pub async fn request(client: &Client, size: usize, more: Value) -> Answer {
    let mut input = json!({"filename": "a.jpg", "contentType": "image/jpeg", "fileSize": size,
        "categoryId": client.general().await, "partSize": 5 * MIB});
    let fields = input.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    client.mutate("requestMultipartUpload", input, "multipartUpload { image { id status } partSize partCount }").await
}

pub async fn begun(client: &Client, size: usize) -> String {
    let begun = request(client, size, json!({})).await;
    assert_eq!(begun.user_error_codes(), NONE, "{}", begun.0);
    begun.text("/multipartUpload/image/id").to_owned()
}

pub async fn sign(client: &Client, image: &str, parts: &[i32]) -> Answer {
    let input = json!({"imageId": image, "partNumbers": parts});
    client.mutate("signUploadParts", input, "parts { partNumber size url expiresAt }").await
}

/// Sends these parts of a file, in this order.
pub async fn send(client: &Client, image: &str, file: &[u8], parts: &[i32]) {
    let signed = sign(client, image, parts).await;
    assert_eq!(signed.user_error_codes(), NONE, "{}", signed.0);
    for (number, ticket) in parts.iter().zip(signed.0["parts"].as_array().expect("tickets")) {
        assert_eq!(ticket["partNumber"], *number);
        let from = usize::try_from(*number - 1).expect("a number") * 5 * MIB;
        let part = &file[from..file.len().min(from + 5 * MIB)];
        assert_eq!(ticket["size"], part.len());
        assert_eq!(put(ticket, part).await, StatusCode::OK);
    }
}

pub async fn put(ticket: &Value, part: &[u8]) -> StatusCode {
    let url = ticket["url"].as_str().expect("a URL");
    let answer = reqwest::Client::new().put(url).body(part.to_vec()).send().await;
    // A storage may hang up on what it does not want.
    answer.map_or(StatusCode::BAD_REQUEST, |answer| answer.status())
}

/// Waits until so many bytes are noted, which the embedded storage does behind its answer, and no other one does.
pub async fn hear_of(mut watcher: Socket, bytes: usize) {
    while TestApp::is_embedded() && watcher.event("uploadProgress").await["bytesUploaded"] != bytes {}
}

pub async fn uploaded(client: &Client, image: &str) -> Value {
    client.send(UPLOADED, json!({"id": image})).await.0["data"]["uploadedParts"].clone()
}

pub async fn complete(client: &Client, image: &str) -> Vec<String> {
    let completed = client.mutate("completeUpload", json!({"imageId": image}), "image { status }").await;
    completed.user_error_codes().into_iter().map(str::to_owned).collect()
}

pub async fn unfinished(app: &TestApp) -> usize {
    let page = app.app.storage.multiparts(StorageKey::INCOMING, None).await.expect("a storage");
    page.uploads.len()
}
