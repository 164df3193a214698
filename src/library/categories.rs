//! Categories: what may be uploaded, kept by administrators.

use super::Library;
use crate::{
    db::{self, Saved},
    domain::{
        caller::{Caller, TokenScope},
        category::{Category, CategoryChange, slug_of},
        error::{Refusal, ServiceResult, UserErrorCode},
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
        if include_inactive {
            caller.with(Permission::ManageCategories)?;
        } else {
            caller.acting(TokenScope::Read)?;
        }
        Ok(db::categories::list(self.inner.db.conn(), include_inactive).await?)
    }

    /// One category, if the caller may see it.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub async fn category(&self, caller: &Caller, id: CategoryId) -> ServiceResult<Option<Category>> {
        let identity = caller.acting(TokenScope::Read)?;
        let found = db::categories::find(self.inner.db.conn(), id).await?;
        Ok(found.filter(|category| category.is_active || identity.may(Permission::ManageCategories)))
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
        if db::categories::insert(self.inner.db.conn(), &category).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
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
        category.apply(change, self.inner.rules.max_upload_size)?;
        if db::categories::update(&transaction, &category).await? == Saved::Duplicate {
            return Err(name_is_taken().into());
        }
        transaction.commit().await?;
        self.inner.categories.clear();
        Ok(category)
    }

    /// Makes the first category of an empty database.
    pub async fn ensure_first_category(&self) -> ServiceResult<()> {
        if !db::categories::list(self.inner.db.conn(), true).await?.is_empty() {
            return Ok(());
        }
        let id = CategoryId(self.inner.clock.new_id());
        let general = Category::new(id, GENERAL.to_owned(), self.inner.rules.max_upload_size, self.inner.clock.now());
        // A duplicate is another process's that starts at the same time.
        db::categories::insert(self.inner.db.conn(), &general).await?;
        Ok(())
    }

    /// The name made fit for keys; with the id behind it where that is taken or nothing is left of it.
    pub(super) async fn free_slug(&self, id: CategoryId, name: &str) -> ServiceResult<String> {
        let slug = slug_of(name);
        let is_free = !slug.is_empty() && !db::categories::slug_exists(self.inner.db.conn(), &slug).await?;
        Ok(if is_free { slug } else { format!("{slug}-{}", id.0.simple()).trim_start_matches('-').to_owned() })
    }
}

fn name_is_taken() -> Refusal {
    let why = "Another category has this name; upper and lower case are not distinguished.";
    Refusal::on("name", UserErrorCode::CategoryExists, why)
}
