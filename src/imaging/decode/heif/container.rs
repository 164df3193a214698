//! What the container says, without decoding anything.

use heifer_isobmff::{
    FourCC, HeifFile, ItemId,
    boxes::{ColorInfo, Property},
};
use image::metadata::Orientation;

use super::{super::Size, overlay};
use crate::imaging::{ImagingError, crop::Crop};

const ALPHA: [&str; 2] = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];

/// Each costs a decoder of its own; phones make some fifty, and the largest pictures have some hundreds.
const MOST_TILES: usize = 4096;

/// Where a mastering display's box has its brightest light, in bytes; and how many of its units are one cd/m².
const MASTERING_PEAK: usize = 16;
const MASTERING_UNIT: u32 = 10_000;

/// A coded picture, and where it belongs in the whole one.
pub(super) struct Part {
    pub item: ItemId,
    pub size: Size,
    pub left: u32,
    pub top: u32,
    pub whole: Size,
    /// What the whole says of its colours, where the part does not say it itself.
    pub colour: Option<ColorInfo>,
}

/// Before it is turned.
pub(super) fn size(file: &HeifFile, id: ItemId) -> Result<Size, ImagingError> {
    let size = match &kind(file, id)?.0 {
        b"grid" => {
            let grid = file.grid(id).map_err(ImagingError::corrupt)?;
            Some((grid.output_width, grid.output_height))
        }
        b"iovl" => Some(overlay::read(file, id)?.size),
        _ => file.image_size(id).map_err(ImagingError::corrupt)?,
    };
    let (width, height) = size.ok_or_else(|| ImagingError::corrupt("the picture has no size"))?;
    Ok(Size { width, height })
}

/// The pictures that one is put together from; itself, where it is none of many. Pictures are put together once: overlays
/// of overlays and grids of grids cost without end, and no program makes them.
pub(super) fn parts(file: &HeifFile, id: ItemId) -> Result<Vec<Part>, ImagingError> {
    let whole = size(file, id)?;
    match &kind(file, id)?.0 {
        b"grid" => tiles(file, id, whole),
        b"iovl" => overlay::layers(file, id, whole),
        _ => Ok(vec![Part { item: id, size: whole, left: 0, top: 0, whole, colour: None }]),
    }
}

fn tiles(file: &HeifFile, id: ItemId, whole: Size) -> Result<Vec<Part>, ImagingError> {
    let grid = file.grid(id).map_err(ImagingError::corrupt)?;
    let tiles = file.referenced_items(id, b"dimg");
    let (rows, columns) = (u32::from(grid.rows), u32::from(grid.columns));
    let first = tiles.first().map(|tile| size(file, *tile)).transpose()?;
    let tile = first.filter(|tile| {
        let covers = |side: u32, count: u32, whole: u32| {
            let side = u64::from(side);
            side * u64::from(count.saturating_sub(1)) < whole.into() && side * u64::from(count) >= whole.into()
        };
        tiles.len() <= MOST_TILES
            && tiles.len() as u64 == u64::from(rows) * u64::from(columns)
            && covers(tile.width, columns, whole.width)
            && covers(tile.height, rows, whole.height)
    });
    let tile = tile.ok_or_else(|| ImagingError::corrupt("the tiles do not cover the picture"))?;
    let colour = colour(file, id)?;
    let part = |(at, item): (u32, &ItemId)| Part {
        item: *item,
        size: tile,
        left: at % columns * tile.width,
        top: at / columns * tile.height,
        whole,
        colour: colour.clone(),
    };
    Ok((0..).zip(tiles.iter()).map(part).collect())
}

pub(super) fn kind(file: &HeifFile, id: ItemId) -> Result<FourCC, ImagingError> {
    Ok(file.item(id).map_err(ImagingError::corrupt)?.item_type)
}

/// Which of the pictures in one item of AV1 is shown, where it has several layers.
pub(super) fn operating_point(file: &HeifFile, id: ItemId) -> u32 {
    let properties = file.item_properties(id).into_iter().flatten();
    let mut points = properties.filter_map(|property| match property {
        Property::Unknown(FourCC([b'a', b'1', b'o', b'p']), content) => content.first().copied(),
        _ => None,
    });
    points.next().unwrap_or(0).into()
}

/// By code points, where the item has them.
pub(super) fn colour(file: &HeifFile, id: ItemId) -> Result<Option<ColorInfo>, ImagingError> {
    let mut properties = file.item_properties(id).map_err(ImagingError::corrupt)?;
    Ok(properties.find_map(|property| match property {
        Property::Color(colour @ ColorInfo::Nclx { .. }) => Some(colour.clone()),
        _ => None,
    }))
}

/// In cd/m², the brightest light of an HDR picture; of the screen that it was made on, where the picture's is not told.
pub(super) fn peak(file: &HeifFile, id: ItemId) -> Option<f32> {
    let of_kind = |wanted: [u8; 4]| {
        file.item_properties(id).into_iter().flatten().find_map(move |property| match property {
            Property::Unknown(FourCC(kind), content) if *kind == wanted => Some(content.as_slice()),
            _ => None,
        })
    };
    let of_picture = of_kind(*b"clli").and_then(|content| content.first_chunk()).map(|most| u16::from_be_bytes(*most));
    let of_screen = of_kind(*b"mdcv").and_then(|content| content.get(MASTERING_PEAK..)?.first_chunk());
    let of_screen =
        of_screen.map(|most| u32::from_be_bytes(*most) / MASTERING_UNIT).and_then(|most| most.try_into().ok());
    of_picture.filter(|most| *most > 0).or(of_screen.filter(|most| *most > 0)).map(f32::from)
}

/// How the picture is turned to be upright, one turn after the other, after what is cut off it.
pub(super) fn turns(file: &HeifFile) -> Result<(Vec<Orientation>, Option<Crop>), ImagingError> {
    turns_of(file, file.primary_id)
}

pub(super) fn turns_of(file: &HeifFile, id: ItemId) -> Result<(Vec<Orientation>, Option<Crop>), ImagingError> {
    let (mut turns, mut crop) = (Vec::new(), None);
    for property in file.item_properties(id).map_err(ImagingError::corrupt)? {
        match property {
            // Anti-clockwise, where the crate's are clockwise.
            Property::Rotation(1) => turns.push(Orientation::Rotate270),
            Property::Rotation(2) => turns.push(Orientation::Rotate180),
            Property::Rotation(3) => turns.push(Orientation::Rotate90),
            Property::Mirror(true) => turns.push(Orientation::FlipVertical),
            Property::Mirror(false) => turns.push(Orientation::FlipHorizontal),
            Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                let whole = size(file, id)?;
                let across = span(whole.width, *width, *horiz_offset);
                let down = span(whole.height, *height, *vert_offset);
                crop = across.zip(down).map(|((left, width), (top, height))| Crop { left, top, width, height });
            }
            _ => {}
        }
    }
    Ok((turns, crop))
}

/// From the middle: where a length begins and how long it is; nothing where it is not within the whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within the whole")]
fn span(whole: u32, length: (u32, u32), offset: (i32, u32)) -> Option<(u32, u32)> {
    let length = f64::from(length.0) / f64::from(length.1);
    let begin = (f64::from(whole) - length) / 2.0 + f64::from(offset.0) / f64::from(offset.1);
    let is_within = length >= 1.0 && begin >= 0.0 && begin + length <= f64::from(whole) + 0.5;
    is_within.then(|| (begin.round() as u32, (length.round() as u32).min(whole - begin.round() as u32)))
}

/// The picture's transparency: of a picture that was put together, its own or that of each of its tiles.
pub(super) fn alpha(file: &HeifFile) -> Result<Option<Vec<Part>>, ImagingError> {
    let whole = size(file, file.primary_id)?;
    if let Some(alpha) = alpha_of(file, file.primary_id) {
        // Some leave its size out: it is the picture's.
        let is_sized = !matches!(file.image_size(alpha), Ok(None)) || kind(file, alpha)?.0 == *b"grid";
        let itself = || vec![Part { item: alpha, size: whole, left: 0, top: 0, whole, colour: None }];
        return if is_sized { parts(file, alpha).map(Some) } else { Ok(Some(itself())) };
    }
    if kind(file, file.primary_id)?.0 != *b"grid" {
        return Ok(None);
    }
    let tiles = parts(file, file.primary_id)?;
    let alphas = tiles.into_iter().map(|tile| Some(Part { item: alpha_of(file, tile.item)?, colour: None, ..tile }));
    Ok(alphas.collect())
}

pub(super) fn alpha_of(file: &HeifFile, id: ItemId) -> Option<ItemId> {
    file.referencing_items(id, b"auxl").into_iter().find(|id| {
        file.item_properties(*id).is_ok_and(|mut properties| {
            properties
                .any(|property| matches!(property, Property::AuxiliaryType(kind) if ALPHA.contains(&kind.as_str())))
        })
    })
}

/// Whether colours were multiplied by their alpha before they were stored.
pub(super) fn is_premultiplied(file: &HeifFile) -> bool {
    !file.referenced_items(file.primary_id, b"prem").is_empty()
}

pub(super) fn xmp(file: &HeifFile) -> Option<Vec<u8>> {
    let described = file.referencing_items(file.primary_id, b"cdsc").into_iter();
    let id = described.into_iter().find(|id| file.item(*id).is_ok_and(|item| item.item_type == FourCC(*b"mime")))?;
    Some(file.item_data(id).map(|packet| packet.to_vec()).unwrap_or_default())
}

/// Whether it is a film of which only one picture is shown.
pub(super) fn is_sequence(file: &HeifFile) -> bool {
    [*b"avis", *b"hevc", *b"hevx", *b"msf1"].contains(&file.file_type.major_brand.0)
}
