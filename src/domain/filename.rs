//! The name that a file had on its owner's machine: shown, never used as a path.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::{
    error::{Refusal, UserErrorCode},
    format::ImageFormat,
};

const MAX_CHARS: usize = 255;
const FORBIDDEN: [char; 9] = ['<', '>', ':', '"', '|', '?', '*', '\\', '/'];

/// 1 to 255 characters, none of `< > : " | ? * \ /` and no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filename(String);

impl Filename {
    /// Checks a name that a client sent.
    ///
    /// # Errors
    /// `INVALID_FILENAME` when it is empty, too long, or has a character that no file system takes.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let refuse = |why: &str| Err(Refusal::on("filename", UserErrorCode::InvalidFilename, why));
        if name.trim().is_empty() {
            return refuse("The filename is empty.");
        }
        if name.chars().count() > MAX_CHARS {
            return refuse("The filename is longer than 255 characters.");
        }
        if name.chars().any(|c| c.is_control() || FORBIDDEN.contains(&c)) {
            return refuse(r#"The filename has a control character or one of < > : " | ? * \ /."#);
        }
        if name.chars().any(hides_something) {
            return refuse("The filename has an invisible character, such as one that turns the direction of text.");
        }
        Ok(Self(name.to_owned()))
    }

    /// A name read back from the database, where only checked names are.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last dot, in lower case.
    pub fn extension(&self) -> Option<String> {
        let (stem, extension) = self.0.rsplit_once('.')?;
        (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
    }

    /// The format that the extension stands for.
    pub fn format(&self) -> Option<ImageFormat> {
        ImageFormat::from_extension(&self.extension()?)
    }
}

/// Format characters: with them `gpj.exe` reads like `exe.jpg`. But for joiners, which scripts and emoji need, and tags,
/// which flags are made of.
fn hides_something(c: char) -> bool {
    let is_needed = matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}');
    !is_needed && c.general_category() == GeneralCategory::Format
}
