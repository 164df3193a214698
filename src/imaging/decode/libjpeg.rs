//! libjpeg-turbo, as mozjpeg carries it: what browsers decode JPEG with, so that what they show is shown here.

#![expect(unsafe_code, reason = "libjpeg is C")]

use std::{
    ffi::c_int,
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use mozjpeg_sys::{
    J_COLOR_SPACE, JERR_OUT_OF_MEMORY, JPEG_LIB_VERSION, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF,
    JWRN_MUST_RESYNC, JWRN_NOT_SEQUENTIAL, boolean, jpeg_CreateDecompress, jpeg_common_struct, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_mem_src, jpeg_progress_mgr, jpeg_read_header, jpeg_read_scanlines,
    jpeg_start_decompress, jpeg_std_error,
};

use super::Size;
use crate::imaging::ImagingError;

/// How many times smaller the library decodes, by fewer coefficients of each block.
const REDUCTIONS: [u32; 3] = [8, 4, 2];
/// The side of a block, in pixels.
const BLOCK: u32 = 8;
/// How libjpeg counts warnings among its messages.
const WARNING: c_int = -1;
/// Of jerror.h, which the binding names only for the other interface.
const JWRN_ARITH_BAD_CODE: c_int = 126;

/// How many scans of all of a picture are read. Progressive files have ten or so; each costs a walk over the picture, also
/// where it has no data.
const MOST_SCANS: u64 = 64;
const LEAST_SCANS: u64 = 20;
const PIXELS_OF_SCANS: u64 = 1_000_000_000;

unsafe extern "C-unwind" {
    fn jpeg_has_multiple_scans(info: *const jpeg_decompress_struct) -> boolean;
}

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
    /// The library and its callbacks hold pointers into it.
    state: *mut State,
    /// It is read as the decompression goes.
    file: PhantomData<&'a [u8]>,
}

struct State {
    info: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
    progress: jpeg_progress_mgr,
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
        // SAFETY: the structures are of C, and hold nothing where everything is zero.
        let state: State = unsafe { MaybeUninit::zeroed().assume_init() };
        let this = Self { state: Box::into_raw(Box::new(state)), file: PhantomData };
        this.guarded(|state| {
            // SAFETY: the state and the file outlive the structure, which `drop` destroys.
            unsafe {
                jpeg_std_error(&mut (*state).errors);
                (*state).errors.error_exit = Some(end);
                (*state).errors.emit_message = Some(note);
                (*state).progress.progress_monitor = Some(bound);
                let info = &raw mut (*state).info;
                (*info).common.err = &raw mut (*state).errors;
                // Creating it keeps these two, and forgets what is set before otherwise.
                (*info).common.client_data = state.cast();
                jpeg_CreateDecompress(info, JPEG_LIB_VERSION, size_of::<jpeg_decompress_struct>());
                (*info).common.progress = &raw mut (*state).progress;
                jpeg_mem_src(&mut *info, bytes.as_ptr(), length);
                jpeg_read_header(&mut *info, 1);
            }
        })?;
        Ok(this)
    }

    fn info(&self) -> &jpeg_decompress_struct {
        // SAFETY: made by `open`, and the library does not run now.
        unsafe { &(*self.state).info }
    }

    pub(super) fn size(&self) -> Size {
        Size { width: self.info().image_width, height: self.info().image_height }
    }

    /// Has the picture decoded smaller: the most that the library does fast, and that is not more than so many times. Says
    /// how many times it is.
    pub(super) fn reduce(&mut self, most: f64) -> u32 {
        let times = REDUCTIONS.into_iter().find(|times| f64::from(*times) <= most).unwrap_or(1);
        // SAFETY: made by `open`, and the library does not run now.
        let info = unsafe { &mut (*self.state).info };
        (info.scale_num, info.scale_denom) = (1, times);
        times
    }

    /// As it is going to be decoded.
    pub(super) fn size_decoded(&self) -> Size {
        let times = self.info().scale_denom.max(1);
        let Size { width, height } = self.size();
        Size { width: width.div_ceil(times), height: height.div_ceil(times) }
    }

    /// Whether the coefficients of all of the picture wait in memory.
    pub(super) fn keeps_coefficients(&self) -> bool {
        // SAFETY: the header was read.
        unsafe { jpeg_has_multiple_scans(self.info()) != 0 }
    }

    /// Decodes all rows.
    pub(super) fn decode(self) -> Result<(Samples, Vec<u8>, Damage), ImagingError> {
        let samples = match self.info().jpeg_color_space {
            J_COLOR_SPACE::JCS_GRAYSCALE => Samples::Grey,
            J_COLOR_SPACE::JCS_CMYK | J_COLOR_SPACE::JCS_YCCK => Samples::Cmyk,
            _ => Samples::Rgb,
        };
        let Size { width, height } = self.size_decoded();
        let stride = width as usize * samples.channels();
        let mut pixels = vec![0; stride * height as usize];
        self.guarded(|state| {
            // SAFETY: each row has room for as many samples as the width and the colours announce, which is checked once the
            // library has computed its own. What is behind the last row is not read.
            unsafe {
                let info = &raw mut (*state).info;
                (*info).out_color_space = match samples {
                    Samples::Grey => J_COLOR_SPACE::JCS_GRAYSCALE,
                    Samples::Rgb => J_COLOR_SPACE::JCS_RGB,
                    Samples::Cmyk => J_COLOR_SPACE::JCS_CMYK,
                };
                jpeg_start_decompress(&mut *info);
                assert_eq!(((*info).output_width, (*info).output_height), (width, height), "libjpeg rounds up");
                for row in pixels.chunks_exact_mut(stride) {
                    let mut row = row.as_mut_ptr();
                    if jpeg_read_scanlines(&mut *info, &raw mut row, 1) == 0 {
                        break;
                    }
                }
            }
        })?;
        // SAFETY: the library does not run any more.
        Ok((samples, pixels, unsafe { (*self.state).damage }))
    }

    /// Calls the library, which unwinds where it cannot go on.
    fn guarded(&self, call: impl FnOnce(*mut State)) -> Result<(), ImagingError> {
        catch_unwind(AssertUnwindSafe(|| call(self.state))).map_err(|ended| match ended.downcast::<Ended>() {
            Ok(ended) => ImagingError::corrupt(*ended),
            Err(panic) => resume_unwind(panic),
        })
    }
}

impl Drop for Decompressor<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `open` and freed once; a structure that is all zero is taken for destroyed.
        unsafe {
            jpeg_destroy_decompress(&mut (*self.state).info);
            drop(Box::from_raw(self.state));
        }
    }
}

/// Why the library ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("libjpeg: message {0}")]
    Message(c_int),
    #[error("the JPEG has too many scans")]
    TooManyScans,
}

extern "C-unwind" fn end(info: &mut jpeg_common_struct) {
    // SAFETY: set by `open`.
    let code = unsafe { info.err.as_ref() }.map_or(JERR_OUT_OF_MEMORY, |errors| errors.msg_code);
    resume_unwind(Box::new(Ended::Message(code)));
}

/// Ends what reads too many scans, of which a file may have more than its markers tell.
extern "C-unwind" fn bound(info: &mut jpeg_common_struct) {
    // SAFETY: set by `open`; the library waits for this to return.
    let info = unsafe { &(*info.client_data.cast::<State>()).info };
    let pixels = u64::from(info.image_width) * u64::from(info.image_height);
    let most = (PIXELS_OF_SCANS / pixels.max(1)).clamp(LEAST_SCANS, MOST_SCANS);
    if u64::try_from(info.input_scan_number).is_ok_and(|scan| scan > most) {
        resume_unwind(Box::new(Ended::TooManyScans));
    }
}

/// Keeps what says that pixels are missing or wrong. Much else is only unusual.
extern "C-unwind" fn note(info: &mut jpeg_common_struct, level: c_int) {
    if level != WARNING {
        return;
    }
    let state = info.client_data.cast::<State>();
    // SAFETY: set by `open`; the library waits for this to return, and does not know the damage.
    let (code, info, damage) = unsafe { ((*state).errors.msg_code, &(*state).info, &mut (*state).damage) };
    let is_short = matches!(code, JWRN_HIT_MARKER | JWRN_JPEG_EOF);
    let is_wrong = matches!(code, JWRN_HUFF_BAD_CODE | JWRN_ARITH_BAD_CODE | JWRN_MUST_RESYNC | JWRN_NOT_SEQUENTIAL);
    damage.is_damaged |= is_short || is_wrong;
    if is_short {
        // Where there are several scans, the row is one of the scan alone.
        let of_all = info.input_iMCU_row * info.max_v_samp_factor.cast_unsigned() * BLOCK;
        let row = if info.input_scan_number <= 1 { of_all } else { 0 };
        damage.short_from = Some(damage.short_from.map_or(row, |known| known.min(row)));
    }
}
