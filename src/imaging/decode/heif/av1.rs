//! AV1 by re_rav1d: one picture of one item, on this thread.

use re_rav1d::dav1d::{
    Decoder, Error, Picture, PixelLayout, PlanarImageComponent as Component, Settings, pixel::YUVRange,
};

use super::{
    super::Size,
    planes::{ColourRule, Planes},
};
use crate::imaging::ImagingError;

/// Decodes a picture. Its own rule of colours is asked for only where the container has none: the decoder panics at one
/// that is reserved.
pub(super) fn decode(
    bitstream: &[u8],
    size: Size,
    rule: Option<ColourRule>,
    operating_point: u32,
) -> Result<Planes, ImagingError> {
    if bitstream.is_empty() {
        return Err(ImagingError::corrupt("the picture has no data"));
    }
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_operating_point(operating_point);
    settings.set_frame_size_limit(size.width.saturating_mul(size.height));
    let mut decoder = Decoder::with_settings(&settings).map_err(refused)?;
    let picture = first_picture(&mut decoder, bitstream)?;
    let rule = rule.unwrap_or_else(|| ColourRule {
        primaries: picture.color_primaries() as u16,
        matrix: picture.matrix_coefficients() as u16,
        is_full_range: picture.color_range() == YUVRange::Full,
    });
    Ok(planes(&picture, size, rule))
}

fn first_picture(decoder: &mut Decoder, bitstream: &[u8]) -> Result<Picture, ImagingError> {
    let mut sent = decoder.send_data(bitstream.to_vec(), None, None, None);
    loop {
        let is_all_sent = match sent {
            Ok(()) => true,
            // The rest is sent when there is no picture to fetch.
            Err(Error::Again) => false,
            Err(error) => return Err(refused(error)),
        };
        match decoder.get_picture() {
            Ok(picture) => return Ok(picture),
            Err(Error::Again) if !is_all_sent => sent = decoder.send_pending_data(),
            Err(error) => return Err(refused(error)),
        }
    }
}

fn planes(picture: &Picture, shown: Size, rule: ColourRule) -> Planes {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let layout = picture.pixel_layout();
    let halved = (matches!(layout, PixelLayout::I420 | PixelLayout::I422), layout == PixelLayout::I420);
    let is_grey = layout == PixelLayout::I400;
    let chroma = (width.div_ceil(1 + usize::from(halved.0)), height.div_ceil(1 + usize::from(halved.1)));
    let colours = |component| if is_grey { Vec::new() } else { samples(picture, component, chroma) };
    Planes {
        width,
        height,
        shown,
        bits: u8::try_from(picture.bit_depth()).unwrap_or(0),
        halved,
        is_grey,
        samples: [samples(picture, Component::Y, (width, height)), colours(Component::U), colours(Component::V)],
        rule,
    }
}

/// A plane's rows without what is between them.
fn samples(picture: &Picture, component: Component, (width, height): (usize, usize)) -> Vec<u16> {
    let (plane, stride) = (picture.plane(component), picture.stride(component) as usize);
    let mut samples = Vec::with_capacity(width * height);
    for row in plane.chunks(stride).take(height) {
        if picture.bit_depth() == 8 {
            samples.extend(row.iter().take(width).map(|sample| u16::from(*sample)));
        } else {
            let row = row.as_chunks::<2>().0.iter().take(width);
            samples.extend(row.map(|sample| u16::from_ne_bytes(*sample)));
        }
    }
    samples
}

fn refused(error: Error) -> ImagingError {
    ImagingError::corrupt(format!("AV1: {error}"))
}
