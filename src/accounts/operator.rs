//! What the operator does with accounts by the commands, who needs no permission for it.

use serde_json::json;

use super::{Accounts, NewUser, password_rules};
use crate::{
    db::{self, Saved},
    domain::{
        audit::{AuditAction, Audited},
        error::{Refusal, ServiceResult, UserErrorCode},
        event::Actor,
        ids::GroupId,
        mail::{Notice, Purpose},
        user::User,
    },
};

/// How many users a page of the operator's list has.
const PAGE: u64 = 1000;

impl Accounts {
    /// Makes an account, with this password or one that is made up and given back.
    ///
    /// # Errors
    /// Every rule that the address or the password breaks, and `EMAIL_TAKEN`.
    pub async fn add_user(
        &self,
        email: &str,
        password: Option<String>,
        is_admin: bool,
    ) -> ServiceResult<(User, Option<String>)> {
        let (password, generated) = self.given_or_generated(password);
        let new = NewUser { email: email.to_owned(), display_name: None, password: None, groups: Vec::new() };
        let user = User { is_admin, ..self.checked_user(&new, Some(&password))? };
        let hash = self.inner.passwords.hash(password).await?;
        let transaction = self.inner.db.begin().await?;
        if db::users::insert(&transaction, &user, Some(hash)).await? == Saved::Duplicate {
            return Err(Refusal::on("email", UserErrorCode::EmailTaken, "This address has an account.").into());
        }
        let created = Audited::new(AuditAction::UserCreated, Actor::System, Some(user.id.0));
        self.audit(&transaction, created.with(json!({"email": user.email, "isAdmin": is_admin}))).await?;
        transaction.commit().await?;
        Ok((user, generated))
    }

    /// Sets a user's password, to this one or one that is made up and given back. All of their log-ins and tokens end.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `WEAK_PASSWORD`.
    pub async fn set_password_of(&self, email: &str, password: Option<String>) -> ServiceResult<Option<String>> {
        let user = self.user_of_address(email).await?;
        let (password, generated) = self.given_or_generated(password);
        password_rules::check("password", &password, &user.email, &user.display_name)?;
        let hash = self.inner.passwords.hash(password).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::set_password(&transaction, user.id, hash).await?;
        self.end_reset_links(&transaction, &user).await?;
        self.end_all(&transaction, &user).await?;
        let changed = Audited::new(AuditAction::PasswordChanged, Actor::System, Some(user.id.0));
        self.audit(&transaction, changed).await?;
        self.notify(&transaction, &user, Notice::PasswordChanged).await?;
        self.remove_young_factors(&transaction, &user).await?;
        self.commit(transaction).await?;
        Ok(generated)
    }

    /// Makes a user an administrator, or no longer one.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`.
    pub async fn set_admin(&self, email: &str, is_admin: bool) -> ServiceResult<()> {
        let user = self.user_of_address(email).await?;
        let transaction = self.inner.db.begin().await?;
        db::users::set_admin(&transaction, user.id, is_admin).await?;
        let changed = Audited::new(AuditAction::UserGroupsChanged, Actor::System, Some(user.id.0));
        self.audit(&transaction, changed.with(json!({"isAdmin": is_admin}))).await?;
        Ok(transaction.commit().await?)
    }

    /// Puts a user into the group of a name, or takes them out of it.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `GROUP_NOT_FOUND`.
    pub async fn set_member(&self, email: &str, group: &str, is_member: bool) -> ServiceResult<()> {
        let user = self.user_of_address(email).await?;
        let transaction = self.inner.db.begin().await?;
        let Some(group) = db::groups::find_by_name(&transaction, group).await? else {
            return Err(Refusal::on("group", UserErrorCode::GroupNotFound, "There is no group of this name.").into());
        };
        let before = db::groups::of_users(&transaction, &[user.id]).await?.remove(&user.id).unwrap_or_default();
        let others = before.iter().map(|group| group.id).filter(|id| *id != group.id);
        let after: Vec<GroupId> = others.chain(is_member.then_some(group.id)).collect();
        db::groups::set_of_user(&transaction, user.id, &after).await?;
        db::users::touch_rights(&transaction, user.id).await?;
        let changed = Audited::new(AuditAction::UserGroupsChanged, Actor::System, Some(user.id.0));
        self.audit(&transaction, changed.with(json!({"groupIds": after}))).await?;
        Ok(transaction.commit().await?)
    }

    /// Shuts a user out, whose log-ins and tokens end, or lets them in again.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`.
    pub async fn set_active(&self, email: &str, is_active: bool) -> ServiceResult<()> {
        let user = self.user_of_address(email).await?;
        let since = (!is_active).then(|| user.deactivated_at.unwrap_or_else(|| self.inner.clock.now()));
        let transaction = self.inner.db.begin().await?;
        db::users::set_deactivated(&transaction, user.id, since).await?;
        if !is_active {
            self.end_all(&transaction, &user).await?;
        }
        let action = if is_active { AuditAction::UserReactivated } else { AuditAction::UserDeactivated };
        self.audit(&transaction, Audited::new(action, Actor::System, Some(user.id.0))).await?;
        Ok(transaction.commit().await?)
    }

    /// Users by address, behind an address; the last page is empty.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page_of_users(&self, after: Option<&str>) -> ServiceResult<Vec<User>> {
        Ok(db::users::page(self.inner.db.conn(), "", after, PAGE).await?)
    }

    /// Ends the links that would set another password: this one was set since they were asked for.
    pub(super) async fn end_reset_links(&self, transaction: &db::Transaction, user: &User) -> ServiceResult<()> {
        let now = self.inner.clock.now();
        Ok(db::mails::spend_all(transaction, &user.email, &Purpose::ResetPassword, now).await?)
    }

    /// Ends all log-ins and tokens of a user.
    pub(super) async fn end_all(&self, transaction: &db::Transaction, user: &User) -> ServiceResult<()> {
        db::sessions::remove_all(transaction, user.id, None).await?;
        db::api_tokens::remove_all(transaction, user.id).await?;
        Ok(())
    }

    pub(super) async fn user_of_address(&self, email: &str) -> ServiceResult<User> {
        Ok(self.find(email).await?.ok_or_else(Refusal::user_not_found)?)
    }

    pub(super) fn given_or_generated(&self, password: Option<String>) -> (String, Option<String>) {
        match password {
            Some(password) => (password, None),
            None => {
                let generated = hex::encode(self.inner.clock.random_bytes::<12>());
                (generated.clone(), Some(generated))
            }
        }
    }
}
