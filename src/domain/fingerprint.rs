//! What tells an image from others, and what it shares with those that look like it.

use serde::{Deserialize, Serialize};

/// In bits: pictures that differ in no more look alike to most people.
pub const SIMILAR_WITHIN: u32 = 7;

/// Of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Of the bytes.
    pub sha256: [u8; 32],
    /// Of the picture: the more bits two have in common, the more alike they look.
    pub perceptual_hash: u64,
}

impl Fingerprint {
    /// The four parts of a perceptual hash, each by its 16 bits.
    pub fn bands(perceptual_hash: u64) -> [u16; 4] {
        let bytes = perceptual_hash.to_be_bytes();
        let band = |at: usize| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        [band(0), band(1), band(2), band(3)]
    }

    /// A band and all that differ from it in one bit. Of two hashes that differ in up to `SIMILAR_WITHIN` bits, one band
    /// differs in no more than one: seven bits cannot make two of each of four.
    pub fn near(band: u16) -> impl Iterator<Item = u16> {
        std::iter::once(band).chain((0..u16::BITS).map(move |bit| band ^ (1 << bit)))
    }

    /// In how many bits two likenesses differ.
    pub const fn distance(a: u64, b: u64) -> u32 {
        (a ^ b).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, SIMILAR_WITHIN};

    #[test]
    fn whatever_is_similar_shares_a_band_but_for_a_bit() {
        let perceptual_hash = 0x0123_4567_89ab_cdef_u64;
        // As far apart as `SIMILAR_WITHIN` lets them be, spread over the bands as evenly as can be.
        let bits = [0, 1, 16, 17, 32, 33, 48];
        assert_eq!(bits.len(), SIMILAR_WITHIN as usize);
        let other = bits.iter().fold(perceptual_hash, |other, bit| other ^ (1 << bit));
        assert_eq!(Fingerprint::distance(perceptual_hash, other), SIMILAR_WITHIN);
        let (ours, theirs) = (Fingerprint::bands(perceptual_hash), Fingerprint::bands(other));
        let shared =
            ours.iter().zip(theirs).filter(|(ours, theirs)| Fingerprint::near(**ours).any(|near| near == *theirs));
        assert_eq!(shared.count(), 1);
    }
}
