//! Pages of searches: however many pass, and whichever way they are found, all pages together are the list filtered.

use chrono::{DateTime, TimeDelta, Utc};
use darkroom::domain::{image::Image, search::sort_key};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};

use crate::support::{TestApp, client::Client, library::seed};

const PAGE: usize = 40;
const QUERY: &str = "query($o: ImageOrder, $f: ImageFilter, $first: Int, $after: String, $last: Int, $before: String) {
    images(orderBy: $o, filter: $f, first: $first, after: $after, last: $last, before: $before)
        { totalCount isTotalCountExact nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

type Passes<'a> = Box<dyn Fn(&Image) -> bool + 'a>;

/// Words that one image in so many has.
const WORDS: [(usize, &str); 5] =
    [(2, "halved"), (20, "twentieth"), (90, "ninetieth"), (400, "scarce"), (2400, "single")];

/// Images over three years, some tens of which have the same microsecond for their date, as a batch of tickets has.
async fn fill(app: &TestApp) -> Vec<Image> {
    let mut all = Vec::new();
    for part in 0..6 {
        let images = seed(app, "ann@example.com", 450, |number, image| {
            let number = part * 450 + number;
            let words = WORDS.iter().filter(|(every, _)| number % every == 0);
            let words: Vec<&str> = words.map(|(_, word)| *word).collect();
            let batch = i32::try_from(number / 30 * 7 % 90).expect("few");
            image.created_at = app.app.clock.now() - TimeDelta::days(12) * batch;
            image.details.title = format!("{} {}", number * 7 % 13, words.join(" "));
            image.details.description = String::new();
            image.details.tags = vec![if number % 3 == 0 { "third" } else { "other" }.to_owned()];
        });
        all.extend(images.await);
    }
    all
}

fn sorted<'a>(images: &'a [Image], field: &str, passes: impl Fn(&Image) -> bool) -> Vec<&'a Image> {
    let mut expected: Vec<&Image> = images.iter().filter(|image| passes(image)).collect();
    match field {
        "CREATED_AT" => expected.sort_by_key(|image| (image.created_at, image.id)),
        "FILE_SIZE" => expected.sort_by_key(|image| (image.file_size(), image.id)),
        _ => expected.sort_by_key(|image| (sort_key(&image.details.title), image.id)),
    }
    expected
}

/// All ids, a page after the other: forwards from the first, or backwards from the last and put round.
async fn paged(client: &Client, order: &Value, filter: &Value, forwards: bool) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let (size, place) = if forwards { ("first", "after") } else { ("last", "before") };
        let variables = json!({"o": order, "f": filter, size: PAGE, place: cursor});
        let answer = client.send(QUERY, variables).await.0;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        let page = &answer["data"]["images"];
        let nodes = page["nodes"].as_array().expect("nodes").iter().map(|node| node["id"].as_str().expect("an id"));
        let nodes: Vec<String> = nodes.map(str::to_owned).collect();
        ids.splice(if forwards { ids.len()..ids.len() } else { 0..0 }, nodes);
        let (more, end) = if forwards { ("hasNextPage", "endCursor") } else { ("hasPreviousPage", "startCursor") };
        if page["pageInfo"][more] == false {
            return ids;
        }
        cursor = page["pageInfo"][end].clone();
    }
}

#[tokio::test]
async fn all_pages_together_are_the_list_filtered_in_every_order() {
    let app = TestApp::start_with(&["--rate-limit-points", "0"]).await;
    let ann = app.user("ann@example.com").await;
    let images = fill(&app).await;
    let category = images[3].category;
    let from: DateTime<Utc> = app.app.clock.now() - TimeDelta::days(700);
    for field in ["CREATED_AT", "FILE_SIZE", "TITLE"] {
        for (_, word) in WORDS {
            let has_word = |image: &Image| image.details.title.contains(word);
            let is_third = |image: &Image| image.details.tags == ["third"];
            let filters: [(Value, Passes<'_>); 5] = [
                (json!({"search": word}), Box::new(has_word)),
                (
                    json!({"search": word, "categoryId": category.to_string()}),
                    Box::new(|image| has_word(image) && image.category == category),
                ),
                (json!({"search": word, "tags": ["third"]}), Box::new(|image| has_word(image) && is_third(image))),
                (json!({"search": word, "status": ["COMPLETED", "FAILED"]}), Box::new(has_word)),
                (
                    json!({"search": word, "createdFrom": from}),
                    Box::new(|image| has_word(image) && image.created_at >= from),
                ),
            ];
            for (filter, passes) in filters {
                let expected: Vec<String> =
                    sorted(&images, field, passes).iter().map(|image| image.id.to_string()).collect();
                let reversed: Vec<String> = expected.iter().rev().cloned().collect();
                let (asc, desc) =
                    (json!({"field": field, "direction": "ASC"}), json!({"field": field, "direction": "DESC"}));
                assert_eq!(paged(&ann, &asc, &filter, true).await, expected, "{field} ASC {filter}");
                assert_eq!(paged(&ann, &desc, &filter, true).await, reversed, "{field} DESC {filter}");
                assert_eq!(paged(&ann, &desc, &filter, false).await, reversed, "{field} DESC {filter} from its end");
            }
        }
    }
}

#[tokio::test]
async fn a_moved_image_is_found_in_its_new_category_alone() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 2, |_, image| image.details.title = "wanders".into()).await;
    let (old, new) = (images[0].category.to_string(), images[1].category.to_string());
    let input = json!({"imageId": images[0].id.to_string(), "categoryId": new});
    ann.mutate("updateImage", input, "image { id }").await;
    let order = json!({"field": "CREATED_AT", "direction": "ASC"});
    let found = |category: String| json!({"search": "wanders", "categoryId": category});
    assert!(paged(&ann, &order, &found(old), true).await.is_empty());
    assert_eq!(paged(&ann, &order, &found(new), true).await.len(), 2);
}

#[tokio::test]
async fn a_count_looks_at_ten_thousand_images_and_says_so() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let owner = app.app.services.accounts.find_or_make("ann@example.com").await.expect("ann").id;
    app.app.services.library.seed(owner, 10_100).await.map_err(|_| ()).expect("images");
    let counted = async |filter: Value| {
        let answer = ann.send(QUERY, json!({"f": filter, "first": 1})).await.0;
        let page = answer["data"]["images"].clone();
        (page["totalCount"].as_u64().expect("a count"), page["isTotalCountExact"] == true)
    };
    let long_ago = json!({"createdFrom": "2001-01-01T00:00:00Z"});
    assert_eq!(counted(json!({})).await, (10_100, true), "by the counters");
    assert_eq!(counted(long_ago).await, (10_000, false));
    assert_eq!(counted(json!({"search": "seen on a walk"})).await, (10_000, false));
    assert_eq!(counted(json!({"search": "IMG_010099"})).await, (1, true));
    assert_eq!(counted(json!({"search": "nothing like it"})).await, (0, true));
    let lately = app.app.clock.now() - TimeDelta::days(73);
    let (images, is_exact) = counted(json!({"search": "seen on a walk", "createdFrom": lately})).await;
    assert!(is_exact && (1000..1020).contains(&images), "of the dates alone: {images}");
}

/// Whatever is added meanwhile, no page has an image twice, and none of those that were there before is passed over.
#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_added_meanwhile_move_no_others() {
    let app = TestApp::start_with(&["--rate-limit-points", "0"]).await;
    let ann = app.user("ann@example.com").await;
    let names = |number: usize| if number.is_multiple_of(4) { "needle" } else { "straw" }.to_owned();
    let images = seed(&app, "ann@example.com", 450, |number, image| image.details.title = names(number)).await;
    let add = async {
        for _ in 0..20 {
            seed(&app, "ann@example.com", 10, |number, image| {
                image.details.title = names(number);
                image.created_at = app.app.clock.now() + TimeDelta::seconds(1);
                image.state = images[0].state.clone();
            })
            .await;
        }
    };
    let order = json!({"field": "TITLE", "direction": "ASC"});
    let read = async {
        for _ in 0..20 {
            let filter = json!({"search": "needle"});
            let answer = ann.send(QUERY, json!({"o": order, "f": filter, "first": 100})).await.0;
            let nodes = answer["data"]["images"]["nodes"].as_array().expect("nodes").clone();
            let ids: std::collections::HashSet<&str> =
                nodes.iter().map(|node| node["id"].as_str().expect("an id")).collect();
            assert_eq!((nodes.len(), ids.len()), (100, 100));
        }
    };
    tokio::join!(add, read);
}

/// What an older server left: entries of another kind on PostgreSQL, none on SQLite; and a sweep that waits for its hour.
#[tokio::test]
async fn after_an_upgrade_searches_find_everything_again_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 250, |_, image| image.details.title = "kept".into()).await;
    let uploads = &app.app.services.uploads;
    app.run_all_jobs().await;
    let conn = app.app.db.conn();
    let is_postgres = conn.get_database_backend() == DbBackend::Postgres;
    let older = if is_postgres {
        "UPDATE image_search SET grams = '{1}', month_grams = NULL"
    } else {
        "DELETE FROM image_search"
    };
    conn.execute_unprepared(older).await.expect("entries");
    // By the index: a page of so few can be found without it.
    let count = "{ images(filter: {search: \"kept\"}) { totalCount } }";
    let count = async || ann.send(count, Value::Null).await.0["data"]["images"]["totalCount"].clone();
    assert_eq!(count().await, 0);
    uploads.schedule_index().await.map_err(|_| ()).expect("the queue");
    app.run_all_jobs().await;
    assert_eq!(count().await, images.len());
    assert_eq!(app.queued_jobs().await, Vec::<String>::new(), "no sweep was needed");
}
