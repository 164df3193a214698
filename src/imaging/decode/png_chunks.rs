//! The chunks of a PNG that are no pixels: they may lie before and behind those, which are passed over.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::jpeg_outline::{XMP as XMP_IN_JPEG, iptc_of};

const SIGNATURE: usize = 8;
/// In bytes: a chunk's length and name before its content, and its checksum behind.
const BEFORE: usize = 8;
const BEHIND: usize = 4;
/// In bytes: of a profile as text, twice what EXIF has in a JPEG, and as much again.
const MOST_TEXT: u64 = 256 * 1024;
const XMP: &[u8] = b"XML:com.adobe.xmp\0";
/// As ImageMagick, GIMP and others write what PNG had no place for: in hexadecimal, as text.
const RAW_PROFILE: &[u8] = b"Raw profile type ";

/// What is beside the pixels.
#[derive(Debug, Default)]
pub(super) struct PngChunks {
    pub exif: Option<Vec<u8>>,
    pub xmp: Option<Vec<u8>>,
    pub iptc: Option<Vec<u8>>,
    has_tried: bool,
}

/// Reads the chunks, as far as they go.
pub(super) fn read(bytes: &[u8]) -> PngChunks {
    let mut found = PngChunks::default();
    let mut at = SIGNATURE;
    while let Some((length, name)) = bytes.get(at..at + BEFORE).and_then(|before| before.split_first_chunk::<4>()) {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(content) = bytes.get(at + BEFORE..).and_then(|rest| rest.get(..length)) else { break };
        match name {
            b"eXIf" => found.exif = Some(content.to_vec()),
            b"tEXt" | b"zTXt" | b"iTXt" => found.note_text(name, content),
            _ => {}
        }
        at += BEFORE + length + BEHIND;
    }
    found
}

impl PngChunks {
    fn note_text(&mut self, name: &[u8], content: &[u8]) {
        if let Some(value) = content.strip_prefix(XMP).filter(|_| self.xmp.is_none()) {
            self.xmp = Some(text_of(name, value).unwrap_or_default());
        }
        let Some(profile) = content.strip_prefix(RAW_PROFILE) else { return };
        let Some(end) = memchr::memchr(0, profile) else { return };
        let (kind, value) = (&profile[..end], &profile[end + 1..]);
        match kind {
            // One block is enough, and each of them costs.
            b"exif" | b"APP1" if self.exif.is_none() && !self.has_tried => {
                self.has_tried = true;
                let block = text_of(name, value).and_then(|text| from_hexadecimal(&text));
                match block {
                    Some(block) if block.starts_with(XMP_IN_JPEG) => {
                        self.xmp.get_or_insert_with(|| block[XMP_IN_JPEG.len()..].to_vec());
                    }
                    Some(block) => self.exif = Some(block),
                    None => {}
                }
            }
            b"iptc" | b"8bim" if self.iptc.is_none() => {
                let block = text_of(name, value).and_then(|text| from_hexadecimal(&text)).unwrap_or_default();
                self.iptc = Some(iptc_of(&block).map(<[u8]>::to_vec).unwrap_or(block));
            }
            b"xmp" if self.xmp.is_none() => {
                let packet = text_of(name, value).and_then(|text| from_hexadecimal(&text));
                self.xmp = Some(packet.unwrap_or_default());
            }
            _ => {}
        }
    }
}

/// The text of a chunk, behind its keyword.
fn text_of(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"tEXt" => Some(value.to_vec()),
        b"zTXt" => inflated(value.get(1..)?),
        // Flags, and two more texts: a language and the keyword in it.
        _ => {
            let is_compressed = *value.first()? == 1;
            let mut rest = value.get(2..)?;
            for _ in 0..2 {
                rest = &rest[memchr::memchr(0, rest)? + 1..];
            }
            if is_compressed { inflated(rest) } else { Some(rest.to_vec()) }
        }
    }
}

fn inflated(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    ZlibDecoder::new(compressed).take(MOST_TEXT).read_to_end(&mut text).ok()?;
    Some(text)
}

/// A line with the profile's name, one with its length in bytes, and the digits; whatever is behind them is passed over.
fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |byte| *byte == b'\n').skip(1);
    let length: usize = std::str::from_utf8(lines.next()?.trim_ascii()).ok()?.parse().ok()?;
    let digits = lines.next()?.iter().filter(|byte| byte.is_ascii_hexdigit());
    hex::decode(digits.take(length.checked_mul(2)?).copied().collect::<Vec<u8>>()).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    /// A file of text chunks alone, each with a profile of EXIF.
    fn file(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; SIGNATURE];
        for text in texts {
            let mut encoder = ZlibEncoder::new(b"Raw profile type exif\0\0".to_vec(), Compression::fast());
            encoder.write_all(text).expect("in memory");
            let content = encoder.finish().expect("in memory");
            bytes.extend(u32::try_from(content.len()).expect("short").to_be_bytes());
            bytes.extend(b"zTXt");
            bytes.extend(content);
            bytes.extend([0; BEHIND]);
        }
        bytes
    }

    #[test]
    fn one_text_of_exif_is_read_and_no_more_of_it_than_fits() {
        let [first, second] = [b"\nexif\n2\n4d4d\n".to_vec(), b"\nexif\n2\n4949\n".to_vec()];
        assert_eq!(read(&file(&[first.clone(), second.clone()])).exif.as_deref(), Some(&b"MM"[..]));
        let no_digits = vec![b'x'; 16];
        assert_eq!(read(&file(&[no_digits, second])).exif, None, "the first is tried, and no other");
        let most = usize::try_from(MOST_TEXT).expect("small");
        let long = [b"\nexif\n9999999\n".to_vec(), vec![b'0'; 4 * most]].concat();
        let read = read(&file(&[long])).exif.expect("as much as fits");
        assert!(read.len() <= most / 2, "{}", read.len());
        let behind = [first, vec![0xFF; 100]].concat();
        assert_eq!(super::read(&file(&[behind])).exif.as_deref(), Some(&b"MM"[..]), "what is behind it is passed over");
    }
}
