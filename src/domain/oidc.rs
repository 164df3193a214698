//! Who somebody is elsewhere, as a provider of identities says it.

use url::Url;

/// A provider, as the operator's file has it.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// In URLs: of a-z, 0-9 and `-`.
    pub name: String,
    /// For people.
    pub title: String,
    pub issuer: Url,
    pub client_id: String,
    /// None of a public client.
    pub client_secret: Option<String>,
    pub scopes: Vec<String>,
    /// The claim that names a user's groups, if they come from there.
    pub groups_claim: Option<String>,
    /// Whether somebody without an account is given one.
    pub creates_users: bool,
    /// Whose addresses it may speak for, in lower case; everybody's, where there are none.
    pub email_domains: Vec<String>,
    /// What its access tokens are for, if they are taken as ours are.
    pub audience: Option<String>,
    /// Whether it asks everybody for more than a password.
    pub has_second_factor: bool,
}

impl ProviderSettings {
    /// Whether it may say whose an address in lower case is.
    pub fn speaks_for(&self, email: &str) -> bool {
        let domain = email.rsplit('@').next().unwrap_or_default();
        self.email_domains.is_empty() || self.email_domains.iter().any(|known| known == domain)
    }
}

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalClaims {
    pub issuer: String,
    /// Unlike anybody else's at this issuer.
    pub subject: String,
    /// As it is, and whether the provider saw that it is theirs.
    pub email: Option<String>,
    pub is_email_verified: bool,
    pub name: Option<String>,
    /// The names of their groups; nothing where the claim is not asked for.
    pub groups: Option<Vec<String>>,
}
