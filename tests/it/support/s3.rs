//! The embedded storage, spoken to by the AWS SDK.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    primitives::ByteStream,
};

use super::{TestApp, skip::is_skipped};

/// The embedded storage whatever the environment names, and a client that has its keys.
pub async fn stage() -> Option<(TestApp, Client)> {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return None;
    }
    let app = TestApp::start().await;
    let secret = std::fs::read_to_string(app.data_dir.path().join("s3.secret")).expect("a secret");
    let client = client(&app, "darkroom", &secret);
    Some((app, client))
}

/// A client with these keys.
pub fn client(app: &TestApp, key: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(app.url(""))
        .force_path_style(true)
        .credentials_provider(Credentials::new(key, secret, None, None, "test"));
    Client::from_conf(config.build())
}

/// Stores an object, and gives its ETag.
pub async fn put(s3: &Client, key: &str, bytes: &[u8]) -> String {
    let put = s3.put_object().bucket("media").key(key).content_type("image/png").body(ByteStream::from(bytes.to_vec()));
    put.send().await.expect("to be stored").e_tag.expect("an ETag")
}

/// An object's bytes, where there is one.
pub async fn get(s3: &Client, key: &str) -> Option<Vec<u8>> {
    let object = s3.get_object().bucket("media").key(key).send().await.ok()?;
    Some(object.body.collect().await.expect("a body").to_vec())
}
