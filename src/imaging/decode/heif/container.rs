//! What the container says, without decoding anything.

use heifer_isobmff::{
    FourCC, HeifFile, ItemId,
    boxes::{ColorInfo, Property},
};
use image::metadata::Orientation;

use super::super::Size;
use crate::imaging::{ImagingError, crop::Crop};

const ALPHA: [&str; 2] = ["urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"];

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
    if is_grid(file, id)? {
        let grid = file.grid(id).map_err(ImagingError::corrupt)?;
        return Ok(Size { width: grid.output_width, height: grid.output_height });
    }
    let size = file.image_size(id).map_err(ImagingError::corrupt)?;
    let (width, height) = size.ok_or_else(|| ImagingError::corrupt("the picture has no size"))?;
    Ok(Size { width, height })
}

/// The pictures that one is put together from; itself, where it is none of many. Nothing else is derived: overlays
/// and grids of grids cost without end, and no phone makes them.
pub(super) fn parts(file: &HeifFile, id: ItemId) -> Result<Vec<Part>, ImagingError> {
    let whole = size(file, id)?;
    if !is_grid(file, id)? {
        return Ok(vec![Part { item: id, size: whole, left: 0, top: 0, whole, colour: None }]);
    }
    let grid = file.grid(id).map_err(ImagingError::corrupt)?;
    let tiles = file.referenced_items(id, b"dimg");
    let (rows, columns) = (u32::from(grid.rows), u32::from(grid.columns));
    let first = tiles.first().map(|tile| size(file, *tile)).transpose()?;
    let tile = first.filter(|tile| {
        let covers = |side: u32, count: u32, whole: u32| {
            let side = u64::from(side);
            side * u64::from(count.saturating_sub(1)) < whole.into() && side * u64::from(count) >= whole.into()
        };
        tiles.len() as u64 == u64::from(rows) * u64::from(columns)
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

fn is_grid(file: &HeifFile, id: ItemId) -> Result<bool, ImagingError> {
    Ok(file.item(id).map_err(ImagingError::corrupt)?.item_type.0 == *b"grid")
}

/// By code points, where the item has them.
pub(super) fn colour(file: &HeifFile, id: ItemId) -> Result<Option<ColorInfo>, ImagingError> {
    let mut properties = file.item_properties(id).map_err(ImagingError::corrupt)?;
    Ok(properties.find_map(|property| match property {
        Property::Color(colour @ ColorInfo::Nclx { .. }) => Some(colour.clone()),
        _ => None,
    }))
}

/// How the picture is turned to be upright, one turn after the other, after what is cut off it.
pub(super) fn turns(file: &HeifFile) -> Result<(Vec<Orientation>, Option<Crop>), ImagingError> {
    let (mut turns, mut crop) = (Vec::new(), None);
    for property in file.item_properties(file.primary_id).map_err(ImagingError::corrupt)? {
        match property {
            // Anti-clockwise, where the crate's are clockwise.
            Property::Rotation(1) => turns.push(Orientation::Rotate270),
            Property::Rotation(2) => turns.push(Orientation::Rotate180),
            Property::Rotation(3) => turns.push(Orientation::Rotate90),
            Property::Mirror(true) => turns.push(Orientation::FlipVertical),
            Property::Mirror(false) => turns.push(Orientation::FlipHorizontal),
            Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                let whole = size(file, file.primary_id)?;
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

/// The item that is the picture's transparency.
pub(super) fn alpha(file: &HeifFile) -> Option<ItemId> {
    file.referencing_items(file.primary_id, b"auxl").into_iter().find(|id| {
        file.item_properties(*id).is_ok_and(|mut properties| {
            properties
                .any(|property| matches!(property, Property::AuxiliaryType(kind) if ALPHA.contains(&kind.as_str())))
        })
    })
}

pub(super) fn is_premultiplied(file: &HeifFile, alpha: ItemId) -> bool {
    file.referenced_items(file.primary_id, b"prem").contains(&alpha)
}

pub(super) fn has_xmp(file: &HeifFile) -> bool {
    file.referencing_items(file.primary_id, b"cdsc")
        .into_iter()
        .any(|id| file.item(id).is_ok_and(|item| item.item_type == FourCC(*b"mime")))
}

/// Whether it is a film of which only one picture is shown.
pub(super) fn is_sequence(file: &HeifFile) -> bool {
    [*b"avis", *b"hevc", *b"hevx", *b"msf1"].contains(&file.file_type.major_brand.0)
}
