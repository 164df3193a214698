//! Moving WebP by libwebp, which stores of each frame what changed.

#![expect(unsafe_code, reason = "libwebp is C, and nothing in Rust encodes lossy WebP")]

use std::{mem::MaybeUninit, ptr};

use image::DynamicImage;
use libwebp_sys::{
    WEBP_MUX_ABI_VERSION, WebPAnimEncoder, WebPAnimEncoderAdd, WebPAnimEncoderAssemble, WebPAnimEncoderDelete,
    WebPAnimEncoderNewInternal, WebPAnimEncoderOptions, WebPAnimEncoderOptionsInitInternal, WebPConfig, WebPData,
    WebPDataClear,
};

use super::{
    failed,
    webp::{self, Picture},
};
use crate::{domain::variant_spec::VariantSpec, imaging::ImagingError};

/// Among the flags of a file's first chunk.
const HAS_ALPHA: u8 = 0x10;

/// Of an animation each frame costs as much as a picture: more than this effort gains little.
const MOST_EFFORT: u8 = 2;

/// Takes frames of one size, one after the other.
pub struct AnimationEncoder {
    encoder: *mut WebPAnimEncoder,
    config: WebPConfig,
    /// In milliseconds: when the next frame begins.
    at: i32,
    has_alpha: bool,
}

fn moving(spec: &VariantSpec) -> VariantSpec {
    VariantSpec { effort: spec.effort.min(MOST_EFFORT), sharp_yuv: false, ..spec.clone() }
}

impl AnimationEncoder {
    /// For frames of that size, to be played so often; for ever where there is no number.
    pub(in crate::imaging) fn new(
        (width, height): (u32, u32),
        loops: Option<u16>,
        spec: &VariantSpec,
    ) -> Result<Self, ImagingError> {
        let config = webp::config(&moving(spec))?;
        let abi = WEBP_MUX_ABI_VERSION.cast_signed();
        let mut options = MaybeUninit::<WebPAnimEncoderOptions>::uninit();
        // SAFETY: the call initialises every field, or says that it did not.
        let mut options = unsafe {
            if WebPAnimEncoderOptionsInitInternal(options.as_mut_ptr(), abi) == 0 {
                return Err(failed("libwebp: initializing the animation options failed"));
            }
            options.assume_init()
        };
        options.anim_params.loop_count = loops.unwrap_or(0).into();
        let [width, height] = [width, height].map(u32::cast_signed);
        // SAFETY: the options are initialised and are copied by the call.
        let encoder = unsafe { WebPAnimEncoderNewInternal(width, height, &raw const options, abi) };
        if encoder.is_null() {
            Err(failed("libwebp: creating the animation encoder failed"))
        } else {
            Ok(Self { encoder, config, at: 0, has_alpha: false })
        }
    }

    /// Adds a frame, shown for so many milliseconds.
    pub(in crate::imaging) fn add(&mut self, frame: &DynamicImage, duration: u32) -> Result<(), ImagingError> {
        let mut picture = Picture::import_frame(frame)?;
        self.has_alpha |= frame.as_rgba8().is_some_and(|frame| frame.pixels().any(|pixel| pixel.0[3] < u8::MAX));
        // SAFETY: encoder, picture and configuration are initialised, and none of them is kept by the call.
        let added = unsafe { WebPAnimEncoderAdd(self.encoder, &raw mut picture.0, self.at, &raw const self.config) };
        self.at = self.at.saturating_add_unsigned(duration);
        if added == 0 { Err(failed("libwebp: adding a frame failed")) } else { Ok(()) }
    }

    /// The file.
    pub(in crate::imaging) fn finish(self) -> Result<Vec<u8>, ImagingError> {
        let mut data = WebPData { bytes: ptr::null(), size: 0 };
        // SAFETY: a frame of null tells when the last one ends; `data` is written by the call that succeeds.
        let is_done = unsafe {
            WebPAnimEncoderAdd(self.encoder, ptr::null_mut(), self.at, ptr::null()) != 0
                && WebPAnimEncoderAssemble(self.encoder, &raw mut data) != 0
        };
        if !is_done || data.bytes.is_null() {
            return Err(failed("libwebp: assembling the animation failed"));
        }
        // SAFETY: libwebp wrote `size` bytes at `bytes`, which are freed once, after they were copied.
        let file = unsafe { std::slice::from_raw_parts(data.bytes, data.size) }.to_vec();
        unsafe { WebPDataClear(&mut data) };
        Ok(if self.has_alpha { with_alpha(file) } else { file })
    }
}

/// Says that there is an alpha, as libwebp does only where a frame has one: it stores opaque frames of a part of the canvas,
/// and readers would take the rest for black.
fn with_alpha(mut file: Vec<u8>) -> Vec<u8> {
    if let Some((b"VP8X", flags)) = file.get_mut(12..).and_then(|chunk| {
        let (name, rest) = chunk.split_first_chunk_mut::<4>()?;
        Some((&*name, rest.get_mut(4)?))
    }) {
        *flags |= HAS_ALPHA;
    }
    file
}

impl Drop for AnimationEncoder {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and deleted once.
        unsafe { WebPAnimEncoderDelete(self.encoder) }
    }
}
