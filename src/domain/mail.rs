//! Mails: those that carry a link, and those that tell what happened to an account.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::{GroupId, MailId, UserId};

/// A mail, until its link was used or has ended, or it is of no interest any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub id: MailId,
    pub purpose: Purpose,
    /// Lower case. Whether anybody has an account of it is looked up when the mail is sent, and again when its link is used.
    pub email: String,
    pub language: Language,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What a mail is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Makes the account that somebody signed up for.
    SignUp { display_name: String, password_hash: String },
    /// Makes an account in these groups, for whoever has the address, as long as the user who invited them may do that.
    Invitation { groups: Vec<GroupId>, by: UserId },
    /// Proves that the address is its user's.
    VerifyEmail,
    /// Sets another password.
    ResetPassword,
    /// Tells of a change to what opens the account, without a link.
    Notice(Notice),
}

/// What users are told of, in case that it was not them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    PasswordChanged,
    SecondFactorEnabled,
    SecondFactorDisabled,
    PasskeyAdded,
    PasskeyRemoved,
    IdentityLinked,
    ApiTokenCreated,
    WebhookDisabled,
}

impl Notice {
    pub const ALL: [Self; 8] = [
        Self::PasswordChanged,
        Self::SecondFactorEnabled,
        Self::SecondFactorDisabled,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::IdentityLinked,
        Self::ApiTokenCreated,
        Self::WebhookDisabled,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::SecondFactorDisabled => "second_factor_disabled",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::IdentityLinked => "identity_linked",
            Self::ApiTokenCreated => "api_token_created",
            Self::WebhookDisabled => "webhook_disabled",
        }
    }

    /// The notice of a name in the database.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.name() == name)
    }
}

impl Purpose {
    /// The name in the database, and what keeps a link from being used for something else.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignUp { .. } => "sign_up",
            Self::Invitation { .. } => "invitation",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::Notice(notice) => notice.name(),
        }
    }

    /// How long the link is good, or the mail is worth sending.
    pub const fn life(&self) -> TimeDelta {
        match self {
            Self::SignUp { .. } | Self::VerifyEmail | Self::Notice(_) => TimeDelta::days(1),
            Self::Invitation { .. } => TimeDelta::days(7),
            Self::ResetPassword => TimeDelta::hours(1),
        }
    }

    /// How many of them an address is sent within an hour.
    pub const fn most_in_an_hour(&self) -> u64 {
        match self {
            Self::SignUp { .. } | Self::Invitation { .. } | Self::VerifyEmail | Self::ResetPassword => 3,
            Self::Notice(_) => 10,
        }
    }
}

/// The languages that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    English,
    Korean,
}

impl Language {
    /// The first that a list such as `ko-KR,ko;q=0.9,en;q=0.8` has, which browsers write in the order of preference.
    pub fn accepted(list: &str) -> Self {
        let mut tags = list.split(',').filter_map(|tag| tag.trim().split(['-', ';']).next());
        tags.find_map(Self::of_tag).unwrap_or_default()
    }

    /// The name in the database.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// The language of a tag, if mails are written in it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        [Self::English, Self::Korean].into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_there_is_is_taken() {
        for (list, language) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Language::Korean),
            ("fr-FR, KO;q=0.5, en;q=0.1", Language::Korean),
            ("en-GB,ko", Language::English),
            ("de", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::accepted(list), language, "{list}");
        }
    }
}
