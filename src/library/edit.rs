//! Editing: what is said of images, and which category they are in. One at a time, or up to a hundred at once.

use super::Library;
use crate::{
    db,
    domain::{
        batch::{Batch, Outcomes},
        category::Category,
        details::DetailsChange,
        error::{Refusal, ServiceResult, UserErrorCode, refusals_apart},
        ids::{CategoryId, ImageId},
        image::Image,
        user::{Caller, Permission},
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
        caller.user()?;
        let details = edit.details.check()?;
        let category = self.target(edit.category).await?;
        self.change(caller, id, category.as_ref(), |_| Ok(details)).await
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
        caller.user()?;
        let tags = |tags: Vec<String>| DetailsChange { tags: Some(tags), ..DetailsChange::default() }.check();
        let added = tags(edit.add_tags).map_err(|refusals| renamed(refusals, "addTags"))?.tags.unwrap_or_default();
        let removed = tags(edit.remove_tags).map_err(|refusals| renamed(refusals, "removeTags"))?;
        let removed = removed.tags.unwrap_or_default();
        let category = self.target(edit.category).await?;
        let mut outcomes = Vec::new();
        for id in batch.iter() {
            let retag = |image: &Image| {
                let kept = image.details.tags.iter().filter(|tag| !removed.contains(tag)).cloned();
                let tags = kept.chain(added.iter().cloned()).collect();
                let retagged = DetailsChange { tags: Some(tags), ..DetailsChange::default() }.check();
                retagged.map_err(|refusals| renamed(refusals, "addTags"))
            };
            let changed = self.change(caller, id, category.as_ref(), retag).await;
            outcomes.push((id, refusals_apart(changed)?));
        }
        Ok(outcomes)
    }

    async fn change(
        &self,
        caller: &Caller,
        id: ImageId,
        category: Option<&Category>,
        details: impl FnOnce(&Image) -> Result<DetailsChange, Vec<Refusal>>,
    ) -> ServiceResult<Image> {
        let user = caller.user()?;
        let now = self.inner.clock.now();
        let transaction = self.inner.db.begin().await?;
        let found = db::images::lock(&transaction, id).await?.filter(Image::is_visible);
        let found = found.filter(|image| user.may_with_image_of(image.owner, Permission::ChangeAnyImage));
        let mut image = found.ok_or_else(Refusal::image_not_found)?;
        let before = image.clone();
        let details = details(&image)?;
        image.describe(&details, now);
        if let Some(category) = category.filter(|category| category.id != image.category) {
            check_rules(&image, category)?;
            image.file_under(category.id, now);
        }
        if image.details != before.details {
            db::images::redescribe(&transaction, &image).await?;
        } else if image != before {
            db::images::update(&transaction, &image).await?;
        }
        transaction.commit().await?;
        Ok(image)
    }

    /// The category that images are to be moved to.
    async fn target(&self, id: Option<CategoryId>) -> ServiceResult<Option<Category>> {
        let Some(id) = id else { return Ok(None) };
        let found = db::categories::find(self.inner.db.conn(), id).await?.filter(|category| category.is_active);
        let why = "There is no such category, or it takes no images.";
        let found = found.ok_or_else(|| Refusal::on("categoryId", UserErrorCode::CategoryNotFound, why))?;
        Ok(Some(found))
    }
}

/// What would have been refused had the image been uploaded there.
fn check_rules(image: &Image, category: &Category) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    if image.file_size() > category.max_file_size {
        let (size, most) = (image.file_size(), category.max_file_size);
        let why = format!("The file has {size} bytes; that category takes {most} at most.");
        refusals.push(Refusal::on("categoryId", UserErrorCode::FileTooLarge, why));
    }
    if !category.allows(&image.filename.extension().unwrap_or_default()) {
        let why = format!("That category takes files of {} alone.", category.allowed_extensions.join(", "));
        refusals.push(Refusal::on("categoryId", UserErrorCode::UnsupportedExtension, why));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Refusals of a list of tags, under the name that the list has in the input.
fn renamed(refusals: Vec<Refusal>, field: &'static str) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| Refusal { field: vec![field], ..refusal }).collect()
}
