//! The first administrator, and users whom the operator makes.

use super::{Accounts, password_rules, users::MAX_NAME};
use crate::{
    db::{self, Saved},
    domain::{
        error::{ServiceError, ServiceResult},
        ids::UserId,
        user::User,
    },
};

/// The administrator that an empty database was given.
pub struct NewAdmin {
    pub email: String,
    /// Made here because none was configured: to be shown once.
    pub generated_password: Option<String>,
}

impl Accounts {
    /// Makes the first user where there is none.
    ///
    /// # Errors
    /// When the password is weak, or the database does not answer.
    pub async fn ensure_first_admin(&self, email: &str, password: Option<String>) -> anyhow::Result<Option<NewAdmin>> {
        if let Some(password) = &password {
            let is_good = password_rules::check("password", password, email, "");
            is_good.map_err(|refusal| anyhow::anyhow!("ADMIN_PASSWORD: {}", refusal.message))?;
        }
        self.make_first_admin(email, password).await.map_err(ServiceError::into_anyhow)
    }

    async fn make_first_admin(&self, email: &str, password: Option<String>) -> ServiceResult<Option<NewAdmin>> {
        if db::users::any(self.inner.db.conn()).await? {
            return Ok(None);
        }
        let (password, generated) = self.given_or_generated(password);
        let hash = self.inner.passwords.hash(password).await?;
        let admin = User { is_admin: true, ..self.new_user(email) };
        match db::users::insert(self.inner.db.conn(), &admin, Some(hash)).await? {
            Saved::Done => Ok(Some(NewAdmin { email: admin.email, generated_password: generated })),
            // Another process starts at the same time.
            Saved::Duplicate => Ok(None),
        }
    }

    /// The user of an address, if there is one.
    pub async fn find(&self, email: &str) -> ServiceResult<Option<User>> {
        let found = db::users::find_by_email(self.inner.db.conn(), &email.trim().to_lowercase()).await?;
        Ok(found.map(|(user, _)| user))
    }

    /// The user of an address, made without a password if there is none.
    pub async fn find_or_make(&self, email: &str) -> ServiceResult<User> {
        let user = self.new_user(email);
        let conn = self.inner.db.conn();
        if let Some((found, _)) = db::users::find_by_email(conn, &user.email).await? {
            return Ok(found);
        }
        if db::users::insert(conn, &user, None).await? == Saved::Done {
            return Ok(user);
        }
        // Another process made it in between.
        let found = db::users::find_by_email(conn, &user.email).await?;
        found
            .map(|(found, _)| found)
            .ok_or_else(|| ServiceError::Internal(anyhow::anyhow!("a user exists, but was not found")))
    }

    pub(super) fn new_user(&self, email: &str) -> User {
        let email = email.trim().to_lowercase();
        User {
            id: UserId(self.inner.clock.new_id()),
            display_name: email.split('@').next().unwrap_or_default().chars().take(MAX_NAME).collect(),
            email,
            email_verified_at: None,
            is_admin: false,
            last_login: None,
            deactivated_at: None,
            avatar: None,
            second_factor_at: None,
            created_at: self.inner.clock.now(),
        }
    }
}
