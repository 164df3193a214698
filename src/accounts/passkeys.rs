//! Passkeys: what a device signs in with, in place of a password and of a second factor. A log-in by one says no address,
//! so it tells nobody which accounts there are.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Accounts, SignedIn};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, Identity, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::Actor,
        ids::{PasskeyId, UserId},
        mail::Notice,
        session::{Client, Passkey, PublicCredential},
        user::LastLogIn,
    },
    passkeys::{PasskeyError, RelyingParty},
};

/// How long a challenge may be answered: what browsers are told, and a little more.
const PATIENCE: TimeDelta = TimeDelta::minutes(6);
/// How many a user may have.
const MAX_PASSKEYS: usize = 20;
/// In bytes: ours are shorter, also with the passkeys that a user has.
const MAX_CHALLENGE: usize = 16 * 1024;
/// In characters.
const MAX_NAME: usize = 100;

/// A challenge for a device.
#[derive(Debug, Clone)]
pub struct PasskeyChallenge {
    /// For the browser.
    pub options: Value,
    /// To be sent back with the answer.
    pub challenge: String,
}

/// What a device answered.
#[derive(Debug, Clone)]
pub struct PasskeyAnswer {
    pub challenge: String,
    pub credential: Value,
}

/// Who makes a passkey, and a count of what changed for them, so that no challenge makes two.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Maker {
    id: UserId,
    rights_revision: i32,
}

impl From<&Identity> for Maker {
    fn from(identity: &Identity) -> Self {
        Self { id: identity.id(), rights_revision: identity.standing.rights_revision }
    }
}

/// What the asker keeps until the device has answered.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Who makes a passkey; nobody, where somebody signs in.
    user: Option<Maker>,
    at: DateTime<Utc>,
    state: Value,
}

impl Accounts {
    /// The caller's passkeys, the latest first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn passkeys(&self, caller: &Caller) -> ServiceResult<Vec<Passkey>> {
        let user = caller.acting(TokenScope::Account)?.id();
        Ok(db::passkeys::of_user(self.inner.db.conn(), user).await?)
    }

    /// A challenge to make a passkey.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where the caller is not confirmed; `SECOND_FACTOR_REQUIRED` where they have one and did not show
    /// it; `INVALID_STATE` where the server has no domain; `RateLimited` after too many wrong passwords.
    pub async fn begin_passkey(
        &self,
        caller: &Caller,
        password: Option<String>,
        client: &Client,
    ) -> ServiceResult<PasskeyChallenge> {
        let identity = caller.acting(TokenScope::Account)?;
        let user = &identity.user;
        let relying_party = self.relying_party()?;
        self.confirm(caller, password, client).await?;
        let transaction = self.inner.db.begin().await?;
        self.check_may_add_factor(&transaction, caller).await?;
        let known = db::passkeys::of_user(&transaction, user.id).await?;
        let known: Vec<PublicCredential> = known.into_iter().map(|passkey| passkey.credential).collect();
        let challenge = relying_party.begin_registration(user, &known).map_err(refusal)?;
        self.sealed(
            challenge.options,
            Kept { user: Some(identity.into()), at: self.inner.clock.now(), state: challenge.state },
        )
    }

    /// Adds the passkey that a device made.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a challenge that is not the caller's or too old, `INVALID_CREDENTIALS` for an answer to
    /// something else; `TOO_LONG`, `INVALID_VALUE` for a name, `QUOTA_EXCEEDED` for too many passkeys.
    pub async fn add_passkey(&self, caller: &Caller, answer: PasskeyAnswer, name: &str) -> ServiceResult<Passkey> {
        let identity = caller.acting(TokenScope::Account)?;
        let name = checked_name(name)?;
        let kept = self.kept_challenge(&answer.challenge, Some(identity.into()))?;
        let credential = self.relying_party()?.finish_registration(answer.credential, kept.state).map_err(refusal)?;
        let now = self.inner.clock.now();
        let passkey = Passkey {
            id: PasskeyId(self.inner.clock.new_id()),
            user: identity.id(),
            name,
            credential,
            challenged_at: kept.at,
            created_at: now,
            last_used_at: None,
        };
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, identity.id()).await?;
        self.check_may_add_factor(&transaction, caller).await?;
        if db::passkeys::of_user(&transaction, identity.id()).await?.len() >= MAX_PASSKEYS {
            let why = format!("A user has {MAX_PASSKEYS} passkeys at most. Remove one of them.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        if db::passkeys::insert(&transaction, &passkey).await? == Saved::Duplicate {
            let why = "This passkey was added before.";
            return Err(Refusal::on("credential", UserErrorCode::InvalidState, why).into());
        }
        db::identities::note_second_factor(&transaction, identity.standing.credential).await?;
        db::users::touch_rights(&transaction, identity.id()).await?;
        let by = caller.actor(TokenScope::Account)?;
        let added = Audited::new(AuditAction::PasskeyAdded, by, Some(passkey.id.0));
        self.audit(&transaction, added.with(json!({"name": passkey.name}))).await?;
        self.notify(&transaction, &identity.user, Notice::PasskeyAdded).await?;
        self.commit(transaction).await?;
        Ok(passkey)
    }

    /// Removes one of the caller's passkeys.
    ///
    /// # Errors
    /// `INVALID_TOKEN` where the caller has no such passkey; as `begin_passkey`, also in a session without second factor.
    pub async fn remove_passkey(
        &self,
        caller: &Caller,
        id: PasskeyId,
        password: Option<String>,
        client: &Client,
    ) -> ServiceResult<PasskeyId> {
        self.confirm(caller, password, client).await?;
        let user = &caller.acting(TokenScope::Account)?.user;
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, user.id).await?;
        self.check_may_add_factor(&transaction, caller).await?;
        if !db::passkeys::remove(&transaction, user.id, id).await? {
            return Err(Refusal::on("passkeyId", UserErrorCode::InvalidToken, "There is no such passkey.").into());
        }
        self.forget_second_factor_if_none(&transaction, user.id).await?;
        let by = caller.actor(TokenScope::Account)?;
        self.audit(&transaction, Audited::new(AuditAction::PasskeyRemoved, by, Some(id.0))).await?;
        self.notify(&transaction, user, Notice::PasskeyRemoved).await?;
        self.commit(transaction).await?;
        Ok(id)
    }

    /// A challenge for whoever has a passkey here.
    ///
    /// # Errors
    /// `INVALID_STATE` where the server has no domain.
    pub fn begin_passkey_log_in(&self) -> ServiceResult<PasskeyChallenge> {
        let challenge = self.relying_party()?.begin_log_in().map_err(refusal)?;
        self.sealed(challenge.options, Kept { user: None, at: self.inner.clock.now(), state: challenge.state })
    }

    /// Begins a log-in by a passkey, which counts as two factors: the device, and how it knows its user.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a challenge that is not ours, too old or answered; `INVALID_CREDENTIALS` for an answer of no
    /// passkey of ours, or of a user who is deactivated.
    pub async fn log_in_with_passkey(
        &self,
        answer: PasskeyAnswer,
        is_remembered: bool,
        client: &Client,
    ) -> ServiceResult<SignedIn> {
        let kept = self.kept_challenge(&answer.challenge, None)?;
        let relying_party = self.relying_party()?;
        let (claimed, credential) = relying_party.claimed(&answer.credential).map_err(refusal)?;
        let known = db::passkeys::find_by_credential(self.inner.db.conn(), &credential).await?;
        let known = known.filter(|known| known.user == claimed).ok_or_else(wrong_answer)?;
        let checked = relying_party.finish_log_in(answer.credential, kept.state, &known.credential);
        let key = match checked {
            Ok(key) => key,
            Err(error) => return self.note_passkey_failure(&known, refusal(error), client).await,
        };
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, known.user).await?;
        // The last of a passkey's challenges was answered last, so none is answered twice, and no older one after it.
        if !db::passkeys::note_answer(&transaction, known.id, key, kept.at, now).await? {
            return Err(wrong_challenge().into());
        }
        let user = db::users::find(&transaction, known.user).await?.filter(|user| user.deactivated_at.is_none());
        let Some(mut user) = user else {
            drop(transaction);
            return self.note_passkey_failure(&known, wrong_answer().into(), client).await;
        };
        let last_login = LastLogIn { at: now, address: Some(client.address.to_string()) };
        db::users::note_login(&transaction, user.id, &last_login).await?;
        user.last_login = Some(last_login);
        let by = Actor::User(user.id, Some(client.address));
        let logged_in = Audited::new(AuditAction::LoggedIn, by, Some(user.id.0));
        self.audit(&transaction, logged_in.with(json!({"passkeyId": known.id}))).await?;
        let shown = super::sessions::Shown { is_remembered, has_second_factor: true };
        let signed_in = self.begin_session(&transaction, user, shown, client).await?;
        transaction.commit().await?;
        Ok(signed_in)
    }

    async fn note_passkey_failure<T>(&self, known: &Passkey, why: ServiceError, client: &Client) -> ServiceResult<T> {
        let failed = Audited::new(AuditAction::LogInFailed, Actor::Anonymous(client.address), Some(known.user.0));
        self.audit(self.inner.db.conn(), failed.with(json!({"passkeyId": known.id}))).await?;
        Err(why)
    }

    fn relying_party(&self) -> Result<&RelyingParty, Refusal> {
        let why = "Passkeys need a PUBLIC_URL with a host name.";
        self.inner.relying_party.as_ref().ok_or_else(|| Refusal::of(UserErrorCode::InvalidState, why))
    }

    fn sealed(&self, options: Value, kept: Kept) -> ServiceResult<PasskeyChallenge> {
        let until = kept.at + PATIENCE;
        Ok(PasskeyChallenge { options, challenge: self.inner.passkey_seal.seal(kept, until)? })
    }

    fn kept_challenge(&self, challenge: &str, user: Option<Maker>) -> Result<Kept, Refusal> {
        let challenge = Some(challenge).filter(|challenge| challenge.len() <= MAX_CHALLENGE).unwrap_or_default();
        let kept = self.inner.passkey_seal.open(challenge, self.inner.clock.now());
        kept.filter(|kept: &Kept| kept.user == user).ok_or_else(wrong_challenge)
    }
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_control) {
        let why = "`name` is required, without control characters.";
        return Err(Refusal::on("name", UserErrorCode::InvalidValue, why));
    }
    if name.chars().count() > MAX_NAME {
        let why = format!("`name` has at most {MAX_NAME} characters.");
        return Err(Refusal::on("name", UserErrorCode::TooLong, why));
    }
    Ok(name.to_owned())
}

fn wrong_challenge() -> Refusal {
    let why = "The challenge is unknown, answered or too old: begin again.";
    Refusal::on("challenge", UserErrorCode::InvalidToken, why)
}

fn wrong_answer() -> Refusal {
    let why = "This passkey was not accepted.";
    Refusal::on("credential", UserErrorCode::InvalidCredentials, why)
}

/// What a caller is told, which is not why.
fn refusal(error: PasskeyError) -> ServiceError {
    match error {
        PasskeyError::Refused(why) => {
            tracing::info!(why, "the answer of a passkey was refused");
            wrong_answer().into()
        }
        PasskeyError::Failed(error) => ServiceError::Internal(error),
    }
}
