//! A library brought from one storage to another, and back.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Output,
};

use darkroom::{
    clock::Clock,
    storage::{ObjectStore, StorageKey},
};

use crate::support::{
    TestApp,
    lying::{Lie, LyingStorage},
    parse, pictures,
    skip::is_skipped,
    variable,
};

/// The settings of a storage, as a file has them.
fn write_settings(flags: &[String], file: &Path) {
    let key = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_lowercase(), variable(name)));
    let mut text = "[storage]\n".to_owned();
    for pair in flags.chunks(2).filter(|pair| !pair[0].contains("jwt")) {
        writeln!(text, "{} = \"{}\"", pair[0].trim_start_matches("--").replace('-', "_"), pair[1]).expect("a text");
    }
    for (name, value) in key.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        if !text.contains(name) {
            writeln!(text, "{name} = \"{value}\"").expect("a text");
        }
    }
    std::fs::write(file, text).expect("a file");
}

struct Stage {
    app: TestApp,
    there: LyingStorage,
    /// What the command is told of the storage of the server, and of the other one.
    places: [String; 2],
}

async fn stage(lie: Lie) -> Stage {
    let app = TestApp::start().await;
    let there = LyingStorage::start(lie).await;
    let file = app.data_dir.path().join("there.toml");
    write_settings(&there.flags, &file);
    let here = if TestApp::is_embedded() { "embedded" } else { "s3" };
    Stage { app, there, places: [here.to_owned(), file.display().to_string()] }
}

impl Stage {
    async fn copy(&self, from: &str, to: &str, data_dir: &Path) -> Output {
        self.app.command(&["storage", "copy", "--from", from, "--to", to], Some(data_dir)).await
    }

    /// Copies, and gives what it printed.
    async fn copied(&self, from: &str, to: &str, data_dir: &Path) -> String {
        let output = self.copy(from, to, data_dir).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("a text")
    }

    async fn there(&self) -> darkroom::storage::S3 {
        let mut flags = vec!["test".to_owned()];
        flags.extend(self.there.flags.iter().cloned());
        let mut config = parse(&flags);
        if config.storage.aws_secret_access_key.is_none() {
            config.storage.aws_access_key_id = variable("AWS_ACCESS_KEY_ID");
            config.storage.aws_secret_access_key = variable("AWS_SECRET_ACCESS_KEY");
        }
        let clock = Clock::default();
        let (settings, _) = darkroom::app::storage_settings(&config, config.server.bind, &clock).expect("settings");
        darkroom::storage::S3::connect(settings, clock).await.expect("a storage")
    }
}

async fn objects(storage: &dyn ObjectStore) -> Vec<String> {
    let page = storage.list("", None).await.expect("a page");
    assert!(page.continuation.is_none());
    page.objects.into_iter().map(|object| object.key.to_string()).collect()
}

#[tokio::test]
async fn a_library_moves_to_another_storage_and_back() {
    let stage = Box::pin(stage(Lie::Nothing)).await;
    let ann = stage.app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    ann.processed(&stage.app, "a.jpg", "image/jpeg", photo.clone()).await;
    let waiting = ann.ticket("b.jpg", "image/jpeg", photo.len()).await;
    assert!(waiting.post(photo.clone()).await.is_success());
    let here = stage.app.objects().await;
    assert_eq!(here.len(), 7, "an original, its variants and an upload: {here:#?}");

    let [from, to] = &stage.places;
    let folder = stage.app.data_dir.path();
    assert!(stage.copied(from, to, folder).await.starts_with("copied 7 objects of "));
    let there = stage.there().await;
    assert_eq!(objects(&there).await, here);
    let head = async |storage: &dyn ObjectStore, key: &str| {
        storage.head(&StorageKey::listed(key)).await.expect("an answer").expect("an object")
    };
    for key in &here {
        assert_eq!(head(&there, key).await, head(&*stage.app.app.storage, key).await, "{key}");
    }

    ann.processed(&stage.app, "c.jpg", "image/jpeg", pictures::jpeg(&pictures::drawing(90, 70))).await;
    let later = stage.app.objects().await.len() - here.len();
    let told = stage.copied(from, to, folder).await;
    assert!(
        told.starts_with(&format!("copied {later} objects of ")) && told.contains("; 7 were there already"),
        "{told}"
    );

    let lost = StorageKey::listed(here.iter().find(|key| key.contains("_thumbnail")).expect("a variant"));
    there.delete(std::slice::from_ref(&lost)).await.expect("a storage");
    assert!(stage.copied(from, to, folder).await.starts_with("copied 1 objects of "));
    assert_eq!(head(&there, lost.as_str()).await, head(&*stage.app.app.storage, lost.as_str()).await);

    let empty = tempfile::TempDir::new().expect("a folder");
    let slip = stage.copy("embedded", to, empty.path()).await;
    assert!(String::from_utf8_lossy(&slip.stderr).contains("check DATA_DIR"), "{slip:?}");
    assert!(!empty.path().join("storage").exists(), "nothing was made");
    let told = stage.copied(to, "embedded", empty.path()).await;
    assert!(told.starts_with(&format!("copied {} objects of ", 7 + later)), "{told}");
    let told = stage.copied("embedded", to, empty.path()).await;
    assert!(told.starts_with("copied 0 objects of 0 bytes; "), "{told}");
}

/// After the servers have moved, what clients send there stays.
#[tokio::test]
async fn what_is_newer_there_stays() {
    let stage = Box::pin(stage(Lie::Nothing)).await;
    let ann = stage.app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert!(ticket.post(photo.clone()).await.is_success());
    let here = stage.app.app.storage.list("", None).await.expect("a page").objects.remove(0);
    let there = stage.there().await;
    let modified =
        async || there.list("", None).await.expect("a page").objects.first().map(|object| object.modified.timestamp());
    // Storages tell the time in whole seconds.
    crate::support::until("a later second", async || {
        there.put(&here.key, b"newer".as_slice().into(), "image/jpeg").await.expect("an object");
        modified().await > Some(here.modified.timestamp())
    })
    .await;
    let [from, to] = &stage.places;
    let told = stage.copied(from, to, stage.app.data_dir.path()).await;
    assert!(told.contains("copied 0 objects") && told.contains("left 1 that are newer there"), "{told}");
    assert_eq!(there.head(&here.key).await.expect("an answer").expect("an object").size, 5);
}

#[tokio::test]
async fn what_is_damaged_is_told_and_not_copied() {
    let stage = Box::pin(stage(Lie::DamagesWhatItTakes)).await;
    let ann = stage.app.user("ann@example.com").await;
    let photo = pictures::small_jpeg();
    let ticket = ann.ticket("a.jpg", "image/jpeg", photo.len()).await;
    assert!(ticket.post(photo).await.is_success());
    let [from, to] = &stage.places;
    let output = stage.copy(from, to, stage.app.data_dir.path()).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 objects were not copied"), "{output:?}");
    assert_eq!(objects(&stage.there().await).await, [] as [String; 0]);
    assert_eq!(stage.app.objects().await.len(), 1, "the source is as it was");
    let nowhere = stage.copy(from, "nowhere.toml", stage.app.data_dir.path()).await;
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("nowhere.toml cannot be read"), "{nowhere:?}");
}

#[tokio::test]
async fn what_was_damaged_before_is_told_and_not_copied() {
    let stage = Box::pin(stage(Lie::Nothing)).await;
    if is_skipped(TestApp::is_embedded(), "the files of a storage") {
        return;
    }
    let ann = stage.app.user("ann@example.com").await;
    for name in ["a.jpg", "b.jpg"] {
        let photo = pictures::small_jpeg();
        assert!(ann.ticket(name, "image/jpeg", photo.len()).await.post(photo).await.is_success());
    }
    let folder = stage.app.data_dir.path();
    let mut files =
        walkdir::WalkDir::new(folder.join("storage")).into_iter().map(|file| file.expect("a file").into_path());
    let is_object = |file: &PathBuf| file.metadata().is_ok_and(|known| known.is_file() && known.len() > 1000);
    let object = files.find(is_object).expect("an object");
    let mut bytes = std::fs::read(&object).expect("a file");
    bytes[100] ^= 1;
    std::fs::write(&object, bytes).expect("a file");

    let [from, to] = &stage.places;
    let output = stage.copy(from, to, folder).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("copied 1 objects"), "{output:?}");
    let log = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("is damaged: its bytes are not what its checksum says"), "{output:?}");
    assert_eq!(objects(&stage.there().await).await.len(), 1);
}
