//! A device that keeps a passkey, as a password manager does, with the browser that speaks to it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client, DefaultClientData},
    crypto::AvailableBackend,
    types::{
        Passkey,
        ctap2::{Aaguid, Ctap2Error},
        webauthn::{CredentialCreationOptions, CredentialRequestOptions},
    },
};
use serde_json::{Value, json};
use url::Url;

/// A device with at most one passkey.
#[derive(Clone)]
pub struct Device {
    pub key: Option<Passkey>,
    /// Whether it makes sure that it is in the hands of its user.
    pub is_verifying: bool,
}

struct User(bool);

#[async_trait::async_trait]
impl UserValidationMethod for User {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(&self, _: UiHint<'a, Passkey>, _: bool, _: bool) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: self.0 })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

impl Device {
    pub fn new() -> Self {
        Self { key: None, is_verifying: true }
    }

    /// `navigator.credentials.create` on a page, and `toJSON`.
    pub async fn create(&mut self, page: &str, options: &Value) -> Value {
        let options: CredentialCreationOptions =
            serde_json::from_value(json!({"publicKey": options})).expect("options as browsers take them");
        let mut client = Client::new(self.authenticator());
        let page = Url::parse(page).expect("a page");
        let made = client.register(page, options, DefaultClientData).await.expect("a passkey");
        self.key.clone_from(client.authenticator().store());
        as_browsers_write(serde_json::to_value(made).expect("JSON"))
    }

    /// `navigator.credentials.get` on a page, and `toJSON`.
    pub async fn get(&mut self, page: &str, options: &Value) -> Value {
        let options: CredentialRequestOptions =
            serde_json::from_value(json!({"publicKey": options})).expect("options as browsers take them");
        let mut client = Client::new(self.authenticator());
        let page = Url::parse(page).expect("a page");
        let answer = client.authenticate(page, options, DefaultClientData).await.expect("an answer");
        self.key.clone_from(client.authenticator().store());
        as_browsers_write(serde_json::to_value(answer).expect("JSON"))
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, User, AvailableBackend> {
        Authenticator::new(Aaguid::new_empty(), self.key.clone(), User(self.is_verifying), AvailableBackend)
    }
}

/// Bytes in base64url instead of as numbers.
fn as_browsers_write(value: Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = serde_json::from_value(Value::Array(items)).expect("bytes");
            Value::String(URL_SAFE_NO_PAD.encode(bytes))
        }
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_browsers_write(value))).collect(),
        other => other,
    }
}
