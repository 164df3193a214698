//! An AVIF that is a film alone: no item says which picture stands for it, so the first one of its track does.

use heifer_isobmff::{
    BoxIter, FourCC,
    boxes::{ColorInfo, Property},
};

use super::super::Size;
use crate::imaging::ImagingError;

/// In bytes: what a sample entry has before its boxes, and where its size is among that.
const SAMPLE_ENTRY: usize = 78;
const WIDTH: usize = 24;
/// In bytes: the version and the flags of a box, and the count of its entries.
const FULL_BOX: usize = 4;
const COUNT: usize = 4;

/// The first pictures of a film.
pub(super) struct Sequence<'a> {
    pub picture: Sample<'a>,
    pub alpha: Option<Sample<'a>>,
}

/// The first picture of a track.
pub(super) struct Sample<'a> {
    pub size: Size,
    pub colour: Option<ColorInfo>,
    pub data: &'a [u8],
}

/// Reads what its tracks say.
pub(super) fn read(bytes: &[u8]) -> Result<Sequence<'_>, ImagingError> {
    let film = child(bytes, *b"moov").ok_or_else(|| ImagingError::corrupt("the file has no picture"))?;
    let tracks = || children(film).filter(|(kind, _)| *kind == FourCC(*b"trak")).map(|(_, track)| track);
    let of_kind = |wanted: [u8; 4]| {
        tracks().filter(move |track| handler(track) == Some(wanted)).find_map(|track| first(bytes, track))
    };
    let picture = of_kind(*b"pict").ok_or_else(|| ImagingError::corrupt("the film has no picture"))?;
    Ok(Sequence { picture, alpha: of_kind(*b"auxv") })
}

fn first<'a>(bytes: &'a [u8], track: &'a [u8]) -> Option<Sample<'a>> {
    let table = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track, child)?;
    let entries = child(table, *b"stsd")?.get(FULL_BOX + COUNT..)?;
    let entry = child(entries, *b"av01")?;
    let [width, height] = [0, 2].map(|at| short(entry, WIDTH + at));
    let size = Size { width: width?, height: height? };
    let colours = children(entry.get(SAMPLE_ENTRY..)?).filter(|(kind, _)| *kind == FourCC(*b"colr"));
    let colour = colours.into_iter().find_map(|(kind, content)| match Property::parse(kind, content) {
        Ok(Property::Color(colour @ ColorInfo::Nclx { .. })) => Some(colour),
        _ => None,
    });
    let sizes = child(table, *b"stsz")?;
    let length = match long(sizes, FULL_BOX)? {
        0 => long(sizes, FULL_BOX + 2 * COUNT)?,
        of_all => of_all,
    };
    let begin = match child(table, *b"stco") {
        Some(offsets) => u64::from(long(offsets, FULL_BOX + COUNT)?),
        None => u64::from_be_bytes(*child(table, *b"co64")?.get(FULL_BOX + COUNT..)?.first_chunk()?),
    };
    let data = bytes.get(usize::try_from(begin).ok()?..)?.get(..length as usize)?;
    Some(Sample { size, colour, data })
}

/// Of which kind a track is.
fn handler(track: &[u8]) -> Option<[u8; 4]> {
    let handler = child(child(track, *b"mdia")?, *b"hdlr")?;
    handler.get(FULL_BOX + 4..)?.first_chunk().copied()
}

fn children(content: &[u8]) -> impl Iterator<Item = (FourCC, &[u8])> {
    BoxIter::new(content).map_while(Result::ok).map(|found| (found.header.box_type, found.content))
}

fn child(content: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    children(content).find(|(kind, _)| *kind == FourCC(wanted)).map(|(_, content)| content)
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u16::from_be_bytes(*number).into())
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_be_bytes(*number))
}
