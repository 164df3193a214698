//! Categories, and what administrators say of them.

use std::sync::Arc;

use async_graphql::{Description, ID, InputObject, Object, SimpleObject};

use super::{scalars::ByteSize, user_error::UserError};
use crate::domain::{self, category::CategoryChange};

/// A category of images, with its own rules for uploads.
#[derive(Description)]
pub struct Category(pub Arc<domain::category::Category>);

#[Object(use_type_description)]
impl Category {
    /// The id of the object, a UUIDv7.
    pub async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// The display name, unique regardless of case. Example: `"general"`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// A description of the images that belong to the category.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The size of the largest file that the category accepts, in bytes.
    async fn max_file_size(&self) -> ByteSize {
        ByteSize(self.0.max_file_size)
    }

    /// The file extensions that the category accepts, in lower case and without the dot. Example: `["jpg", "jpeg",
    /// "png"]`.
    async fn allowed_extensions(&self) -> &[String] {
        &self.0.allowed_extensions
    }

    /// Whether the category accepts uploads.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }
}

/// The category to create.
#[derive(InputObject)]
pub struct CreateCategoryInput {
    /// The display name: 1 to 100 characters, unique regardless of case.
    name: String,
    /// The description of the category. At most 2000 characters.
    description: Option<String>,
    /// The size of the largest accepted file in bytes. The server's MAX_UPLOAD_SIZE is the maximum and the default.
    max_file_size: Option<ByteSize>,
    /// The accepted file extensions, with or without the dot, in any case. Defaults to every extension that the server
    /// supports.
    allowed_extensions: Option<Vec<String>>,
    /// Whether the category accepts uploads. Defaults to true.
    is_active: Option<bool>,
}

/// The changes of a category. Fields that are left out stay unchanged.
#[derive(InputObject)]
pub struct UpdateCategoryInput {
    /// The id of the category.
    pub category_id: ID,
    /// The display name: 1 to 100 characters, unique regardless of case.
    name: Option<String>,
    /// The description of the category. At most 2000 characters.
    description: Option<String>,
    /// The size of the largest accepted file in bytes. The server's MAX_UPLOAD_SIZE is the maximum.
    max_file_size: Option<ByteSize>,
    /// The accepted file extensions, with or without the dot, in any case.
    allowed_extensions: Option<Vec<String>>,
    /// Whether the category accepts uploads.
    is_active: Option<bool>,
}

/// The result of creating or updating a category.
#[derive(SimpleObject)]
pub struct CategoryPayload {
    /// The category after the change. Null when there are userErrors.
    category: Option<Category>,
    /// The reasons why nothing was done. Empty on success.
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
