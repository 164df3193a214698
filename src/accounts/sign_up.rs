//! What somebody does by a link in a mail: sign up, accept an invitation, prove an address, choose another password.

use serde_json::json;

use super::{
    Accounts,
    mails::invalid_link,
    password_rules,
    users::{NewUser, check_email, check_name},
};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        error::{Refusal, ServiceResult, UserErrorCode},
        event::Actor,
        ids::GroupId,
        mail::{Language, Mail, Notice, Purpose},
        session::Client,
        user::{Permission, Permissions, SignUp, User},
    },
    passwords::{MAX_PASSWORD_BYTES, Verdict},
};

impl Accounts {
    /// Has a mail sent to the address, whose link makes the account. Tells nobody whether the address is known.
    ///
    /// # Errors
    /// `INVALID_STATE` where the server takes no sign-ups; every rule that the input breaks: `INVALID_VALUE`, `TOO_LONG`,
    /// `WEAK_PASSWORD`.
    pub async fn sign_up(&self, new: NewUser, language: Language) -> ServiceResult<()> {
        if self.inner.rules.sign_up != SignUp::Open {
            let why = "This server takes no sign-ups: ask somebody who manages its users.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let password = new.password.clone().unwrap_or_default();
        let user = self.checked_user(&new, Some(&password))?;
        let password_hash = self.inner.passwords.hash(password).await?;
        let purpose = Purpose::SignUp { display_name: user.display_name, password_hash };
        self.post(purpose, user.email, language).await
    }

    /// Proves an address by its link: makes the account of a sign-up, or marks the address of an account.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a link that is not valid, was used or has expired; `INVALID_CREDENTIALS` where the password is not
    /// that of the sign-up, whoever signed up with the address.
    pub async fn verify_email(&self, token: &str, password: Option<String>, client: &Client) -> ServiceResult<User> {
        let is_for = |purpose: &Purpose| matches!(purpose, Purpose::SignUp { .. } | Purpose::VerifyEmail);
        let mail = self.mail_of(token, is_for).await?;
        let now = self.inner.clock.now();
        if let Purpose::SignUp { password_hash, .. } = &mail.purpose {
            if self.inner.rules.sign_up != SignUp::Open {
                return Err(invalid_link().into());
            }
            let (password, hash) =
                (password.filter(|password| password.len() <= MAX_PASSWORD_BYTES), password_hash.clone());
            if self.inner.passwords.verify(password.unwrap_or_default(), Some(hash)).await? == Verdict::Wrong {
                let why = "This is not the password that was chosen at the sign-up.";
                return Err(Refusal::on("password", UserErrorCode::InvalidCredentials, why).into());
            }
        }
        let transaction = self.spend(&mail).await?;
        let user = if let Purpose::SignUp { display_name, password_hash } = mail.purpose {
            let user = User { display_name, email_verified_at: Some(now), ..self.new_user(&mail.email) };
            if db::users::insert(&transaction, &user, Some(password_hash)).await? == Saved::Duplicate {
                return Err(invalid_link().into());
            }
            self.audit(&transaction, created(&user, client)).await?;
            user
        } else {
            let user = user_of(&transaction, &mail).await?;
            db::users::set_email_verified(&transaction, user.id, now).await?;
            User { email_verified_at: Some(now), ..user }
        };
        self.commit(transaction).await?;
        Ok(user)
    }

    /// Has a mail sent to the caller, whose link proves their address.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one who came by an API token.
    pub async fn request_email_verification(&self, caller: &Caller, language: Language) -> ServiceResult<()> {
        let user = &caller.acting(TokenScope::Account)?.user;
        self.post(Purpose::VerifyEmail, user.email.clone(), language).await
    }

    /// Has a mail sent to somebody, whose link makes an account in these groups.
    ///
    /// # Errors
    /// `Forbidden` without the permission, or for groups that permit what the caller may not do; `INVALID_STATE` where the
    /// server takes no invitations; `INVALID_VALUE`, `EMAIL_TAKEN`, `GROUP_NOT_FOUND`.
    pub async fn invite(
        &self,
        caller: &Caller,
        email: &str,
        groups: &[GroupId],
        language: Language,
    ) -> ServiceResult<String> {
        let manager = caller.with(Permission::ManageUsers)?;
        if self.inner.rules.sign_up == SignUp::Closed {
            let why = "This server takes no invitations: create the account, or set SIGN_UP to invite.";
            return Err(Refusal::of(UserErrorCode::InvalidState, why).into());
        }
        let email = email.trim().to_lowercase();
        check_email(&email)?;
        let transaction = self.inner.db.begin().await?;
        let groups = self.grantable(&transaction, manager, groups).await?;
        if db::users::find_by_email(&transaction, &email).await?.is_some() {
            return Err(Refusal::on("email", UserErrorCode::EmailTaken, "This address has an account.").into());
        }
        let invited = Audited::new(AuditAction::UserInvited, caller.actor(TokenScope::Administer)?, None);
        self.audit(&transaction, invited.with(json!({"email": email, "groupIds": groups}))).await?;
        transaction.commit().await?;
        self.post(Purpose::Invitation { groups, by: manager.id() }, email.clone(), language).await?;
        Ok(email)
    }

    /// Makes the account of an invitation. Groups that were removed since are left out.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a link that is not valid, was used or has expired, and where whoever invited may no longer do
    /// that; every rule that the input breaks.
    pub async fn accept_invitation(
        &self,
        token: &str,
        password: String,
        display_name: Option<String>,
        client: &Client,
    ) -> ServiceResult<User> {
        let mail = self.mail_of(token, |purpose| matches!(purpose, Purpose::Invitation { .. })).await?;
        let new = NewUser { email: mail.email.clone(), display_name, password: None, groups: Vec::new() };
        let user = self.checked_user(&new, Some(&password))?;
        let user = User { email_verified_at: Some(self.inner.clock.now()), ..user };
        let hash = self.inner.passwords.hash(password).await?;
        let transaction = self.spend(&mail).await?;
        if db::users::insert(&transaction, &user, Some(hash)).await? == Saved::Duplicate {
            return Err(invalid_link().into());
        }
        let groups = self.still_granted(&transaction, &mail.purpose).await?;
        db::groups::set_of_user(&transaction, user.id, &groups).await?;
        self.audit(&transaction, created(&user, client)).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Has a mail sent to an address, whose link sets another password, if there is an account of it. Tells nobody whether
    /// there is.
    ///
    /// # Errors
    /// `INVALID_VALUE` for what is no address.
    pub async fn request_password_reset(&self, email: &str, language: Language) -> ServiceResult<()> {
        let email = email.trim().to_lowercase();
        check_email(&email)?;
        self.post(Purpose::ResetPassword, email, language).await
    }

    /// Sets another password by a link. All log-ins and API tokens of the user end.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for a link that is not valid, was used or has expired; `WEAK_PASSWORD`.
    pub async fn reset_password(&self, token: &str, password: String, client: &Client) -> ServiceResult<User> {
        let mail = self.mail_of(token, |purpose| matches!(purpose, Purpose::ResetPassword)).await?;
        let found = db::users::find_by_email(self.inner.db.conn(), &mail.email).await?;
        let (known, _) = found.ok_or_else(invalid_link)?;
        password_rules::check("newPassword", &password, &known.email, &known.display_name)?;
        let hash = self.inner.passwords.hash(password).await?;
        let transaction = self.spend(&mail).await?;
        let user = user_of(&transaction, &mail).await?;
        let user = User { email_verified_at: Some(self.inner.clock.now()), ..user };
        db::users::set_password(&transaction, user.id, hash).await?;
        db::users::set_email_verified(&transaction, user.id, self.inner.clock.now()).await?;
        self.end_reset_links(&transaction, &user).await?;
        self.end_all(&transaction, &user).await?;
        let by = Actor::User(user.id, Some(client.address));
        self.audit(&transaction, Audited::new(AuditAction::PasswordReset, by, Some(user.id.0))).await?;
        self.notify(&transaction, &user, Notice::PasswordChanged).await?;
        self.remove_young_factors(&transaction, &user).await?;
        self.commit(transaction).await?;
        Ok(user)
    }

    /// The groups of an invitation that are still there, if whoever invited may still put somebody into them.
    async fn still_granted(&self, transaction: &db::Transaction, purpose: &Purpose) -> ServiceResult<Vec<GroupId>> {
        let Purpose::Invitation { groups, by } = purpose else { return Err(invalid_link().into()) };
        let inviter = db::users::find(transaction, *by).await?.filter(|user| user.deactivated_at.is_none());
        let inviter = inviter.ok_or_else(invalid_link)?;
        let permissions = db::identities::permissions_of_user(transaction, &inviter).await?;
        let left = db::groups::find_many(transaction, groups).await?;
        let needed =
            left.iter().fold(Permission::ManageUsers.into(), |all: Permissions, group| all | group.permissions);
        if self.inner.rules.sign_up == SignUp::Closed || !needed.is_subset(permissions) {
            return Err(invalid_link().into());
        }
        Ok(left.into_iter().map(|group| group.id).collect())
    }

    /// The account that somebody wants to have.
    ///
    /// # Errors
    /// Every rule that the input breaks.
    pub(super) fn checked_user(&self, new: &NewUser, password: Option<&str>) -> ServiceResult<User> {
        let mut user = self.new_user(&new.email);
        let mut refusals = Vec::new();
        refusals.extend(check_email(&user.email).err());
        if let Some(name) = &new.display_name {
            name.trim().clone_into(&mut user.display_name);
            refusals.extend(check_name("displayName", &user.display_name).err());
        }
        if let Some(password) = password {
            refusals.extend(password_rules::check("password", password, &user.email, &user.display_name).err());
        }
        if refusals.is_empty() { Ok(user) } else { Err(refusals.into()) }
    }

    /// Begins to do what a link is for, which it is good for once.
    async fn spend(&self, mail: &Mail) -> ServiceResult<db::Transaction> {
        let transaction = self.inner.db.begin().await?;
        if !db::mails::spend(&transaction, mail.id, self.inner.clock.now()).await? {
            return Err(invalid_link().into());
        }
        Ok(transaction)
    }
}

/// An account that its user made.
fn created(user: &User, client: &Client) -> Audited {
    let by = Actor::User(user.id, Some(client.address));
    Audited::new(AuditAction::UserCreated, by, Some(user.id.0)).with(json!({"email": user.email}))
}

/// The user of a mail's address, who may sign in.
async fn user_of(transaction: &db::Transaction, mail: &Mail) -> ServiceResult<User> {
    let found = db::users::find_by_email(transaction, &mail.email).await?.map(|(user, _)| user);
    Ok(found.filter(|user| user.deactivated_at.is_none()).ok_or_else(invalid_link)?)
}
