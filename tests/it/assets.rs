//! A front end's own files, in the bucket for everybody.

use std::{fs, io::Read, path::Path, process::Output};

use darkroom::storage::StorageKey;
use flate2::read::GzDecoder;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{TestApp, pictures};

const FOREVER: &str = "public, max-age=31536000, immutable";

fn drawing(color: &str) -> String {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{}</svg>", format!("<path fill=\"{color}\"/>").repeat(50))
}

/// What Vite might have made, and what is nobody's business.
fn front_end() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for below in ["img", "assets", ".git", ".well-known"] {
        fs::create_dir(folder.path().join(below)).expect("a folder");
    }
    let files: [(&str, Vec<u8>); 6] = [
        ("logo.svg", drawing("red").into()),
        ("index.html", "<!doctype html><script>alert(1)</script>".into()),
        ("img/noise.woff2", (0..100_u32).flat_map(|at| Sha256::digest(at.to_be_bytes())).collect()),
        ("assets/index-BJElE1wc.js", "export default 1;".into()),
        (".git/config", "secret".into()),
        (".well-known/security.txt", "Contact: mailto:ann@example.com".into()),
    ];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.txt")).expect("a link");
    folder
}

fn words(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn push(app: &TestApp, folder: &Path) -> Output {
    app.command(&["assets", "push", folder.to_str().expect("a path")], None).await
}

async fn url(app: &TestApp, path: &str) -> String {
    words(&app.command(&["assets", "url", path], None).await)
}

/// What is stored under a key: by a signed URL, since a bucket elsewhere may be closed.
async fn stored(app: &TestApp, key: &str) -> (HeaderMap, Vec<u8>) {
    let urls = app.app.storage.urls().await.expect("a storage");
    let answer = reqwest::get(urls.of(&StorageKey::listed(key))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "{key}");
    let headers = answer.headers().clone();
    let body = answer.bytes().await.expect("a body");
    if headers.get("content-encoding").is_none() {
        return (headers, body.to_vec());
    }
    let mut text = Vec::new();
    GzDecoder::new(&body[..]).read_to_end(&mut text).expect("gzip");
    (headers, text)
}

fn value(header: &'static str) -> HeaderValue {
    HeaderValue::from_static(header)
}

fn key_of(url: &str) -> &str {
    &url[url.find("static/").expect("a key")..]
}

#[tokio::test]
async fn a_front_end_is_stored_under_names_that_change_with_its_content() {
    let (app, folder) = (TestApp::start().await, front_end());
    assert_eq!(words(&push(&app, folder.path()).await), "stored 5 files; 5 are known by their paths");
    assert_eq!(app.objects().await.len(), 1 + 1 + 2 * 4, "the manifest, one that has its hash, and four twice");

    let first = url(&app, "logo.svg").await;
    let (headers, body) = stored(&app, key_of(&first)).await;
    assert_eq!(body, drawing("red").into_bytes());
    assert_eq!((&headers["content-type"], &headers["cache-control"]), (&value("image/svg+xml"), &value(FOREVER)));
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(stored(&app, "static/logo.svg").await.0["cache-control"], "no-cache");
    let (headers, _) = stored(&app, key_of(&url(&app, "img/noise.woff2").await)).await;
    assert_eq!((&headers["content-type"], headers.get("content-encoding")), (&value("font/woff2"), None));
    let built = url(&app, "assets/index-BJElE1wc.js").await;
    assert!(built.ends_with("/static/assets/index-BJElE1wc.js"), "{built}");
    assert_eq!(stored(&app, key_of(&built)).await.0["cache-control"], FOREVER);

    fs::write(folder.path().join("logo.svg"), drawing("blue")).expect("a file");
    let font = url(&app, "img/noise.woff2").await;
    push(&app, folder.path()).await;
    assert_eq!(url(&app, "img/noise.woff2").await, font, "what has not changed keeps its name");
    assert_eq!(stored(&app, key_of(&url(&app, "logo.svg").await)).await.1, drawing("blue").into_bytes());
    assert_eq!(stored(&app, key_of(&first)).await.1, drawing("red").into_bytes(), "pages of before still find theirs");
}

#[tokio::test]
async fn what_cannot_be_stored_is_said_and_nothing_is() {
    let (app, folder) = (TestApp::start().await, TempDir::new().expect("a folder"));
    let missing = folder.path().join("dist");
    let control = TempDir::new().expect("a folder");
    fs::write(control.path().join("a\nb"), "x").expect("a file");
    for (folder, why) in [
        (folder.path(), "there are no files to store"),
        (&missing, "is no folder"),
        (control.path(), "has a name that no URL can have"),
    ] {
        let refused = push(&app, folder).await;
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains(why), "{refused:?}");
    }
    for immutable in ["./assets", "/assets", "../assets", ""] {
        let refused = app.command(&["assets", "push", ".", "--immutable", immutable], None).await;
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("such as assets"));
    }
    let unknown = app.command(&["assets", "url", "logo.svg"], None).await;
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no file was stored"));
    assert_eq!(app.objects().await, Vec::<String>::new());
}

async fn ask(method: Method, url: &str) -> Response {
    reqwest::Client::new().request(method, url).body("x").send().await.expect("an answer")
}

#[tokio::test]
async fn everybody_reads_a_front_end_and_nothing_else_of_the_storage_inside() {
    if !TestApp::is_embedded() {
        return;
    }
    let (app, folder) = (TestApp::start().await, front_end());
    let ann = app.user("ann@example.com").await;
    ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    push(&app, folder.path()).await;
    let page = url(&app, "index.html").await;
    let answer = ask(Method::GET, &page).await;
    assert_eq!(answer.status(), StatusCode::OK);
    // On the API's own origin, what somebody opens runs nothing.
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert!(answer.headers()["content-security-policy"].to_str().is_ok_and(|policy| policy.ends_with("; sandbox")));
    assert_eq!(ask(Method::HEAD, &page).await.status(), StatusCode::OK);
    let etag = answer.headers()["etag"].clone();
    let again = reqwest::Client::new().get(&page).header("If-None-Match", etag).send().await.expect("an answer");
    assert_eq!((again.status(), again.headers().get("content-length")), (StatusCode::NOT_MODIFIED, None));

    let before = app.objects().await;
    let image = before.iter().find(|key| key.starts_with("images/")).expect("an image");
    for (method, url) in [
        (Method::GET, app.url(&format!("/media/{image}"))),
        (Method::GET, app.url(&format!("/media/static/../{image}"))),
        (Method::GET, app.url(&format!("/media/static/%2e%2e/{image}"))),
        (Method::GET, app.url("/media/?list-type=2&prefix=static/")),
        (Method::GET, format!("{page}?response-content-type=text/plain")),
        (Method::GET, format!("{page}?response%2Dcontent-type=text/plain")),
        (Method::GET, format!("{page}?acl")),
        (Method::GET, format!("{page}?attributes")),
        (Method::PUT, page.clone()),
        (Method::PUT, app.url("/media/static/new.html")),
        (Method::POST, format!("{page}?uploads")),
        (Method::DELETE, page.clone()),
    ] {
        let status = ask(method.clone(), &url).await.status();
        assert!(status.is_client_error(), "{method} {url}: {status}");
    }
    assert_eq!(app.objects().await, before);
}
