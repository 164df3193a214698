//! WebP by libwebp: lossy, and without loss where that is smaller.

#![expect(unsafe_code, reason = "libwebp is C, and nothing in Rust encodes lossy WebP")]

use image::DynamicImage;
use libwebp_sys::{
    WebPConfig, WebPConfigLosslessPreset, WebPEncode, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear,
    WebPMemoryWriterInit, WebPPicture, WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA,
    WebPValidateConfig,
};

use super::{SourceKind, failed};
use crate::{domain::variant_spec::VariantSpec, imaging::ImagingError};

/// In pixels: smaller pictures are tried without loss whatever is in them.
const TINY: u32 = 64 * 64;
/// In pixels: larger pictures are not tried without loss, which takes time and thirty bytes of memory a pixel.
pub(super) const MOST_LOSSLESS: u32 = 4_000_000;
/// Of the pixels, in hundredths: how many are like the one on their left in what is drawn, and in no photo.
const FLAT: u32 = 60;
/// Every so many rows are looked at.
const LOOKED_AT: u32 = 7;
/// Of libwebp's levels without loss, 0 to 9: what takes more time saves little more.
const LEVEL: i32 = 4;

/// Lossy; or without loss, where that is no larger. Colours of half the size spoil what is tiny or drawn.
pub(super) fn encode(image: &DynamicImage, spec: &VariantSpec, source: SourceKind) -> Result<Vec<u8>, ImagingError> {
    // libwebp makes sharp light and colours out of red, green and blue by itself.
    let picture = if spec.sharp_yuv { Picture::import_frame(image)? } else { Picture::import(image)? };
    let lossy = encode_by(&config(spec)?, picture)?;
    let pixels = image.width() * image.height();
    let is_tried = pixels <= TINY || (source == SourceKind::MayBeDrawn && pixels <= MOST_LOSSLESS && is_flat(image));
    if !is_tried {
        return Ok(lossy);
    }
    let lossless = encode_by(&lossless()?, Picture::import_frame(image)?)?;
    Ok(if lossless.len() <= lossy.len() { lossless } else { lossy })
}

fn encode_by(config: &WebPConfig, mut picture: Picture) -> Result<Vec<u8>, ImagingError> {
    let mut output = Output::new();
    picture.0.writer = Some(WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut output.0).cast();
    // SAFETY: the picture holds pixels, and its writer points to `output`, which outlives the call.
    if unsafe { WebPEncode(config, &raw mut picture.0) } == 0 {
        return Err(failed(format!("libwebp: error {:?}", picture.0.error_code)));
    }
    Ok(output.to_vec())
}

/// Whether most pixels are like the one on their left.
fn is_flat(image: &DynamicImage) -> bool {
    let channels = usize::from(image.color().channel_count());
    let rows = image.as_bytes().chunks_exact(image.width() as usize * channels).step_by(LOOKED_AT as usize);
    let like = |row: &[u8]| {
        row.chunks_exact(channels).zip(row[channels..].chunks_exact(channels)).filter(|(one, next)| one == next).count()
    };
    let (rows, like) = rows.fold((0, 0), |(rows, all), row| (rows + 1, all + like(row)));
    like * 100 >= rows * image.width() as usize * FLAT as usize
}

pub(super) fn config(spec: &VariantSpec) -> Result<WebPConfig, ImagingError> {
    let mut config = WebPConfig::new().map_err(|()| failed("libwebp: initializing the configuration failed"))?;
    config.quality = spec.quality;
    config.method = spec.effort.into();
    config.use_sharp_yuv = spec.sharp_yuv.into();
    validated(config)
}

fn lossless() -> Result<WebPConfig, ImagingError> {
    let mut config = WebPConfig::new().map_err(|()| failed("libwebp: initializing the configuration failed"))?;
    // SAFETY: the configuration was initialised by `new`.
    if unsafe { WebPConfigLosslessPreset(&raw mut config, LEVEL) } == 0 {
        return Err(failed("libwebp: an invalid configuration"));
    }
    validated(config)
}

fn validated(config: WebPConfig) -> Result<WebPConfig, ImagingError> {
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

    /// As red, green and blue.
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
