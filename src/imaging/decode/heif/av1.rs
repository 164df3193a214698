//! AV1 by re_rav1d: one picture of one item, on this thread. Its functions are those of dav1d.

#![expect(unsafe_code, reason = "re_rav1d has the interface of a C library")]

use std::{mem::MaybeUninit, ptr::NonNull, slice};

use re_rav1d::{
    include::dav1d::{
        data::Dav1dData,
        dav1d::{Dav1dContext, Dav1dSettings},
        picture::Dav1dPicture,
    },
    src::lib::{
        dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
        dav1d_picture_unref, dav1d_send_data,
    },
};

use super::{super::Size, planes::Planes};
use crate::imaging::ImagingError;

/// What dav1d answers where it wants to be asked again.
const AGAIN: i32 = -11;

pub(super) fn decode(bitstream: &[u8], size: Size) -> Result<Planes, ImagingError> {
    let mut decoder = Decoder::open(size)?;
    let picture = decoder.first_picture(bitstream)?;
    picture.planes(size)
}

/// Closed on drop.
struct Decoder(Option<Dav1dContext>);

impl Decoder {
    fn open(size: Size) -> Result<Self, ImagingError> {
        let mut settings = MaybeUninit::<Dav1dSettings>::zeroed();
        let mut decoder = Self(None);
        // SAFETY: the settings are initialised by the call, and read by the next; no logger is no pointers.
        let opened = unsafe {
            dav1d_default_settings(NonNull::from(settings.assume_init_mut()));
            let settings = settings.assume_init_mut();
            settings.logger = std::mem::zeroed();
            settings.n_threads = 1;
            settings.max_frame_delay = 1;
            settings.all_layers = 0;
            settings.frame_size_limit = size.width.saturating_mul(size.height);
            dav1d_open(Some(NonNull::from(&mut decoder.0)), Some(NonNull::from(settings)))
        };
        if opened.0 == 0 { Ok(decoder) } else { Err(refused("opening", opened.0)) }
    }

    fn first_picture(&mut self, bitstream: &[u8]) -> Result<Picture, ImagingError> {
        let mut data = Data::copy(bitstream)?;
        // SAFETY: a picture of zeros is one without anything in it.
        let mut picture = Picture(unsafe { MaybeUninit::zeroed().assume_init() });
        loop {
            let was_sent = data.0.sz == 0;
            // SAFETY: the decoder is open, and takes what it needs of the data.
            let sent = unsafe { dav1d_send_data(self.0, Some(NonNull::from(&mut data.0))) };
            // After an error nothing more may be asked of it.
            if sent.0 != 0 && sent.0 != AGAIN && !was_sent {
                return Err(refused("sending", sent.0));
            }
            // SAFETY: the decoder is open, and writes a picture where it succeeds.
            let got = unsafe { dav1d_get_picture(self.0, Some(NonNull::from(&mut picture.0))) };
            match got.0 {
                0 => return Ok(picture),
                AGAIN if !was_sent => {}
                code => return Err(refused("decoding", code)),
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once; without a decoder it does nothing.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.0))) }
    }
}

/// What is left to send, released on drop.
struct Data(Dav1dData);

impl Data {
    fn copy(bytes: &[u8]) -> Result<Self, ImagingError> {
        // SAFETY: data of zeros is none; the call makes room for as many bytes as are copied into it.
        unsafe {
            let mut data = Self(MaybeUninit::zeroed().assume_init());
            let room = dav1d_data_create(Some(NonNull::from(&mut data.0)), bytes.len());
            if room.is_null() || bytes.is_empty() {
                return Err(ImagingError::corrupt("a picture without data"));
            }
            room.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Ok(data)
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: initialised by `copy`.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) }
    }
}

/// Released on drop.
struct Picture(Dav1dPicture);

impl Picture {
    fn planes(&self, shown: Size) -> Result<Planes, ImagingError> {
        let parameters = &self.0.p;
        let [width, height] = [parameters.w, parameters.h].map(|side| usize::try_from(side).unwrap_or(0));
        let bits = u8::try_from(parameters.bpc).unwrap_or(0);
        let is_grey = parameters.layout == 0;
        let halved = (matches!(parameters.layout, 1 | 2), parameters.layout == 1);
        let chroma = (width.div_ceil(1 + usize::from(halved.0)), height.div_ceil(1 + usize::from(halved.1)));
        let chroma = if is_grey { (0, 0) } else { chroma };
        // SAFETY: a picture that was decoded has the header of its sequence.
        let header = self.0.seq_hdr.map(|header| unsafe { header.as_ref() });
        let header = header.ok_or_else(|| ImagingError::corrupt("a picture without a header"))?;
        Ok(Planes {
            width,
            height,
            shown,
            bits,
            halved,
            is_grey,
            samples: [
                self.samples(0, width, height)?,
                self.samples(1, chroma.0, chroma.1)?,
                self.samples(2, chroma.0, chroma.1)?,
            ],
            matrix: u16::try_from(header.mtrx).unwrap_or(2),
            is_full_range: header.color_range != 0,
        })
    }

    fn samples(&self, plane: usize, width: usize, height: usize) -> Result<Vec<u16>, ImagingError> {
        if width == 0 {
            return Ok(Vec::new());
        }
        let stride = self.0.stride[plane.min(1)];
        let first = self.0.data[plane].ok_or_else(|| ImagingError::corrupt("a picture without a plane"))?;
        let mut samples = Vec::with_capacity(width * height);
        for row in 0..height {
            // SAFETY: a plane has `height` rows, `stride` bytes apart, each of `width` samples of one byte or two.
            unsafe {
                let row = first.as_ptr().cast::<u8>().offset(row.cast_signed() * stride);
                if self.0.p.bpc == 8 {
                    samples.extend(slice::from_raw_parts(row, width).iter().map(|sample| u16::from(*sample)));
                } else {
                    let row = slice::from_raw_parts(row.cast::<[u8; 2]>(), width);
                    samples.extend(row.iter().map(|sample| u16::from_ne_bytes(*sample)));
                }
            }
        }
        Ok(samples)
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: zeros, or written by the decoder.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) }
    }
}

fn refused(what: &str, code: i32) -> ImagingError {
    ImagingError::corrupt(format!("AV1: {what}: {code}"))
}
