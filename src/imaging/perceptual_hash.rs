//! A hash that pictures share which look alike: smaller, compressed anew, or in another format.

use image::DynamicImage;
use image_hasher::{HashAlg, HasherConfig};

/// 64 bits: whether each of 8 × 8 parts of the picture is lighter than the one beside it.
pub(super) fn of(small: &DynamicImage) -> u64 {
    let hasher = HasherConfig::new().hash_size(8, 8).hash_alg(HashAlg::Gradient).to_hasher();
    let hash = hasher.hash_image(small);
    hash.as_bytes().iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
