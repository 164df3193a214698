//! What a single operation may ask for, checked before async-graphql sees it.
//!
//! The counts follow fragments, each counted once and remembered: fragments that spread each other ten
//! times over ten levels ask for 10^10 fields in a hundred tokens, and would keep a naive walk busy for ever.

use std::collections::HashMap;

use apollo_parser::{Lexer, TokenKind};
use async_graphql::{
    Name, Positioned, Request, ServerError,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

/// The limits on one operation.
#[derive(Debug, Clone, Copy)]
pub struct OperationLimits {
    /// Names, punctuators and values in the text.
    pub tokens: usize,
    /// Brackets of any kind within each other.
    pub nesting: usize,
    /// Levels of fields; introspection does not count.
    pub depth: usize,
    /// Fields after every fragment has been spread.
    pub fields: usize,
    pub aliases: usize,
    pub directives: usize,
    /// As async-graphql reckons it: fields, times the length of the lists around them.
    pub complexity: usize,
}

impl Default for OperationLimits {
    fn default() -> Self {
        Self { tokens: 2000, nesting: 64, depth: 12, fields: 1000, aliases: 50, directives: 50, complexity: 5_000 }
    }
}

/// What a selection asks for, everything spread out.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    depth: usize,
    fields: usize,
    aliases: usize,
    directives: usize,
}

impl OperationLimits {
    /// Parses a request, if it keeps within the limits.
    ///
    /// # Errors
    /// What exceeds which limit, or where the syntax is wrong.
    pub(super) fn check(&self, request: &mut Request) -> Result<(), ServerError> {
        self.check_text(&request.query)?;
        let document = request.parsed_query()?;
        let cost = Measure { document, known: HashMap::new() }.document()?;
        let counts = [
            ("levels of fields", cost.depth, self.depth),
            ("fields", cost.fields, self.fields),
            ("aliases", cost.aliases, self.aliases),
            ("directives", cost.directives, self.directives),
        ];
        match counts.into_iter().find(|(_, count, limit)| count > limit) {
            Some((what, _, limit)) => Err(exceeded(what, limit)),
            None => Ok(()),
        }
    }

    /// Counts tokens and open brackets before anything is parsed: parsers recurse, and stacks end.
    fn check_text(&self, text: &str) -> Result<(), ServerError> {
        let (mut tokens, mut open) = (0, 0_usize);
        for token in Lexer::new(text).filter_map(Result::ok) {
            match token.kind() {
                TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma => continue,
                TokenKind::LCurly | TokenKind::LBracket | TokenKind::LParen => open += 1,
                TokenKind::RCurly | TokenKind::RBracket | TokenKind::RParen => open = open.saturating_sub(1),
                _ => {}
            }
            tokens += 1;
            if tokens > self.tokens {
                return Err(exceeded("tokens", self.tokens));
            }
            if open > self.nesting {
                return Err(exceeded("brackets in each other", self.nesting));
            }
        }
        Ok(())
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    /// Of each fragment; `None` while it is being measured.
    known: HashMap<&'a Name, Option<Cost>>,
}

impl<'a> Measure<'a> {
    fn document(&mut self) -> Result<Cost, ServerError> {
        let mut total = Cost::default();
        for (_, operation) in self.document.operations.iter() {
            total.add(self.set(&operation.node.selection_set)?);
            total.directives += operation.node.directives.len();
        }
        Ok(total)
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Cost, ServerError> {
        let mut total = Cost::default();
        for selection in &set.node.items {
            let mut cost = match &selection.node {
                Selection::Field(field) => {
                    let mut cost = self.set(&field.node.selection_set)?;
                    let is_introspection = field.node.name.node.starts_with("__");
                    cost.depth = if is_introspection { 0 } else { cost.depth + 1 };
                    cost.fields = cost.fields.saturating_add(1);
                    cost.aliases = cost.aliases.saturating_add(usize::from(field.node.alias.is_some()));
                    cost
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            cost.directives = cost.directives.saturating_add(selection.node.directives().len());
            total.add(cost);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Cost, ServerError> {
        // An unknown one is for the validation to name.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Cost::default()) };
        match self.known.get(name) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(ServerError::new(format!("The fragment {name} spreads itself."), None)),
            None => {}
        }
        self.known.insert(name, None);
        let FragmentDefinition { selection_set, .. } = &fragment.node;
        let cost = self.set(selection_set)?;
        self.known.insert(name, Some(cost));
        Ok(cost)
    }
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
    }
}

fn exceeded(what: &str, limit: usize) -> ServerError {
    ServerError::new(format!("The operation has more than {limit} {what}."), None)
}
