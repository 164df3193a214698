//! The operator's file of providers of identities, in TOML.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use url::Url;

use crate::{domain::oidc::ProviderSettings, oidc::Provider};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    title: Option<String>,
    issuer: Url,
    client_id: String,
    client_secret: Option<String>,
    #[serde(default = "default_scopes")]
    scopes: Vec<String>,
    groups_claim: Option<String>,
    #[serde(default = "yes")]
    creates_users: bool,
    #[serde(default)]
    email_domains: Vec<String>,
    audience: Option<String>,
    #[serde(default)]
    second_factor: bool,
}

fn default_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

const fn yes() -> bool {
    true
}

/// The providers of a file.
///
/// # Errors
/// What of the file cannot be read, or cannot be.
pub fn read(path: &Path) -> anyhow::Result<Vec<Provider>> {
    let read = || -> anyhow::Result<Vec<Provider>> {
        let file: File = toml::from_str(&std::fs::read_to_string(path)?)?;
        let mut providers: Vec<Provider> = Vec::new();
        for entry in file.provider {
            let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            let name = entry.name;
            anyhow::ensure!(!name.is_empty() && name.bytes().all(is_plain), "`{name}`: a name is of a-z, 0-9 and -");
            let is_known = providers.iter().any(|known| known.settings().name == name);
            anyhow::ensure!(!is_known, "provider `{name}` is listed twice");
            anyhow::ensure!(
                entry.scopes.iter().any(|scope| scope == "openid"),
                "`{name}`: the scope openid is missing"
            );
            // An ID token says who somebody is, to one client: it is no key to this server.
            anyhow::ensure!(
                entry.audience.as_ref().is_none_or(|audience| !audience.is_empty() && *audience != entry.client_id),
                "`{name}`: the audience of bearer tokens is not the client's id"
            );
            let settings = ProviderSettings {
                title: entry.title.unwrap_or_else(|| name.clone()),
                issuer: entry.issuer,
                client_id: entry.client_id,
                client_secret: entry.client_secret,
                scopes: entry.scopes,
                groups_claim: entry.groups_claim,
                creates_users: entry.creates_users,
                email_domains: entry.email_domains.iter().map(|domain| domain.to_lowercase()).collect(),
                audience: entry.audience,
                has_second_factor: entry.second_factor,
                name,
            };
            providers.push(Provider::new(settings)?);
        }
        Ok(providers)
    };
    read().with_context(|| format!("OIDC_PROVIDERS: {} cannot be used", path.display()))
}
