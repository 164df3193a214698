//! The operator's file of variants, in TOML or, where its name ends so, in JSON.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::domain::variant_spec::{VariantSet, VariantSpec};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    variant: Vec<VariantSpec>,
}

/// The variants of a file.
///
/// # Errors
/// What of the file cannot be read, or cannot be.
pub fn read(path: &Path) -> anyhow::Result<VariantSet> {
    let read = || -> anyhow::Result<VariantSet> {
        let text = std::fs::read_to_string(path)?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let file: File = if is_json { serde_json::from_str(&text)? } else { toml::from_str(&text)? };
        VariantSet::new(file.variant).map_err(anyhow::Error::msg)
    };
    read().with_context(|| format!("VARIANTS: {} cannot be used", path.display()))
}
