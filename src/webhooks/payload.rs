//! What webhooks are sent: what happened, and the image as it was when that was looked at. Nothing in it lets anybody fetch the image.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::domain::{
    event::Event,
    image::{Image, ImageStatus},
    webhook::Subject,
};

/// Of an event. The image is `None` once it is deleted.
pub(super) fn of_event(subject: Subject, event: &Event, image: Option<&Image>) -> String {
    let about = json!({
        "cursor": event.place.to_string(),
        "imageId": event.what.image,
        "ownerId": event.what.owner,
        "image": image.filter(|image| image.status() != ImageStatus::Deleted).map(described),
    });
    envelope(subject, event.what.at, &about)
}

/// Of a test.
pub(super) fn of_test(now: DateTime<Utc>) -> String {
    envelope(Subject::Test, now, &json!({}))
}

fn envelope(subject: Subject, at: DateTime<Utc>, data: &Value) -> String {
    let timestamp = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({"type": subject.name(), "timestamp": timestamp, "data": data}).to_string()
}

/// By the names of the schema.
fn described(image: &Image) -> Value {
    json!({
        "id": image.id,
        "categoryId": image.category,
        "status": image.status().name().to_uppercase(),
        "filename": image.filename.as_str(),
        "contentType": image.format.content_type(),
        "fileSize": image.file_size(),
        "width": image.facts().map(|facts| facts.width),
        "height": image.facts().map(|facts| facts.height),
        "title": image.details.title,
        "altText": image.details.alt_text,
        "tags": image.details.tags,
        "createdAt": image.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}
