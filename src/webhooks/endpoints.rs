//! Webhooks as their owners arrange them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use url::Url;

use super::Webhooks;
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        event::EventKind,
        ids::WebhookId,
        user::Permission,
        webhook::{Disabled, DisabledBecause, EventKinds, Health, Images, SigningKey, Webhook},
    },
};

/// How many webhooks a user has at most.
const MAX_WEBHOOKS: u64 = 20;
/// In characters.
const MAX_URL: usize = 2000;
/// In characters.
const MAX_DESCRIPTION: usize = 255;

/// What a user wants to be told of, and where.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub url: String,
    pub description: String,
    pub kinds: EventKinds,
    pub images: Images,
}

/// What is to be different of a webhook; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub kinds: Option<EventKinds>,
    pub is_enabled: Option<bool>,
}

/// A webhook, and its secret, which is told once.
#[derive(Debug, Clone)]
pub struct SecretWebhook {
    pub webhook: Webhook,
    pub secret: String,
}

impl Webhooks {
    /// Makes a webhook of the caller's, which is told of what happens from now on.
    ///
    /// # Errors
    /// Every rule that the input breaks: `INVALID_VALUE`, `TOO_LONG`; `QUOTA_EXCEEDED` for too many. `Forbidden` where the
    /// caller came by an API token, or asks for everybody's images without VIEW_ANY_IMAGE.
    pub async fn create(&self, caller: &Caller, new: NewWebhook) -> ServiceResult<SecretWebhook> {
        let identity = caller.acting(TokenScope::Account)?;
        if new.images == Images::All {
            caller.with(Permission::ViewAnyImage)?;
        }
        let mut refusals = Vec::new();
        let url = self.checked_url(&new.url, &mut refusals);
        let description = checked_description(&new.description, &mut refusals);
        let kinds = checked_kinds(new.kinds, &mut refusals);
        let url = url.filter(|_| refusals.is_empty()).ok_or(refusals)?;
        let (owner, now) = (identity.id(), self.inner.clock.now());
        let transaction = self.inner.db.begin().await?;
        db::users::hold(&transaction, owner).await?;
        if !db::identities::stands(&transaction, identity.standing, now).await? {
            return Err(ServiceError::Unauthenticated);
        }
        if db::webhooks::count(&transaction, owner).await? >= MAX_WEBHOOKS {
            let why = format!("A user has at most {MAX_WEBHOOKS} webhooks. Delete one of them.");
            return Err(Refusal::of(UserErrorCode::QuotaExceeded, why).into());
        }
        let webhook = Webhook {
            id: WebhookId(self.inner.clock.new_id()),
            owner,
            url,
            description,
            kinds,
            images: new.images,
            key: SigningKey { salt: self.salt(), previous: None },
            after: db::event_log::end(&transaction).await?,
            replay: None,
            disabled: None,
            health: Health::default(),
            created_at: now,
        };
        db::webhooks::insert(&transaction, &webhook).await?;
        self.note(&transaction, caller, AuditAction::WebhookCreated, &webhook).await?;
        transaction.commit().await?;
        Ok(SecretWebhook { secret: self.inner.secret(&webhook.key), webhook })
    }

    /// Changes where a webhook leads, what goes there, or whether anything does. One that is enabled again is told of what
    /// happens from then on.
    ///
    /// # Errors
    /// `WEBHOOK_NOT_FOUND`, `INVALID_VALUE`, `TOO_LONG`; `Forbidden` where the caller came by an API token.
    pub async fn update(&self, caller: &Caller, id: WebhookId, change: WebhookChange) -> ServiceResult<Webhook> {
        let (transaction, before) = self.begin_on(caller, id).await?;
        let now = self.inner.clock.now();
        let mut refusals = Vec::new();
        let url = change.url.map(|url| self.checked_url(&url, &mut refusals));
        let description = change.description.map(|description| checked_description(&description, &mut refusals));
        let kinds = change.kinds.map_or(before.kinds, |kinds| checked_kinds(kinds, &mut refusals));
        if !refusals.is_empty() {
            return Err(refusals.into());
        }
        let url = url.flatten().unwrap_or_else(|| before.url.clone());
        let description = description.unwrap_or_else(|| before.description.clone());
        let health = if url == before.url { before.health } else { Health::default() };
        let mut webhook = Webhook { url, description, kinds, health, ..before };
        match (change.is_enabled, webhook.disabled) {
            (Some(true), Some(_)) => {
                webhook.after = db::event_log::end(&transaction).await?;
                (webhook.disabled, webhook.health) = (None, Health::default());
            }
            (Some(false), None) => {
                webhook.disabled = Some(Disabled { at: now, because: DisabledBecause::Owner });
                webhook.replay = None;
                db::webhook_deliveries::give_up(&transaction, id).await?;
            }
            _ => {}
        }
        db::webhooks::update(&transaction, &webhook).await?;
        self.note(&transaction, caller, AuditAction::WebhookUpdated, &webhook).await?;
        transaction.commit().await?;
        Ok(webhook)
    }

    /// Gives a webhook another secret. The one before signs too for a day.
    ///
    /// # Errors
    /// As `update`.
    pub async fn rotate_secret(&self, caller: &Caller, id: WebhookId) -> ServiceResult<SecretWebhook> {
        let (transaction, before) = self.begin_on(caller, id).await?;
        let key = before.key.clone().rotated(self.salt(), self.inner.clock.now());
        let webhook = Webhook { key, ..before };
        db::webhooks::update(&transaction, &webhook).await?;
        self.note(&transaction, caller, AuditAction::WebhookSecretRotated, &webhook).await?;
        transaction.commit().await?;
        Ok(SecretWebhook { secret: self.inner.secret(&webhook.key), webhook })
    }

    /// Removes a webhook with the account of its deliveries.
    ///
    /// # Errors
    /// As `update`.
    pub async fn delete(&self, caller: &Caller, id: WebhookId) -> ServiceResult<WebhookId> {
        let (transaction, webhook) = self.begin_on(caller, id).await?;
        db::webhooks::remove(&transaction, id).await?;
        self.note(&transaction, caller, AuditAction::WebhookDeleted, &webhook).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// The caller's webhooks, the latest first.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn webhooks(&self, caller: &Caller) -> ServiceResult<Vec<Webhook>> {
        let owner = caller.acting(TokenScope::Account)?.id();
        Ok(db::webhooks::of_owner(self.inner.db.conn(), owner).await?)
    }

    /// Begins to change a webhook of the caller's, which is held until the transaction ends.
    pub(super) async fn begin_on(&self, caller: &Caller, id: WebhookId) -> ServiceResult<(db::Transaction, Webhook)> {
        let owner = caller.acting(TokenScope::Account)?.id();
        let transaction = self.inner.db.begin().await?;
        let webhook = db::webhooks::lock(&transaction, id).await?.filter(|webhook| webhook.owner == owner);
        Ok((transaction, webhook.ok_or_else(Refusal::webhook_not_found)?))
    }

    async fn note(
        &self,
        transaction: &db::Transaction,
        caller: &Caller,
        action: AuditAction,
        webhook: &Webhook,
    ) -> ServiceResult<()> {
        let done = Audited::new(action, caller.actor(TokenScope::Account)?, Some(webhook.id.0));
        // Without its path, which may be a secret.
        let about =
            json!({"origin": webhook.url.origin().ascii_serialization(), "enabled": webhook.disabled.is_none()});
        self.audit(transaction, done.with(about)).await
    }

    fn salt(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.inner.clock.random_bytes::<24>())
    }

    /// A URL that may be asked. What is stored is not checked again: it has to stay possible to disable it.
    fn checked_url(&self, url: &str, refusals: &mut Vec<Refusal>) -> Option<Url> {
        let parsed = Url::parse(url.trim()).ok().filter(|url| self.inner.outbound.permits(url));
        if url.len().max(parsed.as_ref().map_or(0, |url| url.as_str().len())) > MAX_URL {
            let why =
                format!("`url` has at most {MAX_URL} characters, those counted as three that are none of ASCII's.");
            refusals.push(Refusal::on("url", UserErrorCode::TooLong, why));
        } else if parsed.is_none() {
            let why = "`url` begins with https:// and leads to a host on the internet, without a user name, a password \
                       and a fragment. The operator can allow other networks.";
            refusals.push(Refusal::on("url", UserErrorCode::InvalidValue, why));
        }
        parsed
    }
}

/// The description without spaces around it.
fn checked_description(description: &str, refusals: &mut Vec<Refusal>) -> String {
    let description = description.trim().to_owned();
    if description.chars().count() > MAX_DESCRIPTION {
        let why = format!("`description` has at most {MAX_DESCRIPTION} characters.");
        refusals.push(Refusal::on("description", UserErrorCode::TooLong, why));
    }
    if description.contains(char::is_control) {
        let why = "`description` has no control characters.";
        refusals.push(Refusal::on("description", UserErrorCode::InvalidValue, why));
    }
    description
}

fn checked_kinds(kinds: EventKinds, refusals: &mut Vec<Refusal>) -> EventKinds {
    // What only a newer version has a name for is never sent.
    let kinds = kinds - EventKind::Unknown;
    if kinds.is_empty() {
        refusals.push(Refusal::on("kinds", UserErrorCode::InvalidValue, "At least one kind of change is required."));
    }
    kinds
}
