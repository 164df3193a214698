//! The storage inside the server, spoken to by the AWS SDK as any S3 would be.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use darkroom::storage::{ObjectStore, S3, S3Settings, StorageError, StorageKey};

use crate::support::{
    TestApp,
    s3::{client, get, put, stage},
    until,
};

/// A slip in the bucket's name must not look as if every upload were lost.
#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_missing_object() {
    let Some((app, _)) = stage().await else { return };
    let endpoint: url::Url = app.url("").parse().expect("a URL");
    let settings = S3Settings {
        bucket: "meida".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint.clone()),
        public_endpoint: Some(endpoint),
        custom_domain: None,
        upload_method: darkroom::domain::ticket::UploadMethod::Post,
        url_life: chrono::TimeDelta::hours(1),
        credentials: Some(darkroom::storage::Credentials {
            access_key_id: "darkroom".to_owned(),
            secret_access_key: std::fs::read_to_string(app.data_dir.path().join("s3.secret")).expect("a secret"),
            session_token: None,
        }),
    };
    let storage = S3::connect(settings, app.app.clock.clone()).await.expect("to get ready");
    let (from, to) = (StorageKey::listed("incoming/a"), StorageKey::listed("images/a"));
    let copied = storage.copy(&from, "\"a\"", &to, "image/png").await;
    assert!(matches!(copied, Err(StorageError::Unavailable(_))), "{copied:?}");
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().expect("a file"));
    let read = storage.download(&from, 100, &mut file).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
}

#[tokio::test]
async fn objects_are_stored_read_in_parts_and_removed() {
    let Some((app, s3)) = stage().await else { return };
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
    let etag = put(&s3, "a/b/c.png", &bytes).await;
    assert_eq!(etag, format!("\"{}\"", hex::encode(<md5::Md5 as md5::Digest>::digest(&bytes))));
    let head = s3.head_object().bucket("media").key("a/b/c.png").send().await.expect("a head");
    assert_eq!((head.content_length(), head.content_type()), (Some(1_000_000), Some("image/png")));
    assert_eq!(get(&s3, "a/b/c.png").await.as_deref(), Some(bytes.as_slice()));
    for (range, expected) in
        [("bytes=0-9", &bytes[..10]), ("bytes=999990-", &bytes[999_990..]), ("bytes=-5", &bytes[999_995..])]
    {
        let part = s3.get_object().bucket("media").key("a/b/c.png").range(range).send().await.expect("a part");
        assert_eq!(part.body.collect().await.expect("a body").to_vec(), expected, "{range}");
    }
    assert!(s3.get_object().bucket("media").key("a/b/c.png").range("bytes=1000000-").send().await.is_err());
    let renamed =
        s3.get_object().bucket("media").key("a/b/c.png").response_content_disposition("attachment; filename=x.png");
    assert_eq!(renamed.send().await.expect("an object").content_disposition(), Some("attachment; filename=x.png"));
    assert!(get(&s3, "a/b").await.is_none(), "a folder is no object");
    let below = s3.get_object().bucket("media").key("a/b/c.png/d").send().await.expect_err("an object is no folder");
    assert_eq!(below.raw_response().map(|response| response.status().as_u16()), Some(404));
    let torn = s3.put_object().bucket("media").key("torn").content_md5("AAAAAAAAAAAAAAAAAAAAAA==");
    assert!(torn.body(ByteStream::from_static(b"x")).send().await.is_err());
    assert!(get(&s3, "torn").await.is_none());
    s3.delete_object().bucket("media").key("a/b/c.png").send().await.expect("to be removed");
    s3.delete_object().bucket("media").key("a/b/c.png").send().await.expect("to be removed twice");
    assert!(get(&s3, "a/b/c.png").await.is_none());
    assert_eq!(half_written(&app), 0);
}

#[tokio::test]
async fn an_empty_object_has_no_range() {
    let Some((_app, s3)) = stage().await else { return };
    put(&s3, "empty", b"").await;
    assert_eq!(get(&s3, "empty").await.as_deref(), Some(b"".as_slice()));
    for range in ["bytes=0-", "bytes=-5", "bytes=0-0"] {
        let refused = s3.get_object().bucket("media").key("empty").range(range).send().await.expect_err("no range");
        assert_eq!(refused.raw_response().map(|response| response.status().as_u16()), Some(416), "{range}");
    }
    let nothing = s3.list_objects_v2().bucket("media").max_keys(0).send().await.expect("a listing");
    assert_eq!((nothing.key_count(), nothing.is_truncated()), (Some(0), Some(false)));
    let twice = s3.put_object().bucket("media").key("empty").if_none_match("*").send().await;
    assert!(twice.is_err(), "it is there already");
}

#[tokio::test]
async fn a_reader_gets_one_object_whole_while_others_take_its_place() {
    let Some((_app, s3)) = stage().await else { return };
    let of = |letter: u8| vec![letter; 300_000 + usize::from(letter) * 1000];
    put(&s3, "busy", &of(0)).await;
    let writer = tokio::spawn({
        let s3 = s3.clone();
        async move {
            for letter in 1..40 {
                put(&s3, "busy", &vec![letter; 300_000 + usize::from(letter) * 1000]).await;
            }
        }
    });
    while !writer.is_finished() {
        let object = s3.get_object().bucket("media").key("busy").send().await.expect("there is always one");
        let etag = object.e_tag().expect("an ETag").to_owned();
        let bytes = object.body.collect().await.expect("a whole body").to_vec();
        assert_eq!(bytes, of(bytes[0]));
        assert_eq!(etag, format!("\"{}\"", hex::encode(<md5::Md5 as md5::Digest>::digest(&bytes))));
    }
    writer.await.expect("the writer");
}

#[tokio::test]
async fn a_copy_is_made_of_the_object_that_was_meant() {
    let Some((_app, s3)) = stage().await else { return };
    let etag = put(&s3, "from.png", b"first").await;
    let copy = |etag: &str| {
        let copy = s3.copy_object().bucket("media").key("to.png").copy_source("media/from.png");
        copy.copy_source_if_match(etag).send()
    };
    let copied = copy(&etag).await.expect("a copy");
    assert_eq!(copied.copy_object_result().and_then(|result| result.e_tag()), Some(etag.as_str()));
    put(&s3, "from.png", b"second").await;
    let refused = copy(&etag).await.expect_err("another object");
    assert_eq!(refused.raw_response().map(|response| response.status().as_u16()), Some(412));
    assert_eq!(get(&s3, "to.png").await.as_deref(), Some(b"first".as_slice()));
}

#[tokio::test]
async fn listings_come_in_order_and_in_pages() {
    let Some((_app, s3)) = stage().await else { return };
    let mut keys = ["a", "b/1", "b/2", "b-0", "b/c/d", "b/c/e", "c", "d/e/f", "z"].map(str::to_owned);
    for key in &keys {
        put(&s3, key, key.as_bytes()).await;
    }
    keys.sort();
    let mut seen = Vec::new();
    let mut pages = s3.list_objects_v2().bucket("media").max_keys(2).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        assert!(page.contents().len() <= 2);
        seen.extend(page.contents().iter().map(|object| object.key().expect("a key").to_owned()));
    }
    assert_eq!(seen, keys);
    let below = s3.list_objects_v2().bucket("media").prefix("b/").delimiter("/").send().await.expect("a listing");
    let names: Vec<_> = below.contents().iter().filter_map(|object| object.key()).collect();
    let folders: Vec<_> = below.common_prefixes().iter().filter_map(|prefix| prefix.prefix()).collect();
    assert_eq!((names, folders), (vec!["b/1", "b/2"], vec!["b/c/"]));
    let no_folder = s3.list_objects_v2().bucket("media").prefix("b/1/").send().await.expect("a listing");
    assert_eq!(no_folder.key_count(), Some(0), "an object is no folder");
    let half = s3.list_objects_v2().bucket("media").prefix("b").start_after("b/1").send().await.expect("a listing");
    let names: Vec<_> = half.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(names, ["b/2", "b/c/d", "b/c/e"]);
    let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build().expect("a key"));
    let all = Delete::builder().set_objects(Some(objects.collect())).build().expect("a request");
    s3.delete_objects().bucket("media").delete(all).send().await.expect("to be removed");
    assert_eq!(s3.list_objects_v2().bucket("media").send().await.expect("a listing").key_count(), Some(0));
}

#[tokio::test]
async fn a_multipart_upload_is_listed_joined_or_forgotten() {
    let Some((app, s3)) = stage().await else { return };
    let begun = s3.create_multipart_upload().bucket("media").key("big.bin").send().await.expect("an upload");
    let id = begun.upload_id().expect("an id");
    let pieces = [vec![1_u8; 5 * 1024 * 1024], vec![2_u8; 1000]];
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(&pieces) {
        let part = s3.upload_part().bucket("media").key("big.bin").upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(piece.clone())).send().await.expect("a part");
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let listed = s3.list_parts().bucket("media").key("big.bin").upload_id(id).send().await.expect("a listing");
    let listed: Vec<_> =
        listed.parts().iter().map(|part| (part.part_number(), part.size(), part.e_tag().map(str::to_owned))).collect();
    let expected: Vec<_> = parts
        .iter()
        .zip(&pieces)
        .map(|(part, piece)| (part.part_number(), i64::try_from(piece.len()).ok(), part.e_tag().map(str::to_owned)))
        .collect();
    assert_eq!(listed, expected);
    assert!(get(&s3, "big.bin").await.is_none(), "nothing half-written is seen");
    let other = s3.list_parts().bucket("media").key("other.bin").upload_id(id).send().await;
    assert!(other.is_err(), "an upload is for its own key");
    let complete = |parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        s3.complete_multipart_upload().bucket("media").key("big.bin").upload_id(id).multipart_upload(parts).send()
    };
    assert!(complete(parts.iter().rev().cloned().collect()).await.is_err(), "the wrong order");
    assert!(complete(Vec::new()).await.is_err(), "no part");
    let done = complete(parts).await.expect("an object");
    assert!(done.e_tag().is_some_and(|etag| etag.ends_with("-2\"")));
    assert_eq!(get(&s3, "big.bin").await, Some(pieces.concat()));

    let begun = s3.create_multipart_upload().bucket("media").key("never.bin").send().await.expect("an upload");
    let id = begun.upload_id().expect("an id");
    s3.abort_multipart_upload().bucket("media").key("never.bin").upload_id(id).send().await.expect("an end");
    assert!(s3.list_parts().bucket("media").key("never.bin").upload_id(id).send().await.is_err());
    let left = std::fs::read_dir(app.data_dir.path().join("storage/multipart")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn keys_cannot_leave_the_bucket_and_strangers_cannot_enter() {
    let Some((app, s3)) = stage().await else { return };
    let odd =
        ["../escaped", "a/../../escaped", "a//b", "a/./b", "/a", "a/", "a\\..\\b", &"y".repeat(300), " a ", "a\nb"];
    for key in odd {
        // S3 takes every key; each is an object of its own, and none of them a path.
        put(&s3, key, key.as_bytes()).await;
    }
    let mut sorted = odd.map(str::to_owned);
    sorted.sort_unstable();
    assert_eq!(app.objects().await, sorted);
    for key in odd {
        let object = s3.get_object().bucket("media").key(key).send().await.expect("an object");
        assert_eq!(object.body.collect().await.expect("bytes").into_bytes(), key, "{key}");
        s3.delete_object().bucket("media").key(key).send().await.expect("to be removed");
    }
    for key in [&*"x".repeat(1025), "a\0b"] {
        assert!(s3.put_object().bucket("media").key(key).body(ByteStream::from_static(b"x")).send().await.is_err());
    }
    assert!(s3.put_object().bucket("other").key("a").body(ByteStream::from_static(b"x")).send().await.is_err());
    assert!(!app.data_dir.path().join("escaped").exists() && !app.data_dir.path().join("storage/escaped").exists());
    put(&s3, "a.png", b"x").await;
    for stranger in [client(&app, "darkroom", "guess"), client(&app, "somebody", "guess")] {
        assert!(stranger.get_object().bucket("media").key("a.png").send().await.is_err());
        assert!(stranger.put_object().bucket("media").key("b.png").send().await.is_err());
    }
    for path in [
        "/media",
        "/media/",
        "/media/a.png",
        "/media?list-type=2",
        "/media/..%2f..%2fjwt.secret",
        "/media/%2e%2e/jwt.secret",
    ] {
        let answer = reqwest::get(app.url(path)).await.expect("an answer");
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
    assert_eq!(app.objects().await, ["a.png"]);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let Some((app, _)) = stage().await else { return };
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 100_000).await;
    let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let form = ticket.form(reqwest::multipart::Part::stream_with_length(body, 100_000));
    let post = tokio::spawn(reqwest::Client::new().post(&ticket.url).multipart(form).send());
    send.send(Ok(vec![1; 50_000].into())).await.expect("to go on");
    until("half of it", async || half_written(&app) > 0).await;
    send.send(Err(std::io::Error::other("the cable was pulled"))).await.expect("to go on");
    assert!(post.await.expect("an end").is_err());
    until("nothing of it", async || half_written(&app) == 0).await;
    assert_eq!(app.objects().await, [] as [String; 0]);
    let payload = ann.mutate("completeUpload", serde_json::json!({"imageId": ticket.image}), "image { id }").await;
    assert_eq!(payload.user_error_codes(), ["NOT_UPLOADED"]);
}

#[tokio::test]
async fn a_form_that_is_announced_too_large_is_refused_before_its_file_comes() {
    let Some((app, _)) = stage().await else { return };
    let ann = app.user("ann@example.com").await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 1000).await;
    let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
    send.send(Ok(vec![1; 100].into())).await.expect("to go on");
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let form = ticket.form(reqwest::multipart::Part::stream_with_length(body, 10_000_000));
    let answer = reqwest::Client::new().post(&ticket.url).multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), reqwest::StatusCode::BAD_REQUEST);
    assert!(answer.text().await.expect("XML").contains("EntityTooLarge"));
    assert_eq!((half_written(&app), app.objects().await), (0, Vec::new()));
    drop(send);
}

#[tokio::test]
async fn a_body_that_never_comes_to_its_fields_is_cut_off() {
    let Some((app, _)) = stage().await else { return };
    let head = "--XbX\r\nContent-Disposition: form-data; name=\"a\"\r\nX-Long: ";
    for start in ["", head] {
        let (send, pieces) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
        let request = reqwest::Client::new().post(app.url("/media")).body(body);
        let post = tokio::spawn(request.header("content-type", "multipart/form-data; boundary=XbX").send());
        let mut sent = 0;
        let mut piece = bytes::Bytes::from(start.to_owned() + &"y".repeat(16 * 1024));
        while send.send(Ok(piece)).await.is_ok() && sent < 100 {
            piece = bytes::Bytes::from(vec![b'y'; 64 * 1024]);
            sent += 1;
        }
        drop(send);
        let refused = post.await.expect("an end").map_or(true, |answer| answer.status().is_client_error());
        assert!(refused && sent < 100, "cut off long before 6 MB: {sent}");
    }
}

#[tokio::test]
async fn one_server_at_a_time_uses_a_folder() {
    let Some((app, _)) = stage().await else { return };
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_darkroom"))
        .env("BIND", "127.0.0.1:0")
        .env("DATA_DIR", app.data_dir.path())
        .output()
        .expect("a process");
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && words.contains("another server uses"), "{words}");
}

/// How many files are being written.
fn half_written(app: &TestApp) -> usize {
    let folder = app.data_dir.path().join("storage/writing");
    walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file()).count()
}

#[tokio::test]
async fn keys_that_xml_cannot_have_are_listed_page_by_page() {
    let Some((_app, s3)) = stage().await else { return };
    let mut keys = ["a", "b\r", "c\u{1}", "d\u{fffe}", "e e", "f%"].map(str::to_owned).to_vec();
    for key in &keys {
        put(&s3, key, b"x").await;
    }
    keys.sort_unstable();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = s3.list_objects_v2().bucket("media").max_keys(1).encoding_type(aws_sdk_s3::types::EncodingType::Url);
        let page = page.set_continuation_token(token).send().await.expect("a page");
        for object in page.contents() {
            let key = object.key().expect("a key").replace('+', "%2B");
            let decoded = url::form_urlencoded::parse(key.as_bytes()).next().expect("a key").0.into_owned();
            found.push(decoded);
        }
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() || found.len() > keys.len() {
            break;
        }
    }
    assert_eq!(found, keys);
    let refused = s3.list_objects_v2().bucket("media").continuation_token("none of ours").send().await;
    assert!(refused.is_err());
}
