//! What a single operation may ask for, checked before async-graphql sees it.
//!
//! The counts follow fragments, each counted once and remembered: fragments that spread each other ten
//! times over ten levels ask for 10^10 fields in a hundred tokens, and would keep a naive walk busy for ever. The
//! validation behind this is such a walk, so all that it goes over is counted, also what no operation reaches.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, ServerError,
    parser::types::{BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type},
};
use async_graphql_value::Value;

use super::{cost::CostModel, document::TextLimits};

/// The limits on one operation. docs/limits.md has their reasons.
#[derive(Debug, Clone, Copy)]
pub struct OperationLimits {
    pub text: TextLimits,
    /// Levels of fields.
    pub depth: usize,
    /// Levels of fields under `__schema` and `__type`: tools ask for 15.
    pub introspection_depth: usize,
    /// Fields, spreads and inline fragments after every fragment has been spread.
    pub selections: usize,
    pub aliases: usize,
    pub directives: usize,
    /// Of fields and directives, after every fragment has been spread.
    pub arguments: usize,
    /// Of one field or directive.
    pub arguments_of_one: usize,
    /// Uses of variables, after every fragment has been spread.
    pub variables: usize,
    pub operations: usize,
    /// In bytes of memory: all variables. An operation that waits for its turn holds them.
    pub variables_bytes: usize,
    /// In bytes of memory: the largest of them, as often as any are used. Every use copies it.
    pub copied_variable_bytes: usize,
    /// As `cost` reckons it.
    pub points: u64,
    /// Fields of the answer under `__schema` and `__type`, for each type that the schema has.
    pub introspected_of_type: u64,
}

impl Default for OperationLimits {
    fn default() -> Self {
        Self {
            text: TextLimits { bytes: 64 * 1024, tokens: 5000, nesting: 64 },
            depth: 12,
            introspection_depth: 20,
            selections: 1000,
            aliases: 100,
            directives: 50,
            arguments: 500,
            arguments_of_one: 20,
            variables: 500,
            operations: 50,
            variables_bytes: 512 * 1024,
            copied_variable_bytes: 4 * 1024 * 1024,
            points: 50_000,
            introspected_of_type: 500,
        }
    }
}

/// What a selection asks for, everything spread out.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    depth: usize,
    introspection_depth: usize,
    selections: usize,
    aliases: usize,
    directives: usize,
    arguments: usize,
    arguments_of_one: usize,
    variables: usize,
}

impl OperationLimits {
    /// Checks what a document asks for, whatever the values of its variables, and tells how often it uses them.
    ///
    /// # Errors
    /// What exceeds which limit, and by how much; a fragment that spreads itself; a variable of an unknown type.
    pub(super) fn check(&self, document: &ExecutableDocument, model: &CostModel) -> Result<usize, ServerError> {
        check_variable_types(document, model)?;
        let operations = document.operations.iter().count();
        let count = Counter { document, known: HashMap::new() }.document()?;
        let counts = [
            ("operations", operations, self.operations),
            ("levels of fields", count.depth, self.depth),
            ("levels of fields under `__schema` or `__type`", count.introspection_depth, self.introspection_depth),
            ("fields and fragments", count.selections, self.selections),
            ("aliases", count.aliases, self.aliases),
            ("directives", count.directives, self.directives),
            ("arguments", count.arguments, self.arguments),
            ("arguments of one field", count.arguments_of_one, self.arguments_of_one),
            ("uses of variables", count.variables, self.variables),
        ];
        match counts.into_iter().find(|(_, count, limit)| count > limit) {
            Some((what, count, limit)) => Err(exceeded(what, count as u64, limit as u64)),
            None => Ok(count.variables),
        }
    }
}

/// A subscription has one field, as the specification says: each of them would be a stream of its own.
pub(super) fn check_one_root(document: &ExecutableDocument, set: &Positioned<SelectionSet>) -> Result<(), ServerError> {
    fn fields(document: &ExecutableDocument, set: &Positioned<SelectionSet>) -> usize {
        let counts = set.node.items.iter().map(|selection| match &selection.node {
            Selection::Field(_) => 1,
            Selection::InlineFragment(inline) => fields(document, &inline.node.selection_set),
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                fragment.map_or(0, |fragment| fields(document, &fragment.node.selection_set))
            }
        });
        counts.sum()
    }
    match fields(document, set) {
        0 | 1 => Ok(()),
        count => Err(exceeded("fields at the root of a subscription", count as u64, 1)),
    }
}

/// async-graphql takes every type of a variable's default to be known.
fn check_variable_types(document: &ExecutableDocument, model: &CostModel) -> Result<(), ServerError> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node);
    for definition in operations.flat_map(|operation| &operation.variable_definitions) {
        let name = innermost(&definition.node.var_type.node);
        if !model.is_input(name) {
            let short: String = name.chars().take(100).collect();
            let message = format!("Unknown type \"{short}\": a variable is of a scalar, an enum or an input type.");
            return Err(ServerError::new(message, Some(definition.node.var_type.pos)));
        }
    }
    Ok(())
}

fn innermost(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => innermost(inner),
    }
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    /// Of each fragment; `None` while it is being counted.
    known: HashMap<&'a Name, Option<Count>>,
}

impl<'a> Counter<'a> {
    fn document(&mut self) -> Result<Count, ServerError> {
        let mut total = Count::default();
        for (_, operation) in self.document.operations.iter() {
            total.add(self.set(&operation.node.selection_set)?);
            total.add_directives(&operation.node.directives);
            total.arguments = total.arguments.saturating_add(operation.node.variable_definitions.len());
        }
        for (name, fragment) in &self.document.fragments {
            total.add_directives(&fragment.node.directives);
            if !self.known.contains_key(name) {
                total.add(self.fragment(name)?);
            }
        }
        Ok(total)
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>) -> Result<Count, ServerError> {
        let mut total = Count::default();
        for selection in &set.node.items {
            let mut count = match &selection.node {
                Selection::Field(field) => {
                    let mut count = self.set(&field.node.selection_set)?;
                    count.depth += 1;
                    if field.node.name.node.starts_with("__") {
                        count.introspection_depth = count.introspection_depth.max(count.depth);
                        count.depth = 1;
                    }
                    count.aliases = count.aliases.saturating_add(usize::from(field.node.alias.is_some()));
                    count.add_arguments(&field.node.arguments);
                    count
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            count.selections = count.selections.saturating_add(1);
            count.add_directives(selection.node.directives());
            total.add(count);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Count, ServerError> {
        // An unknown one is for the validation to name.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Count::default()) };
        match self.known.get(name) {
            Some(Some(count)) => return Ok(*count),
            Some(None) => return Err(ServerError::new(format!("The fragment {name} spreads itself."), None)),
            None => {}
        }
        self.known.insert(name, None);
        let count = self.set(&fragment.node.selection_set)?;
        self.known.insert(name, Some(count));
        Ok(count)
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.arguments = self.arguments.saturating_add(other.arguments);
        self.arguments_of_one = self.arguments_of_one.max(other.arguments_of_one);
        self.variables = self.variables.saturating_add(other.variables);
    }

    fn add_directives(&mut self, directives: &[Positioned<Directive>]) {
        self.directives = self.directives.saturating_add(directives.len());
        for directive in directives {
            self.add_arguments(&directive.node.arguments);
        }
    }

    fn add_arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        self.arguments = self.arguments.saturating_add(arguments.len());
        self.arguments_of_one = self.arguments_of_one.max(arguments.len());
        let uses = arguments.iter().map(|(_, value)| uses(&value.node));
        self.variables = uses.fold(self.variables, usize::saturating_add);
    }
}

/// How often variables are used in a value.
fn uses(value: &Value) -> usize {
    match value {
        Value::Variable(_) => 1,
        Value::List(items) => items.iter().map(uses).sum(),
        Value::Object(fields) => fields.values().map(uses).sum(),
        _ => 0,
    }
}

/// The refusal of what exceeds a limit.
pub(super) fn exceeded(what: &str, count: u64, limit: u64) -> ServerError {
    ServerError::new(format!("The operation has {count} {what}; {limit} are allowed."), None)
}
