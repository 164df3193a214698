//! Categories, and what administrators say of them.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, InputObject, Object, SimpleObject};

use super::{scalars::ByteSize, user::Group, user_error::UserError};
use crate::{
    domain::{self, caller::Identity, category::CategoryChange, ids::GroupId},
    graphql::{
        FromContext, cost,
        error::{ApiError, parse_id},
        loaders,
    },
};

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

    /// Whether the category is limited to certain groups: only their members and callers with the permission
    /// MANAGE_CATEGORIES see it in lists and upload to it.
    async fn is_restricted(&self) -> bool {
        !self.0.groups.is_empty()
    }

    /// The groups to which the category is limited. Empty without the permission MANAGE_CATEGORIES.
    #[graphql(directive = cost::cost::apply(5), directive = cost::list_size::apply(10, None, None))]
    async fn groups(&self, ctx: &Context<'_>) -> Result<Vec<Group>, ApiError> {
        let manages = |identity: &Identity| identity.may(domain::user::Permission::ManageCategories);
        if !ctx.caller().identity().is_some_and(manages) {
            return Ok(Vec::new());
        }
        let mut groups = Vec::new();
        for id in &self.0.groups {
            groups.extend(loaders::load(ctx, *id).await?.map(|group| Group(Arc::unwrap_or_clone(group))));
        }
        Ok(groups)
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
    /// The ids of the groups whose members may use the category. Empty for everybody.
    group_ids: Option<Vec<ID>>,
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
    /// The ids of the groups whose members may use the category. Empty for everybody.
    group_ids: Option<Vec<ID>>,
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

impl CreateCategoryInput {
    /// What is to be set.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn change(self) -> async_graphql::Result<CategoryChange> {
        Ok(CategoryChange {
            name: Some(self.name),
            description: self.description,
            max_file_size: self.max_file_size.map(|size| size.0),
            allowed_extensions: self.allowed_extensions,
            is_active: self.is_active,
            groups: groups(self.group_ids)?,
        })
    }
}

impl UpdateCategoryInput {
    /// What is to be different.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn change(self) -> async_graphql::Result<CategoryChange> {
        Ok(CategoryChange {
            name: self.name,
            description: self.description,
            max_file_size: self.max_file_size.map(|size| size.0),
            allowed_extensions: self.allowed_extensions,
            is_active: self.is_active,
            groups: groups(self.group_ids)?,
        })
    }
}

fn groups(ids: Option<Vec<ID>>) -> async_graphql::Result<Option<Vec<GroupId>>> {
    ids.map(|ids| ids.iter().map(parse_id).collect()).transpose()
}
