//! The commands that an operator types.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::pictures;

fn darkroom(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_darkroom"));
    command.args(arguments).current_dir(folder.path()).env("RUST_LOG", "error");
    command.output().expect("a process")
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
    assert_eq!(table.lines().count(), 7, "a head, the original, five variants: {table}");
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
    assert!(words(&half.stderr).contains("1 of 2 files were not made"));
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
fn a_token_is_printed_alone_and_the_administrators_password_is_not_lost() {
    let folder = TempDir::new().expect("a folder");
    let first = darkroom(&folder, &["token", "ann@example.com"]);
    assert_eq!(words(&first.stdout).trim().split('.').count(), 3, "a JWT and nothing else");
    assert!(words(&first.stderr).contains("made the administrator admin@localhost with the password"));
    let second = darkroom(&folder, &["token", "ann@example.com"]);
    assert_eq!(words(&second.stderr), "");
    assert!(!darkroom(&folder, &["token", "ann"]).status.success(), "no address");
}

#[test]
fn what_cannot_be_is_said_at_once() {
    let folder = TempDir::new().expect("a folder");
    for (arguments, why) in [
        (vec!["--presigned-url-expiration", "5"], "60..=604800"),
        (vec!["--max-upload-size", "0"], "is not in"),
        (vec!["--bind", "nowhere"], "invalid socket address"),
        (vec!["--jwt-secret", "short"], "32 bytes"),
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
