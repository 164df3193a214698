//! What people say of an image: title, description, alternative text, tags.

use super::error::{Refusal, UserErrorCode};

/// In characters.
pub const MAX_TITLE_CHARS: usize = 255;
/// In characters.
pub const MAX_DESCRIPTION_CHARS: usize = 5000;
/// As many tags an image has, and a list is narrowed down by.
pub const MAX_TAGS: usize = 50;
/// In characters.
pub const MAX_TAG_CHARS: usize = 50;

/// What is shown beside an image. All of it may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    pub title: String,
    pub description: String,
    pub alt_text: String,
    /// In the order given, trimmed, each once.
    pub tags: Vec<String>,
}

/// The details that a caller gave; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetailsChange {
    pub title: Option<String>,
    pub description: Option<String>,
    pub alt_text: Option<String>,
    pub tags: Option<Vec<String>>,
}

impl DetailsChange {
    /// Checks all limits: title 255 characters, description 5000, alternative text 1000, 50 tags of 50.
    ///
    /// # Errors
    /// Every field that breaks a rule: `TOO_LONG` or `INVALID_VALUE`.
    pub fn check(self) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        check_text("title", self.title.as_deref(), MAX_TITLE_CHARS, &mut refusals);
        check_text("description", self.description.as_deref(), MAX_DESCRIPTION_CHARS, &mut refusals);
        check_text("altText", self.alt_text.as_deref(), 1000, &mut refusals);
        let tags = self.tags.map(clean_tags);
        check_tags(tags.as_deref().unwrap_or_default(), &mut refusals);
        if refusals.is_empty() { Ok(Self { tags, ..self }) } else { Err(refusals) }
    }

    /// Puts what was given in the place of what was there. Says whether anything is different now.
    pub fn apply_to(&self, details: &mut Details) -> bool {
        let before = details.clone();
        let Self { title, description, alt_text, tags } = self.clone();
        details.title = title.unwrap_or(std::mem::take(&mut details.title));
        details.description = description.unwrap_or(std::mem::take(&mut details.description));
        details.alt_text = alt_text.unwrap_or(std::mem::take(&mut details.alt_text));
        details.tags = tags.unwrap_or(std::mem::take(&mut details.tags));
        *details != before
    }
}

fn check_text(field: &'static str, text: Option<&str>, limit: usize, refusals: &mut Vec<Refusal>) {
    let Some(text) = text else { return };
    if text.chars().count() > limit {
        let why = format!("At most {limit} characters.");
        refusals.push(Refusal::on(field, UserErrorCode::TooLong, why));
    } else if text.contains('\0') {
        let why = "A NUL character cannot be kept.";
        refusals.push(Refusal::on(field, UserErrorCode::InvalidValue, why));
    }
}

fn clean_tags(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.trim().to_owned();
        if !kept.contains(&tag) {
            kept.push(tag);
        }
        if kept.len() > MAX_TAGS {
            break;
        }
    }
    kept
}

fn check_tags(tags: &[String], refusals: &mut Vec<Refusal>) {
    if tags.len() > MAX_TAGS {
        refusals.push(Refusal::on("tags", UserErrorCode::TooLong, "At most 50 tags."));
    }
    if tags.iter().any(|tag| tag.chars().count() > MAX_TAG_CHARS) {
        refusals.push(Refusal::on("tags", UserErrorCode::TooLong, "A tag has at most 50 characters."));
    }
    if tags.iter().any(|tag| tag.is_empty() || tag.chars().any(char::is_control)) {
        let why = "A tag has 1 to 50 characters, none of them a control character.";
        refusals.push(Refusal::on("tags", UserErrorCode::InvalidValue, why));
    }
}
