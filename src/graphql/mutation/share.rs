//! Sharing.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    FromContext, cost,
    error::{parse_id, split},
    types::{
        share::{ShareInput, SharePayload, UnshareInput, UnsharePayload},
        share_link::{
            CreateShareLinkInput, OpenShareLinkInput, OpenShareLinkPayload, RevokeShareLinkInput,
            RevokeShareLinkPayload, ShareLinkPayload,
        },
    },
};

/// Sharing.
#[derive(Default)]
pub struct ShareMutation;

#[Object]
impl ShareMutation {
    /// Shares an image or an album of the caller with a person or a group, or changes their access.
    #[graphql(directive = cost::cost::apply(50))]
    async fn share(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image or album and the person or group.")] input: ShareInput,
    ) -> Result<SharePayload> {
        let new = match input.request()? {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().sharing.share(ctx.caller(), new).await)?.into())
    }

    /// Ends a share: one of the caller's, or one with the caller's email address. Subscriptions that depend on it complete
    /// within a second.
    #[graphql(directive = cost::cost::apply(20))]
    async fn unshare(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The share to end.")] input: UnshareInput,
    ) -> Result<UnsharePayload> {
        let id = parse_id(&input.share_id)?;
        Ok(split(ctx.services().sharing.unshare(ctx.caller(), id).await)?.into())
    }

    /// Creates a link that shows an image or an album of the caller to everybody who has it, without an account: the
    /// variants and the texts, no metadata, and no originals unless they are allowed.
    #[graphql(directive = cost::cost::apply(500))]
    async fn create_share_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The image or album, and the conditions of the link.")] input: CreateShareLinkInput,
    ) -> Result<ShareLinkPayload> {
        let new = match input.request()? {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().sharing.create_link(ctx.caller(), new).await)?.into())
    }

    /// Ends a link of the caller at once. URLs of pictures that it gave out before stay valid until they expire.
    #[graphql(directive = cost::cost::apply(20))]
    async fn revoke_share_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link to end.")] input: RevokeShareLinkInput,
    ) -> Result<RevokeShareLinkPayload> {
        let id = parse_id(&input.share_link_id)?;
        Ok(split(ctx.services().sharing.revoke_link(ctx.caller(), id).await)?.into())
    }

    /// Opens a link, and counts that it was opened. No account is required.
    #[graphql(directive = cost::cost::apply(500))]
    async fn open_share_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and its password.")] input: OpenShareLinkInput,
    ) -> Result<OpenShareLinkPayload> {
        let sharing = &ctx.services().sharing;
        let opened = split(sharing.open_link(&input.token, input.password, ctx.client().address).await)?;
        if let Ok(opened) = &opened {
            sharing.count_view(&opened.link);
        }
        Ok(opened.into())
    }
}
