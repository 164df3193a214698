//! The log of what happened: nobody misses anything, nobody sees anything twice, nobody sees what is another's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use darkroom::{
    changes::Follow,
    db,
    domain::{
        access::Scope,
        caller::Caller,
        event::{Actor, Event, EventKind, NewEvent, Place},
        ids::{ImageId, UserId},
        image::ImageStatus,
        user::User,
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;

use crate::support::{TestApp, client::Client, library::seed, random_seed, socket::Socket};

const CHANGES: &str =
    "subscription($after: String) { imageChanges(after: $after) { cursor kind imageId image { title status } } }";

async fn cursor(client: &Client) -> String {
    client.send("{ imageChangesCursor }", Value::Null).await.text("/data/imageChangesCursor").to_owned()
}

#[tokio::test]
async fn a_second_tab_sees_what_happens_and_goes_on_where_it_was() {
    let app = TestApp::start_with(&["--trash-retention", "60"]).await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let images = seed(&app, "ann@example.com", 2, |_, _| {}).await;
    let id = images[0].id.to_string();
    let mut tab = Socket::of(&app, &ann).await;
    tab.subscribe("1", CHANGES, json!({"after": cursor(&ann).await})).await;
    let mut other = Socket::of(&app, &bob).await;
    other.subscribe("1", CHANGES, Value::Null).await;
    ann.mutate("updateImage", json!({"imageId": id, "title": "A pier"}), "image { id }").await;
    let first = tab.event("imageChanges").await;
    assert_eq!((&first["kind"], &first["imageId"]), (&json!("DESCRIBED"), &json!(id)));
    assert_eq!(first["image"], json!({"title": "A pier", "status": "COMPLETED"}));
    tab.close().await;
    // What changes nothing is no change, nor is a ticket.
    ann.mutate("updateImage", json!({"imageId": id, "title": "A pier"}), "image { id }").await;
    ann.ticket("a.jpg", "image/jpeg", 1000).await;
    ann.mutate("deleteImage", json!({"imageId": id}), "deletedImageId").await;
    ann.mutate("restoreImage", json!({"imageId": id}), "image { id }").await;
    ann.mutate("deleteImages", json!({"imageIds": [id], "permanently": true}), "results { imageId }").await;
    let mut tab = Socket::of(&app, &ann).await;
    tab.subscribe("1", CHANGES, json!({"after": first["cursor"]})).await;
    for (kind, image) in [("TRASHED", Value::Null), ("RESTORED", Value::Null), ("DELETED", Value::Null)] {
        let change = tab.event("imageChanges").await;
        assert_eq!((&change["kind"], &change["image"]), (&json!(kind), &image));
    }
    // Nothing of it is for others.
    bob.mutate("updateImage", json!({"imageId": images[1].id.to_string(), "title": "Mine"}), "image { id }").await;
    other.send(json!({"type": "ping"})).await;
    assert_eq!(other.receive().await["type"], "pong");
}

#[tokio::test]
async fn who_may_not_follow_is_told_so() {
    let app = TestApp::start_with(&["--event-retention", "3600"]).await;
    let ann = app.user("ann@example.com").await;
    let refused = async |client: &Client, after: Value| {
        let mut socket = Socket::of(&app, client).await;
        socket.subscribe("1", CHANGES, json!({"after": after})).await;
        let message = socket.receive().await;
        let errors = if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    assert_eq!(refused(&app.anonymous(), Value::Null).await, "UNAUTHENTICATED");
    assert_eq!(app.anonymous().send("{ imageChangesCursor }", Value::Null).await.error_code(), "UNAUTHENTICATED");
    for nonsense in ["", "x", "-1", "fffffffffffffffff", "\u{661}"] {
        assert_eq!(refused(&ann, json!(nonsense)).await, "BAD_USER_INPUT", "{nonsense}");
    }
    // A place that is still to come was given out by another database.
    assert_eq!(refused(&ann, json!("00000000000000ff")).await, "RESYNC_REQUIRED");
    let before = cursor(&ann).await;
    let images = seed(&app, "ann@example.com", 1, |_, _| {}).await;
    let edit = json!({"imageId": images[0].id.to_string(), "title": "One"});
    ann.mutate("updateImage", edit, "image { id }").await;
    let behind = cursor(&ann).await;
    app.app.clock.advance(TimeDelta::hours(2));
    app.sweep().await;
    let ann = app.user("ann@example.com").await;
    assert_eq!(refused(&ann, json!(before)).await, "RESYNC_REQUIRED");
    assert_eq!(cursor(&ann).await, behind, "the log is empty, and ends where it ended");
    let mut socket = Socket::of(&app, &ann).await;
    socket.subscribe("1", CHANGES, json!({"after": behind})).await;
    let edit = json!({"imageId": images[0].id.to_string(), "title": "Two"});
    ann.mutate("updateImage", edit, "image { id }").await;
    assert_eq!(socket.event("imageChanges").await["image"]["title"], "Two");
}

#[tokio::test]
async fn who_reads_in_one_process_hears_what_happened_in_another() {
    let app = TestApp::start().await;
    let beside = app.beside().await;
    let ann = app.user("ann@example.com").await;
    let images = seed(&app, "ann@example.com", 1, |_, _| {}).await;
    let user = app.app.services.accounts.find_or_make("ann@example.com").await.expect("a user");
    let mut follow = beside.services.changes.follow(&caller(&app, &user), None).await.expect("to follow");
    beside.services.changes.look_for_events().await.expect("a database");
    let edit = json!({"imageId": images[0].id.to_string(), "title": "Over there"});
    ann.mutate("updateImage", edit, "image { id }").await;
    let mut next = Box::pin(follow.next());
    // It was nudged once, found nothing, and waits for the next look.
    while timeout(Duration::from_millis(20), &mut next).await.is_err() {
        beside.services.changes.look_for_events().await.expect("a database");
    }
    drop(next);
    ann.mutate("deleteImage", json!({"imageId": images[0].id.to_string()}), "deletedImageId").await;
    beside.services.changes.look_for_events().await.expect("a database");
    let deleted = timeout(Duration::from_mins(1), follow.next()).await.expect("in time").expect("an event");
    assert_eq!((deleted.event.what.kind, deleted.image.is_none()), (EventKind::Deleted, true));
    assert_eq!(deleted.event.what.actor, Actor::User(user.id, None));
}

#[tokio::test]
async fn a_clock_that_is_wrong_removes_nothing_that_is_fresh() {
    let app = TestApp::start_with(&["--event-retention", "3600"]).await;
    let ann = app.user("ann@example.com").await;
    let image = seed(&app, "ann@example.com", 1, |_, _| {}).await.remove(0);
    let conn = app.app.db.conn();
    let user = app.app.services.accounts.find_or_make("ann@example.com").await.expect("a user");
    let begin = db::event_log::end(conn).await.expect("a log");
    for title in ["one", "two", "three", "four"] {
        ann.mutate("updateImage", json!({"imageId": image.id.to_string(), "title": title}), "image { id }").await;
    }
    let places = db::event_log::behind(conn, Scope::of_owner(user.id), begin, 10).await.expect("a log");
    let set = async |at: usize, by: TimeDelta| {
        let values =
            vec![(app.app.clock.now() + by).into(), i64::try_from(places[at].place.0).expect("a place").into()];
        let sql = "UPDATE event SET happened_at = $1 WHERE place = $2";
        let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
        conn.execute_raw(statement).await.expect("to be written");
    };
    // By a clock that was behind, the third is from before the first.
    set(2, TimeDelta::hours(-2)).await;
    app.sweep().await;
    assert_eq!(db::event_log::removed_through(conn).await.expect("a log"), Place::default());
    // By one that was ahead, the first is still to come: it holds up nothing.
    set(0, TimeDelta::days(9)).await;
    set(1, TimeDelta::hours(-3)).await;
    app.sweep().await;
    assert_eq!(db::event_log::removed_through(conn).await.expect("a log"), places[2].place);
}

#[tokio::test]
async fn who_follows_a_log_that_went_back_is_told_so() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let image = seed(&app, "ann@example.com", 1, |_, _| {}).await.remove(0);
    let mut socket = Socket::of(&app, &ann).await;
    socket.subscribe("1", CHANGES, Value::Null).await;
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.receive().await["type"], "pong");
    let edit = |title: &str| json!({"imageId": image.id.to_string(), "title": title});
    ann.mutate("updateImage", edit("One"), "image { id }").await;
    assert_eq!(socket.event("imageChanges").await["kind"], "DESCRIBED");
    // As after a switch to a replica that had not received it yet.
    app.app.db.conn().execute_unprepared("DELETE FROM event").await.expect("to be lost");
    app.app.hub.nudge_all();
    let message = socket.receive().await;
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "RESYNC_REQUIRED", "{message}");
}

/// Transactions that hold their places for a while, in many orders, and readers beside them all the time.
#[tokio::test(flavor = "multi_thread")]
async fn places_have_the_order_of_commits() {
    const WRITERS: u64 = 16;
    const EACH: u64 = 40;
    let seed = random_seed("places_have_the_order_of_commits");
    let app = Arc::new(TestApp::start().await);
    let owner = UserId(Uuid::nil());
    let readers = [0, 1, 2].map(|_| {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let (mut seen, mut place) = (Vec::new(), Place::default());
            while seen.len() < usize::try_from(2 * WRITERS * EACH).expect("few") {
                let page =
                    db::event_log::behind(app.app.db.conn(), Scope::of_owner(owner), place, 7).await.expect("a page");
                place = page.last().map_or(place, |last| last.place);
                seen.extend(page.into_iter().map(|event| event.what.image));
            }
            seen
        })
    });
    let writers = (0..WRITERS).map(|writer| {
        let (app, mut lots) = (Arc::clone(&app), StdRng::seed_from_u64(seed + writer));
        tokio::spawn(async move {
            for number in 0..EACH {
                let event = |half: u64| NewEvent {
                    at: app.app.clock.now(),
                    actor: Actor::System,
                    kind: EventKind::Described,
                    image: ImageId(Uuid::from_u64_pair(writer, 2 * number + half)),
                    owner,
                };
                let transaction = app.app.db.begin().await.expect("a transaction");
                db::event_log::append(&transaction, &[event(0), event(1)]).await.expect("two events");
                tokio::time::sleep(Duration::from_micros(lots.random_range(0..2000))).await;
                transaction.commit().await.expect("a commit");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    for reader in readers {
        // One that missed an event would wait for ever.
        let seen = timeout(Duration::from_mins(1), reader).await.expect("every event").expect("a reader");
        let mut each = seen.clone();
        each.sort_unstable();
        each.dedup();
        assert_eq!(each.len(), seen.len(), "none twice");
    }
}

fn caller(app: &TestApp, user: &User) -> Caller {
    crate::support::signed_in(user, app.app.clock.now())
}

/// Reads an owner's log from its beginning, while others write.
pub struct Reader {
    owner: UserId,
    end: watch::Sender<Option<Place>>,
    reading: JoinHandle<Vec<Event>>,
}

impl Reader {
    pub async fn begin(app: &TestApp, user: &User) -> Self {
        let follow = app.app.services.changes.follow(&caller(app, user), Some(Place::default())).await;
        let (end, known) = watch::channel(None);
        let reading = tokio::spawn(read_until(follow.expect("to follow"), known));
        Self { owner: user.id, end, reading }
    }

    /// Once nobody writes any more: what it saw is what is there, and tells how every image ended.
    pub async fn assert_saw_all(self, app: &TestApp) -> usize {
        let log = db::event_log::behind(app.app.db.conn(), Scope::of_owner(self.owner), Place::default(), 1_000_000);
        let all = log.await.expect("the log");
        self.end.send_replace(all.last().map(|last| last.place));
        let seen = timeout(Duration::from_mins(1), self.reading).await.expect("every event").expect("a reader");
        let first_difference = seen.iter().zip(&all).position(|(seen, there)| seen != there);
        assert_eq!((seen.len(), first_difference), (all.len(), None), "missed, doubled, or in another order");
        let mut last_of = BTreeMap::new();
        for event in &all {
            last_of.insert(event.what.image, event.what.kind);
        }
        for (id, last) in &last_of {
            let image = db::images::find(app.app.db.conn(), *id).await.expect("a database");
            let status = image.map_or(ImageStatus::Deleted, |image| image.status());
            let is_deleted = *last == EventKind::Deleted;
            assert_eq!(is_deleted, status == ImageStatus::Deleted, "{id}: {last:?} and {status:?}");
            if matches!(last, EventKind::Trashed | EventKind::Completed | EventKind::Failed) {
                let ended = [ImageStatus::Trashed, ImageStatus::Completed, ImageStatus::Failed];
                assert!(ended.contains(&status), "{id}: {last:?} and {status:?}");
            }
        }
        all.len()
    }
}

async fn read_until(mut follow: Follow, mut end: watch::Receiver<Option<Place>>) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let last = seen.last().map_or(Place::default(), |last| last.place);
        tokio::select! {
            biased;
            ended = end.wait_for(|end| end.is_some_and(|end| last >= end)) => {
                drop(ended.expect("a test"));
                return seen;
            }
            next = follow.next() => seen.push(next.expect("nothing was removed").event),
        }
    }
}
