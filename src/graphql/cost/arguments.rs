//! What the arguments of a field cost, with the variables of the operation.

use async_graphql::{
    Name, Value as ConstValue, Variables,
    parser::types::{Field, OperationDefinition},
};
use async_graphql_value::Value;

use super::model::{CostModel, FieldCost, InputCost};

/// The arguments of an operation's fields.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub model: &'a CostModel,
    pub operation: &'a OperationDefinition,
    pub variables: &'a Variables,
}

impl<'a> Arguments<'a> {
    /// The points of a field's arguments.
    pub(super) fn points(&self, cost: &FieldCost, field: &Field) -> u64 {
        let costs = field.arguments.iter().map(|(name, value)| {
            let Some(input) = cost.arguments.get(&name.node) else { return 0 };
            self.input(input, &self.value(&value.node))
        });
        costs.fold(0, u64::saturating_add)
    }

    fn input(&self, cost: &InputCost, value: &ConstValue) -> u64 {
        match value {
            ConstValue::Null => 0,
            ConstValue::List(items) => {
                let items = items.iter().map(|item| self.input(cost, item));
                items.fold(0, u64::saturating_add)
            }
            ConstValue::Object(fields) => {
                let known = self.model.inputs.get(&cost.of);
                let inner = fields.iter().map(|(name, value)| {
                    known.and_then(|known| known.get(name)).map_or(0, |cost| self.input(cost, value))
                });
                inner.fold(cost.weight, u64::saturating_add)
            }
            _ => cost.weight,
        }
    }

    /// A value with its variables filled in. A variable that is not given has its default.
    pub(super) fn value(&self, value: &Value) -> ConstValue {
        let known =
            value.clone().into_const_with(|name| Ok::<_, ()>(self.variable(&name).cloned().unwrap_or_default()));
        known.unwrap_or_default()
    }

    fn variable(&self, name: &Name) -> Option<&'a ConstValue> {
        self.variables.get(name).or_else(|| {
            let definitions = self.operation.variable_definitions.iter();
            let mut named = definitions.filter(|definition| definition.node.name.node == *name);
            named.next()?.node.default_value.as_ref().map(|value| &value.node)
        })
    }
}
