//! Variants anew: of a completed image, or of one whose processing failed.

use super::Uploads;
use crate::domain::{
    access::{self, Action},
    caller::{Caller, CallerKey, TokenScope},
    change::Locked,
    error::{Refusal, ServiceResult, UserErrorCode},
    ids::ImageId,
    image::Image,
    variant::VariantName,
};

impl Uploads {
    /// Forgets the variants of these names, or all, and makes them again, with those that are missing.
    ///
    /// # Errors
    /// `RateLimited` where the caller has not as many points left as making it anew costs; `IMAGE_NOT_FOUND`,
    /// `INVALID_VALUE` for a name of no variant that is made, or `INVALID_STATE` where there is no checked original to
    /// make them from.
    pub async fn generate_variants(
        &self,
        caller: &Caller,
        id: ImageId,
        names: Option<Vec<String>>,
    ) -> ServiceResult<Image> {
        let known = self.find_for(caller, id, Action::Change).await?;
        let names = names.map(|names| names.into_iter().map(|name| self.name_of_variant(&known, &name)).collect());
        let names: Option<Vec<VariantName>> = names.transpose()?;
        let user = caller.acting(TokenScope::Edit)?.id();
        self.inner.budget.charge(CallerKey::User(user), price(&known))?;
        let now = self.now();
        let reprocess = |Locked { image, variants, shared }: &Locked| {
            access::check(caller, Action::Change, image, *shared)?;
            let all = || variants.iter().map(|variant| variant.name.clone()).collect();
            Ok(Some(image.reprocess(names.unwrap_or_else(all), now)?))
        };
        self.inner.changes.change(id, caller.actor(TokenScope::Edit)?, reprocess).await
    }

    fn name_of_variant(&self, image: &Image, name: &str) -> Result<VariantName, Refusal> {
        let made = self.variants_of(image).iter().find(|spec| spec.name.as_str().eq_ignore_ascii_case(name));
        made.map(|spec| spec.name.clone()).ok_or_else(|| {
            let made: Vec<&str> = self.variants_of(image).iter().map(|spec| spec.name.as_str()).collect();
            let why = format!("There is no variant `{name}`; the variants are: {}.", made.join(", "));
            Refusal::on("names", UserErrorCode::InvalidValue, why)
        })
    }
}

/// In points: what comes with an upload once is dear to repeat, by its pixels.
fn price(image: &Image) -> u64 {
    const OF_MEGAPIXEL: u64 = 1000;
    const OF_ANIMATION: u64 = 100_000;
    const OF_UNKNOWN: u64 = 10_000;
    match image.facts() {
        Some(facts) if facts.is_animated => OF_ANIMATION,
        Some(facts) => (u64::from(facts.width) * u64::from(facts.height)).div_ceil(1_000_000) * OF_MEGAPIXEL,
        None => OF_UNKNOWN,
    }
}
