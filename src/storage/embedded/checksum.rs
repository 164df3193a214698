//! Checksums that a client asks for or sends along: computed as the bytes go by, compared, and kept.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::HeaderMap;
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256},
    dto::{Checksum, ChecksumAlgorithm, ChecksumType},
};
use serde::{Deserialize, Serialize};

/// What a checksum is computed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// A checksum as it is kept with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChecksum {
    pub algorithm: Algorithm,
    /// In base64; of an object in parts with their count behind it, where it is one of their checksums.
    pub value: String,
    pub is_composite: bool,
}

/// What a client wants to be computed, and what it says will come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub algorithm: Algorithm,
    pub expected: Option<String>,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => ChecksumAlgorithm::CRC32,
            Self::Crc32c => ChecksumAlgorithm::CRC32C,
            Self::Crc64Nvme => ChecksumAlgorithm::CRC64NVME,
            Self::Sha1 => ChecksumAlgorithm::SHA1,
            Self::Sha256 => ChecksumAlgorithm::SHA256,
        }
    }

    pub(super) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        match self {
            Self::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Self::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Self::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Self::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Self::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        hasher
    }

    /// The value of this algorithm among those of a request or an answer.
    pub(super) fn of(self, checksum: &Checksum) -> Option<&str> {
        let value = match self {
            Self::Crc32 => &checksum.checksum_crc32,
            Self::Crc32c => &checksum.checksum_crc32c,
            Self::Crc64Nvme => &checksum.checksum_crc64nvme,
            Self::Sha1 => &checksum.checksum_sha1,
            Self::Sha256 => &checksum.checksum_sha256,
        };
        value.as_deref()
    }

    fn put(self, checksum: &mut Checksum, value: String) {
        let place = match self {
            Self::Crc32 => &mut checksum.checksum_crc32,
            Self::Crc32c => &mut checksum.checksum_crc32c,
            Self::Crc64Nvme => &mut checksum.checksum_crc64nvme,
            Self::Sha1 => &mut checksum.checksum_sha1,
            Self::Sha256 => &mut checksum.checksum_sha256,
        };
        *place = Some(value);
    }

    /// Of some bytes.
    pub(super) fn compute(self, bytes: &[u8]) -> String {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        self.of(&hasher.finalize()).unwrap_or_default().to_owned()
    }
}

impl KeptChecksum {
    pub(super) fn whole(algorithm: Algorithm, value: String) -> Self {
        Self { algorithm, value, is_composite: false }
    }

    /// The checksum of the parts' checksums.
    pub(super) fn composite<'a>(algorithm: Algorithm, parts: impl ExactSizeIterator<Item = &'a str>) -> Option<Self> {
        let count = parts.len();
        let mut all = Vec::new();
        for part in parts {
            all.extend(BASE64.decode(part).ok()?);
        }
        let value = format!("{}-{count}", algorithm.compute(&all));
        Some(Self { algorithm, value, is_composite: true })
    }

    /// As answers have it.
    pub(super) fn answer(&self) -> Checksum {
        let mut checksum = Checksum::default();
        self.algorithm.put(&mut checksum, self.value.clone());
        let ty = if self.is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
        checksum.checksum_type = Some(ChecksumType::from_static(ty));
        checksum
    }
}

impl Wanted {
    /// What a request says in its headers: a value, the name of a trailer, or an algorithm alone.
    pub(super) fn of(given: &Checksum, algorithm: Option<&str>, headers: &HeaderMap) -> Option<Self> {
        let stated = Algorithm::ALL.into_iter().find_map(|algorithm| Some((algorithm, algorithm.of(given)?)));
        if let Some((algorithm, expected)) = stated {
            return Some(Self { algorithm, expected: Some(expected.to_owned()) });
        }
        let trailer = headers.get("x-amz-trailer").and_then(|trailer| trailer.to_str().ok());
        let trailing = trailer.and_then(|trailer| {
            Algorithm::ALL.into_iter().find(|algorithm| trailer.eq_ignore_ascii_case(&algorithm.header()))
        });
        let algorithm = trailing.or_else(|| Algorithm::parse(algorithm?))?;
        Some(Self { algorithm, expected: None })
    }

    /// Adds what came behind the body.
    pub(super) fn with_trailers(mut self, trailers: Option<&HeaderMap>) -> Self {
        let trailing = trailers.and_then(|trailers| trailers.get(self.algorithm.header())?.to_str().ok());
        self.expected = self.expected.or_else(|| trailing.map(str::to_owned));
        self
    }

    /// Compares what came out.
    pub(super) fn check(&self, computed: &str) -> S3Result<()> {
        match &self.expected {
            Some(expected) if expected != computed => {
                Err(S3Error::with_message(S3ErrorCode::BadDigest, "The checksum is not that of the bytes."))
            }
            _ => Ok(()),
        }
    }
}

/// The checksums that a request states.
macro_rules! checksums_of {
    ($input:expr) => {
        s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            checksum_type: None,
        }
    };
}

/// An answer with these checksums.
macro_rules! with_checksums {
    ($output:ident { $($rest:tt)* }, $checksum:expr) => {{
        let checksum: Option<s3s::dto::Checksum> = $checksum;
        let checksum = checksum.unwrap_or_default();
        $output {
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            $($rest)*
        }
    }};
}

pub(super) use {checksums_of, with_checksums};
