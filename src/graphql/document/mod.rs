//! The one reading of a document: what is parsed here is what is measured and what is executed.
//!
//! async-graphql's own parser recurses without a bound and goes back over what it has read, so it never sees what a client
//! sent. This one reads each token once, from apollo-parser's lexer, and ends at the first that does not fit.

mod parser;
mod tokens;
mod values;

use async_graphql::{ServerError, parser::types::ExecutableDocument};

use self::parser::Parser;

/// The limits on a document's text.
#[derive(Debug, Clone, Copy)]
pub struct TextLimits {
    /// The size of the document in bytes.
    pub bytes: usize,
    /// Names, punctuators and values.
    pub tokens: usize,
    /// Selection sets, lists, objects and list types within each other.
    pub nesting: usize,
}

/// Reads an executable document: <https://spec.graphql.org/October2021/#sec-Document-Syntax>
///
/// # Errors
/// Where the syntax is wrong, or which limit the text exceeds.
pub fn read(text: &str, limits: TextLimits) -> Result<ExecutableDocument, ServerError> {
    if text.len() > limits.bytes {
        let message = format!("The document has {} bytes; {} are allowed.", text.len(), limits.bytes);
        return Err(ServerError::new(message, None));
    }
    Parser::new(text, limits).document()
}
