//! `doctor`: nothing is wrong with what works, and each planted fault is found and said in its own words.

use std::process::Command;

use chrono::TimeDelta;
use darkroom::{
    app::storage_settings,
    clock::Clock,
    config::{Config, SignUpBy},
    doctor::{Finding, Report, Verdict, examine},
    storage::{S3, SetupStep},
};
use serde_json::Value;

use crate::support::{
    TestApp,
    lying::{Lie, LyingStorage},
    parse,
    skip::is_skipped,
};

/// A planted fault: the check that finds it, how it is planted, and words that it is told in.
type Fault<'a> = (&'a str, &'a dyn Fn(&mut Config), &'a str);

/// An address where nobody listens.
const NOWHERE: &str = "127.0.0.1:1";

/// Everything that is not as it should be, with its words.
fn wrong(report: &Report) -> Vec<(&'static str, String)> {
    let said = |finding: &Finding| match &finding.verdict {
        Verdict::Failed { problem, advice } => Some((finding.check, format!("{problem} {advice}"))),
        _ => None,
    };
    report.findings.iter().filter_map(said).collect()
}

async fn examined(app: &TestApp, config: &Config) -> Report {
    examine(config, &app.app.clock).await
}

/// As `darkroom storage setup` does.
async fn set_up(config: &Config) {
    let (settings, _) = storage_settings(config, config.server.bind, &Clock::default()).expect("settings");
    let s3 = S3::connect(settings, Clock::default()).await.expect("a storage");
    let origins = config.server.cors_origins().expect("origins");
    for step in SetupStep::ALL {
        s3.set_up(step, &origins).await.unwrap_or_else(|fault| panic!("{step:?}: {fault:?}"));
    }
}

/// Fails at this check alone, and says these words.
fn assert_found(what: &str, report: &Report, check: &str, words: &str) {
    match wrong(report).as_slice() {
        [(found, said)] if *found == check && said.contains(words) => {}
        others => panic!("{what}: {others:#?}"),
    }
}

#[tokio::test]
async fn nothing_is_wrong_with_what_works() {
    let app = TestApp::start().await;
    if !TestApp::is_embedded() {
        // Pages cannot send files to it, or read what it answers, until it is told so.
        let found = wrong(&examined(&app, &app.config).await);
        assert!(matches!(found.as_slice(), [(check, _)] if check.starts_with("storage.cors")), "{found:#?}");
        set_up(&app.config).await;
    }
    let report = examined(&app, &app.config).await;
    assert_eq!(wrong(&report), [], "{report:#?}");
    let checked =
        |check: &str| report.findings.iter().any(|found| found.check == check && found.verdict == Verdict::Passed);
    for check in [
        "machine.sandbox",
        "database.migrated",
        "storage.permissions",
        "ticket.accepted",
        "ticket.forged",
        "storage.cors",
    ] {
        assert!(checked(check), "{check} was tried: {report:#?}");
    }
    assert_eq!(app.objects().await, [] as [String; 0], "nothing is left behind");
}

#[tokio::test]
async fn settings_that_cannot_work_are_found() {
    let app = TestApp::start().await;
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = app.config.clone();
        change(&mut config);
        config
    };
    let origin = |config: &mut Config| config.server.cors_origins = vec!["https://app.example.com/app".to_owned()];
    let proxies = |config: &mut Config| config.server.trusted_proxies = vec!["the proxy".to_owned()];
    let weak = |config: &mut Config| config.accounts.jwt_secret = Some("ab".repeat(16));
    let short = |config: &mut Config| config.accounts.jwt_secret = Some("0123456789".to_owned());
    let nowhere = |config: &mut Config| config.database.redis_url = Some(format!("redis://{NOWHERE}"));
    let program = |config: &mut Config| config.images.program = Some("/bin/false".into());
    let sender = |config: &mut Config| config.accounts.smtp_url = Some("smtp://127.0.0.1:25".to_owned());
    let nobody = |config: &mut Config| {
        config.accounts.sign_up = SignUpBy::Open;
        config.server.public_url = Some("https://images.example.com".parse().expect("a URL"));
    };
    let faults: [Fault; 8] = [
        ("settings.cors_origins", &origin, "which no browser sends"),
        ("settings.trusted_proxies", &proxies, "the proxy"),
        ("secrets.strong", &weak, "JWT_SECRET has fewer than 8 different characters"),
        ("secrets.jwt", &short, "32 bytes"),
        ("redis.reached", &nowhere, "Processes do not hear each other"),
        ("settings.mail", &sender, "MAIL_FROM is required"),
        ("settings.mail", &nobody, "nobody receives the link"),
        ("machine.sandbox", &program, "No image can be processed"),
    ];
    for (check, change, words) in faults {
        let report = examined(&app, &with(change)).await;
        let found = wrong(&report).into_iter().find(|(found, _)| *found == check);
        assert!(found.as_ref().is_some_and(|(_, said)| said.contains(words)), "{check}: {:#?}", wrong(&report));
    }
}

#[tokio::test]
async fn secrets_of_examples_are_for_laptops_alone() {
    let app = TestApp::start().await;
    let mut config = app.config.clone();
    config.accounts.admin_password = Some("darkroom-laptop".to_owned());
    let verdict = |report: &Report| {
        let found = report.findings.iter().find(|finding| finding.check == "secrets.own").expect("a finding");
        found.verdict.clone()
    };
    let here = verdict(&examined(&app, &config).await);
    assert!(matches!(here, Verdict::Warning { .. }), "{here:?}");
    config.server.public_url = Some("https://images.example.com".parse().expect("a URL"));
    let there = verdict(&examined(&app, &config).await);
    assert!(matches!(&there, Verdict::Failed { problem, .. } if problem.contains("ADMIN_PASSWORD")), "{there:?}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_found_and_its_password_not_told() {
    let app = TestApp::start().await;
    let mut config = app.config.clone();
    config.database.database_url = Some(format!("postgres://somebody:a-password-of-theirs@{NOWHERE}/darkroom"));
    let report = examined(&app, &config).await;
    let said = wrong(&report);
    assert!(said.iter().any(|(check, _)| *check == "database.reached"), "{said:#?}");
    assert!(!serde_json::to_string(&report).expect("JSON").contains("a-password-of-theirs"), "{said:#?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let app = TestApp::start().await;
    let clock = Clock::held();
    clock.advance(TimeDelta::minutes(-3));
    let report = examine(&app.config, &clock).await;
    let said = wrong(&report);
    for check in ["database.clock", "storage.clock"] {
        let words = said.iter().find(|(found, _)| *found == check).map_or("", |(_, words)| words);
        let ahead = words.split(" seconds ahead").next().and_then(|words| words.rsplit(' ').next());
        // Our clock is held, and theirs goes on while this runs.
        assert!(
            ahead.and_then(|ahead| ahead.parse().ok()).is_some_and(|ahead: i64| (179..600).contains(&ahead)),
            "{said:#?}"
        );
    }
}

/// The configuration for a storage elsewhere that lies.
async fn beside(app: &TestApp, lie: Lie) -> (Config, LyingStorage) {
    if !TestApp::is_embedded() {
        set_up(&app.config).await;
    }
    let storage = LyingStorage::start(lie).await;
    let address = app.address.to_string();
    let mut flags = vec!["test".to_owned(), "--bind".to_owned(), address.clone()];
    flags.extend(["--public-url".to_owned(), format!("http://{address}")]);
    flags.extend(["--data-dir".to_owned(), app.data_dir.path().display().to_string()]);
    flags.extend(storage.flags.iter().cloned());
    let mut config = parse(&flags);
    config.database = app.config.database.clone();
    config.images.program.clone_from(&app.config.images.program);
    if config.storage.aws_secret_access_key.is_none() {
        config.storage.aws_access_key_id = crate::support::variable("AWS_ACCESS_KEY_ID");
        config.storage.aws_secret_access_key = crate::support::variable("AWS_SECRET_ACCESS_KEY");
    }
    (config, storage)
}

#[tokio::test]
async fn what_is_wrong_with_a_bucket_is_told_apart() {
    let app = TestApp::start().await;
    let (sound, _storage) = beside(&app, Lie::Nothing).await;
    assert_eq!(wrong(&examined(&app, &sound).await), []);
    let nowhere = || Some(format!("http://{NOWHERE}").parse().expect("a URL"));
    let bucket = |config: &mut Config| config.storage.aws_storage_bucket_name = Some("no-such-bucket".to_owned());
    let id = |config: &mut Config| config.storage.aws_access_key_id = Some("nobody".to_owned());
    let secret = |config: &mut Config| config.storage.aws_secret_access_key = Some("not the secret at all".to_owned());
    let away = |config: &mut Config| config.storage.aws_endpoint_url_s3 = nowhere();
    let public = |config: &mut Config| config.storage.s3_public_endpoint = nowhere();
    let https =
        |config: &mut Config| config.server.public_url = Some("https://images.example.com".parse().expect("a URL"));
    let faults: [Fault; 6] = [
        ("storage.reached", &bucket, "NoSuchBucket"),
        ("storage.reached", &id, "AWS_ACCESS_KEY_ID"),
        ("storage.reached", &secret, "AWS_SECRET_ACCESS_KEY"),
        ("storage.reached", &away, "does not answer"),
        ("storage.public_url", &public, "where images are fetched"),
        ("settings.public_url", &https, "browsers block"),
    ];
    for (check, change, words) in faults {
        let mut config = sound.clone();
        change(&mut config);
        let report = examined(&app, &config).await;
        let found = wrong(&report).into_iter().find(|(found, _)| *found == check);
        assert!(
            found.as_ref().is_some_and(|(_, said)| said.contains(words)),
            "{check}, {words}: {:#?}",
            wrong(&report)
        );
    }
}

#[tokio::test]
async fn a_storage_that_lies_is_found_out() {
    let app = TestApp::start().await;
    for (lie, check, words) in [
        (Lie::IsPublic, "storage.private", "Everybody can read the bucket"),
        (Lie::LetsNoPageIn, "storage.cors", "without Access-Control-Allow-Origin"),
        (Lie::ExposesNothing, "storage.cors_exposed", "cannot read ETag and Location"),
        (Lie::IsLate, "storage.clock", "seconds behind"),
    ] {
        let (config, _storage) = beside(&app, lie).await;
        assert_found(check, &examined(&app, &config).await, check, words);
    }
    let (config, _storage) = beside(&app, Lie::TakesEverything).await;
    let said = wrong(&examined(&app, &config).await);
    let expected = [
        ("ticket.too_large", "a file larger than its ticket allows"),
        ("ticket.mistyped", "a file of another type than its ticket allows"),
        ("ticket.misplaced", "a file under another key than its ticket allows"),
        ("ticket.unsigned", "a file without a signature"),
        ("ticket.forged", "a file with a forged signature"),
        ("ticket.expired", "a file with a ticket that has expired"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for ((check, words), (expected, what)) in said.iter().zip(expected) {
        assert_eq!(*check, expected);
        assert!(words.contains("does not enforce what tickets say") && words.contains(what), "{words}");
    }
}

/// The same by PUT, whose length and type are signed.
#[tokio::test]
async fn tickets_by_put_are_held_to_what_they_say() {
    let app = TestApp::start().await;
    let (mut config, _storage) = beside(&app, Lie::Nothing).await;
    config.storage.upload_method = darkroom::config::SentBy::Put;
    let report = examined(&app, &config).await;
    assert_eq!(wrong(&report), [], "{report:#?}");
    assert!(report.findings.iter().any(|found| found.check == "ticket.expired" && found.verdict == Verdict::Passed));
    let (mut config, _storage) = beside(&app, Lie::TakesEverything).await;
    config.storage.upload_method = darkroom::config::SentBy::Put;
    assert_eq!(wrong(&examined(&app, &config).await).len(), 6);
}

#[test]
fn the_command_tells_scripts_what_failed() {
    if is_skipped(TestApp::is_embedded(), "a folder of its own") {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let run = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_darkroom");
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("RUST_LOG", "error").current_dir(folder.path());
        shell.args(["-c", &format!("ulimit -n 600; {program} doctor {arguments}")]).output().expect("a process")
    };
    let fresh = run("--json");
    assert!(fresh.status.success(), "{fresh:?}");
    assert!(!folder.path().join("data").exists(), "it only looks");
    let report: Value = serde_json::from_slice(&fresh.stdout).expect("JSON");
    let of = |check: &str| {
        let findings = report["findings"].as_array().expect("findings");
        findings.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("{check}: {report:#}")).clone()
    };
    assert_eq!(of("database.reached")["verdict"], "skipped");
    assert_eq!(of("storage.reached")["verdict"], "skipped");
    assert_eq!(of("machine.open_files")["verdict"], "warning");
    assert!(of("machine.open_files")["problem"].as_str().is_some_and(|said| said.contains("600 files")));
    let wrong = run("--trusted-proxies nonsense");
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(said.contains("failed   settings.trusted_proxies"), "{said}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("1 of "), "{wrong:?}");
}

#[tokio::test]
async fn a_bucket_is_made_and_made_ready_as_often_as_one_likes() {
    let app = TestApp::start().await;
    if is_skipped(!TestApp::is_embedded(), "an S3 elsewhere") {
        return;
    }
    let mut config = app.config.clone();
    config.storage.aws_storage_bucket_name = Some(format!("new-{}", app.app.clock.new_id().simple()));
    assert_found("no bucket", &examined(&app, &config).await, "storage.reached", "NoSuchBucket");
    for _ in 0..2 {
        set_up(&config).await;
        assert_eq!(wrong(&examined(&app, &config).await), []);
    }
}
