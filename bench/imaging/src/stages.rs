//! One decode, four resizes, five encodes, by the libraries alone: what no arrangement of them gets below.

#![expect(unsafe_code, reason = "libwebp is C")]

use anyhow::{Context, Result, anyhow};
use darkroom::domain::variant_spec::{VariantSet, VariantSpec};
use image::RgbImage;
use libwebp_sys::{
    WebPConfig, WebPEncode, WebPMemoryWrite, WebPMemoryWriterClear, WebPMemoryWriterInit, WebPPicture, WebPPictureFree,
    WebPPictureImportRGB,
};
use pic_scale::{ImageSize, ImageStore, ImageStoreMut, ResamplingFunction, Scaler};
use serde::Serialize;

use super::cpu;

/// In milliseconds of CPU.
#[derive(Serialize)]
pub struct Stages {
    decode: f64,
    resizes: f64,
    encodes: f64,
}

/// Runs each stage once.
pub fn run(bytes: &[u8]) -> Result<Stages> {
    let start = cpu();
    let mut decoder = mozjpeg::Decompress::new_mem(bytes)?.rgb()?;
    let (width, height) = (decoder.width(), decoder.height());
    let pixels = decoder.read_scanlines()?;
    let decode = cpu() - start;
    let image = RgbImage::from_raw(width.try_into()?, height.try_into()?, pixels).context("RGB")?;
    let (mut resizes, mut encodes) = (0.0, 0.0);
    for spec in VariantSet::default().iter() {
        let start = cpu();
        let scaled = spec.bounds.map(|bounds| scale(&image, bounds.sides().0)).transpose()?;
        let between = cpu();
        encode(scaled.as_ref().unwrap_or(&image), spec)?;
        resizes += between - start;
        encodes += cpu() - between;
    }
    Ok(Stages { decode, resizes, encodes })
}

fn scale(image: &RgbImage, side: u32) -> Result<RgbImage> {
    let longest = image.width().max(image.height());
    let [width, height] = [image.width(), image.height()].map(|length| (length * side / longest).max(1));
    let mut scaled = RgbImage::new(width, height);
    let [from, to] = [image, &scaled].map(|image| ImageSize::new(image.width() as usize, image.height() as usize));
    let plan = Scaler::new(ResamplingFunction::Lanczos3).plan_rgb_resampling(from, to)?;
    let source = ImageStore::from_slice(image, from.width, from.height)?;
    plan.resample(&source, &mut ImageStoreMut::from_slice(&mut scaled, to.width, to.height)?)?;
    Ok(scaled)
}

fn encode(image: &RgbImage, spec: &VariantSpec) -> Result<()> {
    let mut config = WebPConfig::new().map_err(|()| anyhow!("a configuration"))?;
    config.quality = spec.quality;
    config.method = spec.effort.into();
    let mut picture = WebPPicture::new().map_err(|()| anyhow!("a picture"))?;
    picture.width = image.width().try_into()?;
    picture.height = image.height().try_into()?;
    // SAFETY: the picture is given as many pixels as it has, and everything is freed once.
    unsafe {
        let mut writer = std::mem::MaybeUninit::uninit();
        WebPMemoryWriterInit(writer.as_mut_ptr());
        let mut writer = writer.assume_init();
        picture.writer = Some(WebPMemoryWrite);
        picture.custom_ptr = (&raw mut writer).cast();
        let imported = WebPPictureImportRGB(&raw mut picture, image.as_ptr(), picture.width * 3);
        let encoded = WebPEncode(&raw const config, &raw mut picture);
        WebPPictureFree(&raw mut picture);
        WebPMemoryWriterClear(&raw mut writer);
        anyhow::ensure!(imported != 0 && encoded != 0, "libwebp failed");
    }
    Ok(())
}
