//! What an answer did cost: the same weights, for the fields that are there.

use std::{cell::RefCell, collections::HashMap};

use async_graphql::{
    Positioned, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::{
    arguments::Arguments,
    measure::{INTROSPECTED_FOR_A_POINT, root},
    model::CostModel,
};

/// The points of an answer.
pub fn actual(
    model: &CostModel,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    data: &Value,
) -> u64 {
    let walk =
        Walk { model, document, arguments: Arguments { model, operation, variables }, known: RefCell::default() };
    walk.value(&operation.selection_set, root(operation.ty), data).max(1)
}

struct Walk<'a> {
    model: &'a CostModel,
    document: &'a ExecutableDocument,
    arguments: Arguments<'a>,
    /// The points of the arguments of each field, by where it stands in the document: computed once, also in a list.
    known: RefCell<HashMap<*const Field, u64>>,
}

impl Walk<'_> {
    fn value(&self, set: &Positioned<SelectionSet>, parent: &str, value: &Value) -> u64 {
        match value {
            Value::List(items) => items.iter().fold(0, |sum, item| sum.saturating_add(self.value(set, parent, item))),
            Value::Object(_) => self.set(set, parent, value),
            _ => 0,
        }
    }

    fn set(&self, set: &Positioned<SelectionSet>, parent: &str, value: &Value) -> u64 {
        let Value::Object(fields) = value else { return 0 };
        let costs = set.node.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) => {
                let Some(value) = fields.get(&field.node.response_key().node) else { return 0 };
                if let "__schema" | "__type" = field.node.name.node.as_str() {
                    let told = self.value(&field.node.selection_set, "", value);
                    return told.div_ceil(INTROSPECTED_FOR_A_POINT).saturating_add(1);
                }
                let cost = self.model.types.get(parent).and_then(|fields| fields.get(&field.node.name.node));
                let (weight, of) = cost.map_or((1, ""), |cost| (cost.weight, cost.of.as_str()));
                let arguments = cost.map_or(0, |cost| {
                    let points = || self.arguments.points(cost, &field.node);
                    *self.known.borrow_mut().entry(&raw const field.node).or_insert_with(points)
                });
                weight.saturating_add(arguments).saturating_add(self.value(&field.node.selection_set, of, value))
            }
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                self.set(&inline.node.selection_set, condition.unwrap_or(parent), value)
            }
            Selection::FragmentSpread(spread) => {
                let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                fragment.map_or(0, |fragment| {
                    self.set(&fragment.node.selection_set, fragment.node.type_condition.node.on.node.as_str(), value)
                })
            }
        });
        costs.fold(0, u64::saturating_add)
    }
}
