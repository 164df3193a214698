//! The account of deliveries, and sending once more: one delivery, or all that happened in a span.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Webhooks, payload};
use crate::{
    db,
    domain::{
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::{DeliveryId, WebhookId},
        webhook::{Delivery, DeliveryPlace, DeliveryState, DeliveryStatus, Replay, Subject, Webhook},
    },
};

/// Some deliveries, the latest first.
#[derive(Debug)]
pub struct DeliveryPage {
    pub deliveries: Vec<Delivery>,
    /// Whether there are more behind the last.
    pub has_more: bool,
}

impl Webhooks {
    /// Deliveries to one of the caller's webhooks, the latest first, behind one that was given before.
    ///
    /// # Errors
    /// `WEBHOOK_NOT_FOUND`; `Forbidden` where the caller came by an API token.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        status: Option<DeliveryStatus>,
        behind: Option<DeliveryPlace>,
        first: u64,
    ) -> ServiceResult<DeliveryPage> {
        let owner = caller.acting(TokenScope::Account)?.id();
        let conn = self.inner.db.conn();
        let webhook = db::webhooks::find(conn, id).await?.filter(|webhook| webhook.owner == owner);
        webhook.ok_or_else(Refusal::webhook_not_found)?;
        let mut deliveries = db::webhook_deliveries::page(conn, id, status, behind, first + 1).await?;
        let has_more = deliveries.len() as u64 > first;
        deliveries.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        Ok(DeliveryPage { deliveries, has_more })
    }

    /// Sends something to a webhook that is about no image.
    ///
    /// # Errors
    /// `WEBHOOK_NOT_FOUND`, `INVALID_STATE` where it is disabled; `Forbidden` where the caller came by an API token.
    pub async fn test(&self, caller: &Caller, id: WebhookId) -> ServiceResult<Delivery> {
        let (transaction, _) = self.begin_on_enabled(caller, id).await?;
        let now = self.inner.clock.now();
        let delivery = Delivery {
            id: DeliveryId(self.inner.clock.new_id()),
            webhook: id,
            subject: Subject::Test,
            payload: payload::of_test(now),
            state: DeliveryState::Pending { due_at: now },
            attempts: 0,
            last: None,
            created_at: now,
        };
        db::webhook_deliveries::put(&transaction, std::slice::from_ref(&delivery)).await?;
        self.send_soon(&transaction, id).await?;
        self.commit_jobs(transaction).await?;
        Ok(delivery)
    }

    /// Sends one delivery once more, whatever became of it.
    ///
    /// # Errors
    /// `WEBHOOK_NOT_FOUND` where the caller has no such webhook, or the webhook no such delivery; `INVALID_STATE` where it is
    /// disabled.
    pub async fn send_again(&self, caller: &Caller, id: WebhookId, delivery: DeliveryId) -> ServiceResult<Webhook> {
        let (transaction, webhook) = self.begin_on_enabled(caller, id).await?;
        let now = self.inner.clock.now();
        if !db::webhook_deliveries::send_again(&transaction, id, delivery, now).await? {
            let why = "There is no such delivery, or it is not kept any more.";
            return Err(Refusal::on("deliveryId", UserErrorCode::WebhookNotFound, why).into());
        }
        self.send_soon(&transaction, id).await?;
        self.commit_jobs(transaction).await?;
        Ok(webhook)
    }

    /// Sends everything of a span once more, whatever became of it, and what was missed while the webhook was disabled.
    ///
    /// # Errors
    /// `WEBHOOK_NOT_FOUND`; `INVALID_STATE` where it is disabled, or another span is being sent; `INVALID_VALUE` for a span that
    /// ends before it begins.
    pub async fn replay(
        &self,
        caller: &Caller,
        id: WebhookId,
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> ServiceResult<Webhook> {
        let until = until.unwrap_or_else(|| self.inner.clock.now());
        if until <= since {
            return Err(Refusal::on("until", UserErrorCode::InvalidValue, "`until` is after `since`.").into());
        }
        let (transaction, webhook) = self.begin_on_enabled(caller, id).await?;
        if webhook.replay.is_some() {
            let why = "Another span is still being sent.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        // With what happened in that very moment.
        let before = since.checked_sub_signed(TimeDelta::microseconds(1)).unwrap_or(since);
        let after = db::event_log::last_until(&transaction, before).await?;
        let through = db::event_log::last_until(&transaction, until).await?;
        let webhook = Webhook { replay: (through > after).then_some(Replay { after, through }), ..webhook };
        db::webhooks::update(&transaction, &webhook).await?;
        self.send_soon(&transaction, id).await?;
        self.commit_jobs(transaction).await?;
        Ok(webhook)
    }

    /// Forgets deliveries that are older than they are kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_old_deliveries(&self) -> ServiceResult<()> {
        let before = self.inner.clock.now() - self.inner.retention;
        while db::webhook_deliveries::remove_some(self.inner.db.conn(), before).await? {}
        Ok(())
    }

    async fn begin_on_enabled(&self, caller: &Caller, id: WebhookId) -> ServiceResult<(db::Transaction, Webhook)> {
        let (transaction, webhook) = self.begin_on(caller, id).await?;
        if webhook.disabled.is_some() {
            return Err(Refusal::of(UserErrorCode::InvalidState, "The webhook is disabled: enable it first.").into());
        }
        Ok((transaction, webhook))
    }
}
