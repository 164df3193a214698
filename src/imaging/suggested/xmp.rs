//! XMP: properties in RDF, which is XML. Of Dublin Core's, those that a form has a place for.

use quick_xml::{
    NsReader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event, attributes::Attribute},
    name::{Namespace, ResolveResult},
};

use super::Property;
use crate::domain::metadata::Suggested;

const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
/// In bytes: a packet that is longer has whole pictures in it.
const MOST: usize = 256 * 1024;
/// Elements within each other; ours are eight deep.
const DEEPEST: usize = 32;

/// What a packet says; as far as it can be read.
pub(super) fn read(packet: &[u8]) -> Suggested {
    let text = String::from_utf8_lossy(&packet[..packet.len().min(MOST)]);
    let mut reader = NsReader::from_str(&text);
    let mut state = State::default();
    while let Ok((namespace, event)) = reader.read_resolved_event() {
        match event {
            Event::Start(element) => {
                state.enter(&namespace, &element);
                if state.depth > DEEPEST {
                    break;
                }
            }
            Event::End(_) => state.leave(),
            Event::Text(more) => state.add(&more.xml10_content()),
            Event::CData(more) => state.add(&more.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(character)) => state.add(character.encode_utf8(&mut [0; 4])),
                _ => state.add(resolve_xml_entity(&name).unwrap_or_default()),
            },
            Event::Eof => break,
            _ => {}
        }
    }
    state.suggested
}

#[derive(Default)]
struct State {
    suggested: Suggested,
    depth: usize,
    /// How deep the element of RDF is: what is said of the picture itself is two below, and what is deeper is of its parts.
    rdf: Option<usize>,
    /// Which property is open, and how deep it is.
    open: Option<(Property, usize)>,
    /// The text of the open value.
    value: String,
    /// Whether text belongs to the value, and not to what is said about it.
    is_in_value: bool,
    /// Of several languages one is for everybody.
    is_default: bool,
}

impl State {
    fn enter(&mut self, namespace: &ResolveResult, element: &BytesStart) {
        self.depth += 1;
        let name = element.local_name();
        let name: &str = name.as_ref();
        let is_of = |wanted: &str| matches!(namespace, ResolveResult::Bound(Namespace(found)) if *found == wanted);
        if self.rdf.is_none() && is_of(RDF) && name == "RDF" {
            self.rdf = Some(self.depth);
        }
        match self.open {
            None if is_of(DUBLIN_CORE) && self.rdf.is_some_and(|rdf| self.depth == rdf + 2) => {
                self.open = property_of(name).map(|property| (property, self.depth));
                self.value.clear();
                (self.is_in_value, self.is_default) = (true, false);
            }
            Some((_, depth)) if is_of(RDF) && name == "li" && self.depth == depth + 2 => {
                self.value.clear();
                let is_default =
                    |one: &Attribute| one.key.as_ref() == "xml:lang" && one.value.eq_ignore_ascii_case("x-default");
                self.is_in_value = true;
                self.is_default = element.attributes().flatten().any(|one| is_default(&one));
            }
            Some((_, depth)) => self.is_in_value = is_of(RDF) && name == "value" && self.depth == depth + 3,
            None => {}
        }
    }

    /// A value ends where its item does; what has no items is a value itself.
    fn leave(&mut self) {
        if let Some((property, depth)) = self.open {
            if self.depth == depth || self.depth == depth + 2 {
                let value = std::mem::take(&mut self.value);
                if self.is_default && !value.trim().is_empty() {
                    property.forget(&mut self.suggested);
                }
                property.put(&mut self.suggested, &value);
                self.is_default = false;
            }
            self.is_in_value = false;
            if self.depth == depth {
                self.open = None;
            }
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn add(&mut self, more: &str) {
        if self.open.is_some() && self.is_in_value {
            self.value.push_str(more);
        }
    }
}

fn property_of(name: &str) -> Option<Property> {
    match name {
        "title" => Some(Property::Title),
        "description" => Some(Property::Description),
        "subject" => Some(Property::Keywords),
        "rights" => Some(Property::Rights),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(properties: &str) -> String {
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"{RDF}\"><rdf:Description rdf:about=\"\" xmlns:d=\"{DUBLIN_CORE}\" d:format=\"image/jpeg\">\
             {properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
        )
    }

    #[test]
    fn titles_are_of_the_default_language_and_keywords_are_all() {
        let found = read(
            packet(
                "<d:title><rdf:Alt><rdf:li xml:lang=\"de\">Ein Steg</rdf:li><rdf:li xml:lang=\"x-default\">A pier &amp; \
                 a&#x20;boat</rdf:li></rdf:Alt></d:title><d:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li> sun </rdf:li>\
                 <rdf:li>sea</rdf:li></rdf:Bag></d:subject><d:rights>Ann</d:rights>",
            )
            .as_bytes(),
        );
        assert_eq!(found.title.as_deref(), Some("A pier & a boat"));
        assert_eq!(found.keywords, ["sea", "sun"]);
        assert_eq!((found.rights.as_deref(), found.description), (Some("Ann"), None));
    }

    #[test]
    fn what_is_said_of_parts_and_about_values_is_no_value() {
        let pantry = "<m:Pantry xmlns:m=\"m\"><rdf:Bag><rdf:li rdf:parseType=\"Resource\"><d:title><rdf:Alt>\
            <rdf:li xml:lang=\"x-default\">ingredient.psd</rdf:li></rdf:Alt></d:title></rdf:li></rdf:Bag></m:Pantry>";
        let title = "<d:title><rdf:Alt><rdf:li xml:lang=\"en\">Real</rdf:li><rdf:li xml:lang=\"X-Default\"/>\
            <rdf:li xml:lang=\"x-default\"></rdf:li></rdf:Alt></d:title>";
        let keyword = "<d:subject><rdf:Bag><rdf:li rdf:parseType=\"Resource\"><rdf:value>kw</rdf:value>\
            <q:note xmlns:q=\"q\">a private note</q:note></rdf:li><rdf:li>two\nlines</rdf:li></rdf:Bag></d:subject>";
        for properties in [format!("{title}{pantry}{keyword}"), format!("{pantry}{keyword}{title}")] {
            let found = read(packet(&properties).as_bytes());
            assert_eq!(found.title.as_deref(), Some("Real"));
            assert_eq!(found.keywords, ["kw", "twolines"]);
        }
    }

    #[test]
    fn what_is_broken_or_hostile_is_read_as_far_as_it_goes() {
        let entity = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>";
        let title = "<d:title>&b;&c;left</d:title>";
        assert_eq!(read(format!("{entity}{}", packet(title)).as_bytes()).title.as_deref(), Some("left"));
        let deep = packet(&"<d:title><a>".repeat(100_000));
        assert_eq!(read(deep.as_bytes()), Suggested::default());
        let long = packet(&format!("<d:title>{}</d:title><d:rights>x</d:rights>", "é".repeat(10_000)));
        let found = read(long.as_bytes());
        assert_eq!(found.title.map(|title| title.chars().count()), Some(255));
        assert_eq!(found.rights.as_deref(), Some("x"));
        let whole = packet("<d:title>A</d:title><d:rights>B</d:rights>");
        for length in 0..whole.len() {
            let _ = read(&whole.as_bytes()[..length]);
        }
        assert_eq!(read(b"\xff\xfe\x00<"), Suggested::default());
    }
}
