//! Users and groups, for those who manage them.

use async_graphql::{Description, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    connection::PageInfo,
    paging::{self, page_info, place_of},
    user::{Group, Permission, User},
    user_error::UserError,
};
use crate::{
    accounts::{GroupChange, NewUser, UserPage},
    domain::{
        self,
        error::{Refusal, UserErrorCode},
        ids::{GroupId, UserId},
    },
    graphql::error::parse_id,
};

/// One page of a list of users.
#[derive(Description)]
pub struct UserConnection(pub UserPage);

/// A user at a place in a list.
#[derive(SimpleObject)]
pub struct UserEdge {
    /// The user.
    node: User,
    /// The position of the user in the list, for `after`.
    cursor: String,
}

#[Object(use_type_description)]
impl UserConnection {
    /// The users of the page, each with its cursor.
    async fn edges(&self) -> Vec<UserEdge> {
        let users = self.0.users.iter();
        users.map(|user| UserEdge { cursor: cursor_of(user), node: User::from(user.clone()) }).collect()
    }

    /// The users of the page without their cursors.
    async fn nodes(&self) -> Vec<User> {
        self.0.users.iter().cloned().map(User::from).collect()
    }

    /// The position of the page in the list.
    async fn page_info(&self) -> PageInfo {
        page_info(self.0.users.first().map(cursor_of), self.0.users.last().map(cursor_of), self.0.has_more)
    }
}

/// The address, which is what the list is sorted by.
fn cursor_of(user: &domain::user::User) -> String {
    paging::cursor_of(&user.email)
}

/// The address that a cursor stands for.
///
/// # Errors
/// `BAD_USER_INPUT` for what is no cursor of this list.
pub fn address_of(cursor: &str) -> Result<String> {
    place_of(cursor, |address| Some(address.to_owned()))
}

/// The account to create.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The email address, which is what the user signs in with. Stored in lower case.
    email: String,
    /// The display name: 1 to 100 characters. Defaults to the part of the address before the `@`.
    display_name: Option<String>,
    /// The password: 10 to 128 characters, none of the most common passwords, not similar to the email address or the
    /// name. Without one, nobody can sign in as the user.
    password: Option<String>,
    /// The groups of the user. Defaults to none.
    #[graphql(default)]
    group_ids: Vec<ID>,
}

impl CreateUserInput {
    /// The account, for the service to check.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(self) -> Result<NewUser> {
        let Self { email, display_name, password, group_ids } = self;
        Ok(NewUser { email, display_name, password, groups: ids(&group_ids)? })
    }
}

/// The groups that a user is to be a member of.
#[derive(InputObject)]
pub struct SetUserGroupsInput {
    /// The id of the user.
    user_id: ID,
    /// All groups of the user. The user leaves every other group.
    group_ids: Vec<ID>,
}

impl SetUserGroupsInput {
    /// The user, and the groups.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(&self) -> Result<(UserId, Vec<GroupId>)> {
        Ok((parse_id(&self.user_id)?, ids(&self.group_ids)?))
    }
}

fn ids(ids: &[ID]) -> Result<Vec<GroupId>> {
    ids.iter().map(parse_id).collect()
}

/// The account to deactivate.
#[derive(InputObject)]
pub struct DeactivateUserInput {
    /// The id of the user.
    pub user_id: ID,
}

/// The account to reactivate.
#[derive(InputObject)]
pub struct ReactivateUserInput {
    /// The id of the user.
    pub user_id: ID,
}

/// The fate of the images of a user who is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ImagesOfDeletedUser {
    /// They are deleted permanently.
    Delete,
    /// They become another user's, also those in the trash. They leave all albums and are no longer shared. Unfinished
    /// uploads, and failed ones of which nothing was kept, are deleted. The limit of the receiver's storage does not count.
    Transfer,
}

/// The account to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The id of the user.
    user_id: ID,
    /// The fate of the user's images.
    images: ImagesOfDeletedUser,
    /// The id of the user who receives the images. Required with TRANSFER, and with it alone.
    transfer_to_user_id: Option<ID>,
}

impl DeleteUserInput {
    /// The user, and whose the images are to be.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a malformed id.
    pub fn request(&self) -> Result<Result<(UserId, Option<UserId>), Refusal>> {
        let heir = self.transfer_to_user_id.as_ref().map(parse_id).transpose()?;
        if (self.images == ImagesOfDeletedUser::Transfer) != heir.is_some() {
            let why = "`transferToUserId` is required with TRANSFER, and with it alone.";
            return Ok(Err(Refusal::on("transferToUserId", UserErrorCode::InvalidValue, why)));
        }
        Ok(Ok((parse_id(&self.user_id)?, heir)))
    }
}

/// The profile of the caller.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// The display name: 1 to 100 characters.
    pub display_name: String,
}

/// The result of a mutation of a user.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user after the change. Null when there are userErrors.
    user: Option<User>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The group to create.
#[derive(InputObject)]
pub struct CreateGroupInput {
    /// The name of the group: 1 to 100 characters, unlike any other.
    pub name: String,
    /// The permissions of the members.
    pub permissions: Vec<Permission>,
}

/// The changes to a group. A field left out stays as it is.
#[derive(InputObject)]
pub struct UpdateGroupInput {
    /// The id of the group.
    pub group_id: ID,
    /// The name of the group: 1 to 100 characters, unlike any other.
    name: Option<String>,
    /// All permissions of the members.
    permissions: Option<Vec<Permission>>,
}

impl UpdateGroupInput {
    /// What is to be different.
    pub fn change(self) -> GroupChange {
        let of = |permissions: Vec<Permission>| permissions.into_iter().map(domain::user::Permission::from).collect();
        let permissions = self.permissions.map(of);
        GroupChange { name: self.name, permissions }
    }
}

/// The group to delete.
#[derive(InputObject)]
pub struct DeleteGroupInput {
    /// The id of the group.
    pub group_id: ID,
}

/// The result of `createGroup` and `updateGroup`.
#[derive(SimpleObject)]
pub struct GroupPayload {
    /// The group after the change. Null when there are userErrors.
    group: Option<Group>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `deleteGroup`.
#[derive(SimpleObject)]
pub struct DeleteGroupPayload {
    /// The id of the group that was deleted. Null when there are userErrors.
    deleted_group_id: Option<ID>,
    /// The reasons why nothing was done. Empty on success.
    user_errors: Vec<UserError>,
}

super::user_error::payload!(UserPayload { user: domain::user::User => User::from });
super::user_error::payload!(GroupPayload { group: domain::user::Group => Group });
super::user_error::payload!(DeleteGroupPayload { deleted_group_id: GroupId => ID::from });
