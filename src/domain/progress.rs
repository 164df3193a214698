//! What a subscriber is told: always the whole state, never a delta.

use super::{
    image::Image,
    variant::{Variant, VariantName},
};

/// An image as it stood at its `revision`, with the variants that were ready then.
#[derive(Debug, Clone)]
pub struct Progress {
    pub image: Image,
    /// Smallest first.
    pub variants: Vec<Variant>,
    /// The one that this event made ready.
    pub made_ready: Option<VariantName>,
}

impl Progress {
    /// Of the bytes, 0 to 100.
    pub fn percent(&self) -> f64 {
        let total = self.image.file_size().max(1);
        #[expect(clippy::cast_precision_loss, reason = "a percentage needs no 53 bits")]
        let percent = self.image.bytes_received() as f64 * 100.0 / total as f64;
        percent.min(100.0)
    }

    /// The variant that this event made ready.
    pub fn ready_variant(&self) -> Option<&Variant> {
        let made_ready = self.made_ready.as_ref()?;
        self.variants.iter().find(|variant| variant.name == *made_ready)
    }
}
