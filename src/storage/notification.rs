//! What a storage elsewhere says of itself: that objects were stored. S3's event notifications, as AWS, MinIO, RustFS and others send
//! them, and SeaweedFS's own.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://github.com/seaweedfs/seaweedfs/wiki/Filer-Notification-Webhook>

use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// Where SeaweedFS's filer has its buckets.
const BUCKETS: &str = "/buckets/";
/// What S3's names of events begin with that tell of a new object; some servers put `s3:` before it.
const CREATED: &str = "ObjectCreated:";

/// An object that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub key: String,
    /// In bytes.
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Notification {
    S3 {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    SeaweedFs {
        event_type: String,
        key: String,
        message: Message,
    },
    /// A trial that some services send, or what nobody asked for.
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: About,
}

#[derive(Deserialize)]
struct About {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    /// Encoded as in a form.
    key: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct Message {
    new_entry: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    file_size: u64,
}

/// The objects of this bucket that a notification says were stored.
///
/// # Errors
/// When it is no JSON.
pub fn stored_objects(notification: &[u8], bucket: &str) -> Result<Vec<StoredObject>, serde_json::Error> {
    Ok(match serde_json::from_slice(notification)? {
        Notification::S3 { records } => records.into_iter().filter_map(|record| of_record(record, bucket)).collect(),
        Notification::SeaweedFs { event_type, key, message } => {
            let is_stored = matches!(&*event_type, "create" | "update" | "rename");
            let of_bucket = key.strip_prefix(BUCKETS).and_then(|path| path.strip_prefix(bucket)?.strip_prefix('/'));
            let object = of_bucket.zip(message.new_entry).filter(|_| is_stored);
            let stored =
                |(key, entry): (&str, Entry)| StoredObject { key: key.to_owned(), size: entry.attributes.file_size };
            object.map(stored).into_iter().collect()
        }
        Notification::Other(_) => Vec::new(),
    })
}

fn of_record(Record { event_name, s3 }: Record, bucket: &str) -> Option<StoredObject> {
    let is_stored = event_name.trim_start_matches("s3:").starts_with(CREATED) && s3.bucket.name == bucket;
    let key = s3.object.key.replace('+', " ");
    let key = percent_decode_str(&key).decode_utf8().ok().filter(|_| is_stored)?.into_owned();
    Some(StoredObject { key, size: s3.object.size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(notification: &str) -> Vec<(String, u64)> {
        let objects = stored_objects(notification.as_bytes(), "media").expect("JSON");
        objects.into_iter().map(|object| (object.key, object.size)).collect()
    }

    #[test]
    fn objects_are_found_in_what_each_service_sends() {
        let record = |name: &str, bucket: &str| {
            format!(
                r#"{{"Records": [{{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "{name}", "s3":
                {{"bucket": {{"name": "{bucket}"}}, "object": {{"key": "incoming%2Fa+b", "size": 5, "eTag": "x"}}}}}}]}}"#
            )
        };
        let found = [("incoming/a b".to_owned(), 5)];
        assert_eq!(keys(&record("ObjectCreated:Post", "media")), found);
        assert_eq!(keys(&record("s3:ObjectCreated:Put", "media")), found);
        assert_eq!(keys(&record("ObjectRemoved:Delete", "media")), []);
        assert_eq!(keys(&record("ObjectCreated:Post", "other")), []);
        // As SeaweedFS 4.48 sends it.
        let seaweedfs = r#"{"event_type":"create","key":"/buckets/media/incoming/a","message":{"new_entry":{"name":"a",
            "attributes":{"file_size":5000,"mtime":1795359651}},"new_parent_path":"/buckets/media/incoming","signatures":[1]}}"#;
        assert_eq!(keys(seaweedfs), [("incoming/a".to_owned(), 5000)]);
        assert_eq!(keys(&seaweedfs.replace("/media/", "/mediaother/")), []);
        assert_eq!(keys(&seaweedfs.replace("\"create\"", "\"delete\"")), []);
        let trial = r#"{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media"}"#;
        assert_eq!((keys(trial), keys("[]"), keys("7")), (vec![], vec![], vec![]));
        assert!(stored_objects(b"{", "media").is_err());
    }
}
