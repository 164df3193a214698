//! What mails say, in each language. A template's first line is the subject.

use chrono::TimeDelta;
use url::Url;

use crate::{
    domain::mail::{Language, Mail, Notice, Purpose},
    mail::Letter,
};

/// What a letter is made for.
pub(super) enum Occasion<'a> {
    /// With the token of its link.
    Link(&'a str),
    /// Somebody signed up with the address of an account.
    KnownAddress,
    /// The account was changed.
    Notice(Notice),
}

/// Writes a letter. Links lead to `pages`, with the token behind `#`, which browsers send to nobody.
pub(super) fn letter(mail: &Mail, occasion: &Occasion<'_>, pages: &Url) -> Letter {
    let link = match (occasion, page(&mail.purpose)) {
        (Occasion::Link(token), Some(page)) => {
            format!("{}/{page}#token={token}", pages.as_str().trim_end_matches('/'))
        }
        _ => String::new(),
    };
    let written = |language| {
        let template = template(&mail.purpose, occasion, language);
        let (subject, text) = template.split_once('\n').unwrap_or((template, ""));
        let text = text
            .replace("{site}", pages.host_str().unwrap_or_default())
            .replace("{life}", &in_words(mail.purpose.life(), language))
            .replace("{at}", &mail.created_at.format("%Y-%m-%d %H:%M UTC").to_string())
            .replace("{link}", &link);
        (subject, text)
    };
    let (subject, text) = match occasion {
        Occasion::Notice(notice) => bilingual(*notice, written),
        Occasion::Link(_) | Occasion::KnownAddress => {
            let (subject, text) = written(mail.language);
            (subject.to_owned(), text)
        }
    };
    Letter { to: mail.email.clone(), subject, text }
}

/// In both languages: the browser that changed the account may not be that of whoever reads this.
fn bilingual(notice: Notice, written: impl Fn(Language) -> (&'static str, String)) -> (String, String) {
    let [english, korean] = [Language::English, Language::Korean].map(|language| {
        let (subject, text) = written(language);
        (subject, text.replace("{what}", what_happened(notice, language)))
    });
    (format!("{} / {}", english.0, korean.0), format!("{}\n{}", english.1, korean.1))
}

const fn what_happened(notice: Notice, language: Language) -> &'static str {
    let (english, korean) = match notice {
        Notice::PasswordChanged => ("Your password was changed", "비밀번호가 변경되었습니다"),
        Notice::SecondFactorEnabled => {
            ("Codes of an app were set up as a second factor", "앱 코드가 2단계 인증으로 설정되었습니다")
        }
        Notice::SecondFactorDisabled => ("A second factor was removed", "2단계 인증이 해제되었습니다"),
        Notice::PasskeyAdded => ("A passkey was added", "패스키가 추가되었습니다"),
        Notice::PasskeyRemoved => ("A passkey was removed", "패스키가 삭제되었습니다"),
        Notice::IdentityLinked => {
            ("Signing in by another provider was set up", "다른 서비스 계정으로 로그인하도록 연결되었습니다")
        }
        Notice::ApiTokenCreated => ("An API token was created", "API 토큰이 생성되었습니다"),
        Notice::WebhookDisabled => (
            "A webhook was disabled because its URL accepted nothing",
            "URL이 아무것도 받지 않아 웹훅이 비활성화되었습니다",
        ),
    };
    match language {
        Language::English => english,
        Language::Korean => korean,
    }
}

/// The page that takes a link's token.
const fn page(purpose: &Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::SignUp { .. } | Purpose::VerifyEmail => Some("verify-email"),
        Purpose::Invitation { .. } => Some("accept-invitation"),
        Purpose::ResetPassword => Some("reset-password"),
        Purpose::Notice(_) => None,
    }
}

fn template(purpose: &Purpose, occasion: &Occasion<'_>, language: Language) -> &'static str {
    let [english, korean] = match (purpose, occasion) {
        (_, Occasion::KnownAddress) => {
            [include_str!("letters/en/known_address.txt"), include_str!("letters/ko/known_address.txt")]
        }
        (Purpose::Notice(Notice::WebhookDisabled), _) => {
            [include_str!("letters/en/webhook_disabled.txt"), include_str!("letters/ko/webhook_disabled.txt")]
        }
        (Purpose::Notice(_), _) | (_, Occasion::Notice(_)) => {
            [include_str!("letters/en/notice.txt"), include_str!("letters/ko/notice.txt")]
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
                    let link = format!(
                        "https://images.example.com/account/{}#token=the.token\n",
                        page(&purpose).expect("a page")
                    );
                    assert_eq!(text.contains(&link), matches!(occasion, Occasion::Link(_)), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_happened_is_told_in_both_languages() {
        let created_at = Clock::held().now();
        for notice in Notice::ALL {
            let mail = Mail {
                id: MailId(Clock::default().new_id()),
                email: "ann@example.com".to_owned(),
                language: Language::default(),
                created_at,
                expires_at: created_at,
                purpose: Purpose::Notice(notice),
            };
            let pages: Url = "https://images.example.com/account".parse().expect("a URL");
            let Letter { subject, text, .. } = letter(&mail, &Occasion::Notice(notice), &pages);
            assert!(subject.is_ascii() != subject.contains('/') && !text.contains('{'), "{subject}: {text}");
            for language in [Language::English, Language::Korean] {
                assert!(text.contains(what_happened(notice, language)), "{text}");
            }
        }
    }
}
