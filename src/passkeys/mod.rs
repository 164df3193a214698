//! Hand: passkeys, by Web Authentication: <https://www.w3.org/TR/webauthn-3/>. Makes challenges and checks what devices
//! answer; knows neither our users nor our sessions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{DiscoverableAuthentication, Passkey, PasskeyRegistration, WebauthnError},
};
use webauthn_rs_proto::{PublicKeyCredential, RegisterPublicKeyCredential, ResidentKeyRequirement};

use crate::domain::{ids::UserId, session::PublicCredential, user::User};

/// In bytes: devices that say who made them send some certificates along.
const MAX_ANSWER: usize = 16 * 1024;

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// It is malformed, of another challenge or site, or signed by another key.
    #[error("the answer was refused: {0}")]
    Refused(String),
    /// Our own failure.
    #[error("a passkey could not be handled: {0:#}")]
    Failed(anyhow::Error),
}

/// A challenge, for a device and for ourselves.
pub struct Challenge {
    /// As browsers take it: `PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON`.
    pub options: Value,
    /// What its answer is checked by. No secret.
    pub state: Value,
}

/// Who checks passkeys: a domain, and the pages that may ask for them.
#[derive(Clone)]
pub struct RelyingParty(Webauthn);

impl RelyingParty {
    /// A domain whose passkeys these pages may use: they are on it or below it.
    ///
    /// # Errors
    /// When one of the pages is not.
    pub fn new(domain: &str, pages: &[Url]) -> anyhow::Result<Self> {
        let (first, others) = pages.split_first().ok_or_else(|| anyhow::anyhow!("no page is on {domain}"))?;
        let mut builder = WebauthnBuilder::new(domain, first)?;
        for page in others {
            WebauthnBuilder::new(domain, page)?;
            builder = builder.append_allowed_origin(page);
        }
        Ok(Self(builder.build()?))
    }

    /// A challenge to make a passkey for a user who has these.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin_registration(&self, user: &User, known: &[PublicCredential]) -> Result<Challenge, PasskeyError> {
        let known = known.iter().filter_map(|known| URL_SAFE_NO_PAD.decode(&known.id).ok());
        let begun =
            self.0.start_passkey_registration(user.id.0, &user.email, &user.display_name, Some(known.collect()));
        let (mut options, state) = begun.map_err(failed)?;
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            // The device has to know whose it is: nobody says an address to sign in.
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        Ok(Challenge { options: written(options.public_key)?, state: written(state)? })
    }

    /// The passkey that a device made.
    ///
    /// # Errors
    /// `Refused` where the answer is not one to this challenge.
    pub fn finish_registration(&self, answer: Value, state: Value) -> Result<PublicCredential, PasskeyError> {
        check_size(&answer)?;
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let state: PasskeyRegistration = read(state)?;
        let made = self.0.finish_passkey_registration(&answer, &state).map_err(refused)?;
        let key = serde_json::to_string(&made).map_err(failed)?;
        Ok(PublicCredential { id: URL_SAFE_NO_PAD.encode(made.cred_id()), key })
    }

    /// A challenge for whoever has a passkey here.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin_log_in(&self) -> Result<Challenge, PasskeyError> {
        let (options, state) = self.0.start_discoverable_authentication().map_err(failed)?;
        Ok(Challenge { options: written(options.public_key)?, state: written(state)? })
    }

    /// Whom an answer claims to be of, and by which credential, in base64url.
    ///
    /// # Errors
    /// `Refused` where it is no answer.
    pub fn claimed(&self, answer: &Value) -> Result<(UserId, String), PasskeyError> {
        check_size(answer)?;
        let answer: PublicKeyCredential = read(answer.clone())?;
        let (user, credential) = self.0.identify_discoverable_authentication(&answer).map_err(refused)?;
        Ok((UserId(user), URL_SAFE_NO_PAD.encode(credential)))
    }

    /// Checks that a passkey answered a challenge. Gives what is to be kept of it from now on.
    ///
    /// # Errors
    /// `Refused` where it did not, or is a copy of one that went on.
    pub fn finish_log_in(&self, answer: Value, state: Value, known: &PublicCredential) -> Result<String, PasskeyError> {
        let answer: PublicKeyCredential = read(answer)?;
        let state: DiscoverableAuthentication = read(state)?;
        let mut passkey: Passkey = serde_json::from_str(&known.key).map_err(failed)?;
        let answered = self.0.finish_discoverable_authentication_v2(&answer, state, &passkey).map_err(refused)?;
        passkey.update_credential(&answered);
        serde_json::to_string(&passkey).map_err(failed)
    }
}

fn written(value: impl Serialize) -> Result<Value, PasskeyError> {
    serde_json::to_value(value).map_err(failed)
}

/// What went wrong is not said with the words of serde, which has what was sent in them.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, PasskeyError> {
    serde_json::from_value(value).map_err(|_| PasskeyError::Refused("it is not as browsers write it".to_owned()))
}

/// Checks that an answer is no longer than any device's: reading it is work.
fn check_size(answer: &Value) -> Result<(), PasskeyError> {
    let length = serde_json::to_string(answer).map_err(failed)?.len();
    if length <= MAX_ANSWER { Ok(()) } else { Err(PasskeyError::Refused(format!("it has {length} bytes"))) }
}

fn failed(error: impl Into<anyhow::Error>) -> PasskeyError {
    PasskeyError::Failed(error.into())
}

fn refused(error: WebauthnError) -> PasskeyError {
    PasskeyError::Refused(error.to_string())
}
