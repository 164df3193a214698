//! What people wrote into a file about its picture, in the words of XMP or IPTC: offered to forms, and taken over by nobody.

mod iptc;
mod xmp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::decode::Beside;
use crate::domain::{
    details::{MAX_DESCRIPTION_CHARS, MAX_TAG_CHARS, MAX_TAGS, MAX_TITLE_CHARS},
    metadata::{MAX_RIGHTS_CHARS, Suggested},
};

/// What a file suggests. A parser's panic is no reason to lose a picture.
pub(super) fn of(beside: &Beside) -> Suggested {
    catch_unwind(AssertUnwindSafe(|| read(beside))).unwrap_or_default()
}

/// Of what both of them say, XMP's, which is newer.
fn read(beside: &Beside) -> Suggested {
    let xmp = beside.xmp.as_deref().map(xmp::read).unwrap_or_default();
    let iptc = beside.iptc.as_deref().map(iptc::read).unwrap_or_default();
    Suggested {
        title: xmp.title.or(iptc.title),
        description: xmp.description.or(iptc.description),
        keywords: if xmp.keywords.is_empty() { iptc.keywords } else { xmp.keywords },
        rights: xmp.rights.or(iptc.rights),
    }
}

/// A thing that may be suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Title,
    Description,
    Keywords,
    Rights,
}

impl Property {
    /// Makes room for a better value.
    fn forget(self, suggested: &mut Suggested) {
        match self {
            Self::Title => suggested.title = None,
            Self::Description => suggested.description = None,
            Self::Rights => suggested.rights = None,
            Self::Keywords => {}
        }
    }

    /// Keeps a value, cut off where the form would refuse it; of each but the keywords, the first.
    fn put(self, suggested: &mut Suggested, value: &str) {
        let (place, most) = match self {
            Self::Title => (&mut suggested.title, MAX_TITLE_CHARS),
            Self::Description => (&mut suggested.description, MAX_DESCRIPTION_CHARS),
            Self::Rights => (&mut suggested.rights, MAX_RIGHTS_CHARS),
            Self::Keywords => {
                let keyword = cleaned(value, MAX_TAG_CHARS);
                let keywords = &mut suggested.keywords;
                if !keyword.is_empty() && keywords.len() < MAX_TAGS && !keywords.contains(&keyword) {
                    keywords.push(keyword);
                }
                return;
            }
        };
        let value = cleaned(value, most);
        if place.is_none() && !value.is_empty() {
            *place = Some(value);
        }
    }
}

/// Without what no form takes, and no longer than so many characters. Descriptions have lines.
fn cleaned(value: &str, most: usize) -> String {
    let is_long = most == MAX_DESCRIPTION_CHARS;
    let shown = value.trim().chars().filter(|c| !c.is_control() || (is_long && *c == '\n')).take(most);
    shown.collect::<String>().trim_end().to_owned()
}
