//! What the schema says of costs, read from its own text.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned, Value,
    parser::{
        parse_schema,
        types::{ConstDirective, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};

/// Every field of every type, with its cost.
#[derive(Debug, Default)]
pub struct CostModel {
    pub(super) types: HashMap<Name, HashMap<Name, FieldCost>>,
    pub(super) inputs: HashMap<Name, HashMap<Name, InputCost>>,
    /// What a variable can be of.
    pub(super) input_types: HashSet<Name>,
    /// How many types the schema has: the answer to an introspection grows with it.
    pub size: u64,
}

#[derive(Debug)]
pub(super) struct FieldCost {
    pub weight: u64,
    /// The type behind lists and non-null.
    pub of: Name,
    pub list: Option<ListSize>,
    pub arguments: HashMap<Name, InputCost>,
}

#[derive(Debug)]
pub(super) struct ListSize {
    pub assumed: u64,
    /// Paths of arguments, such as `input.imageIds`; a list's own length counts.
    pub slicing: Vec<String>,
    pub sized: Vec<String>,
}

#[derive(Debug)]
pub(super) struct InputCost {
    pub weight: u64,
    pub of: Name,
}

/// Reached by `__schema { types }`, where each type comes once: the lists of all of them together are as long as the schema.
pub(super) const EVERY_TYPE: &str = "every __Type";
pub(super) const EVERY_FIELD: &str = "every __Field";

const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

impl CostModel {
    /// Whether a variable can be of this type.
    pub fn is_input(&self, name: &str) -> bool {
        self.input_types.contains(name)
    }

    /// Reads a schema's text; what cannot be read has no costs, and every field then counts as one point.
    pub fn of(sdl: &str) -> Self {
        let mut model = Self::default();
        model.input_types.extend(BUILT_IN.map(Name::new));
        let mut counts = Counts::default();
        let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_default();
        for definition in definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node;
            counts.types += 1;
            if let TypeKind::InputObject(_) | TypeKind::Enum(_) | TypeKind::Scalar = definition.node.kind {
                model.input_types.insert(name.clone());
            }
            match definition.node.kind {
                TypeKind::Object(object) => {
                    counts.object(&object.fields);
                    model.types.insert(name, fields(&object.fields));
                }
                TypeKind::Interface(interface) => {
                    counts.object(&interface.fields);
                    model.types.insert(name, fields(&interface.fields));
                }
                TypeKind::InputObject(input) => {
                    counts.inputs.add(input.fields.len());
                    model.inputs.insert(name, inputs(&input.fields));
                }
                TypeKind::Enum(values) => counts.values.add(values.values.len()),
                TypeKind::Union(union) => counts.members.add(union.members.len()),
                TypeKind::Scalar => {}
            }
        }
        model.size = counts.types;
        counts.describe(&mut model);
        model
    }
}

fn fields(definitions: &[Positioned<FieldDefinition>]) -> HashMap<Name, FieldCost> {
    let costs = definitions.iter().map(|field| {
        let FieldDefinition { name, arguments, ty, directives, .. } = &field.node;
        let cost = FieldCost {
            weight: weight(directives).unwrap_or(1),
            of: base(&ty.node),
            list: list_size(directives),
            arguments: inputs(arguments),
        };
        (name.node.clone(), cost)
    });
    costs.collect()
}

fn inputs(definitions: &[Positioned<InputValueDefinition>]) -> HashMap<Name, InputCost> {
    let costs = definitions.iter().map(|input| {
        let InputValueDefinition { name, ty, directives, .. } = &input.node;
        (name.node.clone(), InputCost { weight: weight(directives).unwrap_or(0), of: base(&ty.node) })
    });
    costs.collect()
}

fn base(ty: &Type) -> Name {
    let text = ty.to_string();
    Name::new(text.trim_matches(['[', ']', '!']))
}

fn argument<'a>(directives: &'a [Positioned<ConstDirective>], directive: &str, name: &str) -> Option<&'a Value> {
    let found = directives.iter().find(|found| found.node.name.node == directive)?;
    found.node.get_argument(name).map(|value| &value.node)
}

fn weight(directives: &[Positioned<ConstDirective>]) -> Option<u64> {
    whole(argument(directives, "cost", "weight")?)
}

fn list_size(directives: &[Positioned<ConstDirective>]) -> Option<ListSize> {
    let names = |name| match argument(directives, "listSize", name) {
        Some(Value::List(names)) => names.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    let assumed = whole(argument(directives, "listSize", "assumedSize")?)?;
    Some(ListSize { assumed, slicing: names("slicingArguments"), sized: names("sizedFields") })
}

pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// How many of a kind there are in the schema: in all, and at most in one place.
#[derive(Default)]
struct Count {
    all: u64,
    most: u64,
}

impl Count {
    fn add(&mut self, count: usize) {
        let count = count as u64;
        self.all = self.all.saturating_add(count);
        self.most = self.most.max(count);
    }
}

#[derive(Default)]
struct Counts {
    types: u64,
    fields: Count,
    arguments: Count,
    inputs: Count,
    values: Count,
    members: Count,
}

impl Counts {
    fn object(&mut self, fields: &[Positioned<FieldDefinition>]) {
        self.fields.add(fields.len());
        for field in fields {
            self.arguments.add(field.node.arguments.len());
        }
    }

    /// The types of introspection. Outside of `EVERY_TYPE` every list counts as long as the longest of its kind.
    fn describe(&self, model: &mut CostModel) {
        let average = |all: &Count, places: u64| all.all.div_ceil(places.max(1)).max(1);
        let every = self.types;
        // An interface may be implemented by every type.
        let (members, interfaces) = (self.members.most.max(8), 4);
        let of_types = |name: &str, fields: (u64, &str), inputs, values, members, interfaces| {
            let lists = [
                ("fields", fields.0, fields.1),
                ("inputFields", inputs, "__InputValue"),
                ("enumValues", values, "__EnumValue"),
                ("possibleTypes", members, "__Type"),
                ("interfaces", interfaces, "__Type"),
                ("ofType", 1, "__Type"),
            ];
            (Name::new(name), lists.map(described).into())
        };
        let (all_fields, all_arguments) = (average(&self.fields, every), average(&self.arguments, self.fields.all));
        let (all_inputs, all_values) = (average(&self.inputs, every), average(&self.values, every));
        model.types.extend([
            of_types(EVERY_TYPE, (all_fields, EVERY_FIELD), all_inputs, all_values, 1, 1),
            of_types("__Type", (self.fields.most, "__Field"), self.inputs.most, self.values.most, members, interfaces),
            (
                Name::new(EVERY_FIELD),
                [("args", all_arguments, "__InputValue"), ("type", 1, "__Type")].map(described).into(),
            ),
            (
                Name::new("__Field"),
                [("args", self.arguments.most, "__InputValue"), ("type", 1, "__Type")].map(described).into(),
            ),
            (Name::new("__InputValue"), [("type", 1, "__Type")].map(described).into()),
            (Name::new("__Directive"), [("args", 4, "__InputValue"), ("locations", 4, "String")].map(described).into()),
            (
                Name::new("__Schema"),
                [
                    ("types", every, EVERY_TYPE),
                    ("directives", 10, "__Directive"),
                    ("queryType", 1, "__Type"),
                    ("mutationType", 1, "__Type"),
                    ("subscriptionType", 1, "__Type"),
                ]
                .map(described)
                .into(),
            ),
        ]);
    }
}

fn described((name, assumed, of): (&str, u64, &str)) -> (Name, FieldCost) {
    let list = ListSize { assumed, slicing: Vec::new(), sized: Vec::new() };
    (Name::new(name), FieldCost { weight: 1, of: Name::new(of), list: Some(list), arguments: HashMap::new() })
}
