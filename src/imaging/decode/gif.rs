//! GIF, frame by frame, each disposed of as the file says.

use std::io::Read;

use gif::{Decoder, DisposalMethod};
use image::{DynamicImage, Rgba, RgbaImage, imageops::overlay};

use super::{
    Flaw, Header, Motion, Size,
    gif_outline::{self, GifOutline},
};
use crate::imaging::ImagingError;

/// The canvas, the one before it, and the frame that is put on it.
const BYTES_A_PIXEL: u64 = 16;
/// How many times the canvas a frame may be, of which only what lies within is seen; small ones may be any.
const MOST_OF_CANVAS: usize = 4;
const SMALL_FRAME: usize = 1_000_000;
const CLEAR: Rgba<u8> = Rgba([0; 4]);

pub(super) fn size(bytes: &[u8]) -> Result<Size, ImagingError> {
    gif_outline::outline(bytes).map(|outline| outline.size)
}

pub(super) fn header(bytes: &[u8], size: Size) -> Result<Header, ImagingError> {
    let GifOutline { frames, duration, loops, pixels, .. } = gif_outline::outline(bytes)?;
    let motion = (frames > 1).then_some(Motion { frames, duration, loops, pixels });
    Ok(Header { size, bytes_a_pixel: BYTES_A_PIXEL, has_alpha: true, motion, is_stilled: false })
}

pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Option<Flaw>), ImagingError> {
    let first = frames(bytes)?.next().unwrap_or_else(|| Err(ImagingError::corrupt("the GIF has no frame")));
    let is_damaged = gif_outline::outline(bytes)?.is_damaged;
    Ok((first?.0, is_damaged.then_some(Flaw::FramesMissing)))
}

/// The whole canvas after each frame, and for how many milliseconds it is shown. It ends before a frame that is damaged.
pub(super) fn frames(
    bytes: &[u8],
) -> Result<impl Iterator<Item = Result<(DynamicImage, u32), ImagingError>>, ImagingError> {
    let Size { width, height } = size(bytes)?;
    let decoder = gif_outline::open(bytes, false)?;
    Ok(Frames { decoder, canvas: RgbaImage::new(width, height), after: After::Keep, is_first: true })
}

struct Frames<R: Read> {
    decoder: Decoder<R>,
    canvas: RgbaImage,
    /// What becomes of the frame that was drawn last.
    after: After,
    is_first: bool,
}

enum After {
    Keep,
    Clear { left: u32, top: u32, width: u32, height: u32 },
    Restore(RgbaImage),
}

impl<R: Read> Iterator for Frames<R> {
    type Item = Result<(DynamicImage, u32), ImagingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let is_first = std::mem::take(&mut self.is_first);
        match self.draw() {
            Ok(Some(duration)) => Some(Ok((DynamicImage::from(self.canvas.clone()), duration))),
            Ok(None) => None,
            Err(error) => is_first.then_some(Err(error)),
        }
    }
}

impl<R: Read> Frames<R> {
    fn draw(&mut self) -> Result<Option<u32>, ImagingError> {
        self.dispose();
        let Some(frame) = self.decoder.next_frame_info().map_err(ImagingError::corrupt)? else { return Ok(None) };
        let (left, top, transparent, dispose) = (frame.left, frame.top, frame.transparent, frame.dispose);
        let (width, height, duration) = (frame.width.into(), frame.height.into(), u32::from(frame.delay) * 10);
        let canvas = self.canvas.width() as usize * self.canvas.height() as usize;
        let pixels = self.decoder.buffer_size();
        if pixels > SMALL_FRAME.max(MOST_OF_CANVAS * canvas) {
            return Err(ImagingError::corrupt("a frame of the GIF is larger than its screen"));
        }
        let mut indices = vec![0; pixels];
        self.decoder.read_into_buffer(&mut indices).map_err(ImagingError::corrupt)?;
        let colours = self.decoder.palette().map_err(ImagingError::corrupt)?.as_chunks::<3>().0;
        let colour = |index: &u8| match colours.get(usize::from(*index)) {
            Some([r, g, b]) if transparent != Some(*index) => Rgba([*r, *g, *b, u8::MAX]),
            _ => CLEAR,
        };
        let drawn = RgbaImage::from_vec(width, height, indices.iter().flat_map(|index| colour(index).0).collect());
        let drawn = drawn.ok_or_else(|| ImagingError::corrupt("a frame of the GIF has too few pixels"))?;
        self.after = match dispose {
            DisposalMethod::Any | DisposalMethod::Keep => After::Keep,
            DisposalMethod::Background => After::Clear { left: left.into(), top: top.into(), width, height },
            DisposalMethod::Previous => After::Restore(self.canvas.clone()),
        };
        overlay(&mut self.canvas, &drawn, left.into(), top.into());
        Ok(Some(duration))
    }

    fn dispose(&mut self) {
        match std::mem::replace(&mut self.after, After::Keep) {
            After::Keep => {}
            After::Restore(canvas) => self.canvas = canvas,
            After::Clear { left, top, width, height } => {
                let (right, bottom) = (self.canvas.width().min(left + width), self.canvas.height().min(top + height));
                for (x, y) in (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))) {
                    self.canvas.put_pixel(x, y, CLEAR);
                }
            }
        }
    }
}
