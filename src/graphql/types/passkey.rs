//! Passkeys: making, listing and removing them, and signing in by one.

use async_graphql::{Description, ID, InputObject, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::user_error::UserError;
use crate::{
    accounts,
    domain::{self, ids::PasskeyId},
};

/// A passkey of the caller: what a device or a password manager signs in with.
#[derive(Description)]
pub struct Passkey(pub domain::session::Passkey);

#[Object(use_type_description)]
impl Passkey {
    /// The id of the passkey, a UUIDv7.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The name that the user gave to the passkey. Example: `"My phone"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The time at which the passkey was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The time at which somebody last signed in with the passkey. Null if nobody did.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }
}

/// A challenge for a device.
#[derive(SimpleObject)]
pub struct PasskeyChallenge {
    /// The options for the browser: `PublicKeyCredential.parseCreationOptionsFromJSON(options)` makes those of
    /// `navigator.credentials.create({publicKey})`, `parseRequestOptionsFromJSON(options)` those of
    /// `navigator.credentials.get({publicKey})`.
    options: Json<Value>,
    /// The text to send back together with the answer, within five minutes.
    challenge: String,
}

impl From<accounts::PasskeyChallenge> for PasskeyChallenge {
    fn from(challenge: accounts::PasskeyChallenge) -> Self {
        Self { options: Json(challenge.options), challenge: challenge.challenge }
    }
}

/// The confirmation that the caller wants to add a passkey.
#[derive(InputObject)]
pub struct BeginPasskeyInput {
    /// The password of the account. An account without one is confirmed by a session that began less than ten minutes ago.
    pub password: Option<String>,
}

/// The result of `beginPasskey` and `beginPasskeyLogIn`.
#[derive(SimpleObject)]
pub struct PasskeyChallengePayload {
    /// The challenge. Null when there are userErrors.
    passkey_challenge: Option<PasskeyChallenge>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The passkey to add.
#[derive(InputObject)]
pub struct AddPasskeyInput {
    /// The challenge of `beginPasskey`.
    pub challenge: String,
    /// The answer of the browser: `credential.toJSON()`.
    pub credential: Json<Value>,
    /// The name of the passkey, 1 to 100 characters. Example: `"My phone"`.
    pub name: String,
}

/// The result of `addPasskey`.
#[derive(SimpleObject)]
pub struct AddPasskeyPayload {
    /// The passkey that was added. Null when there are userErrors.
    passkey: Option<Passkey>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The passkey to remove.
#[derive(InputObject)]
pub struct RemovePasskeyInput {
    /// The id of one of the caller's passkeys.
    pub passkey_id: ID,
    /// The password of the account. An account without one is confirmed by a session that began less than ten minutes ago.
    pub password: Option<String>,
}

/// The result of `removePasskey`.
#[derive(SimpleObject)]
pub struct RemovePasskeyPayload {
    /// The id of the passkey that was removed. Null when there are userErrors.
    removed_passkey_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The answer of a passkey, and the duration of the session.
#[derive(InputObject)]
pub struct LogInWithPasskeyInput {
    /// The challenge of `beginPasskeyLogIn`.
    pub challenge: String,
    /// The answer of the browser: `credential.toJSON()`.
    pub credential: Json<Value>,
    /// Whether the session lasts for 14 days instead of one day.
    #[graphql(default)]
    pub remember_me: bool,
    /// Whether to keep the refresh token in an HttpOnly cookie instead of returning it, as in `logIn`.
    #[graphql(default)]
    pub use_cookie: bool,
}

super::user_error::payload!(PasskeyChallengePayload {
    passkey_challenge: accounts::PasskeyChallenge => PasskeyChallenge::from
});
super::user_error::payload!(AddPasskeyPayload { passkey: domain::session::Passkey => Passkey });
super::user_error::payload!(RemovePasskeyPayload { removed_passkey_id: PasskeyId => ID::from });
