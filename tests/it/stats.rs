//! Statistics: true at every moment, whatever happens at the same time.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use chrono::TimeDelta;
use darkroom::{
    db,
    domain::{
        access::Scope,
        batch::Batch,
        details::DetailsChange,
        error::ServiceError,
        ids::{CategoryId, ImageId, UserId},
        image::{Image, ImageStatus},
        user::User,
    },
    library::{BatchEdit, ImageEdit},
    storage::StorageKey,
    uploads::NewUpload,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    changes::Reader,
    support::{
        TestApp,
        library::{all_of, seed},
        pictures, random_seed,
    },
};

const STATS: &str = "{ imageStats { totalImages totalSize byCategory { category { name } count totalSize } \
    byStatus { status count totalSize } byDay(days: 3) { day count totalSize } recentUploads(first: 2) { id } } }";

#[tokio::test]
async fn they_say_what_there_is() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let now = app.app.clock.now();
    let images = seed(&app, "ann@example.com", 6, |number, image| {
        image.created_at = now - TimeDelta::days(i64::try_from(number).expect("few") / 2 * 2);
        if let darkroom::domain::image::UploadState::Completed { original, .. } = &mut image.state {
            original.size = 100;
        }
    })
    .await;
    let ticket = ann.ticket("a.jpg", "image/jpeg", 5000).await;
    let stats = ann.send(STATS, Value::Null).await.0["data"]["imageStats"].clone();
    assert_eq!((&stats["totalImages"], &stats["totalSize"]), (&json!(7), &json!(600)), "the ticket has no size");
    let categories = stats["byCategory"].as_array().expect("categories");
    assert_eq!(categories[0]["count"], 2, "most images first: the first category comes round again");
    assert_eq!(categories.iter().filter_map(|category| category["count"].as_u64()).sum::<u64>(), 7);
    assert_eq!(
        stats["byStatus"],
        json!([
            {"status": "PENDING", "count": 1, "totalSize": 0},
            {"status": "UPLOADING", "count": 0, "totalSize": 0},
            {"status": "PROCESSING", "count": 0, "totalSize": 0},
            {"status": "COMPLETED", "count": 6, "totalSize": 600},
            {"status": "FAILED", "count": 0, "totalSize": 0},
        ])
    );
    let day = |ago: i64| (now - TimeDelta::days(ago)).date_naive().to_string();
    assert_eq!(
        stats["byDay"],
        json!([
            {"day": day(2), "count": 2, "totalSize": 200},
            {"day": day(1), "count": 0, "totalSize": 0},
            {"day": day(0), "count": 3, "totalSize": 200},
        ])
    );
    assert_eq!(stats["recentUploads"], json!([{"id": ticket.image}, {"id": images[1].id.to_string()}]));
    let nothing = bob.send(STATS, Value::Null).await.0["data"]["imageStats"].clone();
    assert_eq!((&nothing["totalImages"], &nothing["byCategory"]), (&json!(0), &json!([])));
    assert_eq!(app.anonymous().send(STATS, Value::Null).await.error_code(), "UNAUTHENTICATED");
    for query in [
        "{ imageStats { byDay(days: 0) { day } } }",
        "{ imageStats { byDay(days: 367) { day } } }",
        "{ imageStats { recentUploads(first: 101) { id } } }",
    ] {
        assert_eq!(ann.send(query, Value::Null).await.error_code(), "BAD_USER_INPUT", "{query}");
    }
}

const TASKS: u64 = 16;

/// Of each task: TEST_STEPS, or few.
#[expect(clippy::disallowed_methods, reason = "whoever wants more sets it")]
fn steps() -> u64 {
    std::env::var("TEST_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(150)
}

/// Thousands of random operations at the same time, then the kept counters beside a count of the rows, and the log of
/// events beside what its readers saw meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn the_counters_never_drift_and_the_log_misses_nothing() {
    let seed_of_all = random_seed("the_counters_never_drift_and_the_log_misses_nothing");
    let mut app = TestApp::start_with(&["--trash-retention", "60"]).await;
    let admin = app.app.services.accounts.find_or_make("admin@localhost").await.expect("the admin");
    let mut owners = Vec::new();
    for email in ["ann@example.com", "bob@example.com"] {
        seed(&app, email, 20, |_, _| {}).await;
        owners.push(app.app.services.accounts.find_or_make(email).await.expect("a user"));
    }
    let categories: Vec<CategoryId> =
        db::categories::list(app.app.db.conn(), true).await.expect("rows").iter().map(|found| found.id).collect();
    let mut readers = Vec::new();
    for owner in owners.iter().chain(&owners) {
        readers.push(Reader::begin(&app, owner).await);
    }
    app.work();
    let world =
        Arc::new(World { app: app.app.clone(), owners, admin, categories, photo: pictures::small_jpeg().into() });
    let tasks = (0..TASKS).map(|task| {
        let (world, mut lots) = (Arc::clone(&world), StdRng::seed_from_u64(seed_of_all + task));
        tokio::spawn(async move {
            let mut known = Vec::new();
            for _ in 0..steps() {
                Box::pin(world.step(&mut lots, &mut known)).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a task");
    }
    for owner in &world.owners {
        assert_true(&app, owner.id, seed_of_all).await;
    }
    app.run_all_jobs().await;
    app.stop_work().await;
    for reader in readers {
        assert!(reader.assert_saw_all(&app).await > 50, "seed {seed_of_all}");
    }
    app.app.clock.advance(TimeDelta::days(30));
    app.sweep().await;
    app.run_all_jobs().await;
    for owner in &world.owners {
        assert_true(&app, owner.id, seed_of_all).await;
    }
}

struct World {
    app: darkroom::app::App,
    owners: Vec<User>,
    admin: User,
    categories: Vec<CategoryId>,
    photo: Bytes,
}

impl World {
    /// Something that somebody might do. Refusals are as good as anything.
    async fn step(&self, lots: &mut StdRng, known: &mut Vec<ImageId>) {
        let services = &self.app.services;
        let of = |user: &User| crate::support::signed_in(user, self.app.clock.now());
        let owner = &self.owners[lots.random_range(0..self.owners.len())];
        // The administrator changes everybody's.
        let caller = of(if lots.random_bool(0.7) { owner } else { &self.admin });
        let category = self.categories[lots.random_range(0..self.categories.len())];
        let some = |lots: &mut StdRng| known[lots.random_range(0..known.len())];
        let choice = if known.is_empty() { 0 } else { lots.random_range(0..10) };
        let done: Result<(), ServiceError> = match choice {
            0 | 1 => {
                let new = NewUpload {
                    filename: "a.jpg".into(),
                    content_type: "image/jpeg".into(),
                    file_size: self.photo.len() as u64,
                    category,
                    idempotency_key: None,
                };
                services.uploads.request(&of(owner), new).await.map(|ticket| known.push(ticket.image.id))
            }
            2 => services.uploads.report_progress(&caller, some(lots), lots.random_range(1..100)).await.map(drop),
            3 | 4 => {
                let id = some(lots);
                let key = StorageKey::incoming(id);
                self.app.storage.put(&key, self.photo.clone(), "image/jpeg").await.expect("a storage");
                services.uploads.complete(&caller, id, DetailsChange::default()).await.map(drop)
            }
            5 => services.uploads.cancel(&caller, some(lots)).await.map(drop),
            6 => services.uploads.delete(&caller, some(lots), lots.random_bool(0.5)).await.map(drop),
            7 => services.uploads.restore(&caller, some(lots)).await.map(drop),
            8 => {
                let tags = (0..lots.random_range(0..4)).map(|_| format!("t{}", lots.random_range(0..5))).collect();
                let details = DetailsChange { tags: Some(tags), ..DetailsChange::default() };
                let edit = ImageEdit { details, category: Some(category) };
                services.library.update_image(&caller, some(lots), edit).await.map(drop)
            }
            _ => {
                let ids: Vec<ImageId> = (0..5).map(|_| some(lots)).collect();
                let edit = BatchEdit {
                    add_tags: vec![format!("t{}", lots.random_range(0..5))],
                    remove_tags: vec![format!("t{}", lots.random_range(0..5))],
                    category: Some(category),
                };
                services.library.update_images(&caller, &Batch::new(ids).expect("a few"), edit).await.map(drop)
            }
        };
        match done {
            Ok(()) | Err(ServiceError::Refused(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn assert_true(app: &TestApp, owner: UserId, seed: u64) {
    // In one statement each, so that a worker in between changes nothing.
    let everything = [ImageStatus::VISIBLE.as_slice(), &[ImageStatus::Trashed]].concat();
    loop {
        let kept = db::counts::all(app.app.db.conn(), Scope::of_owner(owner)).await.expect("counts");
        let rows = all_of(app, owner, &everything).await;
        let (days, tags) = (days(app, owner).await, tags(app, owner).await);
        if kept != db::counts::all(app.app.db.conn(), Scope::of_owner(owner)).await.expect("counts") {
            continue;
        }
        let mut counted: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for image in &rows {
            let count = counted.entry((image.category, image.status().name())).or_default();
            *count = (count.0 + 1, count.1 + image.original().map_or(0, |original| original.size));
        }
        let kept: BTreeMap<_, _> = kept
            .iter()
            .filter(|count| count.total.images > 0)
            .map(|count| ((count.category, count.status.name()), (count.total.images, count.total.bytes)))
            .collect();
        assert_eq!(kept, counted, "seed {seed}");
        assert_eq!(days, days_of(&rows), "seed {seed}");
        assert_eq!(tags, tags_of(&rows), "seed {seed}");
        return;
    }
}

fn days_of(rows: &[Image]) -> BTreeMap<String, (i64, i64)> {
    let mut days: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for image in rows.iter().filter(|image| image.is_visible()) {
        let day = days.entry(image.created_at.date_naive().to_string()).or_default();
        let bytes = image.original().map_or(0, |original| original.size);
        *day = (day.0 + 1, day.1 + i64::try_from(bytes).expect("small"));
    }
    days
}

fn tags_of(rows: &[Image]) -> BTreeMap<String, i64> {
    let mut tags: BTreeMap<String, i64> = BTreeMap::new();
    for image in rows.iter().filter(|image| image.status() == ImageStatus::Completed) {
        for tag in &image.details.tags {
            *tags.entry(tag.clone()).or_default() += 1;
        }
    }
    tags
}

async fn rows(app: &TestApp, sql: &str, owner: UserId) -> Vec<sea_orm::QueryResult> {
    let conn = app.app.db.conn();
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, [owner.0.into()]);
    conn.query_all_raw(statement).await.expect("rows")
}

async fn days(app: &TestApp, owner: UserId) -> BTreeMap<String, (i64, i64)> {
    let sql = "SELECT day, images, bytes FROM image_day WHERE owner_id = $1 AND images > 0";
    let day = |row: &sea_orm::QueryResult| {
        let counts = (row.try_get("", "images").expect("images"), row.try_get("", "bytes").expect("bytes"));
        (row.try_get("", "day").expect("a day"), counts)
    };
    rows(app, sql, owner).await.iter().map(day).collect()
}

async fn tags(app: &TestApp, owner: UserId) -> BTreeMap<String, i64> {
    // No row of a tag that nothing has is left.
    let sql = "SELECT tag, images FROM image_tag WHERE owner_id = $1";
    let tag = |row: &sea_orm::QueryResult| {
        (row.try_get("", "tag").expect("a tag"), row.try_get("", "images").expect("images"))
    };
    rows(app, sql, owner).await.iter().map(tag).collect()
}
