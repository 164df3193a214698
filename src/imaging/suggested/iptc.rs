//! IPTC's Information Interchange Model, version 4: records of numbered data sets.

use super::Property;
use crate::domain::metadata::Suggested;

/// What each data set begins with.
const MARKER: u8 = 0x1C;
/// Of the envelope: how the text of the other record is encoded.
const CHARACTER_SET: (u8, u8) = (1, 90);
const UTF_8: &[u8] = b"\x1b%G";

/// What the data sets say; as far as they can be read.
pub(super) fn read(mut record: &[u8]) -> Suggested {
    let mut suggested = Suggested::default();
    let mut is_utf8 = false;
    while let [MARKER, number, set, high, low, rest @ ..] = record {
        // A length with its highest bit set is that of a length, which no text of people's needs.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(value) = rest.get(..length) else { break };
        let property = match (*number, *set) {
            CHARACTER_SET => {
                is_utf8 = value == UTF_8;
                None
            }
            (2, 5) => Some(Property::Title),
            (2, 25) => Some(Property::Keywords),
            (2, 116) => Some(Property::Rights),
            (2, 120) => Some(Property::Description),
            _ => None,
        };
        if let Some(property) = property {
            property.put(&mut suggested, &text(value, is_utf8));
        }
        record = &rest[length..];
    }
    suggested
}

/// Programs write UTF-8 without saying so; what is none is Latin 1, each byte a character of the same number.
fn text(value: &[u8], is_utf8: bool) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) if is_utf8 => String::from_utf8_lossy(value).into_owned(),
        Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(number: u8, set: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).expect("short").to_be_bytes();
        [&[MARKER, number, set], &length[..], value].concat()
    }

    #[test]
    fn what_people_wrote_is_read_in_either_encoding() {
        let latin = [set(2, 5, b"Caf\xe9"), set(2, 25, b"sea"), set(2, 25, b"sea"), set(2, 25, b"sun")].concat();
        let read_latin = read(&latin);
        assert_eq!(
            (read_latin.title.as_deref(), read_latin.keywords),
            (Some("Café"), vec!["sea".into(), "sun".into()])
        );
        let utf8 = [set(1, 90, UTF_8), set(2, 120, "Zoë".as_bytes()), set(2, 116, b"\xff")].concat();
        let read_utf8 = read(&utf8);
        assert_eq!((read_utf8.description.as_deref(), read_utf8.rights.as_deref()), (Some("Zoë"), Some("\u{fffd}")));
    }

    #[test]
    fn what_breaks_off_is_read_as_far_as_it_goes() {
        let whole = [set(2, 5, b"Title"), set(2, 120, b"Description")].concat();
        for length in 0..whole.len() {
            let found = read(&whole[..length]);
            assert_eq!((found.title.is_some(), found.description), (length >= 10, None), "{length}");
        }
        assert_eq!(read(&[MARKER, 2, 5, 0xFF, 0xFF, b'a']), Suggested::default());
    }
}
