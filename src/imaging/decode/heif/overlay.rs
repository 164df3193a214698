//! Overlays of HEIF: pictures laid on one canvas, each at its place.

use heifer_isobmff::{HeifFile, ItemId};

use super::{
    super::Size,
    container::{Part, alpha_of, kind, size, turns_of},
};
use crate::imaging::ImagingError;

/// How many times the canvas the layers may be, all together.
const MOST_OF_LAYERS: u64 = 4;

/// What an overlay says of itself.
pub(super) struct Overlay {
    fill: [u8; 3],
    pub size: (u32, u32),
    places: Vec<(i32, i32)>,
}

/// Reads what it says.
pub(super) fn read(file: &HeifFile, id: ItemId) -> Result<Overlay, ImagingError> {
    let data = file.item_data(id).map_err(ImagingError::corrupt)?;
    parse(&data).ok_or_else(|| ImagingError::corrupt("the overlay is truncated"))
}

/// ISO/IEC 23008-12, 6.6.2.2: a colour of 16 bits, a size, and two offsets for each layer, of 16 or 32 bits.
fn parse(data: &[u8]) -> Option<Overlay> {
    let (&[_, flags], rest) = data.split_first_chunk()?;
    let (fill, rest) = rest.split_first_chunk::<8>()?;
    let fill = [fill[0], fill[2], fill[4]];
    let numbers: Vec<i32> = if flags & 1 == 0 {
        rest.as_chunks().0.iter().map(|number| i16::from_be_bytes(*number).into()).collect()
    } else {
        rest.as_chunks().0.iter().map(|number| i32::from_be_bytes(*number)).collect()
    };
    let (&[width, height], places) = numbers.split_first_chunk()?;
    // The size has no sign.
    let side = |side: i32| if flags & 1 == 0 { side.cast_unsigned() & 0xFFFF } else { side.cast_unsigned() };
    let places = places.as_chunks().0.iter().map(|&[left, top]| (left, top)).collect();
    Some(Overlay { fill, size: (side(width), side(height)), places })
}

/// The layers of an overlay, from the lowest.
pub(super) fn layers(file: &HeifFile, id: ItemId, whole: Size) -> Result<Vec<Part>, ImagingError> {
    let items = file.referenced_items(id, b"dimg");
    let not_supported = || ImagingError::corrupt("an overlay of this kind is not supported");
    let places = read(file, id)?.places;
    if places.len() != items.len() {
        return Err(not_supported());
    }
    let mut parts = Vec::new();
    for (item, (left, top)) in items.iter().zip(places) {
        let size = size(file, *item)?;
        let is_plain = !matches!(&kind(file, *item)?.0, b"iovl" | b"grid")
            && alpha_of(file, *item).is_none()
            && matches!(turns_of(file, *item)?, (turns, None) if turns.is_empty());
        let (left, top) = u32::try_from(left).ok().zip(u32::try_from(top).ok()).ok_or_else(not_supported)?;
        if !is_plain || left >= whole.width || top >= whole.height {
            return Err(not_supported());
        }
        parts.push(Part { item: *item, size, left, top, whole, colour: None });
    }
    let painted: u64 = parts.iter().map(|part| part.size.pixels()).sum();
    if painted > MOST_OF_LAYERS * whole.pixels() {
        return Err(not_supported());
    }
    Ok(parts)
}

/// What is seen where an overlay has no layer.
pub(super) fn fill(file: &HeifFile, id: ItemId) -> Result<[u8; 3], ImagingError> {
    if kind(file, id)?.0 == *b"iovl" { read(file, id).map(|overlay| overlay.fill) } else { Ok([0; 3]) }
}
