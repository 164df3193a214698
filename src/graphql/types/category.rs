//! Categories, and what administrators say of them.

use std::sync::Arc;

use async_graphql::{Description, ID, InputObject, Object, SimpleObject};

use super::{scalars::ByteSize, user_error::UserError};
use crate::domain::{self, category::CategoryChange};

/// A kind of image, with rules of its own for what may be uploaded.
#[derive(Description)]
pub struct Category(pub Arc<domain::category::Category>);

#[Object(use_type_description)]
impl Category {
    /// A UUIDv7.
    pub async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The name to show, unique whatever its case. Example: `"general"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What belongs into it.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The largest file that it takes, in bytes.
    async fn max_file_size(&self) -> ByteSize {
        ByteSize(self.0.max_file_size)
    }

    /// The extensions that it takes, in lower case and without the dot. Example: `["jpg", "jpeg", "png"]`.
    async fn allowed_extensions(&self) -> &[String] {
        &self.0.allowed_extensions
    }

    /// Whether it takes uploads.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }
}

/// A category to make.
#[derive(InputObject)]
pub struct CreateCategoryInput {
    /// 1 to 100 characters, unique whatever their case.
    name: String,
    /// Up to 2000 characters.
    description: Option<String>,
    /// In bytes, at most the server's MAX_UPLOAD_SIZE, which is also the default.
    max_file_size: Option<ByteSize>,
    /// With or without the dot, in any case; by default every extension that the server knows.
    allowed_extensions: Option<Vec<String>>,
    /// Whether it takes uploads; it does by default.
    is_active: Option<bool>,
}

/// What to change of a category; what is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateCategoryInput {
    /// Which category.
    pub category_id: ID,
    /// 1 to 100 characters, unique whatever their case.
    name: Option<String>,
    /// Up to 2000 characters.
    description: Option<String>,
    /// In bytes, at most the server's MAX_UPLOAD_SIZE.
    max_file_size: Option<ByteSize>,
    /// With or without the dot, in any case.
    allowed_extensions: Option<Vec<String>>,
    /// Whether it takes uploads.
    is_active: Option<bool>,
}

/// The category as it is now, or what stood in the way.
#[derive(SimpleObject)]
pub struct CategoryPayload {
    /// The category; null when there are userErrors.
    category: Option<Category>,
    /// What has to be mended first; empty when it was done.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(CategoryPayload { category: domain::category::Category => Category::from });

impl From<domain::category::Category> for Category {
    fn from(category: domain::category::Category) -> Self {
        Self(Arc::new(category))
    }
}

impl From<CreateCategoryInput> for CategoryChange {
    fn from(input: CreateCategoryInput) -> Self {
        Self {
            name: Some(input.name),
            description: input.description,
            max_file_size: input.max_file_size.map(|size| size.0),
            allowed_extensions: input.allowed_extensions,
            is_active: input.is_active,
        }
    }
}

impl From<UpdateCategoryInput> for CategoryChange {
    fn from(input: UpdateCategoryInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            max_file_size: input.max_file_size.map(|size| size.0),
            allowed_extensions: input.allowed_extensions,
            is_active: input.is_active,
        }
    }
}
