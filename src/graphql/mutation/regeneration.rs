//! Making images anew that are out of date.

use async_graphql::{Context, Object, Result};

use crate::{
    graphql::{
        FromContext, cost,
        error::{ApiError, split},
        types::regeneration::{RegenerateVariantsInput, RegenerationPayload},
    },
    uploads::Uploads,
};

/// Making images anew that are out of date.
#[derive(Default)]
pub struct RegenerationMutation;

#[Object]
impl RegenerationMutation {
    /// Starts a run through the library that makes anew what is out of date, one image at a time and with the lowest
    /// priority. `Query.regeneration` shows its progress. Requires the permission CHANGE_ANY_IMAGE.
    #[graphql(directive = cost::cost::apply(100))]
    async fn regenerate_variants(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The images to examine.")] input: RegenerateVariantsInput,
    ) -> Result<RegenerationPayload> {
        Uploads::check_regenerates(ctx.caller()).map_err(ApiError::from)?;
        let filter = match input.filter()? {
            Ok(filter) => filter,
            Err(refusal) => return Ok(Err(vec![refusal]).into()),
        };
        Ok(split(ctx.services().uploads.regenerate_for(ctx.caller(), filter).await)?.into())
    }

    /// Cancels the running regeneration. Images that were made anew before stay so. Requires the permission
    /// CHANGE_ANY_IMAGE.
    async fn cancel_regeneration(&self, ctx: &Context<'_>) -> Result<RegenerationPayload, ApiError> {
        Ok(split(ctx.services().uploads.cancel_regeneration_for(ctx.caller()).await)?.into())
    }
}
