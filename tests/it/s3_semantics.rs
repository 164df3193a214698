//! What S3 promises, and the storage inside did not keep at first: conditions, checksums, old lists, copies of parts.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    error::SdkError,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use reqwest::header::{
    ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};

use crate::support::s3::{get, put, stage};

/// The status that an operation was refused with; nothing where it was done.
fn refusal<T: std::fmt::Debug, E: std::fmt::Debug>(outcome: Result<T, SdkError<E>>) -> Option<u16> {
    outcome.err().and_then(|error| error.raw_response().map(|response| response.status().as_u16()))
}

/// Reads an object with headers that the SDK has no words for.
async fn read_with(s3: &Client, key: &str, headers: &[(HeaderName, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let soon = PresigningConfig::expires_in(Duration::from_mins(1)).expect("a minute");
    let url = s3.get_object().bucket("media").key(key).presigned(soon).await.expect("a URL").uri().to_owned();
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.expect("a body").to_vec())
}

#[tokio::test]
async fn a_condition_on_a_write_is_kept() {
    let Some((_app, s3)) = stage().await else { return };
    let etag = put(&s3, "a", b"first").await;
    let write = |body: &'static [u8]| s3.put_object().bucket("media").key("a").body(ByteStream::from_static(body));
    assert_eq!(refusal(write(b"second").if_match("\"another\"").send().await), Some(412));
    assert_eq!(refusal(write(b"second").if_none_match("*").send().await), Some(412));
    assert_eq!(get(&s3, "a").await.as_deref(), Some(b"first".as_slice()), "nothing was written");
    let absent = s3.put_object().bucket("media").key("b").if_match(&etag).body(ByteStream::from_static(b"x"));
    assert!(matches!(refusal(absent.send().await), Some(404 | 412)));
    assert_eq!(get(&s3, "b").await, None);
    assert_eq!(refusal(write(b"second").if_match(&etag).send().await), None);
    assert_eq!(get(&s3, "a").await.as_deref(), Some(b"second".as_slice()));
}

#[tokio::test]
async fn a_checksum_is_compared_with_the_bytes() {
    let Some((_app, s3)) = stage().await else { return };
    let write = || s3.put_object().bucket("media").key("sum").body(ByteStream::from_static(b"hello"));
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(refusal(write().checksum_sha256(wrong).send().await), Some(400));
    assert_eq!(refusal(write().checksum_crc32("AAAAAA==").send().await), Some(400));
    assert_eq!(refusal(write().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await), Some(400));
    assert_eq!(get(&s3, "sum").await, None, "nothing of it is there");
    let right = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    assert_eq!(refusal(write().checksum_sha256(right).send().await), None);
    assert_eq!(get(&s3, "sum").await.as_deref(), Some(b"hello".as_slice()));
}

#[tokio::test]
async fn conditions_on_a_read_are_kept() {
    let Some((_app, s3)) = stage().await else { return };
    let etag = put(&s3, "a", b"0123456789").await;
    let (status, headers, body) = read_with(&s3, "a", &[]).await;
    assert_eq!((status, body.as_slice()), (200, b"0123456789".as_slice()));
    let modified = headers[LAST_MODIFIED].to_str().expect("a date").to_owned();
    let long_ago = "Sat, 01 Jan 2000 00:00:00 GMT";
    let (status, headers, body) = read_with(&s3, "a", &[(IF_MODIFIED_SINCE, &modified)]).await;
    assert_eq!((status, body.len()), (304, 0));
    assert_eq!(headers[ETAG].to_str().expect("an ETag"), etag, "a cache asks for the next one with it");
    assert!(!headers.contains_key("content-type"), "there is no body to be of a type: {headers:?}");
    assert_eq!(read_with(&s3, "a", &[(IF_MODIFIED_SINCE, long_ago)]).await.0, 200);
    assert_eq!(read_with(&s3, "a", &[(IF_UNMODIFIED_SINCE, long_ago)]).await.0, 412);
    assert_eq!(read_with(&s3, "a", &[(IF_UNMODIFIED_SINCE, &modified)]).await.0, 200);
    let (status, _, body) = read_with(&s3, "a", &[(RANGE, "bytes=2-4"), (IF_RANGE, &etag)]).await;
    assert_eq!((status, body.as_slice()), (206, b"234".as_slice()));
    let (status, _, body) = read_with(&s3, "a", &[(RANGE, "bytes=2-4"), (IF_RANGE, "\"another\"")]).await;
    assert_eq!((status, body.len()), (200, 10), "of another object, all of it");
}

#[tokio::test]
async fn a_key_may_begin_with_another_one_that_is_gone() {
    let Some((_app, s3)) = stage().await else { return };
    put(&s3, "a/b", b"x").await;
    s3.delete_object().bucket("media").key("a/b").send().await.expect("to be removed");
    put(&s3, "a", b"y").await;
    assert_eq!(get(&s3, "a").await.as_deref(), Some(b"y".as_slice()));
    put(&s3, "a/b", b"z").await;
    assert_eq!(get(&s3, "a").await.as_deref(), Some(b"y".as_slice()), "both are there");
}

#[tokio::test]
async fn what_tools_ask_first_is_answered() {
    let Some((_app, s3)) = stage().await else { return };
    for key in ["a/1", "a/2", "b"] {
        put(&s3, key, b"x").await;
    }
    let buckets = s3.list_buckets().send().await.expect("buckets");
    let names: Vec<_> = buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, ["media"]);
    s3.get_bucket_location().bucket("media").send().await.expect("a place");
    let old = s3.list_objects().bucket("media").delimiter("/").send().await.expect("a list");
    let keys: Vec<_> = old.contents().iter().filter_map(|object| object.key()).collect();
    let folders: Vec<_> = old.common_prefixes().iter().filter_map(|prefix| prefix.prefix()).collect();
    assert_eq!((keys, folders), (vec!["b"], vec!["a/"]));
    let behind = s3.list_objects().bucket("media").marker("a/1").max_keys(1).send().await.expect("a list");
    let keys: Vec<_> = behind.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!((keys, behind.is_truncated()), (vec!["a/2"], Some(true)));
}

#[tokio::test]
async fn a_part_may_be_a_copy() {
    let Some((_app, s3)) = stage().await else { return };
    put(&s3, "from", b"0123456789").await;
    let begun = s3.create_multipart_upload().bucket("media").key("to").send().await.expect("an upload");
    let id = begun.upload_id().expect("an id");
    let copy = |range: &'static str| {
        let copy = s3.upload_part_copy().bucket("media").key("to").upload_id(id).part_number(1);
        copy.copy_source("media/from").copy_source_range(range).send()
    };
    assert!(refusal(copy("bytes=5-50").await).is_some(), "the source is shorter");
    let copied = copy("bytes=3-6").await.expect("a part");
    let etag = copied.copy_part_result().and_then(|result| result.e_tag()).expect("an ETag");
    let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = s3.complete_multipart_upload().bucket("media").key("to").upload_id(id).multipart_upload(parts);
    complete.send().await.expect("to be joined");
    assert_eq!(get(&s3, "to").await.as_deref(), Some(b"3456".as_slice()));
}
