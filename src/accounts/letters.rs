//! What mails say, in each language. A template's first line is the subject.

use chrono::TimeDelta;
use url::Url;

use crate::{
    domain::mail::{Language, Mail, Purpose},
    mail::Letter,
};

/// What a letter is made for.
pub(super) enum Occasion<'a> {
    /// With the token of its link.
    Link(&'a str),
    /// Somebody signed up with the address of an account.
    KnownAddress,
}

/// Writes a letter. Links lead to `pages`, with the token behind `#`, which browsers send to nobody.
pub(super) fn letter(mail: &Mail, occasion: &Occasion<'_>, pages: &Url) -> Letter {
    let template = template(&mail.purpose, occasion, mail.language);
    let (subject, text) = template.split_once('\n').unwrap_or((template, ""));
    let link = match occasion {
        Occasion::Link(token) => {
            format!("{}/{}#token={token}", pages.as_str().trim_end_matches('/'), page(&mail.purpose))
        }
        Occasion::KnownAddress => String::new(),
    };
    let text = text
        .replace("{site}", pages.host_str().unwrap_or_default())
        .replace("{life}", &in_words(mail.purpose.life(), mail.language))
        .replace("{link}", &link);
    Letter { to: mail.email.clone(), subject: subject.to_owned(), text }
}

/// The page that takes a link's token.
const fn page(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::SignUp { .. } | Purpose::VerifyEmail => "verify-email",
        Purpose::Invitation { .. } => "accept-invitation",
        Purpose::ResetPassword => "reset-password",
    }
}

fn template(purpose: &Purpose, occasion: &Occasion<'_>, language: Language) -> &'static str {
    let [english, korean] = match (purpose, occasion) {
        (_, Occasion::KnownAddress) => {
            [include_str!("letters/en/known_address.txt"), include_str!("letters/ko/known_address.txt")]
        }
        (Purpose::SignUp { .. }, _) => [include_str!("letters/en/sign_up.txt"), include_str!("letters/ko/sign_up.txt")],
        (Purpose::Invitation { .. }, _) => {
            [include_str!("letters/en/invitation.txt"), include_str!("letters/ko/invitation.txt")]
        }
        (Purpose::VerifyEmail, _) => {
            [include_str!("letters/en/verify_email.txt"), include_str!("letters/ko/verify_email.txt")]
        }
        (Purpose::ResetPassword, _) => {
            [include_str!("letters/en/reset_password.txt"), include_str!("letters/ko/reset_password.txt")]
        }
    };
    match language {
        Language::English => english,
        Language::Korean => korean,
    }
}

fn in_words(life: TimeDelta, language: Language) -> String {
    let (days, hours) = (life.num_days(), life.num_hours());
    match language {
        Language::English if days > 1 => format!("{days} days"),
        Language::English if hours > 1 => format!("{hours} hours"),
        Language::English => "one hour".to_owned(),
        Language::Korean if days > 1 => format!("{days}일"),
        Language::Korean => format!("{hours}시간"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, domain::ids::MailId};

    #[test]
    fn every_letter_of_each_language_has_a_subject_and_its_link() {
        let now = Clock::held().now();
        let sign_up = Purpose::SignUp { display_name: String::new(), password_hash: String::new() };
        for purpose in [
            sign_up,
            Purpose::Invitation { groups: Vec::new(), by: crate::domain::ids::UserId(Clock::default().new_id()) },
            Purpose::VerifyEmail,
            Purpose::ResetPassword,
        ] {
            for language in [Language::English, Language::Korean] {
                let mail = Mail {
                    id: MailId(Clock::default().new_id()),
                    email: "ann@example.com".to_owned(),
                    language,
                    created_at: now,
                    expires_at: now + purpose.life(),
                    purpose: purpose.clone(),
                };
                let pages: Url = "https://images.example.com/account".parse().expect("a URL");
                for occasion in [Occasion::Link("the.token"), Occasion::KnownAddress] {
                    let Letter { subject, text, .. } = letter(&mail, &occasion, &pages);
                    assert!(!subject.is_empty() && text.contains("images.example.com"), "{subject}: {text}");
                    assert!(!text.contains('{'), "{text}");
                    let link = format!("https://images.example.com/account/{}#token=the.token\n", page(&purpose));
                    assert_eq!(text.contains(&link), matches!(occasion, Occasion::Link(_)), "{text}");
                }
            }
        }
    }
}
