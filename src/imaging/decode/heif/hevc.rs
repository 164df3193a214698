//! HEVC by heifer-hevc-dec: one picture of one item, on this thread.

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};

use super::{
    super::Size,
    planes::{ColourRule, Planes},
};
use crate::imaging::ImagingError;

/// In pixels: HEVC codes whole blocks, of at most this side.
const BLOCK: u64 = 64;

pub(super) fn decode(bitstream: &[u8], size: Size) -> Result<Planes, ImagingError> {
    let max_pixels = (u64::from(size.width) + BLOCK) * (u64::from(size.height) + BLOCK);
    let options = DecodeOptions { max_pixels, ..DecodeOptions::default() };
    let frame = decode_picture(bitstream, options).map_err(ImagingError::corrupt)?;
    let is_grey = frame.chroma_format == 0;
    if !is_grey && frame.bit_depth[0] != frame.bit_depth[1] {
        return Err(ImagingError::corrupt("luma and chroma have different bit depths"));
    }
    Ok(Planes {
        width: frame.widths[0] as usize,
        height: frame.heights[0] as usize,
        shown: size,
        bits: frame.bit_depth[0],
        // Of 4:2:0 and 4:2:2.
        halved: (matches!(frame.chroma_format, 1 | 2), frame.chroma_format == 1),
        is_grey,
        samples: frame.planes,
        rule: ColourRule { primaries: 2, matrix: frame.matrix_coeffs.into(), is_full_range: frame.full_range },
    })
}
