//! Mails: asked for, or telling what happened; sent by a job; and their links.
//!
//! Whether an address is known is looked up by the job alone, so that neither the answer nor its time tells.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{
    Accounts,
    letters::{Occasion, letter},
};
use crate::{
    db,
    domain::{
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::MailId,
        job::{Job, JobError},
        mail::{Language, Mail, Notice, Purpose},
        user::User,
    },
    mail::SendError,
};

impl Accounts {
    /// Has a mail sent, unless the address was sent as many as it should have.
    pub(super) async fn post(&self, purpose: Purpose, email: String, language: Language) -> ServiceResult<()> {
        let transaction = self.inner.db.begin().await?;
        self.put_into_queue(&transaction, purpose, email, language).await?;
        transaction.commit().await?;
        self.inner.queue.announce();
        self.inner.hub.tell_of_jobs();
        Ok(())
    }

    /// Has a user told of what happens to their account, in the transaction that does it.
    pub(super) async fn notify(&self, transaction: &db::Transaction, user: &User, notice: Notice) -> ServiceResult<()> {
        let purpose = Purpose::Notice(notice);
        self.put_into_queue(transaction, purpose, user.email.clone(), Language::default()).await
    }

    async fn put_into_queue(
        &self,
        transaction: &db::Transaction,
        purpose: Purpose,
        email: String,
        language: Language,
    ) -> ServiceResult<()> {
        let now = self.inner.clock.now();
        let id = MailId(self.inner.clock.new_id());
        let expires_at = now + purpose.life();
        let mail = Mail { id, purpose, email, language, created_at: now, expires_at };
        let most = mail.purpose.most_in_an_hour();
        let since = now - TimeDelta::hours(1);
        if db::mails::count_since(transaction, &mail.email, &mail.purpose, since).await? >= most {
            // Whoever signs up with somebody else's address does not keep them from doing so.
            return Ok(db::mails::replace_sign_up(transaction, &mail, now).await?);
        }
        db::mails::insert(transaction, &mail).await?;
        Ok(self.inner.queue.enqueue(transaction, Job::SendMail { mail: id }, now).await.map(drop)?)
    }

    /// Sends a mail that was asked for, if its link is still good. A job: safe to repeat, at the price of a second copy.
    ///
    /// # Errors
    /// When the database or the mail server does not answer.
    pub async fn send_mail(&self, id: MailId) -> Result<(), JobError> {
        let conn = self.inner.db.conn();
        let Some(mail) = db::mails::find(conn, id, self.inner.clock.now()).await? else { return Ok(()) };
        let known = db::users::find_by_email(conn, &mail.email).await?.map(|(user, _)| user);
        let token = self.link_token(&mail);
        let occasion = match (&mail.purpose, known) {
            (Purpose::SignUp { .. }, Some(_)) => Occasion::KnownAddress,
            (Purpose::SignUp { .. } | Purpose::Invitation { .. }, None) => Occasion::Link(&token),
            (Purpose::Notice(notice), Some(user)) if user.deactivated_at.is_none() => Occasion::Notice(*notice),
            (Purpose::VerifyEmail | Purpose::ResetPassword, Some(user)) if user.deactivated_at.is_none() => {
                Occasion::Link(&token)
            }
            // Nobody is written to who has no account, or no longer.
            _ => return Ok(()),
        };
        let letter = letter(&mail, &occasion, &self.inner.rules.pages);
        match self.inner.mailer.send(&letter).await {
            Ok(()) => Ok(()),
            Err(SendError::Away(error)) => Err(JobError::Outage(error)),
            // It would not be taken the next time either.
            Err(SendError::Refused(error)) => {
                tracing::warn!(mail = %mail.id, error = format!("{error:#}"), "a mail was refused, and is not sent");
                Ok(())
            }
        }
    }

    /// The mail that a link's token is of, if the link is good for that.
    pub(super) async fn mail_of(&self, token: &str, is_for: fn(&Purpose) -> bool) -> ServiceResult<Mail> {
        let id = token.split_once('.').and_then(|(id, _)| id.parse().ok()).map(MailId);
        let mail = match id {
            Some(id) => db::mails::find(self.inner.db.conn(), id, self.inner.clock.now()).await?,
            None => None,
        };
        let is_ours = |mail: &Mail| bool::from(self.link_token(mail).as_bytes().ct_eq(token.as_bytes()));
        Ok(mail.filter(|mail| is_for(&mail.purpose) && is_ours(mail)).ok_or_else(invalid_link)?)
    }

    /// Nothing in the database says it, so whoever reads that cannot use a link.
    fn link_token(&self, mail: &Mail) -> String {
        let said = mail.id.0.simple().to_string();
        // HMAC takes keys of every length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.inner.link_key) else { return String::new() };
        let mac = mac.chain_update(mail.purpose.name()).chain_update(" ").chain_update(&said);
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

pub(super) fn invalid_link() -> Refusal {
    Refusal::on(
        "token",
        UserErrorCode::InvalidToken,
        "The link is not valid, was used, or has expired: ask for another one.",
    )
}
