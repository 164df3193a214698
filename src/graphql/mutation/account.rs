//! The caller's own account.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, parse_id, split},
    types::{
        account::{
            BeginTotpInput, BeginTotpPayload, ConfirmTotpInput, ConfirmTotpPayload, DataExportPayload,
            DeleteMyAccountInput, DisableTotpInput, SetAvatarInput,
        },
        administration::{UpdateProfileInput, UserPayload},
    },
};

/// The caller's own account.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Changes the caller's profile.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new profile.")] input: UpdateProfileInput,
    ) -> Result<UserPayload> {
        let renamed = ctx.services().accounts.rename_self(ctx.caller(), &input.display_name).await;
        Ok(split(renamed)?.into())
    }

    /// Sets or removes the picture of the caller, which everybody sees who sees the user.
    async fn set_avatar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new picture.")] input: SetAvatarInput,
    ) -> Result<UserPayload> {
        let image = input.image_id.as_ref().map(parse_id).transpose()?;
        Ok(split(ctx.services().accounts.set_avatar(ctx.caller(), image).await)?.into())
    }

    /// Requests a copy of everything that belongs to the caller's account, at most once a day. It is made in the background:
    /// see `dataExports`.
    #[graphql(directive = cost::cost::apply(10_000))]
    async fn export_my_data(&self, ctx: &Context<'_>) -> Result<DataExportPayload, ApiError> {
        Ok(split(ctx.services().library.request_export(ctx.caller()).await)?.into())
    }

    /// Deletes the caller's account after 14 days, with everything that belongs to it: images, albums, shares, links and
    /// tokens. All sessions and API tokens end at once. Until then, `cancelAccountDeletion` keeps the account.
    #[graphql(directive = cost::cost::apply(500))]
    async fn delete_my_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The confirmation.")] input: DeleteMyAccountInput,
    ) -> Result<UserPayload, ApiError> {
        let deleted = ctx.services().accounts.delete_self(ctx.caller(), input.password, &ctx.client()).await;
        Ok(split(deleted)?.into())
    }

    /// Keeps the caller's account, whose deletion was requested by `deleteMyAccount`.
    async fn cancel_account_deletion(&self, ctx: &Context<'_>) -> Result<UserPayload, ApiError> {
        Ok(split(ctx.services().accounts.cancel_deletion(ctx.caller()).await)?.into())
    }

    /// Begins to set up a second factor: codes of an app by TOTP. It is asked for once `confirmTotp` has confirmed it.
    #[graphql(directive = cost::cost::apply(500))]
    async fn begin_totp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The confirmation.")] input: BeginTotpInput,
    ) -> Result<BeginTotpPayload, ApiError> {
        let begun = ctx.services().accounts.begin_totp(ctx.caller(), input.password, &ctx.client()).await;
        Ok(split(begun)?.into())
    }

    /// Confirms the second factor that was begun. From then on, `logIn` requires a code.
    #[graphql(directive = cost::cost::apply(50))]
    async fn confirm_totp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code of the app.")] input: ConfirmTotpInput,
    ) -> Result<ConfirmTotpPayload, ApiError> {
        let confirmed = ctx.services().accounts.confirm_totp(ctx.caller(), &input.code, &ctx.client()).await;
        Ok(split(confirmed)?.into())
    }

    /// Removes the second factor of the caller.
    #[graphql(directive = cost::cost::apply(500))]
    async fn disable_totp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The confirmation.")] input: DisableTotpInput,
    ) -> Result<UserPayload, ApiError> {
        let DisableTotpInput { password, code } = input;
        let disabled = ctx.services().accounts.disable_totp(ctx.caller(), password, &code, &ctx.client()).await;
        Ok(split(disabled)?.into())
    }
}
