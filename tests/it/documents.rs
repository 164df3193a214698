//! Documents as clients write them, and as nobody should: each is read once, to its end, in a time that its length bounds.

use std::time::Duration;

use async_graphql::{Request, parser::parse_query};
use darkroom::graphql::{
    admission::{Access, Admission},
    document::{TextLimits, read},
    limits::OperationLimits,
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::support::random_seed;

const LIMITS: TextLimits = TextLimits { bytes: 64 * 1024, tokens: 5000, nesting: 64 };
/// The largest document is to be read in so much CPU.
const MAX_CPU: Duration = Duration::from_millis(20);

/// Writes documents by the grammar.
struct Writer<R> {
    lots: R,
    text: String,
}

impl<R: Rng> Writer<R> {
    fn document(lots: R) -> String {
        let mut writer = Self { lots, text: String::new() };
        writer.ignored();
        match writer.lots.random_range(0..4) {
            0 => writer.set(3),
            kind => {
                for at in 0..kind {
                    let ty = ["query", "mutation", "subscription"].choose(&mut writer.lots).expect("one").to_owned();
                    writer.push(&format!("{ty} Op{at}"));
                    writer.variables();
                    writer.directives();
                    writer.set(3);
                }
            }
        }
        for at in 0..writer.lots.random_range(0..3) {
            writer.push(&format!("fragment Part{at} on Image"));
            writer.directives();
            writer.set(2);
        }
        writer.text
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ignored();
    }

    fn ignored(&mut self) {
        let some = [" ", "  ", "\n", "\r\n", "\t", ",", " # a {comment \" of [ some kind\n", "\u{feff}", " "];
        self.text.push_str(some.choose(&mut self.lots).expect("one"));
        self.text.push(' ');
    }

    fn name(&mut self) {
        let names = ["a", "images", "__typename", "_0", "query", "fragment", "type", "nodeS", "x1"];
        let name = names.choose(&mut self.lots).expect("one").to_owned();
        self.push(name);
    }

    fn variables(&mut self) {
        if self.lots.random_bool(0.5) {
            return;
        }
        self.push("(");
        for at in 0..self.lots.random_range(1..4) {
            self.push("$");
            self.push(&format!("v{at}"));
            self.push(":");
            let ty = self.ty(3);
            self.push(&ty);
            if self.lots.random_bool(0.3) {
                self.push("=");
                self.value(2, true);
            }
        }
        self.push(")");
    }

    /// With nothing between its parts, where async-graphql takes no spaces.
    fn ty(&mut self, depth: u32) -> String {
        let inner = if depth > 0 && self.lots.random_bool(0.3) {
            format!("[{}]", self.ty(depth - 1))
        } else {
            (*["Int", "ID", "String", "ImageFilter"].choose(&mut self.lots).expect("one")).to_owned()
        };
        if self.lots.random_bool(0.3) { format!("{inner}!") } else { inner }
    }

    fn directives(&mut self) {
        while self.lots.random_bool(0.2) {
            self.push("@");
            self.name();
            self.arguments();
        }
    }

    fn arguments(&mut self) {
        if self.lots.random_bool(0.6) {
            return;
        }
        self.push("(");
        for _ in 0..self.lots.random_range(1..4) {
            self.name();
            self.push(":");
            self.value(3, false);
        }
        self.push(")");
    }

    fn value(&mut self, depth: u32, is_const: bool) {
        match self.lots.random_range(0..if depth > 0 { 9 } else { 7 }) {
            0 if !is_const => {
                self.push("$");
                self.push("v0");
            }
            0 | 1 => self.push("null"),
            2 => self.push("ENUM"),
            3 => {
                let number = ["0", "-0", "17", "-3.25", "1e9", "2E-3", "9007199254740993", "184467440737095516160"];
                let number = number.choose(&mut self.lots).expect("one").to_owned();
                self.push(number);
            }
            4 => {
                let text = [r#""""#, r#""a\n\"\\\/b""#, r#""\u00e9""#, "\"서울 \t😀\"", r#""{[(""#];
                let text = text.choose(&mut self.lots).expect("one").to_owned();
                self.push(text);
            }
            5 => {
                // Not with an escaped `"""`, which async-graphql leaves escaped.
                let text = ["\"\"\"\"\"\"", "\"\"\"\n  a\n    b \"\" {\n  \"\"\"", "\"\"\"[[[ \" \"\" # x\"\"\""];
                let text = text.choose(&mut self.lots).expect("one").to_owned();
                self.push(text);
            }
            6 => self.push("true"),
            7 => {
                self.push("[");
                for _ in 0..self.lots.random_range(0..3) {
                    self.value(depth - 1, is_const);
                }
                self.push("]");
            }
            _ => {
                self.push("{");
                for at in 0..self.lots.random_range(0..3) {
                    self.push(&format!("f{at}"));
                    self.push(":");
                    self.value(depth - 1, is_const);
                }
                self.push("}");
            }
        }
    }

    fn set(&mut self, depth: u32) {
        self.push("{");
        for _ in 0..self.lots.random_range(1..5) {
            match self.lots.random_range(0..5) {
                0 if depth > 0 => {
                    self.push("...");
                    if self.lots.random_bool(0.5) {
                        self.push("on Image");
                    }
                    self.directives();
                    self.set(depth - 1);
                }
                1 => {
                    self.push("...");
                    self.push("Part0");
                }
                _ => {
                    if self.lots.random_bool(0.2) {
                        self.name();
                        self.push(":");
                    }
                    self.name();
                    self.arguments();
                    self.directives();
                    if depth > 0 && self.lots.random_bool(0.4) {
                        self.set(depth - 1);
                    }
                }
            }
        }
        self.push("}");
    }
}

/// What mutations put between characters.
const PIECES: [&str; 24] = [
    "\"",
    "\"\"\"",
    "\\\"\"\"",
    "\\",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "$",
    "@",
    "...",
    "#",
    "\n",
    "\r",
    "\u{feff}",
    "\\ud83d",
    "\\u{1F600}",
    "\u{0}",
    "é",
    "1.",
    "-",
    "😀",
];

fn mutate(text: &str, lots: &mut StdRng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..lots.random_range(1..6) {
        let at = lots.random_range(0..=characters.len());
        match lots.random_range(0..4) {
            0 if at < characters.len() => drop(characters.remove(at)),
            1 => {
                let to = lots.random_range(at..=characters.len().min(at + 40));
                let piece: Vec<char> = characters[at..to].to_vec();
                let times = lots.random_range(1..30);
                characters.splice(at..at, piece.repeat(times));
            }
            2 => characters.truncate(at),
            _ => {
                let piece = PIECES.choose(lots).expect("one");
                let times = if lots.random_bool(0.05) { 2000 } else { 1 };
                characters.splice(at..at, piece.repeat(times).chars());
            }
        }
    }
    characters.into_iter().collect()
}

fn cpu() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).expect("nanoseconds"))
}

/// Whether a text is admitted, and what that takes. What comes on top of it, by whatever else the machine does, is different
/// each time: of three measurements the least is nearest to it.
fn admit(admission: &Admission, text: &str) -> (bool, Duration) {
    let measure = || {
        let since = cpu();
        let is_admitted = admission.admit(Request::new(text), Access::Full).is_ok();
        (is_admitted, cpu().saturating_sub(since))
    };
    let (is_admitted, first) = measure();
    if first < MAX_CPU / 4 {
        return (is_admitted, first);
    }
    (is_admitted, first.min(measure().1).min(measure().1))
}

/// Documents written by the grammar are read as async-graphql reads them, which is what is executed elsewhere.
#[test]
fn what_is_well_formed_is_read_as_everybody_reads_it() {
    let mut lots = StdRng::seed_from_u64(random_seed("documents"));
    for _ in 0..3000 {
        let text = Writer::document(&mut lots);
        let ours = read(&text, LIMITS).unwrap_or_else(|error| panic!("{}\n{text}", error.message));
        let theirs = parse_query(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let without_places = |document| {
            let mut json = serde_json::to_value(document).expect("JSON");
            forget_places(&mut json);
            json
        };
        assert!(without_places(&ours) == without_places(&theirs), "read differently: {text}");
    }
}

/// The two count columns of what follows a BOM differently.
fn forget_places(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(fields) => {
            fields.remove("pos");
            fields.values_mut().for_each(forget_places);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

#[test]
fn a_hundred_thousand_documents_are_read_or_refused_in_time() {
    let mut lots = StdRng::seed_from_u64(random_seed("documents"));
    let admission = Admission::new(OperationLimits::default());
    let (mut admitted, mut slowest) = (0, Duration::ZERO);
    for _ in 0..100_000 {
        let text = Writer::document(&mut lots);
        let text = if lots.random_bool(0.1) { text } else { mutate(&text, &mut lots) };
        let (is_admitted, taken) = admit(&admission, &text);
        admitted += u32::from(is_admitted);
        assert!(taken < MAX_CPU, "{taken:?} for {} bytes: {text}", text.len());
        slowest = slowest.max(taken);
    }
    println!("{admitted} admitted, the slowest took {slowest:?}");
    assert!(admitted > 1000, "{admitted} are no test");
}

/// The largest documents that repeat something which a parser might go back over.
#[test]
fn whatever_is_repeated_is_read_in_time() {
    let repeated = [
        "\"\\\"\"\"\"\"z\" ",
        "\"\"\"",
        "\"\"\"a\"\"\"",
        "[",
        "{a:",
        "{a",
        "(a:",
        "...",
        "...{",
        "a:",
        "@a",
        "@a(b:",
        "$a",
        "#\n",
        "\u{feff}",
        "\"\\u00e9\"",
        "\\",
        "-",
        "1.0e1 ",
        "fragment a on b{c}",
        "{a}",
        "query a{b}",
        "on ",
        "[[[]]]",
        "\"",
        "é",
    ];
    let admission = Admission::new(OperationLimits::default());
    let mut slowest = Duration::ZERO;
    for piece in repeated {
        for (before, behind) in
            [("{a(b:[\"\"\"x\"", "])}"), ("{", "}"), ("", ""), ("{a(b:\"\"\"", "\"\"\")}"), ("query(", "){a}")]
        {
            let room = LIMITS.bytes - before.len() - behind.len();
            let text = format!("{before}{}{behind}", piece.repeat(room / piece.len()));
            let (admitted, taken) = admit(&admission, &text);
            assert!(taken < MAX_CPU, "{taken:?} for {piece:?} behind {before:?}");
            slowest = slowest.max(taken);
            assert!(!admitted || before.ends_with("\"\"\""), "{piece:?} behind {before:?}");
        }
    }
    println!("the slowest took {slowest:?}");
}
