//! The commands that an operator types.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{TestApp, pictures, skip::is_skipped};

/// Runs the program with the arguments alone: the suite's own environment has the settings of its storage.
fn darkroom(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
    command.env_clear().env("RUST_LOG", "error");
    command.args(arguments).current_dir(folder.path());
    command.output().expect("a process")
}

/// The same beside a server of this test, whose transactions come to their end meanwhile: the program would wait for them.
fn beside(folder: &TempDir, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| darkroom(folder, arguments))
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn variants_are_made_of_local_files() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("a.jpg"), pictures::jpeg(&pictures::drawing(800, 600))).expect("a file");
    std::fs::write(folder.path().join("b.jpg"), b"no image").expect("a file");
    let made = darkroom(&folder, &["variants", "a.jpg", "--out", "out"]);
    assert!(made.status.success(), "{}", words(&made.stderr));
    let table = words(&made.stdout);
    assert_eq!(table.lines().count(), 8, "a head, the original, five variants, what it took: {table}");
    for (name, width, height) in
        [("thumbnail", 150, 113), ("small", 300, 225), ("medium", 600, 450), ("webp", 800, 600)]
    {
        let bytes = std::fs::read(folder.path().join(format!("out/a_{name}.webp"))).expect("a variant");
        let image = pictures::decode_webp(&bytes);
        assert_eq!((image.width(), image.height()), (width, height), "{name}");
    }
    let half = darkroom(&folder, &["variants", "b.jpg", "a.jpg", "--out", "out"]);
    assert!(!half.status.success());
    assert!(words(&half.stdout).contains("the file is not an image"), "a row says why");
    assert!(words(&half.stderr).contains("1 of 2 files could not be processed"));
}

#[test]
fn the_schema_is_printed_and_the_database_brought_up_to_date() {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(words(&darkroom(&folder, &["schema"]).stdout), darkroom::graphql::sdl());
    assert!(darkroom(&folder, &["migrate"]).status.success());
    assert!(darkroom(&folder, &["migrate"]).status.success(), "and again");
    assert!(folder.path().join("data/darkroom.sqlite").exists());
}

#[test]
fn the_operator_makes_accounts_and_changes_what_they_may_do() {
    let folder = TempDir::new().expect("a folder");
    assert!(darkroom(&folder, &["migrate"]).status.success());
    let list = || words(&darkroom(&folder, &["user", "list"]).stdout);
    let made = darkroom(&folder, &["user", "add", "Ann@Example.com"]);
    assert_eq!(words(&made.stdout).trim().len(), 24, "a password and nothing else");
    assert_eq!(list(), "admin@localhost active [] ADMINISTRATOR\nann@example.com active [] \n");
    for (arguments, why) in [
        (vec!["user", "add", "ann@example.com"], "This address has an account."),
        (vec!["user", "add", "ann"], "This is not an email address."),
        (vec!["user", "passwd", "bob@example.com"], "There is no such user."),
        (vec!["user", "disable", "bob@example.com"], "There is no such user."),
        (vec!["user", "grant", "ann@example.com", "--group", "editors"], "There is no group of this name."),
        (vec!["user", "grant", "ann@example.com"], "required arguments"),
    ] {
        let refused = darkroom(&folder, &arguments);
        assert!(!refused.status.success() && words(&refused.stderr).contains(why), "{}", words(&refused.stderr));
    }
    let token = words(&darkroom(&folder, &["token", "ann@example.com"]).stdout);
    assert!(token.starts_with("darkroom_"));
    let changed = darkroom(&folder, &["user", "passwd", "ann@example.com"]);
    assert_ne!(changed.stdout, made.stdout);
    assert!(darkroom(&folder, &["user", "grant", "ann@example.com", "--admin"]).status.success());
    assert!(darkroom(&folder, &["user", "disable", "ann@example.com"]).status.success());
    assert!(list().ends_with("ann@example.com disabled [] ADMINISTRATOR\n"));
    for arguments in
        [["user", "enable", "ann@example.com"].as_slice(), &["user", "revoke", "ann@example.com", "--admin"]]
    {
        assert!(darkroom(&folder, arguments).status.success());
    }
    assert!(list().ends_with("ann@example.com active [] \n"));
}

#[test]
fn a_token_is_printed_alone_and_the_administrators_password_is_not_lost() {
    let folder = TempDir::new().expect("a folder");
    let nowhere = darkroom(&folder, &["token", "ann@example.com"]);
    assert!(
        !nowhere.status.success() && words(&nowhere.stderr).contains("there is no database at ./data/darkroom.sqlite")
    );
    assert!(!folder.path().join("data").exists(), "nothing was made");
    assert!(darkroom(&folder, &["migrate"]).status.success());
    let first = darkroom(&folder, &["token", "ann@example.com"]);
    let printed = words(&first.stdout);
    assert!(printed.starts_with("darkroom_") && printed.trim().len() == 52, "a token and nothing else: {printed}");
    assert!(words(&first.stderr).contains("created the administrator admin@localhost with the password"));
    for arguments in [vec!["worker"], vec!["sweep"], vec!["jobs", "list"], vec!["token", "ann@example.com"]] {
        let elsewhere = ["--database-url", "sqlite://elsewhere.sqlite"];
        let nowhere = darkroom(&folder, &[&elsewhere, arguments.as_slice()].concat());
        assert!(
            !nowhere.status.success() && words(&nowhere.stderr).contains("there is no database at elsewhere.sqlite")
        );
    }
    assert!(!folder.path().join("elsewhere.sqlite").exists(), "nothing was made");
    let second = darkroom(&folder, &["token", "ann@example.com"]);
    assert_eq!(words(&second.stderr), "");
    assert!(!darkroom(&folder, &["token", "ann"]).status.success(), "no address");
}

#[test]
fn a_sqlite_database_is_its_owners_alone_wherever_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("there.sqlite"), b"").expect("an empty database, readable by all");
    for name in ["there.sqlite", "made.sqlite"] {
        let url = format!("sqlite://{name}");
        assert!(darkroom(&folder, &["migrate", "--database-url", &url]).status.success());
        let rights = std::fs::metadata(folder.path().join(name)).expect("a file").permissions().mode();
        assert_eq!(rights & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_cannot_be_is_said_at_once() {
    let folder = TempDir::new().expect("a folder");
    for (arguments, why) in [
        (vec!["--presigned-url-expiration", "5"], "60..=604800"),
        (vec!["--max-upload-size", "0"], "is not in"),
        (vec!["--bind", "nowhere"], "invalid socket address"),
        (vec!["--jwt-secret", "short"], "32 bytes"),
        (vec!["--jwt-secret", "only-for-a-laptop-change-me-everywhere-else"], "published value"),
        (vec!["--aws-storage-bucket-name", "b", "--aws-access-key-id", "k"], "must be set together"),
        (vec!["--aws-storage-bucket-name", "b", "--aws-secret-access-key", "s"], "must be set together"),
        (vec!["--admin-password", ""], "10 characters"),
        (vec!["--admin-password", "darkroom"], "10 characters"),
        (
            vec!["--aws-storage-bucket-name", "b", "--aws-access-key-id", "k", "--aws-secret-access-key", "s"],
            "JWT_SECRET",
        ),
        (vec!["--database-url", "mysql://localhost/x"], "DATABASE_URL"),
        (vec!["--workers", "many"], "invalid"),
    ] {
        let mut all = vec!["--bind", "127.0.0.1:0"];
        if arguments[0] == "--bind" {
            all.clear();
        }
        all.extend(&arguments);
        let refused = darkroom(&folder, &all);
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(words(&refused.stderr).contains(why), "{arguments:?}: {}", words(&refused.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_filled_and_swept_from_the_command_line() {
    if is_skipped(TestApp::is_embedded(), "the embedded storage") {
        return;
    }
    let app = TestApp::start().await;
    let bind = app.address.to_string();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
        command.args(arguments).env("RUST_LOG", "error").env("BIND", &bind).env("DATA_DIR", app.data_dir.path());
        if let Some(url) = app.database_url() {
            command.env("DATABASE_URL", url);
        }
        command.output().expect("a process")
    };
    for _ in 0..2 {
        let seeded = tokio::task::block_in_place(|| run(&["seed", "--images", "700", "--owner", "Ann@example.com"]));
        assert!(seeded.status.success(), "{}", words(&seeded.stderr));
    }
    let ann = app.user("ann@example.com").await;
    let counted = "{ images(first: 1) { totalCount nodes { variants { type } metadata { exif } } } \
        categories { name } imageStats { byDay(days: 366) { count } } }";
    let counted = ann.send(counted, serde_json::Value::Null).await.0["data"].clone();
    assert_eq!(counted["images"]["totalCount"], 1400);
    assert_eq!(counted["images"]["nodes"][0]["variants"].as_array().expect("variants").len(), 5);
    assert_eq!(counted["categories"].as_array().expect("categories").len(), 6, "general, and five of the seed's");
    let days = counted["imageStats"]["byDay"].as_array().expect("days");
    assert!(days.iter().filter(|day| day["count"] != 0).count() > 300, "spread over the days");

    let listed = tokio::task::block_in_place(|| run(&["sweep", "--dry-run"]));
    assert_eq!(words(&listed.stdout), "0 objects of 0 bytes would be removed\n", "{}", words(&listed.stderr));
    let swept = tokio::task::block_in_place(|| run(&["sweep"]));
    assert_eq!(words(&swept.stdout), "sweep finished; see the log for details\n", "{}", words(&swept.stderr));
    assert_eq!(app.queued_jobs().await, ["sweep"], "the next one");
    let elsewhere = app.app.queue.claim_now(darkroom::domain::job::Job::Sweep).await.expect("the queue");
    assert!(elsewhere.is_some());
    let again = tokio::task::block_in_place(|| run(&["sweep"]));
    assert_eq!(words(&again.stdout), "a sweep is running already\n", "{}", words(&again.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_jobs_are_listed_and_run_again() {
    let app = TestApp::start().await;
    let is_local = TestApp::is_embedded() && app.database_url().is_none();
    if is_skipped(is_local, "SQLite and the embedded storage, whose flags are the default") {
        return;
    }
    let ann = app.user("ann@example.com").await;
    ann.upload("a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let sql = "UPDATE job SET attempts = 20 WHERE kind = 'process'";
    sea_orm::ConnectionTrait::execute_unprepared(app.app.db.conn(), sql).await.expect("rows");
    app.run_all_jobs().await;
    let folder = &app.data_dir;
    let here = ["--data-dir", ".", "jobs"];
    let listed = words(&beside(folder, &[&here[..], &["list", "--dead"]].concat()).stdout);
    assert!(listed.contains("dead    process"), "{listed}");
    let retried = words(&beside(folder, &[&here[..], &["retry", "--all"]].concat()).stdout);
    assert!(retried.contains("process will run again"), "{retried}");
    assert_eq!(words(&beside(folder, &[&here[..], &["list", "--dead"]].concat()).stdout), "");
    let nobody = "01940000-0000-7000-8000-000000000000";
    assert!(!beside(folder, &[&here[..], &["retry", nobody]].concat()).status.success());
    assert!(!beside(folder, &[&here[..], &["retry"]].concat()).status.success(), "which one?");
}

#[test]
fn settings_come_from_flags_and_the_environment_and_a_file() {
    let folder = TempDir::new().expect("a folder");
    let file = "[server]\nbind = \"127.0.0.1:1\"\ncors_origins = [\"http://a\", \"http://b\"]\nintrospection = false\n\
        [storage]\npresigned_url_expiration = 120\n[accounts]\nadmin_password = \"never to be shown\"\n[jobs]\nworkers = 3\n";
    std::fs::write(folder.path().join("darkroom.toml"), file).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
    command.args(["config", "--bind", "127.0.0.1:3"]).current_dir(folder.path());
    command.env("DARKROOM_CONFIG", "darkroom.toml").env("BIND", "127.0.0.1:2").env("WORKERS", "2");
    command.env("DATABASE_ULR", "x").env("DARKROOM_PORT", "1").env("RUST_LOG", "warn");
    let printed = command.output().expect("a process");
    let (settings, log) = (words(&printed.stdout), words(&printed.stderr));
    for line in [
        "[server]",
        "bind = \"127.0.0.1:3\" # flag",
        "cors_origins = \"http://a,http://b\" # file",
        "introspection = \"false\" # file",
        "presigned_url_expiration = \"120\" # file",
        "# admin_password is set, and hidden # file",
        "workers = \"2\" # environment",
        "admin_email = \"admin@localhost\" # default",
        "# database_url = \"sqlite://./data/darkroom.sqlite\" # computed",
    ] {
        assert!(settings.lines().any(|printed| printed == line), "{line} in {settings}");
    }
    assert!(!settings.contains("never to be shown"));
    assert!(toml::from_str::<toml::Table>(&settings).is_ok(), "it can be kept as a file: {settings}");
    assert!(log.contains("DATABASE_ULR is not a known setting; did you mean DATABASE_URL?"), "{log}");
    assert!(log.contains("DARKROOM_PORT is not a known setting"), "{log}");
    for (file, why) in [
        ("[server]\nbnid = \"x\"", "[server] has no setting `bnid`"),
        ("[jobs]\nbind = \"127.0.0.1:1\"", "[jobs] has no setting `bind`"),
        ("bind = \"127.0.0.1:1\"", "must be inside an area"),
        ("[jobs]\nworkers = { a = 1 }", "must be a string, a number"),
        ("[jobs]\nworkers = \"many\"", "invalid"),
        ("[jobs", "is not valid TOML"),
    ] {
        std::fs::write(folder.path().join("wrong.toml"), file).expect("a file");
        let refused = darkroom(&folder, &["config", "--config", "wrong.toml"]);
        assert!(!refused.status.success() && words(&refused.stderr).contains(why), "{why}: {}", words(&refused.stderr));
    }
    let missing = darkroom(&folder, &["config", "--config", "nowhere.toml"]);
    assert!(words(&missing.stderr).contains("cannot be read"), "{}", words(&missing.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_date_is_made_anew_from_the_command_line() {
    let mut app = TestApp::start().await;
    let is_local = TestApp::is_embedded() && app.database_url().is_none();
    if is_skipped(is_local, "SQLite and the embedded storage, whose flags are the default") {
        return;
    }
    let ann = app.user("ann@example.com").await;
    ann.processed(&app, "a.jpg", "image/jpeg", pictures::small_jpeg()).await;
    let regenerate = |more: &[&str]| beside(&app.data_dir, &[&["--data-dir", ".", "regenerate"], more].concat());
    assert!(words(&regenerate(&["--status"]).stderr).contains("no regeneration was ever started"));
    for nonsense in [
        &["--where", "old"][..],
        &["--where", "before=yesterday"],
        &["--where", "content-type=text/html"],
        &["--where", "owner=nobody@example.com"],
        &["--cancel"],
        &["--status", "--where", "all"],
    ] {
        assert!(!regenerate(nonsense).status.success(), "{nonsense:?}");
    }
    assert_eq!(app.queued_jobs().await, [] as [&str; 0]);
    let started = regenerate(&["--where", "owner=ANN@example.com", "--where", "content-type=image/jpeg"]);
    assert_eq!(words(&started.stdout), "running: 0 of 1 images examined, 0 remade, 0 failed\n", "{started:?}");
    assert!(words(&regenerate(&[]).stderr).contains("A regeneration is running"));
    assert!(words(&regenerate(&["--cancel"]).stdout).starts_with("cancelled: "));
    // The command goes by the real clock.
    app.app.clock.advance(chrono::TimeDelta::hours(1));
    app.work();
    let followed = tokio::task::spawn_blocking({
        let folder = app.data_dir.path().to_owned();
        move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
            command.env_clear().env("RUST_LOG", "error").current_dir(folder);
            command.args(["--data-dir", ".", "regenerate", "--where", "all", "--follow"]).output().expect("a process")
        }
    });
    let followed = words(&followed.await.expect("an end").stdout);
    assert!(followed.ends_with("finished: 1 of 1 images examined, 1 remade, 0 failed\n"), "{followed}");
}
