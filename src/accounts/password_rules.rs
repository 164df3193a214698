//! Which passwords are taken: long ones that nobody guesses first.

use ::passwords::analyzer::is_common_password;
use strsim::normalized_damerau_levenshtein;

use crate::{
    domain::error::{Refusal, UserErrorCode},
    passwords::normalised,
};

/// In characters.
pub(super) const MIN: usize = 10;
/// In characters: hashing takes time.
pub(super) const MAX: usize = 128;
/// In characters: shorter parts of a name say little about a password that has them.
const MIN_PART: usize = 4;
/// In bytes.
const MAX_COMPARED: usize = 1000;
/// From 0, nothing alike, to 1, equal.
const TOO_SIMILAR: f64 = 0.6;

/// Checks a new password of somebody.
///
/// # Errors
/// `WEAK_PASSWORD`, and why, on the field of that name.
pub(super) fn check(field: &'static str, password: &str, email: &str, name: &str) -> Result<(), Refusal> {
    // What is hashed.
    let password = &normalised(password);
    let length = password.chars().count();
    let why = if length < MIN {
        format!("A password has at least {MIN} characters.")
    } else if length > MAX {
        format!("A password has at most {MAX} characters.")
    } else if is_common_password(password) || is_common_password(password.to_lowercase()) {
        "This password is one of the most common ones.".to_owned()
    } else if is_repetition(password) {
        "This password repeats the same characters.".to_owned()
    } else if is_like(password, email, name) {
        "This password is too similar to the email address or the name.".to_owned()
    } else {
        return Ok(());
    };
    Err(Refusal::on(field, UserErrorCode::WeakPassword, why))
}

/// Of one to three characters, over and over.
fn is_repetition(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    (1..=3).any(|period| characters.windows(period + 1).all(|some| some.first() == some.last()))
}

fn is_like(password: &str, email: &str, name: &str) -> bool {
    // Longer ones are refused anyway, and comparing takes time.
    if email.len() + name.len() > MAX_COMPARED {
        return false;
    }
    let password = password.to_lowercase();
    let length = password.chars().count();
    let parts = email.split(['@', '.', '+', '-', '_']).chain(name.split_whitespace()).chain([email, name]);
    parts.map(str::to_lowercase).filter(|part| part.chars().count() >= MIN_PART).any(|part| {
        let is_most_of_it = password.contains(&part) && part.chars().count() * 2 >= length;
        is_most_of_it || normalized_damerau_levenshtein(&password, &part) >= TOO_SIMILAR
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(password: &str) -> bool {
        check("password", password, "ann.taylor@example.com", "Ann Taylor").is_ok()
    }

    #[test]
    fn long_ones_that_nobody_guesses_are_taken() {
        for good in ["correct horse battery staple", "k7#vQ-2m!zR", "열 글자가 넘는 비밀번호", &"xyz4".repeat(32)]
        {
            assert!(is_taken(good), "{good}");
        }
    }

    #[test]
    fn short_common_and_personal_ones_are_not() {
        let bad = [
            "short",
            "123456789",
            "1234567890",
            "qwertyuiop",
            "QWERTYUIOP",
            "password123",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "ann.taylor@example.com",
            "anntaylor1",
            "Ann Taylor1",
            "taylortaylor",
            &"x".repeat(129),
            "ｐａｓｓｗｏｒｄ１２３",
        ];
        for bad in bad {
            assert!(!is_taken(bad), "{bad}");
        }
    }
}
