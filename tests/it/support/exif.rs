//! EXIF blocks, written as cameras do, and as nobody should.

#[derive(Clone)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    value: Vec<u8>,
}

/// A TIFF with the main directory, and those of EXIF and GPS that it points to.
#[derive(Clone, Default)]
pub struct ExifBlock {
    main: Vec<Entry>,
    exif: Vec<Entry>,
    gps: Vec<Entry>,
    raw: Option<Vec<u8>>,
    keep: Option<usize>,
    stray: bool,
}

fn ascii(tag: u16, text: &str) -> Entry {
    let value = [text.as_bytes(), b"\0"].concat();
    Entry { tag, kind: 2, count: u32::try_from(value.len()).expect("short"), value }
}

fn rational(tag: u16, parts: &[(u32, u32)]) -> Entry {
    let value = parts.iter().flat_map(|(over, under)| [over.to_le_bytes(), under.to_le_bytes()].concat()).collect();
    Entry { tag, kind: 5, count: u32::try_from(parts.len()).expect("few"), value }
}

impl ExifBlock {
    /// No TIFF at all behind the mark.
    pub fn junk(length: usize) -> Self {
        Self {
            raw: Some((0..length).map(|at| u8::try_from(at * 7 % 251).expect("small")).collect()),
            ..Self::default()
        }
    }

    pub fn ascii(mut self, tag: u16, text: &str) -> Self {
        self.main.push(ascii(tag, text));
        self
    }

    pub fn exif_ascii(mut self, tag: u16, text: &str) -> Self {
        self.exif.push(ascii(tag, text));
        self
    }

    pub fn exif_rational(mut self, tag: u16, parts: &[(u32, u32)]) -> Self {
        self.exif.push(rational(tag, parts));
        self
    }

    pub fn exif_short(mut self, tag: u16, value: u16) -> Self {
        self.exif.push(Entry { tag, kind: 3, count: 1, value: value.to_le_bytes().to_vec() });
        self
    }

    pub fn exif_undefined(mut self, tag: u16, value: &[u8]) -> Self {
        let count = u32::try_from(value.len()).expect("short");
        self.exif.push(Entry { tag, kind: 7, count, value: value.to_vec() });
        self
    }

    pub fn gps_ascii(mut self, tag: u16, text: &str) -> Self {
        self.gps.push(ascii(tag, text));
        self
    }

    pub fn gps_rational(mut self, tag: u16, parts: &[(u32, u32)]) -> Self {
        self.gps.push(rational(tag, parts));
        self
    }

    /// A directory that says that another one follows where none can, and a value that is not there: as some
    /// programs write them.
    pub fn a_little_broken(mut self) -> Self {
        self.stray = true;
        self.exif.push(Entry { tag: 0x9286, kind: 129, count: u32::MAX, value: vec![0; 4] });
        self
    }

    /// Only its first bytes.
    pub fn truncated(mut self, keep: usize) -> Self {
        self.keep = Some(keep);
        self
    }

    /// A directory whose next directory is itself.
    pub fn pointing_at_itself(mut self) -> Self {
        let entry: &[u8] = &[0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0];
        self.raw = Some([b"II*\0\x08\0\0\0\x01\0".as_slice(), entry, &8_u32.to_le_bytes()].concat());
        self
    }

    /// So many entries of the main directory that all point to one directory of as many.
    pub fn pointing_in_squares(count: u16) -> Self {
        let behind = 8 + directory_bytes(count);
        let pointer = [&[0x69, 0x87, 4, 0, 1, 0, 0, 0], behind.to_le_bytes().as_slice()].concat();
        let entry: &[u8] = &[0x00, 0x92, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        let mut raw = b"II*\0\x08\0\0\0".to_vec();
        for entry in [pointer.as_slice(), entry] {
            raw.extend(count.to_le_bytes());
            raw.extend(entry.repeat(count.into()));
            raw.extend([0; 4]);
        }
        Self { raw: Some(raw), ..Self::default() }
    }

    /// So many texts that are all the same bytes: each of them NUL.
    pub fn sharing_one_value(entries: u16, length: u32) -> Self {
        let at = 8 + directory_bytes(entries);
        let head: &[u8] = &[0x3B, 0x01, 2, 0];
        let entry = [head, &length.to_le_bytes(), &at.to_le_bytes()].concat();
        let mut raw = b"II*\0\x08\0\0\0".to_vec();
        raw.extend(entries.to_le_bytes());
        raw.extend(entry.repeat(entries.into()));
        raw.extend(vec![0; 4 + length as usize]);
        Self { raw: Some(raw), ..Self::default() }
    }

    fn tiff(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let pointer = |tag| Entry { tag, kind: 4, count: 1, value: vec![0; 4] };
        let mut main = self.main.clone();
        main.extend([pointer(0x8769), pointer(0x8825)]);
        let (main_at, main_length) = (8, directory_length(&main));
        let exif_at = main_at + main_length;
        let gps_at = exif_at + directory_length(&self.exif);
        let count = main.len();
        main[count - 2].value = u32::try_from(exif_at).expect("short").to_le_bytes().to_vec();
        main[count - 1].value = u32::try_from(gps_at).expect("short").to_le_bytes().to_vec();
        let mut tiff = b"II*\0\x08\0\0\0".to_vec();
        for (directory, next) in [(&main, 0), (&self.exif, if self.stray { 8 } else { 0 }), (&self.gps, 0)] {
            push_directory(&mut tiff, directory, next);
        }
        tiff.truncate(self.keep.unwrap_or(tiff.len()));
        tiff
    }

    /// The JPEG with this block in front.
    pub fn in_jpeg(&self, jpeg: &[u8]) -> Vec<u8> {
        let tiff = self.tiff();
        let length = u16::try_from(2 + 6 + tiff.len()).expect("a block is at most 64 KiB").to_be_bytes();
        let head: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE1];
        [head, &length, b"Exif\0\0", &tiff, &jpeg[2..]].concat()
    }

    /// The PNG with this block behind its header.
    pub fn in_png(&self, png: &[u8]) -> Vec<u8> {
        let tiff = self.tiff();
        let behind_header = 8 + 25;
        let chunk = [b"eXIf".as_slice(), &tiff].concat();
        let length = u32::try_from(tiff.len()).expect("short").to_be_bytes();
        let sum = crc32(&chunk).to_be_bytes();
        [&png[..behind_header], &length, &chunk, &sum, &png[behind_header..]].concat()
    }
}

fn directory_bytes(entries: u16) -> u32 {
    2 + 12 * u32::from(entries) + 4
}

fn directory_length(entries: &[Entry]) -> usize {
    let values: usize = entries.iter().map(|entry| entry.value.len()).filter(|length| *length > 4).sum();
    2 + entries.len() * 12 + 4 + values
}

fn push_directory(tiff: &mut Vec<u8>, entries: &[Entry], next: u32) {
    let mut values_at = tiff.len() + 2 + entries.len() * 12 + 4;
    let mut values: Vec<u8> = Vec::new();
    tiff.extend(u16::try_from(entries.len()).expect("few").to_le_bytes());
    for entry in entries {
        tiff.extend(entry.tag.to_le_bytes());
        tiff.extend(entry.kind.to_le_bytes());
        tiff.extend(entry.count.to_le_bytes());
        if entry.value.len() <= 4 {
            let mut inline = entry.value.clone();
            inline.resize(4, 0);
            tiff.extend(inline);
        } else {
            tiff.extend(u32::try_from(values_at).expect("short").to_le_bytes());
            values_at += entry.value.len();
            values.extend(&entry.value);
        }
    }
    tiff.extend(next.to_le_bytes());
    tiff.extend(values);
}

/// As PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
