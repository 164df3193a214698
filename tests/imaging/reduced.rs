//! Pictures that are decoded smaller than they are, because no variant of full size is wanted.

use darkroom::{
    domain::variant_spec::{VariantSet, VariantSpec},
    imaging::{Limits, Opened},
};
use image::RgbImage;

use crate::pictures;

const LIMITS: Limits = Limits { max_pixels: 50_000_000 };

fn specs(wanted: &[&str]) -> Vec<VariantSpec> {
    VariantSet::default().iter().filter(|spec| wanted.contains(&spec.name.as_str())).cloned().collect()
}

/// A variant, made together with others; and whether the picture was decoded smaller for them.
fn made(bytes: &[u8], name: &str, beside: &[&str]) -> (RgbImage, bool) {
    let specs = specs(&[beside, &[name]].concat());
    let decoded = Opened::new(bytes, None, LIMITS).expect("a header").decode(&specs).expect("a picture");
    let (facts, _) = decoded.facts().expect("facts");
    let is_reduced = decoded.pixels().width().max(decoded.pixels().height()) < facts.width.max(facts.height);
    let spec = specs.iter().find(|spec| spec.name.as_str() == name).expect("the variant");
    let variant = decoded.variant(spec).expect("a variant");
    let image = pictures::decode_webp(&variant.bytes).into_rgb8();
    assert_eq!((image.width(), image.height()), (variant.width, variant.height));
    (image, is_reduced)
}

fn mean_difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 = one.as_raw().iter().zip(other.as_raw()).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    f64::from(u32::try_from(sum).expect("a small sum")) / f64::from(u32::try_from(one.len()).expect("a small picture"))
}

#[test]
fn what_is_decoded_smaller_looks_like_what_is_decoded_whole_in_every_orientation() {
    let upright = pictures::drawing(1603, 1001);
    for orientation in 1..=8 {
        let laid = pictures::laid_down(&upright, orientation);
        let photo = pictures::with_exif(&pictures::jpeg(&laid), orientation);
        for name in ["thumbnail", "small"] {
            let (whole, is_reduced) = made(&photo, name, &["webp"]);
            assert!(!is_reduced, "the full size is wanted");
            let (reduced, is_reduced) = made(&photo, name, &[]);
            assert!(is_reduced, "{name}");
            let difference = mean_difference(&whole, &reduced);
            assert!(difference < 2.0, "{name} of orientation {orientation}: {difference}");
        }
    }
}

#[test]
fn facts_are_those_of_the_whole_picture() {
    for (width, height) in [(1603, 1001), (64, 48), (401, 3000)] {
        let bytes = pictures::jpeg(&pictures::drawing(width, height));
        let facts = |specs: &[VariantSpec]| {
            let decoded = Opened::new(&bytes, None, LIMITS).expect("a header").decode(specs).expect("a picture");
            decoded.facts().expect("facts")
        };
        let ((whole, one), (reduced, other)) = (facts(&specs(&["webp"])), facts(&[]));
        assert_eq!((reduced.width, reduced.height), (width, height));
        assert_eq!((whole.width, whole.height), (width, height));
        assert_eq!(one.sha256, other.sha256);
        let bits = (one.perceptual_hash ^ other.perceptual_hash).count_ones();
        assert!(bits <= 3, "{bits} of 64 bits differ at {width} × {height}");
    }
}

#[test]
fn a_variant_of_full_size_is_not_made_of_what_was_decoded_smaller() {
    let bytes = pictures::jpeg(&pictures::drawing(1603, 1001));
    let decoded = Opened::new(&bytes, None, LIMITS).expect("a header").decode(&specs(&["small"])).expect("a picture");
    assert!(decoded.variant(&specs(&["webp"])[0]).is_err());
}

#[test]
fn what_breaks_off_is_damaged_whatever_its_size() {
    let whole = pictures::jpeg(&pictures::drawing(1600, 1000));
    for (share, is_shown) in [(99, true), (50, false)] {
        let broken = &whole[..whole.len() * share / 100];
        for wanted in [&["webp"][..], &["small"], &["thumbnail"]] {
            let opened = Opened::new(broken, None, LIMITS).and_then(|opened| opened.decode(&specs(wanted)));
            assert_eq!(opened.is_ok(), is_shown, "{share} of 100, for {wanted:?}");
        }
    }
}
