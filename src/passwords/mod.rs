//! Hand: passwords, hashed and checked, and how often they may be tried. Knows neither whose they are nor where they are kept.

mod hasher;
mod tries;

use unicode_normalization::UnicodeNormalization;

pub use self::{
    hasher::{PasswordHasher, Verdict},
    tries::TryLimits,
};

/// In bytes: longer ones are refused unread, for hashing takes time.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The same, however a keyboard composes what is typed.
pub fn normalised(password: &str) -> String {
    password.nfkc().collect()
}
