//! Lossy WebP by libwebp.

#![expect(unsafe_code, reason = "libwebp is C, and nothing in Rust encodes lossy WebP")]

use image::DynamicImage;
use libwebp_sys::{
    WebPConfig, WebPEncode, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear, WebPMemoryWriterInit,
    WebPPicture, WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA, WebPValidateConfig,
};

use super::failed;
use crate::{domain::variant_spec::VariantSpec, imaging::ImagingError};

pub(super) fn encode(image: &DynamicImage, spec: &VariantSpec) -> Result<Vec<u8>, ImagingError> {
    let config = config(spec)?;
    let mut picture = Picture::import(image)?;
    let mut output = Output::new();
    picture.0.writer = Some(WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut output.0).cast();
    // SAFETY: the picture holds pixels, and its writer points to `output`, which outlives the call.
    if unsafe { WebPEncode(&raw const config, &raw mut picture.0) } == 0 {
        return Err(failed(format!("libwebp: error {:?}", picture.0.error_code)));
    }
    Ok(output.to_vec())
}

pub(super) fn config(spec: &VariantSpec) -> Result<WebPConfig, ImagingError> {
    let mut config = WebPConfig::new().map_err(|()| failed("libwebp: initializing the configuration failed"))?;
    config.quality = spec.quality;
    config.method = spec.effort.into();
    // SAFETY: the configuration was initialised by `new`.
    if unsafe { WebPValidateConfig(&raw const config) } == 0 {
        return Err(failed("libwebp: an invalid configuration"));
    }
    Ok(config)
}

/// libwebp's own copy of the pixels, freed on drop.
pub(super) struct Picture(pub WebPPicture);

impl Picture {
    /// As light and colours, which lossy files are of.
    pub(super) fn import(image: &DynamicImage) -> Result<Self, ImagingError> {
        Self::import_as(image, false)
    }

    /// As red, green and blue, which frames are compared by.
    pub(super) fn import_frame(image: &DynamicImage) -> Result<Self, ImagingError> {
        Self::import_as(image, true)
    }

    fn import_as(image: &DynamicImage, is_argb: bool) -> Result<Self, ImagingError> {
        let not_taken = || failed("libwebp: importing the pixels failed");
        let mut picture = Self(WebPPicture::new().map_err(|()| not_taken())?);
        picture.0.use_argb = is_argb.into();
        picture.0.width = i32::try_from(image.width()).map_err(failed)?;
        picture.0.height = i32::try_from(image.height()).map_err(failed)?;
        let pixels = image.as_bytes();
        let channels = i32::from(image.color().channel_count());
        let import = match image {
            DynamicImage::ImageRgb8(_) => WebPPictureImportRGB,
            DynamicImage::ImageRgba8(_) => WebPPictureImportRGBA,
            _ => return Err(not_taken()),
        };
        let stride = picture.0.width.checked_mul(channels).ok_or_else(not_taken)?;
        // SAFETY: `pixels` has height rows of `stride` bytes each, as its type guarantees.
        let imported = unsafe { import(&raw mut picture.0, pixels.as_ptr(), stride) };
        if imported == 0 { Err(not_taken()) } else { Ok(picture) }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture was initialised by `new` and is freed once.
        unsafe { WebPPictureFree(&raw mut self.0) }
    }
}

/// The buffer that libwebp writes to, freed on drop.
struct Output(WebPMemoryWriter);

impl Output {
    fn new() -> Self {
        let mut writer = std::mem::MaybeUninit::uninit();
        // SAFETY: the call initialises every field.
        let writer = unsafe {
            WebPMemoryWriterInit(writer.as_mut_ptr());
            writer.assume_init()
        };
        Self(writer)
    }

    fn to_vec(&self) -> Vec<u8> {
        if self.0.mem.is_null() {
            return Vec::new();
        }
        // SAFETY: libwebp wrote `size` bytes at `mem`.
        unsafe { std::slice::from_raw_parts(self.0.mem, self.0.size) }.to_vec()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the writer was initialised by `new` and is cleared once.
        unsafe { WebPMemoryWriterClear(&raw mut self.0) }
    }
}
