//! The frames of a moving WebP by libwebp, which lays each over the others and disposes of it as the file says. The
//! decoder in Rust passes over what a frame leaves behind.

#![expect(unsafe_code, reason = "libwebp is C")]

use std::{marker::PhantomData, mem::MaybeUninit, ptr, slice};

use image::{DynamicImage, RgbaImage};
use libwebp_sys::{
    WEBP_CSP_MODE, WEBP_DEMUX_ABI_VERSION, WebPAnimDecoder, WebPAnimDecoderDelete, WebPAnimDecoderGetInfo,
    WebPAnimDecoderGetNext, WebPAnimDecoderHasMoreFrames, WebPAnimDecoderNewInternal, WebPAnimDecoderOptions,
    WebPAnimDecoderOptionsInitInternal, WebPAnimInfo, WebPData,
};

use crate::imaging::ImagingError;

/// Gives the whole canvas after each frame, and for how many milliseconds it is shown.
pub(super) struct Frames<'a> {
    decoder: *mut WebPAnimDecoder,
    size: (u32, u32),
    left: u32,
    /// In milliseconds: when the last frame ended.
    at: i32,
    /// libwebp reads the file as it goes.
    file: PhantomData<&'a [u8]>,
}

impl<'a> Frames<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, ImagingError> {
        let abi = WEBP_DEMUX_ABI_VERSION.cast_signed();
        let data = WebPData { bytes: bytes.as_ptr(), size: bytes.len() };
        let mut options = MaybeUninit::<WebPAnimDecoderOptions>::uninit();
        let mut info = WebPAnimInfo::default();
        // SAFETY: the options are initialised before they are read; `bytes` outlives the decoder, as its type says.
        unsafe {
            if WebPAnimDecoderOptionsInitInternal(options.as_mut_ptr(), abi) == 0 {
                return Err(ImagingError::Encoder("libwebp: ABI version mismatch".to_owned()));
            }
            let mut options = options.assume_init();
            options.color_mode = WEBP_CSP_MODE::MODE_RGBA;
            options.use_threads = 0;
            let decoder = WebPAnimDecoderNewInternal(&raw const data, &raw const options, abi);
            if decoder.is_null() {
                return Err(ImagingError::corrupt("the WebP cannot be parsed"));
            }
            let mut frames = Self { decoder, size: (0, 0), left: 0, at: 0, file: PhantomData };
            if WebPAnimDecoderGetInfo(frames.decoder, &raw mut info) == 0 {
                return Err(ImagingError::corrupt("the header of the WebP cannot be read"));
            }
            frames.size = (info.canvas_width, info.canvas_height);
            frames.left = info.frame_count;
            Ok(frames)
        }
    }

    fn decode(&mut self) -> Result<(DynamicImage, u32), ImagingError> {
        let (mut canvas, mut ends) = (ptr::null_mut(), 0);
        // SAFETY: the decoder is open; it owns the canvas, of four bytes a pixel, until it is asked again.
        let samples = unsafe {
            if WebPAnimDecoderHasMoreFrames(self.decoder) == 0
                || WebPAnimDecoderGetNext(self.decoder, &raw mut canvas, &raw mut ends) == 0
            {
                return Err(ImagingError::corrupt("a frame of the WebP cannot be decoded"));
            }
            slice::from_raw_parts(canvas, self.size.0 as usize * self.size.1 as usize * 4).to_vec()
        };
        let duration = ends.saturating_sub(self.at).max(0).cast_unsigned();
        self.at = ends;
        let image = RgbaImage::from_raw(self.size.0, self.size.1, samples);
        Ok((image.ok_or_else(|| ImagingError::corrupt("the WebP has too few samples"))?.into(), duration))
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<(DynamicImage, u32), ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let frame = self.decode();
        if frame.is_err() {
            self.left = 0;
        }
        Some(frame)
    }
}

impl Drop for Frames<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `of`, and deleted once.
        unsafe { WebPAnimDecoderDelete(self.decoder) }
    }
}
