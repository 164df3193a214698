//! Sending: to one webhook one delivery after the other, so that a slow one keeps nobody else waiting.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::time::Instant;

use super::Webhooks;
use crate::{
    db,
    domain::{
        audit::{AuditAction, Audited},
        error::ServiceResult,
        event::Actor,
        ids::{MailId, WebhookId},
        job::{Job, JobError},
        mail::{Language, Mail, Notice, Purpose},
        webhook::{Answer, Delivery, Disabled, DisabledBecause, Webhook},
    },
    measures,
};

/// How long a webhook is sent to before others have their turn.
const TURN: Duration = Duration::from_secs(5);

impl Webhooks {
    /// The job: sends to a webhook what is due there, and comes back when something will be. What is sent may be sent twice, with the
    /// same id, where this process ends before it could note the answer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn deliver(&self, id: WebhookId) -> Result<(), JobError> {
        let webhook = db::webhooks::find(self.inner.db.conn(), id).await?;
        if webhook.is_some_and(|webhook| webhook.replay.is_some()) {
            while self.replay_page(id).await? {}
        }
        let began = Instant::now();
        loop {
            let now = self.inner.clock.now();
            let Some(due) = self.due(id).await? else { return Ok(()) };
            if due.at > now || began.elapsed() > TURN {
                return Ok(self.come_back(id, due.at.max(now)).await?);
            }
            self.attempt(due.webhook, due.delivery).await?;
        }
    }

    /// The next delivery of a webhook that is enabled, and when it may be sent.
    async fn due(&self, id: WebhookId) -> ServiceResult<Option<Due>> {
        let conn = self.inner.db.conn();
        let webhook = db::webhooks::find(conn, id).await?.filter(|webhook| webhook.disabled.is_none());
        let Some(webhook) = webhook else { return Ok(None) };
        // Whoever was shut out, or may not see all images any more, is told nothing of what was on its way.
        if !db::webhooks::may_listen(conn, &webhook).await? {
            db::webhook_deliveries::give_up(conn, id).await?;
            return Ok(None);
        }
        let Some((delivery, due_at)) = db::webhook_deliveries::next(conn, id).await? else { return Ok(None) };
        let at = webhook.health.paused_until.map_or(due_at, |paused_until| paused_until.max(due_at));
        Ok(Some(Due { webhook, delivery, at }))
    }

    async fn attempt(&self, webhook: Webhook, delivery: Delivery) -> ServiceResult<()> {
        let headers = self.inner.headers(&webhook.key, &delivery, self.inner.clock.now());
        let answer = self.inner.outbound.post(&webhook.url, headers, delivery.payload.clone()).await;
        measures::webhook_attempt(answer.is_taken());
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        // Locked before its deliveries, as by everybody who changes both. It may have been changed, disabled or deleted while it
        // was asked.
        let current = db::webhooks::lock(&transaction, webhook.id).await?;
        let after = delivery.clone().after(answer, now);
        let is_noted = db::webhook_deliveries::note(&transaction, &delivery, &after).await?;
        if let Some(current) = current.filter(|current| is_noted && current.url == webhook.url) {
            self.note_health(&transaction, current, answer, now).await?;
        }
        self.commit_jobs(transaction).await
    }

    async fn note_health(
        &self,
        transaction: &db::Transaction,
        webhook: Webhook,
        answer: Answer,
        now: DateTime<Utc>,
    ) -> ServiceResult<()> {
        let health = webhook.health.after(answer.is_taken(), now);
        let because = match answer {
            _ if answer.is_gone() => Some(DisabledBecause::Gone),
            _ if health.is_hopeless(now) => Some(DisabledBecause::Failing),
            _ => None,
        };
        let webhook = Webhook { health, ..webhook };
        match because.filter(|_| webhook.disabled.is_none()) {
            Some(because) => self.put_aside(transaction, webhook, Disabled { at: now, because }).await,
            None => Ok(db::webhooks::update(transaction, &webhook).await?),
        }
    }

    /// Disables a webhook, and has its owner told by mail.
    async fn put_aside(
        &self,
        transaction: &db::Transaction,
        webhook: Webhook,
        disabled: Disabled,
    ) -> ServiceResult<()> {
        let webhook = Webhook { disabled: Some(disabled), replay: None, ..webhook };
        db::webhooks::update(transaction, &webhook).await?;
        db::webhook_deliveries::give_up(transaction, webhook.id).await?;
        let done = Audited::new(AuditAction::WebhookDisabled, Actor::System, Some(webhook.id.0));
        let about = json!({"origin": webhook.url.origin().ascii_serialization(), "because": disabled.because.name()});
        self.audit(transaction, done.with(about)).await?;
        let Some(owner) = db::users::find(transaction, webhook.owner).await? else { return Ok(()) };
        let purpose = Purpose::Notice(Notice::WebhookDisabled);
        let since = disabled.at - TimeDelta::hours(1);
        if db::mails::count_since(transaction, &owner.email, &purpose, since).await? >= purpose.most_in_an_hour() {
            return Ok(());
        }
        let mail = Mail {
            id: MailId(self.inner.clock.new_id()),
            email: owner.email,
            language: Language::default(),
            created_at: disabled.at,
            expires_at: disabled.at + purpose.life(),
            purpose,
        };
        db::mails::insert(transaction, &mail).await?;
        Ok(self.inner.queue.enqueue(transaction, Job::SendMail { mail: mail.id }, disabled.at).await?)
    }

    async fn come_back(&self, webhook: WebhookId, at: DateTime<Utc>) -> ServiceResult<()> {
        // Where something came meanwhile, a job waits already, and this is no second one.
        Ok(self.inner.queue.enqueue(self.inner.db.conn(), Job::Deliver { webhook }, at).await?)
    }
}

/// What is to be sent next, and from when on.
struct Due {
    webhook: Webhook,
    delivery: Delivery,
    at: DateTime<Utc>,
}
