//! Lossy WebP by libwebp: the one place that calls into C.

#![expect(unsafe_code, reason = "libwebp is C, and nothing in Rust encodes lossy WebP")]

use image::DynamicImage;
use libwebp_sys::{
    WebPConfig, WebPEncode, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear, WebPMemoryWriterInit,
    WebPPicture, WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA, WebPValidateConfig,
};

use super::ImagingError;

/// The longest side that WebP has room for.
pub(super) const MAX_SIDE: u32 = 16383;
const QUALITY: f32 = 85.0;

/// Encodes RGB or RGBA of 8 bits. No metadata goes in, so none comes out.
pub(super) fn webp(image: &DynamicImage) -> Result<Vec<u8>, ImagingError> {
    let failed = |what: &str| ImagingError::Encoder(format!("libwebp: {what}"));
    let mut config = WebPConfig::new().map_err(|()| failed("no configuration"))?;
    config.quality = QUALITY;
    // SAFETY: the configuration was initialised by `new`.
    if unsafe { WebPValidateConfig(&raw const config) } == 0 {
        return Err(failed("an invalid configuration"));
    }
    let mut picture = Picture::import(image).ok_or_else(|| failed("the pixels were not taken"))?;
    let mut output = Output::new();
    picture.0.writer = Some(WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut output.0).cast();
    // SAFETY: the picture holds pixels, and its writer points to `output`, which outlives the call.
    if unsafe { WebPEncode(&raw const config, &raw mut picture.0) } == 0 {
        return Err(failed(&format!("error {:?}", picture.0.error_code)));
    }
    Ok(output.to_vec())
}

/// libwebp's own copy of the pixels, freed on drop.
struct Picture(WebPPicture);

impl Picture {
    fn import(image: &DynamicImage) -> Option<Self> {
        let mut picture = Self(WebPPicture::new().ok()?);
        picture.0.width = i32::try_from(image.width()).ok()?;
        picture.0.height = i32::try_from(image.height()).ok()?;
        let pixels = image.as_bytes();
        let channels = i32::from(image.color().channel_count());
        let import = match image {
            DynamicImage::ImageRgb8(_) => WebPPictureImportRGB,
            DynamicImage::ImageRgba8(_) => WebPPictureImportRGBA,
            _ => return None,
        };
        let stride = picture.0.width.checked_mul(channels)?;
        // SAFETY: `pixels` has height rows of `stride` bytes each, as its type guarantees.
        let imported = unsafe { import(&raw mut picture.0, pixels.as_ptr(), stride) };
        (imported != 0).then_some(picture)
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
