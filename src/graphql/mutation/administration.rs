//! Users and groups.

use async_graphql::{Context, Object, Result};

use crate::{
    domain,
    graphql::{
        FromContext, cost,
        error::{parse_id, split},
        types::administration::{
            CreateGroupInput, CreateUserInput, DeactivateUserInput, DeleteGroupInput, DeleteGroupPayload,
            DeleteUserInput, GroupPayload, ReactivateUserInput, SetUserGroupsInput, UpdateGroupInput, UserPayload,
        },
    },
};

/// Users and groups.
#[derive(Default)]
pub struct AdministrationMutation;

#[Object]
impl AdministrationMutation {
    /// Creates an account. Requires the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(500))]
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to create.")] input: CreateUserInput,
    ) -> Result<UserPayload> {
        let created = ctx.services().accounts.create_user(ctx.caller(), input.request()?).await;
        Ok(split(created)?.into())
    }

    /// Makes a user a member of the given groups and of no others. Takes effect at once, also for open WebSockets, which
    /// are closed to connect again. Requires the permission MANAGE_USERS and every permission of the groups that the
    /// user joins or leaves. Only administrators can change administrators.
    #[graphql(directive = cost::cost::apply(50))]
    async fn set_user_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user and the groups.")] input: SetUserGroupsInput,
    ) -> Result<UserPayload> {
        let (user, groups) = input.request()?;
        let changed = ctx.services().accounts.set_user_groups(ctx.caller(), user, groups).await;
        Ok(split(changed)?.into())
    }

    /// Deactivates an account: its sessions and API tokens end within a second, and nobody can sign in as the user. The
    /// images of the user stay. Requires the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(50))]
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to deactivate.")] input: DeactivateUserInput,
    ) -> Result<UserPayload> {
        let id = parse_id(&input.user_id)?;
        let changed = ctx.services().accounts.deactivate_user(ctx.caller(), id).await;
        Ok(split(changed)?.into())
    }

    /// Reactivates an account: the user can sign in again. Requires the permission MANAGE_USERS.
    #[graphql(directive = cost::cost::apply(50))]
    async fn reactivate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to reactivate.")] input: ReactivateUserInput,
    ) -> Result<UserPayload> {
        let id = parse_id(&input.user_id)?;
        let changed = ctx.services().accounts.reactivate_user(ctx.caller(), id).await;
        Ok(split(changed)?.into())
    }

    /// Deletes an account at once, with everything that belongs to it. Its images are deleted, or become another user's.
    /// Requires the permission MANAGE_USERS, and DELETE_ANY_IMAGE to delete the images or CHANGE_ANY_IMAGE to transfer
    /// them. Only administrators can delete administrators.
    #[graphql(directive = cost::cost::apply(500))]
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to delete, and the fate of its images.")] input: DeleteUserInput,
    ) -> Result<UserPayload> {
        let (id, heir) = match input.request()? {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().accounts.delete_user(ctx.caller(), id, heir).await)?.into())
    }

    /// Creates a group. Requires the permission MANAGE_USERS and every permission of the group.
    #[graphql(directive = cost::cost::apply(50))]
    async fn create_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to create.")] input: CreateGroupInput,
    ) -> Result<GroupPayload> {
        let permissions = input.permissions.into_iter().map(domain::user::Permission::from).collect();
        let created = ctx.services().accounts.create_group(ctx.caller(), &input.name, permissions).await;
        Ok(split(created)?.into())
    }

    /// Changes a group. Takes effect at once for all members. Requires the permission MANAGE_USERS and every permission of
    /// the group before and after the change.
    #[graphql(directive = cost::cost::apply(50))]
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group and its changes.")] input: UpdateGroupInput,
    ) -> Result<GroupPayload> {
        let id = parse_id(&input.group_id)?;
        let changed = ctx.services().accounts.update_group(ctx.caller(), id, input.change()).await;
        Ok(split(changed)?.into())
    }

    /// Deletes a group. Its members lose its permissions at once. Requires the permission MANAGE_USERS and every
    /// permission of the group.
    #[graphql(directive = cost::cost::apply(50))]
    async fn delete_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group to delete.")] input: DeleteGroupInput,
    ) -> Result<DeleteGroupPayload> {
        let id = parse_id(&input.group_id)?;
        let deleted = ctx.services().accounts.delete_group(ctx.caller(), id).await;
        Ok(split(deleted)?.into())
    }
}
