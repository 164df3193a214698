//! The walk over an operation that adds up its points.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned, Value as ConstValue, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet},
};

use super::{
    arguments::Arguments,
    model::{CostModel, EVERY_FIELD, EVERY_TYPE, ListSize},
};

/// No list is longer: a page has 100 images at the most, a year 366 days.
const MAX_LIST: u64 = 366;
/// Introspection reads what is in memory: so many of its fields cost a point.
pub(super) const INTROSPECTED_FOR_A_POINT: u64 = 10;

/// What an operation, or a part of it, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    /// Of a whole operation, with what it introspects.
    pub points: u64,
    /// The fields of the answer under `__schema` and `__type`.
    pub introspected: u64,
}

/// What an operation costs with these variables.
pub fn requested(
    model: &CostModel,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Requested {
    let arguments = Arguments { model, operation, variables };
    let mut measure = Measure { model, document, arguments, known: HashMap::new() };
    let Requested { points, introspected } = measure.set(&operation.selection_set, root(operation.ty), None);
    let points = points.saturating_add(introspected.div_ceil(INTROSPECTED_FOR_A_POINT)).max(1);
    Requested { points, introspected }
}

impl Requested {
    const NOTHING: Self = Self { points: 0, introspected: 0 };

    const fn points(points: u64) -> Self {
        Self { points, introspected: 0 }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            points: self.points.saturating_add(other.points),
            introspected: self.introspected.saturating_add(other.introspected),
        }
    }

    const fn times(self, count: u64) -> Self {
        Self { points: self.points.saturating_mul(count), introspected: self.introspected.saturating_mul(count) }
    }
}

/// The type that the fields of an operation are of.
pub const fn root(ty: OperationType) -> &'static str {
    match ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// So many items in these fields of a selection set.
type Sized<'a> = (u64, &'a [String]);

struct Measure<'a> {
    model: &'a CostModel,
    document: &'a ExecutableDocument,
    arguments: Arguments<'a>,
    /// Of each fragment, by where it is spread: walked once, however often it is spread.
    known: HashMap<(&'a Name, &'a str, u64), Requested>,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a Positioned<SelectionSet>, parent: &'a str, sized: Option<Sized<'a>>) -> Requested {
        let costs = set.node.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) => self.field(&field.node, parent, sized),
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                self.set(&inline.node.selection_set, narrowed(parent, condition), sized)
            }
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, parent, sized),
        });
        costs.fold(Requested::NOTHING, Requested::plus)
    }

    fn fragment(&mut self, name: &'a Name, parent: &'a str, sized: Option<Sized<'a>>) -> Requested {
        // An unknown one is for the validation to name; one that spreads itself was refused before.
        let Some(fragment) = self.document.fragments.get(name) else { return Requested::NOTHING };
        let key = (name, parent, sized.map_or(0, |(size, _)| size));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let condition = fragment.node.type_condition.node.on.node.as_str();
        let cost = self.set(&fragment.node.selection_set, narrowed(parent, Some(condition)), sized);
        self.known.insert(key, cost);
        cost
    }

    fn field(&mut self, field: &'a Field, parent: &'a str, sized: Option<Sized<'a>>) -> Requested {
        let name = field.name.node.as_str();
        if let "__schema" | "__type" = name {
            let of = if name == "__schema" { "__Schema" } else { "__Type" };
            let told = self.set(&field.selection_set, of, None).points.saturating_add(1);
            return Requested { points: 1, introspected: told };
        }
        let Some(cost) = self.model.types.get(parent).and_then(|fields| fields.get(name)) else {
            // `__typename`, or an unknown field, which is for the validation to name.
            return self.set(&field.selection_set, "", None).plus(Requested::points(1));
        };
        let by_parent =
            sized.filter(|(_, fields)| fields.iter().any(|sized| sized == name)).map_or(1, |(size, _)| size);
        let (items, sized) = match &cost.list {
            None => (1, None),
            Some(list) if list.sized.is_empty() => (self.size(list, field), None),
            Some(list) => (1, Some((self.size(list, field), list.sized.as_slice()))),
        };
        let items = items.saturating_mul(by_parent);
        let below = self.set(&field.selection_set, cost.of.as_str(), sized);
        // An object in a list is a point by itself.
        let below = below.plus(Requested::points(u64::from(items > 1))).times(items);
        below.plus(Requested::points(cost.weight.saturating_add(self.arguments.points(cost, field))))
    }

    /// What the arguments say, or what is assumed where they say nothing that can be read.
    fn size(&self, list: &ListSize, field: &Field) -> u64 {
        let said = list.slicing.iter().find_map(|path| {
            let mut names = path.split('.');
            let mut value = self.arguments.value(&field.get_argument(names.next()?)?.node);
            for name in names {
                value = member(value, name)?;
            }
            length(&value)
        });
        said.map_or(list.assumed, |said| said.clamp(1, MAX_LIST))
    }
}

/// The type that a fragment's condition leaves: each type of the schema stays what it is.
fn narrowed<'a>(parent: &'a str, condition: Option<&'a str>) -> &'a str {
    match (parent, condition) {
        (EVERY_TYPE, Some("__Type")) | (EVERY_FIELD, Some("__Field")) | (_, None) => parent,
        (_, Some(condition)) => condition,
    }
}

fn member(value: ConstValue, name: &str) -> Option<ConstValue> {
    match value {
        ConstValue::Object(mut fields) => fields.swap_remove(name),
        _ => None,
    }
}

/// A number, or the length of a list. What is negative or no number is refused later, and until then counts as long as can be.
fn length(value: &ConstValue) -> Option<u64> {
    match value {
        ConstValue::Null => None,
        ConstValue::Number(number) => Some(number.as_u64().unwrap_or(MAX_LIST)),
        ConstValue::List(items) => Some(items.len() as u64),
        _ => Some(MAX_LIST),
    }
}
