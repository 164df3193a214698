//! Definitions and selections, read from the first token to the last.

use std::collections::HashMap;

use apollo_parser::TokenKind;
use async_graphql::{
    Name, Pos, Positioned, ServerError,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread, InlineFragment,
        OperationDefinition, OperationType, Selection, SelectionSet, TypeCondition, VariableDefinition,
    },
};

use super::{
    TextLimits,
    tokens::{Token, Tokens},
};

pub(super) type Parsed<T> = Result<T, ServerError>;

pub(super) struct Parser<'a> {
    pub(super) tokens: Tokens<'a>,
    nesting: usize,
    deepest: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, limits: TextLimits) -> Self {
        Self { tokens: Tokens::of(text, limits), nesting: 0, deepest: limits.nesting }
    }

    pub(super) fn document(mut self) -> Parsed<ExecutableDocument> {
        let mut anonymous = None;
        let mut named = HashMap::new();
        let mut fragments = HashMap::new();
        loop {
            let first = self.tokens.peek()?;
            match (first.kind, first.text) {
                (TokenKind::Eof, _) => break,
                (TokenKind::Name, "fragment") => {
                    let (name, fragment) = self.fragment_definition()?;
                    add(&mut fragments, name, fragment, "fragment")?;
                }
                _ => match self.operation_definition()? {
                    (Some(name), operation) => add(&mut named, name, operation, "operation")?,
                    (None, operation) if anonymous.is_none() => anonymous = Some(operation),
                    (None, operation) => return Err(not_alone(operation.pos)),
                },
            }
        }
        let operations = match anonymous {
            Some(alone) if named.is_empty() => DocumentOperations::Single(alone),
            Some(operation) => return Err(not_alone(operation.pos)),
            None if named.is_empty() => return Err(ServerError::new("The document has no operation.", None)),
            None => DocumentOperations::Multiple(named),
        };
        Ok(ExecutableDocument { operations, fragments })
    }

    fn operation_definition(&mut self) -> Parsed<(Option<Positioned<Name>>, Positioned<OperationDefinition>)> {
        let first = self.tokens.peek()?;
        let mut name = None;
        let mut operation = OperationDefinition {
            ty: OperationType::Query,
            variable_definitions: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        if first.kind != TokenKind::LCurly {
            self.tokens.next()?;
            operation.ty = match first.text {
                "query" => OperationType::Query,
                "mutation" => OperationType::Mutation,
                "subscription" => OperationType::Subscription,
                _ => return Err(unexpected("an operation or a fragment", first)),
            };
            if self.tokens.peek()?.kind == TokenKind::Name {
                name = Some(self.name()?);
            }
            operation.variable_definitions = self.variable_definitions()?;
            operation.directives = self.directives(false)?;
        }
        operation.selection_set = self.selection_set()?;
        Ok((name, Positioned::new(operation, first.pos)))
    }

    fn variable_definitions(&mut self) -> Parsed<Vec<Positioned<VariableDefinition>>> {
        let mut definitions = Vec::new();
        if !self.takes(TokenKind::LParen)? {
            return Ok(definitions);
        }
        loop {
            let pos = self.expect(TokenKind::Dollar, "a variable")?.pos;
            let name = self.name()?;
            self.expect(TokenKind::Colon, "`:`")?;
            let var_type = self.type_reference()?;
            let default_value = if self.takes(TokenKind::Eq)? { Some(self.const_value()?) } else { None };
            let directives = self.directives(true)?;
            let definition = VariableDefinition { name, var_type, directives, default_value };
            definitions.push(Positioned::new(definition, pos));
            if self.takes(TokenKind::RParen)? {
                return Ok(definitions);
            }
        }
    }

    fn fragment_definition(&mut self) -> Parsed<(Positioned<Name>, Positioned<FragmentDefinition>)> {
        let pos = self.tokens.next()?.pos;
        let name = self.name()?;
        if name.node == "on" {
            return Err(ServerError::new("Syntax error: a fragment cannot be named `on`.", Some(name.pos)));
        }
        let on = self.tokens.peek()?;
        if on.text != "on" {
            return Err(unexpected("`on`", on));
        }
        let type_condition = self.type_condition()?;
        let directives = self.directives(false)?;
        let selection_set = self.selection_set()?;
        Ok((name, Positioned::new(FragmentDefinition { type_condition, directives, selection_set }, pos)))
    }

    /// The next token is `on`.
    fn type_condition(&mut self) -> Parsed<Positioned<TypeCondition>> {
        let pos = self.tokens.next()?.pos;
        Ok(Positioned::new(TypeCondition { on: self.name()? }, pos))
    }

    fn selection_set(&mut self) -> Parsed<Positioned<SelectionSet>> {
        let pos = self.expect(TokenKind::LCurly, "`{`")?.pos;
        self.enter(pos)?;
        let mut items = vec![self.selection()?];
        while !self.takes(TokenKind::RCurly)? {
            items.push(self.selection()?);
        }
        self.leave();
        Ok(Positioned::new(SelectionSet { items }, pos))
    }

    fn selection(&mut self) -> Parsed<Positioned<Selection>> {
        let first = self.tokens.peek()?;
        let selection = if first.kind == TokenKind::Spread {
            self.tokens.next()?;
            self.spread(first.pos)?
        } else {
            Selection::Field(Positioned::new(self.field()?, first.pos))
        };
        Ok(Positioned::new(selection, first.pos))
    }

    fn spread(&mut self, pos: Pos) -> Parsed<Selection> {
        let next = self.tokens.peek()?;
        if next.kind == TokenKind::Name && next.text != "on" {
            let fragment_name = self.name()?;
            let directives = self.directives(false)?;
            return Ok(Selection::FragmentSpread(Positioned::new(FragmentSpread { fragment_name, directives }, pos)));
        }
        let type_condition = if next.kind == TokenKind::Name { Some(self.type_condition()?) } else { None };
        let directives = self.directives(false)?;
        let selection_set = self.selection_set()?;
        let inline = InlineFragment { type_condition, directives, selection_set };
        Ok(Selection::InlineFragment(Positioned::new(inline, pos)))
    }

    fn field(&mut self) -> Parsed<Field> {
        let mut name = self.name()?;
        let mut alias = None;
        if self.takes(TokenKind::Colon)? {
            alias = Some(name);
            name = self.name()?;
        }
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let has_set = self.tokens.peek()?.kind == TokenKind::LCurly;
        let selection_set =
            if has_set { self.selection_set()? } else { Positioned::new(SelectionSet::default(), name.pos) };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn directives(&mut self, is_const: bool) -> Parsed<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while self.tokens.peek()?.kind == TokenKind::At {
            let pos = self.tokens.next()?.pos;
            let name = self.name()?;
            let arguments = self.arguments(is_const)?;
            directives.push(Positioned::new(Directive { name, arguments }, pos));
        }
        Ok(directives)
    }

    /// Takes the next token, if it is of this kind.
    pub(super) fn takes(&mut self, kind: TokenKind) -> Parsed<bool> {
        let is_there = self.tokens.peek()?.kind == kind;
        if is_there {
            self.tokens.next()?;
        }
        Ok(is_there)
    }

    pub(super) fn expect(&mut self, kind: TokenKind, what: &str) -> Parsed<Token<'a>> {
        let token = self.tokens.next()?;
        if token.kind == kind { Ok(token) } else { Err(unexpected(what, token)) }
    }

    pub(super) fn name(&mut self) -> Parsed<Positioned<Name>> {
        let token = self.expect(TokenKind::Name, "a name")?;
        Ok(Positioned::new(Name::new(token.text), token.pos))
    }

    /// One level deeper: stacks end.
    pub(super) fn enter(&mut self, pos: Pos) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > self.deepest {
            let message = format!("The document nests more than {} levels of brackets.", self.deepest);
            return Err(ServerError::new(message, Some(pos)));
        }
        Ok(())
    }

    pub(super) const fn leave(&mut self) {
        self.nesting -= 1;
    }
}

fn add<T>(all: &mut HashMap<Name, T>, name: Positioned<Name>, one: T, what: &str) -> Parsed<()> {
    match all.insert(name.node.clone(), one) {
        None => Ok(()),
        Some(_) => Err(ServerError::new(format!("There are two {what}s named `{}`.", name.node), Some(name.pos))),
    }
}

fn not_alone(pos: Pos) -> ServerError {
    ServerError::new("An operation without a name has to be the only one of its document.", Some(pos))
}

pub(super) fn unexpected(wanted: &str, found: Token<'_>) -> ServerError {
    let found_text = match found.kind {
        TokenKind::Eof => "the end of the document".to_owned(),
        // A client's whole text is not to come back to it.
        _ => format!("`{}`", found.text.chars().take(40).collect::<String>()),
    };
    ServerError::new(format!("Syntax error: expected {wanted}, found {found_text}."), Some(found.pos))
}
