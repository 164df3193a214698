//! Lists: every order and filter, in both directions, page by page, and cursors that stay true.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use darkroom::{
    db,
    domain::{access::Scope, image::ImageStatus},
};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library::seed};

const LIST: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: ImageFilter, \
    $orderBy: ImageOrder) { images(first: $first, after: $after, last: $last, before: $before, filter: $filter, \
    orderBy: $orderBy) { edges { cursor node { id title fileSize createdAt status } } nodes { id } \
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }";

async fn list(client: &Client, variables: Value) -> Value {
    let answer = client.send(LIST, variables).await;
    assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
    answer.0["data"]["images"].clone()
}

fn nodes(page: &Value) -> Vec<Value> {
    page["edges"].as_array().expect("edges").iter().map(|edge| edge["node"].clone()).collect()
}

fn ids(page: &Value) -> Vec<String> {
    nodes(page).iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

/// Walks through a whole list, in pages of this size, from either end.
async fn walk(client: &Client, order: &Value, filter: &Value, size: u64, backward: bool) -> Vec<Value> {
    let (take, from, more, cursor) = if backward {
        ("last", "before", "hasPreviousPage", "startCursor")
    } else {
        ("first", "after", "hasNextPage", "endCursor")
    };
    let (mut all, mut place) = (Vec::new(), Value::Null);
    loop {
        let page = list(client, json!({take: size, from: place, "orderBy": order, "filter": filter})).await;
        let mut found = nodes(&page);
        assert!(found.len() as u64 <= size);
        if backward {
            found.extend(std::mem::take(&mut all));
            all = found;
        } else {
            all.extend(found);
        }
        if page["pageInfo"][more] == false {
            return all;
        }
        place = page["pageInfo"][cursor].clone();
    }
}

#[tokio::test]
async fn every_order_is_the_same_from_both_ends_and_at_every_page_size() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    // Many of the same size and title, so that the tie-breaker decides.
    let images = seed(&app, "ann@example.com", 45, |number, image| {
        image.details.title = ["b", "A", "ä", "Zebra", ""][number % 5].to_owned();
        image.declared_size = [10, 30, 20][number % 3];
        if let darkroom::domain::image::UploadState::Completed { original, .. } = &mut image.state {
            original.size = image.declared_size;
        }
    })
    .await;
    for field in ["CREATED_AT", "FILE_SIZE", "TITLE"] {
        let mut expected: Vec<_> = images.iter().collect();
        expected.sort_by_key(|image| {
            let title = darkroom::domain::search::fold(&image.details.title);
            match field {
                "CREATED_AT" => (image.created_at, 0, String::new(), image.id),
                "FILE_SIZE" => (DateTime::<Utc>::MIN_UTC, image.declared_size, String::new(), image.id),
                _ => (DateTime::<Utc>::MIN_UTC, 0, title, image.id),
            }
        });
        let ascending: Vec<String> = expected.iter().map(|image| image.id.to_string()).collect();
        let descending: Vec<String> = ascending.iter().rev().cloned().collect();
        for (direction, expected) in [("ASC", &ascending), ("DESC", &descending)] {
            let order = json!({"field": field, "direction": direction});
            for (size, backward) in [(1, false), (7, false), (7, true), (100, false), (45, true)] {
                let found = walk(&ann, &order, &Value::Null, size, backward).await;
                let found: Vec<&str> = found.iter().filter_map(|node| node["id"].as_str()).collect();
                assert_eq!(&found, expected, "{field} {direction} by {size}, backward: {backward}");
            }
        }
    }
}

#[tokio::test]
async fn the_default_is_twenty_of_the_latest_completed() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 30, |_, _| {}).await;
    ann.ticket("a.jpg", "image/jpeg", 10).await;
    let page = list(&ann, json!({})).await;
    let latest: Vec<String> = images.iter().rev().take(20).map(|image| image.id.to_string()).collect();
    assert_eq!(ids(&page), latest);
    assert_eq!(page["totalCount"], 30, "the ticket is not completed");
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    assert_eq!(page["pageInfo"]["hasPreviousPage"], false);
    assert_eq!(page["nodes"].as_array().expect("nodes").len(), 20);
    let created_at = page["edges"][0]["node"]["createdAt"].as_str().expect("a time");
    assert!(created_at.ends_with("+00:00") && created_at.parse::<DateTime<Utc>>().is_ok(), "{created_at}");
    assert_eq!(page["pageInfo"]["endCursor"], page["edges"][19]["cursor"]);
}

#[tokio::test]
async fn a_cursor_stays_true_while_images_come_and_go() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 10, |_, _| {}).await;
    let first = list(&ann, json!({"first": 3})).await;
    let after = &first["pageInfo"]["endCursor"];
    let second = list(&ann, json!({"first": 3, "after": after})).await;
    // Newer ones come in front, and the very image of the cursor goes.
    seed(&app, "ann@example.com", 5, |number, image| {
        image.created_at = app.app.clock.now() + TimeDelta::seconds(i64::try_from(number).expect("few"));
    })
    .await;
    let gone = ids(&first)[2].clone();
    ann.mutate("deleteImage", json!({"imageId": gone}), "deletedImageId").await;
    assert_eq!(ids(&list(&ann, json!({"first": 3, "after": after})).await), ids(&second));
    let rest = list(&ann, json!({"first": 100, "after": after})).await;
    assert_eq!(ids(&rest).len(), images.len() - 3);
    assert_eq!((&rest["pageInfo"]["hasNextPage"], &rest["pageInfo"]["hasPreviousPage"]), (&json!(false), &json!(true)));
    // Both bounds at once: what is between.
    let (start, end) = (&first["edges"][0]["cursor"], &second["edges"][1]["cursor"]);
    let between = list(&ann, json!({"first": 100, "after": start, "before": end})).await;
    assert_eq!(ids(&between), [ids(&first)[1].clone(), ids(&second)[0].clone()]);
}

#[tokio::test]
async fn pages_and_cursors_that_cannot_be_are_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    seed(&app, "ann@example.com", 5, |_, _| {}).await;
    let page = list(&ann, json!({"first": 2})).await;
    let cursor = page["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned();
    let mut forged = cursor.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("a cursor");
    let title = json!({"field": "TITLE", "direction": "DESC"});
    let ascending = json!({"field": "CREATED_AT", "direction": "ASC"});
    for (variables, what) in [
        (json!({"first": 0}), "none"),
        (json!({"first": -1}), "less than none"),
        (json!({"first": 101}), "too many"),
        (json!({"last": 0}), "none from the end"),
        (json!({"last": 101}), "too many from the end"),
        (json!({"first": 1, "last": 1}), "both ends"),
        (json!({"after": "nonsense"}), "not a cursor"),
        (json!({"after": ""}), "an empty cursor"),
        (json!({"before": "x".repeat(100_000)}), "a long cursor"),
        (json!({"after": forged}), "a forged cursor"),
        (json!({"after": cursor, "orderBy": title}), "a cursor of another field"),
        (json!({"before": cursor, "orderBy": ascending}), "a cursor of another direction"),
        (json!({"filter": {"search": "a\u{0}"}}), "a NUL"),
        (json!({"filter": {"search": "x".repeat(201)}}), "a long needle"),
        (json!({"filter": {"tags": [""]}}), "an empty tag"),
        (json!({"filter": {"tags": ["a\u{1e}b"]}}), "a control character"),
        (json!({"filter": {"tags": vec!["x"; 51]}}), "too many tags"),
        (json!({"filter": {"categoryId": "1 OR 1=1"}}), "no id"),
        (json!({"filter": {"createdFrom": "yesterday"}}), "no date"),
        (json!({"filter": {"createdFrom": "-200000-01-01T00:00:00Z"}}), "before all years"),
        (json!({"filter": {"createdTo": "+200000-01-01T00:00:00Z"}}), "behind all years"),
    ] {
        let answer = ann.send(LIST, variables).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{what}: {}", answer.0);
        assert_eq!(answer.0["data"], Value::Null, "{what}");
    }
    assert_eq!(app.anonymous().send(LIST, json!({})).await.error_code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn filters_narrow_down_together_and_count_what_they_show() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let general: darkroom::domain::ids::CategoryId = ann.general().await.parse().expect("an id");
    let begin = app.app.clock.now() - TimeDelta::days(10);
    let images = seed(&app, "ann@example.com", 60, |number, image| {
        image.created_at = begin + TimeDelta::hours(i64::try_from(number).expect("few"));
        if number % 4 == 0 {
            image.category = general;
        }
        image.details.tags = vec!["tag1".to_owned()];
        if number % 3 == 0 {
            image.details.tags = vec!["tag10".to_owned(), "tag2".to_owned()];
        }
    })
    .await;
    seed(&app, "bob@example.com", 5, |_, _| {}).await;
    let general = general.to_string();
    let from = images[10].created_at.to_rfc3339();
    let to = images[20].created_at.to_rfc3339();
    for (filter, expected) in [
        (json!({"categoryId": general}), 15),
        (json!({"categoryId": general, "status": ["COMPLETED", "FAILED"]}), 15),
        (json!({"status": ["FAILED"]}), 0),
        (json!({"status": []}), 0),
        (json!({"status": ["DELETED"]}), 0),
        (json!({"status": ["COMPLETED", "COMPLETED", "PENDING", "PROCESSING", "UPLOADING", "FAILED"]}), 60),
        (json!({"createdFrom": from, "createdTo": to}), 11),
        (json!({"createdFrom": from, "createdTo": to, "categoryId": general}), 3),
        (json!({"createdFrom": to, "createdTo": from}), 0),
        (json!({"tags": ["tag1"]}), 40),
        (json!({"tags": ["tag10"]}), 20),
        (json!({"tags": [" tag2 ", "tag10"]}), 20),
        (json!({"tags": ["tag1", "tag10"]}), 0),
        (json!({"tags": ["TAG1"]}), 0),
        (json!({"tags": ["tag10"], "categoryId": general, "createdFrom": from, "createdTo": to}), 1),
        (json!({"categoryId": "0190a3c2-1f2e-7cc3-98c4-dc0c0c07398f"}), 0),
    ] {
        for order in ["CREATED_AT", "FILE_SIZE", "TITLE"] {
            let order = json!({"field": order, "direction": "ASC"});
            let found = walk(&ann, &order, &filter, 8, false).await;
            let distinct: HashSet<String> = found.iter().map(|node| node["id"].to_string()).collect();
            assert_eq!((found.len(), distinct.len()), (expected, expected), "{filter} {order}");
        }
        assert_eq!(list(&ann, json!({"filter": filter})).await["totalCount"], expected, "{filter}");
    }
    assert_eq!(list(&bob, json!({})).await["totalCount"], 5, "everybody has their own");
}

/// The effort of every list is bounded: by the index of its order, and by as many statements as there are edges.
#[tokio::test]
async fn a_list_takes_as_many_statements_for_a_hundred_images_as_for_one() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    seed(&app, "ann@example.com", 120, |_, _| {}).await;
    let everything = |first: u32| {
        format!(
            "{{ me {{ storageUsed storageQuota }} images(first: {first}) {{ totalCount nodes {{ id title url \
             category {{ name }} owner {{ email }} variants {{ type url }} variant(type: SMALL) {{ url }} \
             metadata {{ cameraMake }} }} }} }}"
        )
    };
    let mut counts = Vec::new();
    // Categories are remembered for a moment: not from the first time on.
    ann.send(&everything(50), Value::Null).await;
    for first in [1, 10, 50] {
        let recording = app.app.db.record();
        let answer = ann.send(&everything(first), Value::Null).await;
        assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
        counts.push(recording.take().len());
    }
    assert_eq!(counts[0], counts[2], "{counts:?}");
    assert!(counts[2] <= 8, "{counts:?}");
    for (query, most) in [
        ("{ images(first: 20) { nodes { id title category { name } } } }", 3),
        ("{ images(first: 20) { totalCount nodes { id } } }", 3),
        (
            "{ images(first: 1, filter: {search: \"q\"}) { a: totalCount b: totalCount c: totalCount d: totalCount } }",
            // For the page a sample, its dates, and months in three steps; for the count the last four of these.
            10,
        ),
        ("{ images(first: 20, filter: {search: \"harbour\"}) { nodes { id } } }", 3),
        ("{ images(filter: {tags: [\"travel\"], status: [COMPLETED, FAILED]}) { totalCount } }", 8),
        (
            "{ imageStats { totalImages totalSize byCategory { category { name } count } byStatus { count } \
         byDay { count } recentUploads { id category { name } } } }",
            6,
        ),
        ("{ tags(prefix: \"t\") { tag count } }", 2),
        ("{ trash { nodes { id } totalCount } }", 3),
    ] {
        let recording = app.app.db.record();
        let answer = ann.send(query, Value::Null).await;
        assert_eq!(answer.0["errors"], Value::Null, "{}", answer.0);
        let count = recording.take().len();
        assert!(count <= most, "{count} statements for {query}");
    }
}

#[tokio::test]
async fn every_status_has_its_place_in_a_list_of_several() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    seed(&app, "ann@example.com", 6, |_, _| {}).await;
    for number in 0..6 {
        ann.ticket(&format!("{number}.jpg"), "image/jpeg", 10).await;
    }
    let filter = json!({"status": ["PENDING", "COMPLETED"]});
    let found = walk(&ann, &json!({"field": "FILE_SIZE", "direction": "ASC"}), &filter, 5, false).await;
    let statuses: Vec<&str> = found.iter().filter_map(|node| node["status"].as_str()).collect();
    assert_eq!(statuses, [["PENDING"; 6], ["COMPLETED"; 6]].concat(), "the small tickets come first");
    let conn = app.app.db.conn();
    let owner = db::users::find_by_email(conn, "ann@example.com").await.expect("rows").expect("ann").0.id;
    let counts = db::counts::all(conn, Scope::of_owner(owner)).await.expect("counts");
    let pending = counts.iter().find(|count| count.status == ImageStatus::Pending).expect("a count");
    assert_eq!((pending.total.images, pending.total.bytes), (6, 0), "unfinished uploads have no size");
}

/// What is dear is refused by its price, before the database hears of it.
#[tokio::test]
async fn more_searches_and_batches_than_one_operation_can_pay_for_are_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let searches = |count: u32| {
        let one = |at| format!("a{at}: images(first: 1, filter: {{search: \"a\"}}) {{ totalCount }} ");
        format!("{{ {} }}", (0..count).map(one).collect::<String>())
    };
    let ids: Vec<String> = (0..100).map(|_| app.app.clock.new_id().to_string()).collect();
    let batches = |count: u32| {
        let one = |at| format!("a{at}: deleteImages(input: {{imageIds: {}}}) {{ results {{ imageId }} }} ", json!(ids));
        format!("mutation {{ {} }}", (0..count).map(one).collect::<String>())
    };
    assert_eq!(ann.send(&searches(15), Value::Null).await.0["errors"], Value::Null);
    assert_eq!(ann.send(&batches(1), Value::Null).await.0["errors"], Value::Null);
    for query in [searches(25), batches(12)] {
        let recording = app.app.db.record();
        assert_eq!(ann.send(&query, Value::Null).await.error_code(), "BAD_USER_INPUT");
        let sent = recording.take();
        assert!(sent.iter().all(|statement| !statement.sql.contains("image")), "{sent:?}");
    }
}
