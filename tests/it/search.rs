//! Search: parts of words in any script and of any length, tags that mean what they say, and an index for all of it.

use darkroom::domain::{details::Details, image::Image};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library::seed};

async fn found(client: &Client, filter: Value) -> Vec<String> {
    let query = "query($filter: ImageFilter) { images(first: 100, filter: $filter, \
        orderBy: {field: TITLE, direction: ASC}) { totalCount nodes { title } } }";
    let answer = client.send(query, json!({"filter": filter})).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    let images = &answer.0["data"]["images"];
    let titles = images["nodes"].as_array().expect("nodes").iter();
    let titles: Vec<String> = titles.map(|node| node["title"].as_str().expect("a title").to_owned()).collect();
    assert_eq!(images["totalCount"], titles.len(), "{filter}");
    titles
}

fn titled(image: &mut Image, title: &str, description: &str) {
    image.details = Details { title: title.to_owned(), description: description.to_owned(), ..Details::default() };
}

#[tokio::test]
async fn parts_of_words_are_found_in_every_script_and_of_every_length() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let titles = [
        "100% Wolle",
        "under_score",
        "O'Hara's \"best\" photo",
        "🙂🙂 smile",
        "남산 서울타워",
        "Straße",
        "back\\slash",
        "a",
        "İstanbul",
        "日本語",
        "e\u{301}te\u{301}",
        "-- DROP TABLE image; --",
        "* OR title:x",
        "ΟΔΥΣΣΕΥΣ",
    ];
    seed(&app, "ann@example.com", u32::try_from(titles.len()).expect("few"), |number, image| {
        titled(image, titles[number], if titles[number] == "a" { "beside the motorway" } else { "" });
    })
    .await;
    for (needle, expected) in [
        ("%", vec!["100% Wolle"]),
        ("0%", vec!["100% Wolle"]),
        ("_", vec![]),
        ("r_s", vec!["under_score"]),
        ("'", vec!["O'Hara's \"best\" photo"]),
        ("\"", vec!["O'Hara's \"best\" photo"]),
        ("hara's \"BEST\" ph", vec!["O'Hara's \"best\" photo"]),
        ("🙂", vec!["🙂🙂 smile"]),
        ("🙂🙂 s", vec!["🙂🙂 smile"]),
        ("🙂🙂🙂", vec![]),
        ("울", vec!["남산 서울타워"]),
        ("산 서", vec!["남산 서울타워"]),
        ("서울타", vec!["남산 서울타워"]),
        ("STRASSE", vec!["Straße"]),
        ("ΟΔΥΣΣΕΥΣ", vec!["ΟΔΥΣΣΕΥΣ"]),
        ("οδυσσευς", vec!["ΟΔΥΣΣΕΥΣ"]),
        ("STRAß", vec!["Straße"]),
        ("\\", vec!["back\\slash"]),
        ("k\\s", vec!["back\\slash"]),
        ("本", vec!["日本語"]),
        ("ÉTÉ", vec!["e\u{301}te\u{301}"]),
        ("drop table", vec!["-- DROP TABLE image; --"]),
        ("; --", vec!["-- DROP TABLE image; --"]),
        ("* or", vec!["* OR title:x"]),
        ("title:", vec!["* OR title:x"]),
        ("σσ", vec!["ΟΔΥΣΣΕΥΣ"]),
        ("ευσ", vec!["ΟΔΥΣΣΕΥΣ"]),
        ("torw", vec!["a"]),
        ("  Motorway ", vec!["a"]),
        ("motorway beside", vec![]),
        ("beside\nthe\tmotorway", vec!["a"]),
    ] {
        let expected: Vec<&str> = if needle == "_" { titles_by_key(&titles) } else { expected };
        assert_eq!(found(&ann, json!({"search": needle})).await, expected, "{needle}");
    }
    // The filename of every one of them is IMG_000000.jpg and the like.
    assert_eq!(found(&ann, json!({"search": "img_00"})).await.len(), titles.len());
    assert_eq!(found(&ann, json!({"search": "mg_000003"})).await, ["🙂🙂 smile"]);
    assert_eq!(found(&ann, json!({"search": " "})).await.len(), titles.len(), "nothing to search for");
    assert!(found(&ann, json!({"search": "slash\u{1f}img"})).await.is_empty(), "a match has to be within a field");
}

fn titles_by_key<'a>(titles: &[&'a str]) -> Vec<&'a str> {
    let mut titles = titles.to_vec();
    titles.sort_by_key(|title| darkroom::domain::search::sort_key(title));
    titles
}

/// More images than are looked through before the index is asked: both ways give the same.
#[tokio::test]
async fn few_among_many_are_found_by_the_index_and_many_by_looking() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    for _ in 0..5 {
        seed(&app, "ann@example.com", 500, |number, image| {
            titled(image, &format!("common {number}"), "");
            image.details.tags = vec!["everywhere".to_owned()];
        })
        .await;
    }
    // The oldest of all, so that looking would come to them last.
    let rare = seed(&app, "ann@example.com", 3, |number, image| {
        titled(image, &format!("rare ☃ {number}"), "");
        image.details.tags = vec!["seldom".to_owned(), "everywhere".to_owned()];
        image.created_at -= chrono::TimeDelta::days(3650);
    })
    .await;
    for filter in [
        json!({"search": "rare"}),
        json!({"search": "☃"}),
        json!({"search": "☃ "}),
        json!({"tags": ["seldom"]}),
        json!({"tags": ["everywhere", "seldom"]}),
        json!({"tags": ["seldom"], "search": "RARE"}),
        json!({"status": ["COMPLETED", "FAILED"], "search": "re ☃"}),
    ] {
        assert_eq!(found(&ann, filter.clone()).await.len(), rare.len(), "{filter}");
        assert!(found(&bob, filter.clone()).await.is_empty(), "another's: {filter}");
    }
    let query = "query($after: String) { images(first: 2, after: $after, filter: {search: \"rare\"}) \
        { nodes { title } pageInfo { hasNextPage endCursor } } }";
    let first = ann.send(query, json!({})).await.0["data"]["images"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let second = ann.send(query, json!({"after": first["pageInfo"]["endCursor"]})).await;
    assert_eq!(second.0["data"]["images"]["nodes"], json!([{"title": "rare ☃ 0"}]));
    let many = "{ images(first: 100, filter: {search: \"common 4\", tags: [\"everywhere\"]}) \
        { totalCount nodes { title } } }";
    let many = ann.send(many, Value::Null).await.0["data"]["images"].clone();
    assert_eq!((many["nodes"].as_array().expect("nodes").len(), &many["totalCount"]), (100, &json!(5 * 111)));
}

#[tokio::test]
async fn what_is_said_of_an_image_now_is_what_finds_it() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 2, |_, image| titled(image, "before", "")).await;
    let input = json!({"imageId": images[0].id.to_string(), "title": "Afterwards", "tags": ["new"]});
    ann.mutate("updateImage", input, "image { title }").await;
    assert_eq!(found(&ann, json!({"search": "after"})).await, ["Afterwards"]);
    assert_eq!(found(&ann, json!({"search": "before"})).await, ["before"]);
    assert_eq!(found(&ann, json!({"tags": ["new"]})).await, ["Afterwards"]);
    ann.mutate("deleteImage", json!({"imageId": images[0].id.to_string()}), "deletedImageId").await;
    assert!(found(&ann, json!({"search": "after"})).await.is_empty());
    app.run_all_jobs().await;
    app.app.clock.advance(chrono::TimeDelta::seconds(61));
    app.run_all_jobs().await;
    for table in ["image_search", if is_postgres(&app) { "image_search" } else { "image_gram" }] {
        assert_eq!(count(&app, table).await, 1, "{table}: nothing is left of it");
    }
    // An upload is found by its filename, and by its title once it is completed.
    let ticket = ann.ticket("Urlaub_am_See.JPG", "image/jpeg", 10).await;
    let pending = json!({"status": ["PENDING"], "search": "am_see"});
    assert_eq!(found(&ann, pending).await.len(), 1, "{}", ticket.image);
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let conn = app.app.db.conn();
    let sql = format!("SELECT count(*) AS count FROM {table}");
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), sql)).await.expect("a count");
    row.expect("a row").try_get("", "count").expect("a number")
}

fn is_postgres(app: &TestApp) -> bool {
    app.app.db.conn().get_database_backend() == DbBackend::Postgres
}

#[tokio::test]
async fn tags_are_completed_with_their_counts() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let tags: [&[&str]; 6] = [&["Sun", "sea"], &["Sun"], &["sunset"], &["SUNDAY", "Émile"], &["여행"], &[]];
    let images = seed(&app, "ann@example.com", 6, |number, image| {
        image.details.tags = tags[number].iter().map(|tag| (*tag).to_owned()).collect();
    })
    .await;
    let complete = async |client: &Client, prefix: &str, first: u32| {
        let query = "query($prefix: String!, $first: Int!) { tags(prefix: $prefix, first: $first) { tag count } }";
        let answer = client.send(query, json!({"prefix": prefix, "first": first})).await;
        assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
        let tags = answer.0["data"]["tags"].as_array().expect("tags").clone();
        tags.iter().map(|tag| format!("{}:{}", tag["tag"].as_str().expect("a tag"), tag["count"])).collect::<Vec<_>>()
    };
    assert_eq!(complete(&ann, "sun", 20).await, ["Sun:2", "SUNDAY:1", "sunset:1"]);
    assert_eq!(complete(&ann, "SUN", 1).await, ["Sun:2"]);
    assert_eq!(complete(&ann, "é", 20).await, ["Émile:1"]);
    assert_eq!(complete(&ann, "여", 20).await, ["여행:1"]);
    assert_eq!(complete(&ann, "%", 20).await, [] as [&str; 0]);
    assert_eq!(complete(&ann, "", 100).await.len(), 6);
    assert_eq!(complete(&bob, "", 100).await, [] as [&str; 0]);
    ann.mutate("updateImage", json!({"imageId": images[0].id.to_string(), "tags": ["Sun"]}), "image { id }").await;
    ann.mutate("deleteImage", json!({"imageId": images[1].id.to_string()}), "deletedImageId").await;
    assert_eq!(complete(&ann, "s", 20).await, ["SUNDAY:1", "Sun:1", "sunset:1"], "sea is gone");
    for (prefix, first) in [("\u{0}", 1), ("a", 0), ("a", 101)] {
        let query = format!("{{ tags(prefix: {}, first: {first}) {{ tag }} }}", json!(prefix));
        assert_eq!(ann.send(&query, Value::Null).await.error_code(), "BAD_USER_INPUT");
    }
}

/// With enough rows, the planners choose the index by themselves for every kind of list.
#[tokio::test]
async fn every_list_search_and_count_is_served_by_an_index() {
    let app = TestApp::start().await;
    let owner = app.app.services.accounts.find_or_make("ann@example.com").await.expect("ann").id;
    app.app.services.library.seed(owner, 12_000).await.map_err(|_| ()).expect("images");
    let ann = app.user("ann@example.com").await;
    let page = "query($o: ImageOrder, $f: ImageFilter, $a: String) { images(orderBy: $o, filter: $f, after: $a) \
        { totalCount pageInfo { endCursor } nodes { category { name } variants { type } } } }";
    let categories = ann.send("{ categories { id } }", Value::Null).await;
    let category = &categories.0["data"]["categories"][1]["id"];
    let mut plans = Plans::of(&app);
    for field in ["CREATED_AT", "FILE_SIZE", "TITLE"] {
        for filter in [json!({}), json!({"categoryId": category}), json!({"status": ["COMPLETED", "FAILED"]})] {
            let order = json!({"field": field, "direction": "DESC"});
            let first = plans.watch(&ann, page, json!({"o": order, "f": filter})).await;
            let after = &first["data"]["images"]["pageInfo"]["endCursor"];
            plans.watch(&ann, page, json!({"o": order, "f": filter, "a": after})).await;
        }
    }
    for needle in ["harbour 11999", "서울", "☃", "7_"] {
        plans.watch(&ann, page, json!({"f": {"search": needle}})).await;
    }
    plans.watch(&ann, page, json!({"f": {"tags": ["nowhere"]}})).await;
    let stats = "{ imageStats { totalImages byDay { count } recentUploads { id } } tags(prefix: \"t\") { count } }";
    plans.watch(&ann, stats, Value::Null).await;
    let image = ann.send("{ images(first: 1) { nodes { id } } }", Value::Null).await;
    let id = &image.0["data"]["images"]["nodes"][0]["id"];
    plans
        .watch(
            &ann,
            "query($id: ID!) { image(id: $id) { variants { type } metadata { cameraMake } } }",
            json!({"id": id}),
        )
        .await;
    fingerprint_all(&app).await;
    let relatives = "query($id: ID!) { image(id: $id) { duplicateOf { id } similar(first: 20) { id } } }";
    plans.watch(&ann, relatives, json!({"id": id})).await;
    let used = plans.assert_indexed().await;
    for index in ["by_bytes", "by_band_0", "by_band_1", "by_band_2", "by_band_3"] {
        assert!(used.contains(&format!("image_fingerprint_{index}")), "{index}\n{used}");
    }
}

/// Gives every image a fingerprint, such as it came by; no look-up below would have anything to choose from without.
async fn fingerprint_all(app: &TestApp) {
    let (bytes, number) = if is_postgres(app) {
        ("decode(md5(random()::text), 'hex')", "floor(random() * 65536)::int")
    } else {
        ("randomblob(32)", "abs(random()) % 65536")
    };
    let fill = format!(
        "INSERT INTO image_fingerprint (image_id, owner_id, sha256, likeness, band_0, band_1, band_2, band_3) \
         SELECT id, owner_id, {bytes}, 252645135, {number}, {number}, {number}, {number} FROM image"
    );
    for statement in [fill.as_str(), "ANALYZE"] {
        app.app.db.conn().execute_unprepared(statement).await.expect("fingerprints");
    }
}

/// Every statement that was sent, and how the database says that it runs it.
struct Plans<'a> {
    app: &'a TestApp,
    statements: std::collections::BTreeMap<String, Statement>,
}

impl<'a> Plans<'a> {
    fn of(app: &'a TestApp) -> Self {
        Self { app, statements: std::collections::BTreeMap::new() }
    }

    async fn watch(&mut self, client: &Client, query: &str, variables: Value) -> Value {
        let recording = self.app.app.db.record();
        let answer = client.send(query, variables).await;
        assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
        for statement in recording.take() {
            if statement.sql.trim_start().starts_with("SELECT") || statement.sql.trim_start().starts_with("WITH") {
                self.statements.insert(statement.sql.clone(), statement);
            }
        }
        answer.0
    }

    /// Gives all plans.
    async fn assert_indexed(&self) -> String {
        let mut all = String::new();
        assert!(self.statements.len() > 15, "{}", self.statements.len());
        let conn = self.app.app.db.conn();
        for statement in self.statements.values() {
            let explain = if is_postgres(self.app) { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
            let mut explained = statement.clone();
            explained.sql = format!("{explain} {}", statement.sql);
            let rows = conn.query_all_raw(explained).await.expect("a plan");
            let column = if is_postgres(self.app) { "QUERY PLAN" } else { "detail" };
            let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).expect("a line")).collect();
            for line in &plan {
                let scans_large =
                    ["image", "image_search", "image_fingerprint", "variant", "found"].iter().any(|table| {
                        let scan = format!("SCAN {table}");
                        line.contains(&format!("Seq Scan on {table} "))
                            || line.trim() == scan
                            || line.trim().starts_with(&format!("{scan} "))
                    });
                assert!(!scans_large, "{}\n{}", statement.sql, plan.join("\n"));
                all.push_str(line);
                all.push('\n');
            }
        }
        all
    }
}
