//! What is done by links in mails.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{ApiError, split},
    types::{
        administration::UserPayload,
        session::SessionPayload,
        sign_up::{
            AcceptInvitationInput, InviteUserInput, InviteUserPayload, MailPayload, RequestPasswordResetInput,
            ResetPasswordInput, SignUpInput, VerifyEmailInput,
        },
    },
};

/// What is done by links in mails.
#[derive(Default)]
pub struct SignUpMutation;

#[Object]
impl SignUpMutation {
    /// Signs up for an account. The session is always null: a mail is sent to the address, and the link in it makes the
    /// account by `verifyEmail`. The answer is the same for an address that has an account already; its owner is told by
    /// mail. Available if the server is open to sign-ups.
    #[graphql(directive = cost::cost::apply(2000))]
    async fn sign_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account to sign up for.")] input: SignUpInput,
    ) -> Result<SessionPayload, ApiError> {
        let signed_up = split(ctx.services().accounts.sign_up(input.into(), ctx.language()).await)?;
        Ok(SessionPayload::without_session(signed_up.err().unwrap_or_default()))
    }

    /// Confirms an email address by the link of a mail: makes the account of a sign-up, or marks the address of an existing
    /// account as verified. A link works once.
    #[graphql(directive = cost::cost::apply(500))]
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token of the link, and the password of a sign-up.")] input: VerifyEmailInput,
    ) -> Result<UserPayload, ApiError> {
        Ok(split(ctx.services().accounts.verify_email(&input.token, input.password, &ctx.client()).await)?.into())
    }

    /// Sends the caller a mail with a link that confirms the email address by `verifyEmail`.
    #[graphql(directive = cost::cost::apply(2000))]
    async fn request_email_verification(&self, ctx: &Context<'_>) -> Result<MailPayload, ApiError> {
        Ok(split(ctx.services().accounts.request_email_verification(ctx.caller(), ctx.language()).await)?.into())
    }

    /// Sends a mail with a link that sets another password by `resetPassword`, if there is an account of the address. An
    /// address receives at most three such mails an hour.
    #[graphql(directive = cost::cost::apply(2000))]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address of the account.")] input: RequestPasswordResetInput,
    ) -> Result<MailPayload, ApiError> {
        Ok(split(ctx.services().accounts.request_password_reset(&input.email, ctx.language()).await)?.into())
    }

    /// Sets another password by the link of a mail. All sessions and API tokens of the user end. A link works once.
    #[graphql(directive = cost::cost::apply(500))]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token of the link, and the new password.")] input: ResetPasswordInput,
    ) -> Result<UserPayload, ApiError> {
        Ok(split(ctx.services().accounts.reset_password(&input.token, input.new_password, &ctx.client()).await)?.into())
    }

    /// Sends an invitation by mail, whose link makes an account by `acceptInvitation`. Requires the permission MANAGE_USERS
    /// and every permission of the groups.
    #[graphql(directive = cost::cost::apply(2000))]
    async fn invite_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person to invite.")] input: InviteUserInput,
    ) -> Result<InviteUserPayload> {
        let groups = input.groups()?;
        let invited = ctx.services().accounts.invite(ctx.caller(), &input.email, &groups, ctx.language()).await;
        Ok(split(invited)?.into())
    }

    /// Makes an account by the link of an invitation. A link works once.
    #[graphql(directive = cost::cost::apply(500))]
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token of the link, and the password to choose.")] input: AcceptInvitationInput,
    ) -> Result<UserPayload, ApiError> {
        let AcceptInvitationInput { token, password, display_name } = input;
        Ok(split(ctx.services().accounts.accept_invitation(&token, password, display_name, &ctx.client()).await)?
            .into())
    }
}
