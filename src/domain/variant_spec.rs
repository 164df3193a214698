//! How variants are made: what the operator's file says, or the five where there is none.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use serde::{Deserialize, Serialize};

use super::variant::{Variant, VariantFormat, VariantName, VariantType};

/// The longest side that WebP has room for, in pixels.
pub const MAX_SIDE: u32 = 16383;
/// How many variants an image may have: each is an object, a row and an event.
const MAX_VARIANTS: usize = 20;

/// How a picture is brought into a box. Nothing is ever enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it is in the box, which it need not fill.
    #[default]
    Inside,
    /// It fills the box, and what sticks out is cut off, evenly on both sides.
    Cover,
}

/// The sides of a box, in pixels: one number for a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bounds {
    Square(u32),
    Sides(u32, u32),
}

impl Bounds {
    pub const fn sides(self) -> (u32, u32) {
        match self {
            Self::Square(side) => (side, side),
            Self::Sides(width, height) => (width, height),
        }
    }
}

/// How one variant is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    pub name: VariantName,
    /// What it is brought into; without one, it is of full size.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    #[serde(default)]
    pub fit: Fit,
    pub format: VariantFormat,
    /// 0 to 100.
    pub quality: f32,
    /// 0 to 6: how long libwebp looks for a smaller file of the same quality. Of no meaning to JPEG.
    #[serde(default = "default_effort")]
    pub effort: u8,
    /// Whether libwebp chooses the light of each pixel so that saturated edges stay sharp, for half as much time again. Of no
    /// meaning to JPEG.
    #[serde(default)]
    pub sharp_yuv: bool,
}

const fn default_effort() -> u8 {
    4
}

/// Every variant that is made of an image, smallest box first.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantSet(Arc<[VariantSpec]>);

impl VariantSet {
    /// The variants of an operator's file.
    ///
    /// # Errors
    /// What of it cannot be.
    pub fn new(mut specs: Vec<VariantSpec>) -> Result<Self, String> {
        if specs.is_empty() || specs.len() > MAX_VARIANTS {
            return Err(format!("there are {} variants; 1 to {MAX_VARIANTS} are allowed", specs.len()));
        }
        let mut names = HashSet::new();
        for spec in &specs {
            spec.check().map_err(|why| format!("variant `{}`: {why}", spec.name))?;
            if !names.insert(&spec.name) {
                return Err(format!("variant `{}` is listed twice", spec.name));
            }
        }
        specs.sort_by_key(VariantSpec::area);
        Ok(Self(specs.into()))
    }

    /// What is made of an avatar, whatever the operator's file says: two squares.
    pub fn of_avatars() -> &'static Self {
        static AVATARS: LazyLock<VariantSet> = LazyLock::new(|| {
            let square = |name: &str, side| {
                let name = VariantName::try_from(name.to_owned()).ok()?;
                let small = VariantSpec::from(VariantType::Small);
                Some(VariantSpec { name, bounds: Some(Bounds::Square(side)), fit: Fit::Cover, ..small })
            };
            VariantSet([square("avatar_small", 64), square("avatar", 256)].into_iter().flatten().collect())
        });
        &AVATARS
    }

    pub fn iter(&self) -> impl Iterator<Item = &VariantSpec> {
        self.0.iter()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a variant was made with these settings.
    pub fn made(&self, variant: &Variant) -> bool {
        let spec = self.iter().find(|spec| spec.name == variant.name);
        spec.is_some_and(|spec| variant.settings.as_ref() == Some(&spec.settings()))
    }
}

impl Default for VariantSet {
    fn default() -> Self {
        Self(VariantType::ALL.map(VariantSpec::from).into())
    }
}

impl VariantSpec {
    /// All that decides what a variant looks like, as one line. Two of the same line are the same picture in the same file.
    pub fn settings(&self) -> String {
        let Self { bounds, fit, format, quality, effort, sharp_yuv, .. } = self;
        let (width, height) = bounds.map_or((0, 0), Bounds::sides);
        let fit = if *fit == Fit::Cover { "cover" } else { "inside" };
        let how = match (format, sharp_yuv) {
            (VariantFormat::Jpeg, _) => String::new(),
            (VariantFormat::WebP, false) => format!(" e{effort}"),
            (VariantFormat::WebP, true) => format!(" e{effort} sharp"),
        };
        format!("{} {width}x{height} {fit} q{quality}{how}", format.name())
    }

    fn check(&self) -> Result<(), String> {
        if let Some((width, height)) = self.bounds.map(Bounds::sides)
            && !((1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height))
        {
            return Err(format!("the sides of a box must be 1 to {MAX_SIDE}"));
        }
        if self.fit == Fit::Cover && self.bounds.is_none() {
            return Err("`cover` needs a box".to_owned());
        }
        if !(0.0..=100.0).contains(&self.quality) {
            return Err("`quality` must be 0 to 100".to_owned());
        }
        if self.effort > 6 {
            return Err("`effort` must be 0 to 6".to_owned());
        }
        Ok(())
    }

    fn area(&self) -> u64 {
        self.bounds.map_or(u64::MAX, |bounds| u64::from(bounds.sides().0) * u64::from(bounds.sides().1))
    }
}

/// docs/decisions/0033 has the table that these come from.
impl From<VariantType> for VariantSpec {
    fn from(kind: VariantType) -> Self {
        let (side, quality, effort, sharp_yuv) = match kind {
            VariantType::Thumbnail => (Some(150), 84.0, 4, true),
            VariantType::Small => (Some(300), 84.5, 4, true),
            VariantType::Medium => (Some(600), 84.8, 4, true),
            VariantType::Large => (Some(1200), 85.0, 4, false),
            VariantType::Webp => (None, 85.8, 2, false),
        };
        let bounds = side.map(Bounds::Square);
        Self { name: kind.into(), bounds, fit: Fit::Inside, format: VariantFormat::WebP, quality, effort, sharp_yuv }
    }
}
