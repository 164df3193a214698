//! Keeps mutations out of requests that must not change anything, persisted ones included.

use std::sync::Arc;

use async_graphql::{
    ServerError, ServerResult, Variables,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery},
    parser::types::{ExecutableDocument, OperationType},
};

const CODE: &str = "METHOD_NOT_ALLOWED";

/// Marks a request that came by GET.
pub struct ReadOnly {
    /// Which of its document's operations is meant.
    pub operation: Option<String>,
}

/// The extension that looks for the mark.
pub(super) struct ReadOnlyGuard;

impl ExtensionFactory for ReadOnlyGuard {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for ReadOnlyGuard {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        let Some(ReadOnly { operation }) = ctx.data_opt::<ReadOnly>() else { return Ok(document) };
        let is_meant = |name: Option<&str>| operation.is_none() || name == operation.as_deref();
        let changes_something = document.operations.iter().any(|(name, found)| {
            is_meant(name.map(async_graphql::Name::as_str)) && found.node.ty != OperationType::Query
        });
        if changes_something {
            let mut error = ServerError::new("Only queries can be sent by GET: use POST.", None);
            error.extensions.get_or_insert_default().set("code", CODE);
            return Err(error);
        }
        Ok(document)
    }
}

/// Whether an error came from here.
pub fn is_violation(error: &ServerError) -> bool {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    code == Some(&async_graphql::Value::from(CODE))
}
