//! Editing: what is said of images, and which category they are in. One at a time, or up to a hundred at once.

use chrono::{DateTime, Utc};

use super::Library;
use crate::{
    changes::Decision,
    db,
    domain::{
        access::{self, Action},
        batch::{Batch, Outcomes},
        caller::{Caller, TokenScope},
        category::Category,
        change::Locked,
        details::DetailsChange,
        error::{Refusal, ServiceResult, UserErrorCode},
        ids::{CategoryId, ImageId},
        image::Image,
    },
};

/// What is to be said of one image; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ImageEdit {
    pub details: DetailsChange,
    pub category: Option<CategoryId>,
}

/// What is to change of many images.
#[derive(Debug, Clone, Default)]
pub struct BatchEdit {
    pub add_tags: Vec<String>,
    pub remove_tags: Vec<String>,
    pub category: Option<CategoryId>,
}

impl Library {
    /// Changes what is said of one image, and its category.
    ///
    /// # Errors
    /// `IMAGE_NOT_FOUND`, `CATEGORY_NOT_FOUND`, every rule of the category that the image breaks, and every limit
    /// that a field exceeds.
    pub async fn update_image(&self, caller: &Caller, id: ImageId, edit: ImageEdit) -> ServiceResult<Image> {
        caller.acting(TokenScope::Edit)?;
        let details = edit.details.check()?;
        let category = self.target(caller, edit.category).await?;
        let now = self.inner.clock.now();
        let edit = |locked: &Locked| edited(caller, locked, &details, category.as_ref(), now);
        self.inner.changes.change(id, caller.actor(TokenScope::Edit)?, edit).await
    }

    /// Changes many images, each by itself: where one is refused, the others are changed all the same.
    ///
    /// # Errors
    /// What is wrong with the tags or the category themselves.
    pub async fn update_images(
        &self,
        caller: &Caller,
        batch: &Batch,
        edit: BatchEdit,
    ) -> ServiceResult<Outcomes<Image>> {
        caller.acting(TokenScope::Edit)?;
        let tags = |tags: Vec<String>| DetailsChange { tags: Some(tags), ..DetailsChange::default() }.check();
        let added = tags(edit.add_tags).map_err(|refusals| renamed(refusals, "addTags"))?.tags.unwrap_or_default();
        let removed = tags(edit.remove_tags).map_err(|refusals| renamed(refusals, "removeTags"))?;
        let removed = removed.tags.unwrap_or_default();
        let category = self.target(caller, edit.category).await?;
        let now = self.inner.clock.now();
        let edit = |locked: &Locked| {
            let Locked { image, shared, .. } = locked;
            let kept = image.details.tags.iter().filter(|tag| !removed.contains(tag)).cloned();
            let tags = kept.chain(added.iter().cloned()).collect();
            let retagged = DetailsChange { tags: Some(tags), ..DetailsChange::default() }.check();
            let retagged = retagged.map_err(|refusals| renamed(refusals, "addTags"));
            // Nobody learns how many tags somebody else's image has.
            access::check(caller, Action::Change, image, *shared)?;
            edited(caller, locked, &retagged?, category.as_ref(), now)
        };
        self.inner.changes.change_many(batch, caller.actor(TokenScope::Edit)?, edit).await
    }

    /// The category that images are to be moved to.
    async fn target(&self, caller: &Caller, id: Option<CategoryId>) -> ServiceResult<Option<Category>> {
        let Some(id) = id else { return Ok(None) };
        let editor = caller.acting(TokenScope::Edit)?;
        // Avatars have other variants than all other images.
        let is_open = |category: &Category| {
            category.is_active && category.id != CategoryId::AVATARS && access::may_use(editor, category)
        };
        let found = db::categories::find(self.inner.db.conn(), id).await?.filter(is_open);
        let why = "The category does not exist or accepts no uploads.";
        let found = found.ok_or_else(|| Refusal::on("categoryId", UserErrorCode::CategoryNotFound, why))?;
        Ok(Some(found))
    }
}

/// What editing an image comes to.
fn edited(
    caller: &Caller,
    Locked { image, shared, .. }: &Locked,
    details: &DetailsChange,
    category: Option<&Category>,
    now: DateTime<Utc>,
) -> Decision {
    access::check(caller, Action::Change, image, *shared)?;
    if let Some(category) = category.filter(|category| category.id != image.category) {
        check_rules(image, category)?;
    }
    Ok(image.edit(details, category.map(|category| category.id), now))
}

/// What would have been refused had the image been uploaded there.
fn check_rules(image: &Image, category: &Category) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if image.category == CategoryId::AVATARS {
        let why = "An avatar stays in its category.";
        refusals.push(Refusal::on("categoryId", UserErrorCode::InvalidState, why));
    }
    if image.file_size() > category.max_file_size {
        let (size, most) = (image.file_size(), category.max_file_size);
        let why = format!("The file has {size} bytes; the category accepts at most {most}.");
        refusals.push(Refusal::on("categoryId", UserErrorCode::FileTooLarge, why));
    }
    if !category.allows(&image.filename.extension().unwrap_or_default()) {
        let why = format!("The category accepts only files of {}.", category.allowed_extensions.join(", "));
        refusals.push(Refusal::on("categoryId", UserErrorCode::UnsupportedExtension, why));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Refusals of a list of tags, under the name that the list has in the input.
fn renamed(refusals: Vec<Refusal>, field: &'static str) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| Refusal { field: vec![field], ..refusal }).collect()
}
