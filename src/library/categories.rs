//! Categories: what may be uploaded, kept by administrators.

use serde_json::json;

use super::Library;
use crate::{
    db::{self, Saved},
    domain::{
        access,
        audit::{AuditAction, Audited},
        caller::{Caller, TokenScope},
        category::{Category, CategoryChange, slug_of},
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::CategoryId,
        user::Permission,
    },
};

/// The first category's name.
const GENERAL: &str = "general";

impl Library {
    /// All categories by name; inactive ones only for those who manage them.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller; `Forbidden` for inactive ones without the permission.
    pub async fn categories(&self, caller: &Caller, include_inactive: bool) -> ServiceResult<Vec<Category>> {
        let viewer = if include_inactive {
            caller.with(Permission::ManageCategories)?
        } else {
            caller.acting(TokenScope::Read)?
        };
        let mut found = db::categories::list(self.inner.db.conn(), include_inactive).await?;
        found.retain(|category| access::may_use(viewer, category));
        Ok(found)
    }

    /// The category of avatars.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn avatar_category(&self, caller: &Caller) -> ServiceResult<Category> {
        caller.acting(TokenScope::Read)?;
        let found = db::categories::find(self.inner.db.conn(), CategoryId::AVATARS).await?;
        found.ok_or_else(|| ServiceError::Internal(anyhow::anyhow!("the category of avatars is missing")))
    }

    /// One category, if the caller may see it.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn category(&self, caller: &Caller, id: CategoryId) -> ServiceResult<Option<Category>> {
        let identity = caller.acting(TokenScope::Read)?;
        let found = db::categories::find(self.inner.db.conn(), id).await?;
        let is_seen = |category: &Category| {
            let is_managed = identity.may(Permission::ManageCategories);
            is_managed || (category.is_active && access::may_use(identity, category))
        };
        Ok(found.filter(is_seen))
    }

    /// Makes a category.
    ///
    /// # Errors
    /// `CATEGORY_EXISTS`, or every rule that a field breaks.
    pub async fn create_category(&self, caller: &Caller, change: CategoryChange) -> ServiceResult<Category> {
        caller.with(Permission::ManageCategories)?;
        let id = CategoryId(self.inner.clock.new_id());
        let slug = self.free_slug(id, change.name.as_deref().unwrap_or_default()).await?;
        let mut category = Category::new(id, slug, self.inner.rules.max_upload_size, self.inner.clock.now());
        category.apply(change, self.inner.rules.max_upload_size)?;
        let transaction = self.inner.db.begin().await?;
        check_groups(&transaction, &category).await?;
        if db::categories::insert(&transaction, &category).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
        self.audit(&transaction, caller, AuditAction::CategoryCreated, &category).await?;
        transaction.commit().await?;
        Ok(category)
    }

    /// Changes a category. Images that are there already stay as they are.
    ///
    /// # Errors
    /// `CATEGORY_NOT_FOUND`, `CATEGORY_EXISTS`, or every rule that a field breaks.
    pub async fn update_category(
        &self,
        caller: &Caller,
        id: CategoryId,
        change: CategoryChange,
    ) -> ServiceResult<Category> {
        caller.with(Permission::ManageCategories)?;
        let transaction = self.inner.db.begin().await?;
        let Some(mut category) = db::categories::lock(&transaction, id).await? else {
            let why = "There is no such category.";
            return Err(Refusal::on("categoryId", UserErrorCode::CategoryNotFound, why).into());
        };
        if id == CategoryId::AVATARS && (change.is_active == Some(false) || change.groups.is_some()) {
            let why = "The category of avatars is everybody's.";
            return Err(Refusal::on("categoryId", UserErrorCode::InvalidState, why).into());
        }
        let limited_before = category.groups.clone();
        category.apply(change, self.inner.rules.max_upload_size)?;
        if category.groups != limited_before {
            check_groups(&transaction, &category).await?;
        }
        if db::categories::update(&transaction, &category).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
        self.audit(&transaction, caller, AuditAction::CategoryUpdated, &category).await?;
        transaction.commit().await?;
        self.inner.categories.clear();
        Ok(category)
    }

    async fn audit(
        &self,
        transaction: &db::Transaction,
        caller: &Caller,
        action: AuditAction,
        category: &Category,
    ) -> ServiceResult<()> {
        let done = Audited::new(action, caller.actor(TokenScope::Administer)?, Some(category.id.0));
        let done = done.with(json!({"name": category.name, "isActive": category.is_active}));
        Ok(db::audit::append(transaction, &self.inner.clock, done).await?)
    }

    /// Makes the first category of an empty database, and that of avatars.
    pub async fn ensure_categories(&self) -> ServiceResult<()> {
        self.ensure_avatars().await?;
        if !db::categories::list(self.inner.db.conn(), true).await?.is_empty() {
            return Ok(());
        }
        let id = CategoryId(self.inner.clock.new_id());
        let general = Category::new(id, GENERAL.to_owned(), self.inner.rules.max_upload_size, self.inner.clock.now());
        // A duplicate is another process's that starts at the same time.
        db::categories::insert(self.inner.db.conn(), &general).await?;
        Ok(())
    }

    async fn ensure_avatars(&self) -> ServiceResult<()> {
        let conn = self.inner.db.conn();
        // Somebody may have a category of that name.
        for name in ["avatars", "darkroom-avatars"] {
            if db::categories::find(conn, CategoryId::AVATARS).await?.is_none() {
                let avatars = Category::avatars(name, self.inner.rules.max_upload_size, self.inner.clock.now());
                db::categories::insert(conn, &avatars).await?;
            }
        }
        Ok(())
    }

    /// The name made fit for keys; with the id behind it where that is taken or nothing is left of it.
    pub(super) async fn free_slug(&self, id: CategoryId, name: &str) -> ServiceResult<String> {
        let slug = slug_of(name);
        let is_free = !slug.is_empty() && !db::categories::slug_exists(self.inner.db.conn(), &slug).await?;
        Ok(if is_free { slug } else { format!("{slug}-{}", id.0.simple()).trim_start_matches('-').to_owned() })
    }
}

/// Checks that all groups that a category is limited to are there.
async fn check_groups(transaction: &db::Transaction, category: &Category) -> ServiceResult<()> {
    let found = db::groups::find_many(transaction, &category.groups).await?;
    if found.len() == category.groups.len() {
        return Ok(());
    }
    Err(Refusal::on("groupIds", UserErrorCode::GroupNotFound, "There is no such group.").into())
}

fn name_is_taken() -> Refusal {
    let why = "Another category has this name; upper and lower case are not distinguished.";
    Refusal::on("name", UserErrorCode::CategoryExists, why)
}
