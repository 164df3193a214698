//! The layer rule: doors call services, services call hands, all know the domain; nothing points back or sideways.

use std::path::Path;

use syn::{UseTree, visit::Visit};
use walkdir::WalkDir;

const DOORS: [&str; 4] = ["graphql", "http", "worker", "cli"];
const SERVICES: [&str; 5] = ["uploads", "library", "accounts", "sharing", "webhooks"];
/// The one way to write what services decide about images.
const WRITER: &str = "changes";
const HANDS: [&str; 11] =
    ["db", "queue", "storage", "events", "imaging", "mail", "oidc", "outbound", "passkeys", "passwords", "budget"];
/// Known to all, knowing none but each other.
const GROUND: [&str; 7] = ["domain", "clock", "measures", "permits", "tasks", "trace", "ttl_cache"];
/// Where everything is put together, and what only that knows.
const ROOT: [&str; 9] =
    ["app", "config", "doctor", "lib", "machine", "main", "providers_file", "secrets", "variants_file"];

/// Whether a module of `from` may name one of `to`.
fn may_know(from: &str, to: &str) -> bool {
    let layer = |name: &str| match name {
        name if ROOT.contains(&name) => 4,
        name if DOORS.contains(&name) => 3,
        name if SERVICES.contains(&name) || name == WRITER => 2,
        name if HANDS.contains(&name) => 1,
        name if GROUND.contains(&name) => 0,
        name => panic!("`{name}` is in no layer: give it a place in this test and in docs/architecture.md"),
    };
    // Also where the rule below does not ask for them.
    let _ = (layer(from), (to != "*").then(|| layer(to)));
    match (from, to) {
        (_, "*") => false,
        _ if from == to => true,
        (from, to) if GROUND.contains(&from) && GROUND.contains(&to) => false,
        (_, to) if GROUND.contains(&to) => true,
        (from, WRITER) if SERVICES.contains(&from) => from == "uploads" || from == "library",
        // The worker claims from the queue.
        ("worker", "queue") => true,
        // HTTP carries GraphQL, takes its price, and mounts the embedded storage; readiness asks the hands for a sign of
        // life.
        ("http", "graphql" | "storage" | "db" | "budget" | "imaging") => true,
        ("graphql", "budget") => true,
        // The commands put an application together, and look at pictures, objects and jobs.
        (
            "cli",
            "app" | "config" | "doctor" | "graphql" | "http" | "imaging" | "machine" | "queue" | "storage" | "worker",
        ) => true,
        ("secrets" | "config", to) => layer(to) == 0,
        (from, _) if layer(from) == 4 => true,
        (from, to) => layer(from) == layer(to) + 1,
    }
}

#[derive(Default)]
struct Names(Vec<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_use_tree(&mut self, tree: &'ast UseTree) {
        if let UseTree::Path(path) = tree
            && path.ident == "crate"
        {
            self.first_of(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate") {
            self.0.extend(segments.next().map(|segment| segment.ident.to_string()));
        }
        syn::visit::visit_path(self, path);
    }
}

impl Names {
    fn first_of(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.0.push(path.ident.to_string()),
            UseTree::Name(name) => self.0.push(name.ident.to_string()),
            UseTree::Rename(rename) => self.0.push(rename.ident.to_string()),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.first_of(item)),
            UseTree::Glob(_) => self.0.push("*".to_owned()),
        }
    }
}

/// Every file of the source, by its path below `src`, with its text.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = WalkDir::new(&src).into_iter().map(|file| file.expect("a file").into_path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let read = |file: std::path::PathBuf| {
        let relative = file.strip_prefix(&src).expect("below src").display().to_string();
        (relative, std::fs::read_to_string(&file).expect("a text"))
    };
    files.map(read).collect()
}

#[test]
fn nothing_points_back_or_sideways() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (relative, text) in sources() {
        let module = relative.split('/').next().expect("a name").trim_end_matches(".rs");
        let mut names = Names::default();
        names.visit_file(&syn::parse_file(&text).expect("Rust"));
        for name in names.0.iter().filter(|name| !may_know(module, name)) {
            wrong.push(format!("{relative} knows {name}"));
        }
        checked += names.0.len();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 100, "the test reads the code: {checked}");
}

/// Whoever writes an image's row otherwise would tell nobody of it.
#[test]
fn images_are_written_in_one_place() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for (relative, text) in sources() {
        let writes = ["image_writes::", "variants::put", "variants::insert", "variants::remove", "event_log::append"];
        let names_one = writes.iter().any(|write| text.contains(write));
        let entity = text.contains("entity::image::") || text.contains("entity::variant::");
        let is_database = ["db/image_writes.rs", "db/variants.rs", "db/images.rs", "db/image_row.rs"];
        found += usize::from(names_one);
        if names_one && !relative.starts_with("changes/") || entity && !is_database.contains(&&*relative) {
            wrong.push(relative);
        }
    }
    assert!(wrong.is_empty(), "images are changed by `changes/` alone: {wrong:?}");
    assert!(found > 2, "the test reads the code: {found}");
}

/// The crates of a hand are its own: another database layer or another storage is a change to one folder.
#[test]
fn crates_of_the_hands_are_named_in_them_alone() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for (relative, text) in sources() {
        let folders: [(&str, &[&str]); 5] = [
            ("sea_orm::", &["db/", "queue/"]),
            ("sqlx::", &["db/", "events/"]),
            ("redis::", &["events/"]),
            ("aws_sdk_s3::", &["storage/"]),
            ("aws_config::", &["storage/"]),
        ];
        for (name, folders) in folders.into_iter().filter(|(name, _)| text.contains(name)) {
            found += 1;
            if !folders.iter().any(|folder| relative.starts_with(folder)) {
                wrong.push(format!("{relative} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(found > 5, "the test reads the code: {found}");
}

#[test]
fn the_rule_forbids_what_it_should() {
    for (from, to) in [
        ("domain", "db"),
        ("db", "uploads"),
        ("db", "storage"),
        ("storage", "imaging"),
        ("uploads", "library"),
        ("uploads", "graphql"),
        ("graphql", "db"),
        ("graphql", "http"),
        ("worker", "db"),
        ("library", "http"),
        ("accounts", "changes"),
        ("changes", "uploads"),
        ("graphql", "queue"),
        ("clock", "domain"),
        ("imaging", "*"),
    ] {
        assert!(!may_know(from, to), "{from} must not know {to}");
    }
}
