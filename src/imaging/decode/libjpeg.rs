//! libjpeg-turbo, as mozjpeg carries it: what browsers decode JPEG with, so that what they show is shown here.

#![expect(unsafe_code, reason = "libjpeg is C")]

use std::{
    ffi::c_int,
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
};

use mozjpeg_sys::{
    J_COLOR_SPACE, JERR_OUT_OF_MEMORY, JPEG_LIB_VERSION, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF,
    JWRN_MUST_RESYNC, JWRN_NOT_SEQUENTIAL, jpeg_CreateDecompress, jpeg_common_struct, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_mem_src, jpeg_read_header,
    jpeg_read_scanlines, jpeg_start_decompress, jpeg_std_error,
};

use super::Size;
use crate::imaging::ImagingError;

/// The side of a block, in pixels.
const BLOCK: u32 = 8;
/// How libjpeg counts warnings among its messages.
const WARNING: c_int = -1;
/// Of jerror.h, which the binding names only for the other interface.
const JWRN_ARITH_BAD_CODE: c_int = 126;

/// What a pixel is made of, as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Samples {
    Grey,
    Rgb,
    /// As they are written, which of Adobe's programs is the other way round.
    Cmyk,
}

/// What was found to be wrong with the compressed data, which is decoded all the same.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Damage {
    pub is_damaged: bool,
    /// In pixels: the first row that may lack data.
    pub short_from: Option<u32>,
}

/// An open file, of which the header was read.
pub(super) struct Decompressor<'a> {
    info: Box<jpeg_decompress_struct>,
    /// The library holds a pointer to it.
    errors: Box<Errors>,
    /// It is read as the decompression goes.
    file: PhantomData<&'a [u8]>,
}

#[repr(C)]
struct Errors {
    /// First, so that a pointer to it is one to the whole.
    manager: jpeg_error_mgr,
    damage: Damage,
}

impl Samples {
    pub(super) const fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

impl<'a> Decompressor<'a> {
    /// Reads the header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ImagingError> {
        let length = bytes.len().try_into().map_err(ImagingError::corrupt)?;
        // SAFETY: both structures are of C, and hold nothing where everything is zero.
        let (info, errors) = unsafe { (MaybeUninit::zeroed().assume_init(), MaybeUninit::zeroed().assume_init()) };
        let mut this = Self {
            info: Box::new(info),
            errors: Box::new(Errors { manager: errors, damage: Damage::default() }),
            file: PhantomData,
        };
        this.guarded(|info, errors| {
            // SAFETY: the error manager and the file outlive the structure, which `drop` destroys.
            unsafe {
                jpeg_std_error(&mut errors.manager);
                errors.manager.error_exit = Some(end);
                errors.manager.emit_message = Some(note);
                info.common.err = ptr::from_mut(errors).cast();
                jpeg_CreateDecompress(info, JPEG_LIB_VERSION, size_of::<jpeg_decompress_struct>());
                // Creating it forgets everything but the error manager.
                jpeg_mem_src(info, bytes.as_ptr(), length);
                jpeg_read_header(info, 1);
            }
        })?;
        Ok(this)
    }

    pub(super) fn size(&self) -> Size {
        Size { width: self.info.image_width, height: self.info.image_height }
    }

    /// Decodes all rows.
    pub(super) fn decode(mut self) -> Result<(Samples, Vec<u8>, Damage), ImagingError> {
        let samples = match self.info.jpeg_color_space {
            J_COLOR_SPACE::JCS_GRAYSCALE => Samples::Grey,
            J_COLOR_SPACE::JCS_CMYK | J_COLOR_SPACE::JCS_YCCK => Samples::Cmyk,
            _ => Samples::Rgb,
        };
        let Size { width, height } = self.size();
        let stride = width as usize * samples.channels();
        let mut pixels = vec![0; stride * height as usize];
        self.guarded(|info, _| {
            info.out_color_space = match samples {
                Samples::Grey => J_COLOR_SPACE::JCS_GRAYSCALE,
                Samples::Rgb => J_COLOR_SPACE::JCS_RGB,
                Samples::Cmyk => J_COLOR_SPACE::JCS_CMYK,
            };
            // SAFETY: each row has room for as many samples as the width and the colours announce, and the output is not
            // scaled.
            unsafe {
                jpeg_start_decompress(info);
                for row in pixels.chunks_exact_mut(stride) {
                    let mut row = row.as_mut_ptr();
                    if jpeg_read_scanlines(info, &raw mut row, 1) == 0 {
                        break;
                    }
                }
                jpeg_finish_decompress(info);
            }
        })?;
        Ok((samples, pixels, self.errors.damage))
    }

    /// Calls the library, which unwinds where it cannot go on.
    fn guarded(&mut self, call: impl FnOnce(&mut jpeg_decompress_struct, &mut Errors)) -> Result<(), ImagingError> {
        let (info, errors) = (&mut *self.info, &mut *self.errors);
        catch_unwind(AssertUnwindSafe(|| call(info, errors))).map_err(|ended| match ended.downcast::<Ended>() {
            Ok(ended) => ImagingError::corrupt(format!("libjpeg: error {} of its list", ended.0)),
            Err(panic) => resume_unwind(panic),
        })
    }
}

impl Drop for Decompressor<'_> {
    fn drop(&mut self) {
        // SAFETY: created by `open`, or all zero, which the library takes for destroyed.
        unsafe { jpeg_destroy_decompress(&mut self.info) }
    }
}

/// The number of the message with which the library ended.
struct Ended(c_int);

extern "C-unwind" fn end(info: &mut jpeg_common_struct) {
    // SAFETY: set by `open`.
    let code = unsafe { info.err.as_ref() }.map_or(JERR_OUT_OF_MEMORY, |errors| errors.msg_code);
    resume_unwind(Box::new(Ended(code)));
}

/// Keeps what says that pixels are missing or wrong. Much else is only unusual.
extern "C-unwind" fn note(info: &mut jpeg_common_struct, level: c_int) {
    if level != WARNING {
        return;
    }
    // SAFETY: the error manager is the one of `open`, the first field of its structure; only decompressors have it.
    let (errors, info) = unsafe {
        (&mut *info.err.cast::<Errors>(), &*ptr::from_mut(info).cast_const().cast::<jpeg_decompress_struct>())
    };
    let is_short = matches!(errors.manager.msg_code, JWRN_HIT_MARKER | JWRN_JPEG_EOF);
    let is_wrong = matches!(
        errors.manager.msg_code,
        JWRN_HUFF_BAD_CODE | JWRN_ARITH_BAD_CODE | JWRN_MUST_RESYNC | JWRN_NOT_SEQUENTIAL
    );
    errors.damage.is_damaged |= is_short || is_wrong;
    if is_short {
        // Where there are several scans, the row is one of the scan alone.
        let of_all = info.input_iMCU_row * info.max_v_samp_factor.cast_unsigned() * BLOCK;
        let row = if info.input_scan_number <= 1 { of_all } else { 0 };
        errors.damage.short_from = Some(errors.damage.short_from.map_or(row, |known| known.min(row)));
    }
}
