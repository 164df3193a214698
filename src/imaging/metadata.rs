//! EXIF: read as far as it can be. Whatever is broken costs itself, never the image.

use std::{
    fmt::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use exif::{Context, Exif, Field, In, Reader, Tag, Value};

use super::{colour::Profile, decode::Beside, exif_block};
use crate::domain::metadata::{GeoPoint, Metadata, Removed, TakenAt};

/// In characters: no value is shown with more.
const MAX_VALUE: usize = 1000;
/// In characters: of one image, no more is shown.
const MAX_CHARACTERS: usize = 16 * 1024;
/// How a comment begins that is neither Japanese nor Unicode.
const ASCII_COMMENT: &[u8] = b"ASCII\0\0\0";

/// What the file has beside its pixels, and no variant has.
pub(super) fn removed(beside: &Beside, metadata: &Metadata) -> Vec<Removed> {
    let has_location = metadata.location.is_some() || !metadata.location_exif.is_empty();
    let found = [
        (Removed::Exif, beside.exif.is_some()),
        (Removed::Gps, has_location),
        (Removed::Xmp, beside.xmp.is_some()),
        (Removed::Iptc, beside.iptc.is_some()),
        (Removed::IccProfile, matches!(beside.profile, Some(Profile::Icc(_)))),
    ];
    found.into_iter().filter_map(|(what, is_there)| is_there.then_some(what)).collect()
}

/// What an EXIF block says; nothing where nothing can be read.
pub(super) fn read(block: Vec<u8>) -> Metadata {
    let Some(block) = exif_block::harmless(block) else { return Metadata::default() };
    // The parser has seen less hostility than the decoders: its panic is no reason to lose a picture.
    catch_unwind(AssertUnwindSafe(|| parse(block).map(|exif| metadata_of(&exif)))).ok().flatten().unwrap_or_default()
}

fn parse(block: Vec<u8>) -> Option<Exif> {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    match reader.read_raw(block) {
        Ok(exif) => Some(exif),
        Err(exif::Error::PartialResult(partial)) => Some(partial.into_inner().0),
        Err(_) => None,
    }
}

fn metadata_of(exif: &Exif) -> Metadata {
    let mut metadata = Metadata {
        camera_make: text(exif, Tag::Make),
        camera_model: text(exif, Tag::Model),
        taken_at: taken_at(exif),
        location: location(exif),
        ..Metadata::default()
    };
    let named = exif.fields().filter(|field| field.ifd_num == In::PRIMARY && field.tag.description().is_some());
    // A maker's note is for the maker's own programs.
    let mut characters = 0;
    for field in named.filter(|field| field.tag != Tag::MakerNote && is_a_number_of(&field.value)) {
        let shown = shown(field, exif);
        characters += shown.chars().count();
        if characters > MAX_CHARACTERS {
            break;
        }
        let is_location = field.tag.context() == Context::Gps;
        let tags = if is_location { &mut metadata.location_exif } else { &mut metadata.exif };
        tags.insert(field.tag.to_string(), shown);
    }
    metadata
}

/// A value as people read it.
fn shown(field: &Field, exif: &Exif) -> String {
    let mut shown = Shortened::default();
    // Each ends early where there is more than fits.
    let _ = match &field.value {
        // As it is written: the standard says ASCII, cameras and people write UTF-8.
        Value::Ascii(lines) => lines.iter().try_for_each(|line| write!(shown, "{} ", String::from_utf8_lossy(line))),
        Value::Undefined(bytes, _) if bytes.starts_with(ASCII_COMMENT) => {
            write!(shown, "{}", String::from_utf8_lossy(&bytes[ASCII_COMMENT.len()..]))
        }
        _ => write!(shown, "{}", field.display_value().with_unit(exif)),
    };
    shown.text.trim().to_owned()
}

/// Takes as many characters as are shown, and none that no database keeps.
#[derive(Default)]
struct Shortened {
    text: String,
    length: usize,
}

impl Write for Shortened {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for c in more.chars().filter(|c| !c.is_control()) {
            if self.length == MAX_VALUE {
                return Err(fmt::Error);
            }
            self.text.push(c);
            self.length += 1;
        }
        Ok(())
    }
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let text = String::from_utf8_lossy(ascii(exif, tag)?);
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_VALUE).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn taken_at(exif: &Exif) -> Option<TakenAt> {
    let tags = [
        (Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal),
        (Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized),
        (Tag::DateTime, Tag::SubSecTime, Tag::OffsetTime),
    ];
    tags.into_iter().find_map(|(moment, fraction, offset)| {
        let written = ascii(exif, moment)?;
        let Ok(mut read) = exif::DateTime::from_ascii(written) else { return in_iso_8601(written) };
        // Without them the moment is still worth having.
        let _ = ascii(exif, fraction).map(|fraction| read.parse_subsec(fraction));
        let _ = ascii(exif, offset).map(|offset| read.parse_offset(offset));
        moment_of(&read)
    })
}

/// Photoshop has written the time as it does in XMP, with its offset.
fn in_iso_8601(written: &[u8]) -> Option<TakenAt> {
    let local = DateTime::parse_from_rfc3339(std::str::from_utf8(written).ok()?.trim()).ok()?;
    let at = local.to_utc();
    is_plausible(at).then(|| TakenAt { at, offset: Some(local.offset().to_string()) })
}

fn moment_of(read: &exif::DateTime) -> Option<TakenAt> {
    let day = NaiveDate::from_ymd_opt(read.year.into(), read.month.into(), read.day.into())?;
    // A leap second is shown as the second before it.
    let second = u32::from(read.second).min(59);
    let nanoseconds = read.nanosecond.unwrap_or(0);
    let local = day.and_hms_nano_opt(read.hour.into(), read.minute.into(), second, nanoseconds)?.and_utc();
    let offset = read.offset.filter(|minutes| minutes.abs() < 24 * 60);
    let at = local.checked_sub_signed(TimeDelta::minutes(offset.unwrap_or(0).into()))?;
    let offset = offset.map(|minutes| {
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    });
    is_plausible(at).then_some(TakenAt { at, offset })
}

/// Cameras whose clock was never set write year 0; RFC 3339 ends with year 9999.
fn is_plausible(at: DateTime<Utc>) -> bool {
    (1800..=9999).contains(&at.year())
}

/// Nothing is divided by zero in it.
fn is_a_number_of(value: &Value) -> bool {
    match value {
        Value::Rational(parts) => parts.iter().all(|part| part.denom != 0),
        Value::SRational(parts) => parts.iter().all(|part| part.denom != 0),
        _ => true,
    }
}

fn location(exif: &Exif) -> Option<GeoPoint> {
    let latitude = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, [b"N", b"S"], 90.0)?;
    let longitude = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, [b"E", b"W"], 180.0)?;
    Some(GeoPoint { latitude, longitude })
}

/// Rational ones, with a sign where the standard has none too.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Rational(parts) => Some(parts.iter().map(exif::Rational::to_f64).collect()),
        Value::SRational(parts) => Some(parts.iter().map(exif::SRational::to_f64).collect()),
        _ => None,
    }
}

fn degrees(exif: &Exif, tag: Tag, side: Tag, [positive, negative]: [&[u8; 1]; 2], most: f64) -> Option<f64> {
    let parts = numbers(&exif.get_field(tag, In::PRIMARY)?.value)?;
    // Some write minutes with their fraction and no seconds, or degrees with theirs.
    let [degrees, rest @ ..] = parts.as_slice() else { return None };
    let [minutes, seconds] = [0, 1].map(|at| rest.get(at).copied().unwrap_or(0.0));
    let degrees = degrees + minutes / 60.0 + seconds / 3600.0;
    let side = ascii(exif, side)?;
    let is_negative = side.eq_ignore_ascii_case(negative);
    if !is_negative && !side.eq_ignore_ascii_case(positive) {
        return None;
    }
    // A division by zero ends here too.
    (degrees.is_finite() && (0.0..=most).contains(&degrees)).then_some(if is_negative { -degrees } else { degrees })
}
