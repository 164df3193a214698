//! GraphQL over HTTP: negotiation, limits, persisted queries, and nothing inside seen from outside.

use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{TestApp, library::seed};

const GRAPHQL_JSON: &str = "application/graphql-response+json";

async fn post(app: &TestApp, content_type: &str, accept: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = reqwest::Client::new().post(app.url("/graphql")).header(header::CONTENT_TYPE, content_type);
    request.header(header::ACCEPT, accept).body(body).send().await.expect("an answer")
}

async fn code(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body: Value = response.json().await.expect("JSON");
    assert!(body.get("data").is_none(), "nothing was executed: {body}");
    (status, body["errors"][0]["extensions"]["code"].clone())
}

#[tokio::test]
async fn only_json_is_taken_and_only_what_is_asked_for_is_given() {
    let app = TestApp::start().await;
    let query = r#"{"query":"{ __typename }"}"#;
    for (content_type, expected) in [
        ("application/json", StatusCode::OK),
        ("application/json; charset=utf-8", StatusCode::OK),
        ("APPLICATION/JSON;charset=UTF-8", StatusCode::OK),
        ("application/json; charset=latin1", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("multipart/form-data; boundary=x", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        assert_eq!(post(&app, content_type, "*/*", query).await.status(), expected, "{content_type}");
    }
    for (accept, expected) in [
        (GRAPHQL_JSON, GRAPHQL_JSON),
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.9", "application/json"),
        ("*/*", "application/json"),
    ] {
        let answer = post(&app, "application/json", accept, query).await;
        assert_eq!(answer.headers()["content-type"], format!("{expected}; charset=utf-8"), "{accept}");
    }
    assert_eq!(post(&app, "application/json", "text/html", query).await.status(), StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn malformed_requests_are_400_and_never_500() {
    let app = TestApp::start().await;
    for body in [
        "",
        "{",
        "null",
        "[]",
        "7",
        r#"[{"query":"{ __typename }"}]"#,
        "{}",
        r#"{"query":null}"#,
        r#"{"query":7}"#,
        r#"{"query":""}"#,
        r#"{"query":"{ __typename }","variables":[]}"#,
        r#"{"query":"{ __typename }","operationName":7}"#,
        r#"{"query":"{ __typename }","extensions":"x"}"#,
        r#"{"query":"{"}"#,
        r#"{"query":"{ nothing }"}"#,
        r#"{"query":"query A { __typename } query B { __typename }"}"#,
        r#"{"query":"{ __typename }","operationName":"A"}"#,
        "\u{feff}{}",
    ] {
        let answer = post(&app, "application/json", GRAPHQL_JSON, body).await;
        assert_eq!(code(answer).await, (StatusCode::BAD_REQUEST, json!("BAD_USER_INPUT")), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let answer = post(&app, "application/json", GRAPHQL_JSON, deep).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let huge = vec![b' '; 2 * 1024 * 1024];
    let answer = post(&app, "application/json", GRAPHQL_JSON, huge).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn get_reads_and_never_writes() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let get = |query: Vec<(&'static str, String)>| {
        let url = url::Url::parse_with_params(&app.url("/graphql"), query).expect("a URL");
        let request = admin.http.get(url).bearer_auth(admin.token.as_deref().expect("a token"));
        async { request.header(header::ACCEPT, GRAPHQL_JSON).send().await.expect("an answer") }
    };
    let both =
        "query Read { me { email } } mutation Write { createCategory(input: {name: \"x\"}) { category { id } } }";
    let read = get(vec![("query", both.into()), ("operationName", "Read".into())]).await;
    assert_eq!(read.status(), StatusCode::OK);
    let write = get(vec![("query", both.into()), ("operationName", "Write".into())]).await;
    assert_eq!(
        (write.headers()["allow"].clone(), write.status()),
        ("POST".parse().expect("a header"), StatusCode::METHOD_NOT_ALLOWED)
    );
    // A mutation that was persisted by POST cannot be run by GET either.
    let mutation = r#"mutation { createCategory(input: {name: "y"}) { category { id } } }"#;
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(mutation));
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    let register = json!({"query": mutation, "extensions": extensions});
    post(&app, "application/json", GRAPHQL_JSON, register.to_string()).await;
    let replay = get(vec![("extensions", extensions.to_string())]).await;
    assert_eq!(replay.status(), StatusCode::METHOD_NOT_ALLOWED);
    let categories = admin.send("{ categories(includeInactive: true) { name } }", Value::Null).await;
    assert_eq!(categories.0["data"]["categories"], json!([{"name": "general"}]));
}

#[tokio::test]
async fn persisted_queries_are_learned_and_remembered() {
    let app = TestApp::start().await;
    let query = "{ __typename me { email } }";
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(query));
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    let by_hash = json!({"extensions": extensions}).to_string();
    let unknown = post(&app, "application/json", "application/json", by_hash.clone()).await;
    let unknown: Value = unknown.json().await.expect("JSON");
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
    let wrong = json!({"query": "{ me { id } }", "extensions": extensions}).to_string();
    assert!(!post(&app, "application/json", GRAPHQL_JSON, wrong).await.status().is_success());
    post(&app, "application/json", "application/json", json!({"query": query, "extensions": extensions}).to_string())
        .await;
    let long = format!("{{ __typename }} # {}", "x".repeat(20_000));
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&long));
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    for body in [json!({"query": long, "extensions": extensions}), json!({"extensions": extensions})] {
        let answer = post(&app, "application/json", "application/json", body.to_string()).await;
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["errors"].is_null(), body.get("query").is_some(), "a long one is run, and not remembered");
    }
    let known: Value = post(&app, "application/json", "application/json", by_hash).await.json().await.expect("JSON");
    assert_eq!(known["data"], json!({"__typename": "Query", "me": null}));
}

#[tokio::test]
async fn operations_beyond_the_limits_are_refused_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let nested = (0..20).fold("id".to_owned(), |inner, _| format!("owner {{ {inner} }}"));
    // Thirty fragments, each spreading the next one ten times: 10^30 fields in 800 tokens.
    let fragments: String = (0..30)
        .map(|index| format!("fragment f{index} on User {{ {} }} ", format!("...f{} ", index + 1).repeat(10)))
        .collect();
    let bomb = format!("{{ me {{ ...f0 }} }} {fragments} fragment f30 on User {{ id }}");
    let cycle = "{ me { ...a } } fragment a on User { ...b } fragment b on User { ...a }";
    let aliases: String = (0..101).map(|index| format!("a{index}: __typename ")).collect();
    let directives = "@include(if: true) ".repeat(51);
    let tokens = "__typename ".repeat(5001);
    let lists = "{ images(first: 100) { nodes { similar(first: 10) { variants { type url width height } } } } }";
    // Thirty levels of two spreads each, with no field in them.
    let nothing: String =
        (0..30).map(|index| format!("fragment f{index} on Query {{ ...f{0} ...f{0} }} ", index + 1)).collect();
    let nothing = format!("{{ ...f0 __typename }} {nothing}");
    for (what, query) in [
        ("depth", format!("{{ images {{ nodes {{ {nested} }} }} }}")),
        ("a fragment bomb", bomb),
        ("a fragment cycle", cycle.to_owned()),
        ("aliases", format!("{{ {aliases} }}")),
        ("directives", format!("{{ __typename {directives} }}")),
        ("tokens", format!("{{ {tokens} }}")),
        ("cost", lists.to_owned()),
        ("cost that is not to be executed", format!("{{ ...@skip(if: true) {lists} __typename }}")),
        (
            "a list without a bound",
            "{ image(id: 1) { similar(first: 2147483647) { similar(first: 2147483647) { id } } } }".to_owned(),
        ),
        ("spreads of nothing", nothing),
        ("a default of an unknown type", "query($x: [Nope] = [1]) { __typename }".to_owned()),
        ("arguments of one field", format!("{{ me({}) {{ id }} }}", "a: 1 ".repeat(21))),
        ("uses of variables", format!("query($v: [Int]) {{ image(id: [{}]) {{ id }} }}", "$v ".repeat(501))),
        ("a block string without an end", format!("{{a(b:[\"\"\"x\"{}{}])}}", "[".repeat(2000), "]".repeat(2000))),
        ("quotes without an end", format!("{{a(b:[\"\"\"x\"{}", "\"\\\"\"\"\"\"z\" ".repeat(7000))),
        ("nesting without end", "{ me ".repeat(900)),
        ("lists without end", format!("{{ image(id: {}{}) {{ id }} }}", "[".repeat(900), "]".repeat(900))),
        ("objects without end", format!("{{ image(id: {}1{}) {{ id }} }}", "{a:".repeat(600), "}".repeat(600))),
        ("defaults without end", format!("query($a: Int = {}) {{ __typename }}", "[".repeat(900))),
        ("a comment of a megabyte", format!("# {}\n{{ nothing }}", "x".repeat(900_000))),
    ] {
        let answer = ann.send(&query, Value::Null).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{what}");
        assert!(answer.0.get("data").is_none(), "{what}");
    }
    let commas = format!("{{ {} }}", "__typename,\n ".repeat(900));
    assert_eq!(ann.send(&commas, Value::Null).await.0["errors"], Value::Null, "what means nothing counts for nothing");
    let deep = "fields { type { fields { type { fields { name } } } } }";
    let everybody = "possibleTypes { interfaces { possibleTypes { interfaces { possibleTypes { name } } } } }";
    for query in [
        format!("{{ __type(name: \"Node\") {{ {everybody} {deep} }} }}"),
        format!("{{ __schema {{ types {{ {deep} }} }} }}"),
        format!("{{ __type(name: \"Node\") {{ {}name{} }} }}", "ofType { ".repeat(20), " }".repeat(20)),
    ] {
        let answer = app.anonymous().send(&query, Value::Null).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{query}");
        assert!(answer.0["errors"][0]["message"].as_str().is_some_and(|text| text.contains("allowed")), "{}", answer.0);
    }
    let gallery = "{ images(first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { id title description altText \
                   tags width height placeholder srcSet url category { id name } \
                   variants { type url width height fileSize } } } }";
    assert_eq!(ann.send(gallery, Value::Null).await.0["errors"], Value::Null, "what a front end needs is no bomb");
    let whole = include_str!("../fixtures/graphiql_introspection.graphql");
    let schema = app.anonymous().send(whole, Value::Null).await;
    assert_eq!(schema.0["errors"], Value::Null, "introspection is within the limits");
}

#[tokio::test]
async fn introspection_can_be_switched_off() {
    let app = TestApp::start_with(&["--introspection", "false"]).await;
    let answer = app.anonymous().send("{ __schema { types { name } } __typename }", Value::Null).await;
    assert_eq!(answer.0["data"]["__schema"], Value::Null);
    assert!(!answer.0.to_string().contains("ImageVariant"), "{}", answer.0);
    for path in ["/graphiql", "/schema.graphql"] {
        assert_eq!(reqwest::get(app.url(path)).await.expect("an answer").status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_failure_inside_reaches_the_client_as_an_id_and_nothing_more() {
    use sea_orm::ConnectionTrait;
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = ann.ticket("a.jpg", "image/jpeg", 1000).await.image;
    app.app.db.conn().execute_unprepared("ALTER TABLE variant RENAME TO lost").await.expect("the database");
    let answer = ann.send("query($id: ID!) { image(id: $id) { id variants { type } } }", json!({"id": image})).await;
    let error = &answer.0["errors"][0];
    assert_eq!(answer.error_code(), "INTERNAL_SERVER_ERROR");
    let id = error["extensions"]["requestId"].as_str().expect("an id");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(id)), "{error}");
    for inside in ["variant", "SELECT", "table", "sqlx", "Exec"] {
        assert!(!error["message"].to_string().contains(inside), "{error}");
        assert!(!error["extensions"].to_string().contains(inside), "{error}");
    }
}

#[tokio::test]
async fn the_small_routes_answer() {
    let app = TestApp::start().await;
    let get = |path: &'static str| {
        let url = app.url(path);
        async move { reqwest::get(url).await.expect("an answer") }
    };
    assert_eq!(get("/healthz").await.text().await.expect("text"), "ok");
    let ready = get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::OK);
    let of = |draining: bool| json!({"database": true, "storage": true, "draining": draining, "sandbox": null});
    assert_eq!(ready.json::<Value>().await.expect("JSON"), of(false));
    app.app.draining.cancel();
    let draining = get("/readyz").await;
    assert_eq!(draining.status(), 503, "nobody new is to be sent here");
    assert_eq!(draining.json::<Value>().await.expect("JSON"), of(true));
    assert_eq!(get("/healthz").await.status(), 200);
    assert_eq!(get("/schema.graphql").await.text().await.expect("text"), darkroom::graphql::sdl());
    let page = get("/graphiql").await;
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(page.headers().contains_key("x-request-id"));
    assert_eq!(get("/nothing").await.status(), StatusCode::NOT_FOUND);
}

/// The specification's way: a field that is promised is null together with what promised it, and never missing.
#[tokio::test]
async fn what_fails_and_cannot_be_null_takes_its_parent_along() {
    let app = TestApp::start().await;
    let ask = async |query: &str| {
        let asked = reqwest::Client::new().post(app.url("/graphql")).json(&json!({"query": query})).send().await;
        let answer = asked.expect("an answer");
        (answer.status(), answer.json::<Value>().await.expect("JSON"))
    };
    let (status, answer) = ask("{ me { email } categories { id } }").await;
    assert_eq!((status, answer.get("data")), (StatusCode::OK, Some(&Value::Null)));
    assert_eq!(answer["errors"][0]["path"], json!(["categories"]));
    let (_, answer) =
        ask(r#"{ a: me { email } image(id: "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f") { id } b: me { id } }"#).await;
    assert_eq!(answer["data"], json!({"a": null, "image": null, "b": null}));
    assert_eq!(answer["errors"][0]["path"], json!(["image"]));
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_can_read_it() {
    use std::io::Read;
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    seed(&app, "ann@example.com", 60, |_, _| {}).await;
    let ask = async |query: &str, encoding: &str| {
        let request =
            reqwest::Client::new().post(app.url("/graphql")).bearer_auth(ann.token.as_deref().unwrap_or_default());
        let request = request.header(header::ACCEPT_ENCODING, encoding).json(&json!({"query": query}));
        request.send().await.expect("an answer")
    };
    let gallery = "{ images(first: 60) { nodes { id title createdAt srcSet } } }";
    let plain = ask(gallery, "identity").await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    assert!(plain.headers().get_all("vary").iter().any(|vary| vary == "accept-encoding"), "{:?}", plain.headers());
    let plain = plain.bytes().await.expect("a body");
    for (accepted, encoding) in [("br, gzip, zstd", "zstd"), ("gzip, br", "br"), ("deflate, gzip", "gzip")] {
        let answer = ask(gallery, accepted).await;
        assert_eq!(answer.headers()["content-encoding"], encoding, "{accepted}");
        let compressed = answer.bytes().await.expect("a body");
        assert!(compressed.len() * 4 < plain.len(), "{encoding}: {} of {}", compressed.len(), plain.len());
        let mut read = Vec::new();
        match encoding {
            "zstd" => read = zstd::decode_all(&*compressed).expect("zstd"),
            "br" => drop(brotli::Decompressor::new(&*compressed, 4096).read_to_end(&mut read).expect("brotli")),
            _ => drop(flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut read).expect("gzip")),
        }
        assert!(read == plain, "{encoding}");
    }
    let short = ask("{ me { id } }", "zstd").await;
    assert_eq!(short.headers().get("content-encoding"), None);
    let schema = reqwest::Client::new().get(app.url("/schema.graphql")).header(header::ACCEPT_ENCODING, "br");
    let schema = schema.send().await.expect("an answer");
    assert_eq!(schema.headers()["content-encoding"], "br");
    let (compressed, mut read) = (schema.bytes().await.expect("a body"), String::new());
    brotli::Decompressor::new(&*compressed, 4096).read_to_string(&mut read).expect("brotli");
    assert!(read == darkroom::graphql::sdl());
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = TestApp::start().await;
    let body = json!({"query": "mutation { logIn(input: {email: \"a\", password: \"b\"}) { userErrors { code } } }"});
    let body = body.to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    socket.write_all((head + &body).as_bytes()).await.expect("to be sent");
    socket.shutdown().await.expect("to close this half");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains("INVALID_CREDENTIALS"), "{answer}");
}

#[tokio::test]
async fn front_ends_of_the_configured_origins_may_call_and_no_others() {
    let app = TestApp::start_with(&["--cors-origins", "https://shop.example.com,http://localhost:5173"]).await;
    let preflight = |path: &'static str, origin: &'static str| {
        let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, app.url(path));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        let request = request.header("access-control-request-headers", "authorization,content-type");
        async { request.send().await.expect("an answer").headers().get("access-control-allow-origin").cloned() }
    };
    for path in ["/graphql", "/media"] {
        assert_eq!(
            preflight(path, "http://localhost:5173").await,
            Some("http://localhost:5173".parse().expect("text"))
        );
        assert_eq!(preflight(path, "https://evil.example.com").await, None);
        assert_eq!(preflight(path, "null").await, None);
    }
    let answer = reqwest::Client::new().get(app.url("/media/x")).header("origin", "https://shop.example.com");
    let answer = answer.send().await.expect("an answer");
    let exposed = answer.headers()["access-control-expose-headers"].to_str().expect("text").to_lowercase();
    assert!(exposed.contains("etag") && exposed.contains("location"), "{exposed}");
}
