//! Categories: what may be uploaded, and how large it may be.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    error::{Refusal, UserErrorCode},
    format::ImageFormat,
    ids::{CategoryId, GroupId},
};

const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_GROUPS: usize = 100;

/// A kind of image with rules of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub id: CategoryId,
    pub name: String,
    /// What stands for the category in keys: made once, of `[a-z0-9-]`, and kept when the name changes.
    pub slug: String,
    pub description: String,
    /// In bytes; never above the server's MAX_UPLOAD_SIZE.
    pub max_file_size: u64,
    /// Lower case, without the dot, at least one.
    pub allowed_extensions: Vec<String>,
    pub is_active: bool,
    /// Who may use it, beside those who manage categories; everybody, where there are none.
    pub groups: Vec<GroupId>,
    pub created_at: DateTime<Utc>,
}

/// What an administrator may set; what is absent stays as it is, or takes its default.
#[derive(Debug, Clone, Default)]
pub struct CategoryChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub max_file_size: Option<u64>,
    pub allowed_extensions: Option<Vec<String>>,
    pub is_active: Option<bool>,
    pub groups: Option<Vec<GroupId>>,
}

/// In bytes.
const MAX_AVATAR: u64 = 2 * 1024 * 1024;

impl CategoryId {
    /// The category of avatars, the same in every database.
    pub const AVATARS: Self = Self(Uuid::from_u128(0x7000_8000_0000_0000_0001));
}

impl Category {
    /// The category of avatars.
    pub fn avatars(name: &str, max_upload_size: u64, now: DateTime<Utc>) -> Self {
        Self {
            description: "Pictures of users.".to_owned(),
            ..Self::new(CategoryId::AVATARS, name.to_owned(), MAX_AVATAR.min(max_upload_size), now)
        }
    }

    /// A category with every rule at its default.
    pub fn new(id: CategoryId, slug: String, max_upload_size: u64, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name: slug.clone(),
            slug,
            description: String::new(),
            max_file_size: max_upload_size,
            allowed_extensions: ImageFormat::all_extensions().map(str::to_owned).collect(),
            is_active: true,
            groups: Vec::new(),
            created_at: now,
        }
    }

    /// Applies a change whole, or not at all.
    ///
    /// # Errors
    /// Every field that breaks a rule, each with its code.
    pub fn apply(&mut self, change: CategoryChange, max_upload_size: u64) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut changed = self.clone();
        if let Some(name) = change.name {
            changed.name = keep(check_name(&name), &mut refusals);
        }
        if let Some(description) = change.description {
            changed.description = keep(check_description(description), &mut refusals);
        }
        if let Some(size) = change.max_file_size {
            changed.max_file_size = keep(check_size(size, max_upload_size), &mut refusals);
        }
        if let Some(extensions) = change.allowed_extensions {
            changed.allowed_extensions = keep(check_extensions(&extensions), &mut refusals);
        }
        if let Some(is_active) = change.is_active {
            changed.is_active = is_active;
        }
        if let Some(groups) = change.groups {
            changed.groups = keep(check_groups(groups), &mut refusals);
        }
        if refusals.is_empty() {
            *self = changed;
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// Whether a file of that extension may be uploaded here.
    pub fn allows(&self, extension: &str) -> bool {
        self.allowed_extensions.iter().any(|allowed| allowed == extension)
    }
}

/// The part of a name that is fit for a key: `[a-z0-9-]`, at most 40 characters, possibly empty.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().take(200) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(40);
    slug.trim_end_matches('-').to_owned()
}

fn keep<T: Default>(checked: Result<T, Refusal>, refusals: &mut Vec<Refusal>) -> T {
    checked.unwrap_or_else(|refusal| {
        refusals.push(refusal);
        T::default()
    })
}

fn check_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(Refusal::on("name", UserErrorCode::TooLong, "A name has at most 100 characters."));
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        let why = "A name has 1 to 100 characters, none of them a control character.";
        return Err(Refusal::on("name", UserErrorCode::InvalidValue, why));
    }
    Ok(name.to_owned())
}

fn check_description(description: String) -> Result<String, Refusal> {
    if description.chars().count() > MAX_DESCRIPTION_CHARS {
        let why = "A description has at most 2000 characters.";
        return Err(Refusal::on("description", UserErrorCode::TooLong, why));
    }
    if description.contains('\0') {
        let why = "A description cannot have a NUL character.";
        return Err(Refusal::on("description", UserErrorCode::InvalidValue, why));
    }
    Ok(description)
}

fn check_size(size: u64, max_upload_size: u64) -> Result<u64, Refusal> {
    if (1..=max_upload_size).contains(&size) {
        return Ok(size);
    }
    let why = format!("The limit is 1 to {max_upload_size} bytes, which is the server's MAX_UPLOAD_SIZE.");
    Err(Refusal::on("maxFileSize", UserErrorCode::InvalidValue, why))
}

fn check_groups(mut groups: Vec<GroupId>) -> Result<Vec<GroupId>, Refusal> {
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        let why = format!("A category is limited to at most {MAX_GROUPS} groups.");
        return Err(Refusal::on("groupIds", UserErrorCode::TooLong, why));
    }
    Ok(groups)
}

fn check_extensions(extensions: &[String]) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::new();
    for extension in extensions {
        let extension = extension.trim().trim_start_matches('.').to_ascii_lowercase();
        if ImageFormat::from_extension(&extension).is_none() {
            let known = ImageFormat::all_extensions().collect::<Vec<_>>().join(", ");
            let why = format!("Every extension is one of {known}.");
            return Err(Refusal::on("allowedExtensions", UserErrorCode::InvalidValue, why));
        }
        if !kept.contains(&extension) {
            kept.push(extension);
        }
    }
    if kept.is_empty() {
        let why = "A category that allows no extension could take no image.";
        return Err(Refusal::on("allowedExtensions", UserErrorCode::InvalidValue, why));
    }
    Ok(kept)
}
