//! What the schema says of costs, read from its own text.

use std::collections::{HashMap, HashSet};

use apollo_parser::{
    Lexer, Parser, TokenKind,
    cst::{self, CstNode, Definition},
};
use async_graphql::Name;

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
    /// Whether it cannot be null: the field itself, then the items of a list.
    pub required: Box<[bool]>,
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

    /// The type of a field behind lists and non-null, and whether it cannot be null: itself, then its items.
    pub fn field(&self, of: &str, name: &str) -> Option<(&str, &[bool])> {
        let field = self.types.get(of)?.get(name)?;
        Some((field.of.as_str(), &field.required))
    }

    /// Reads a schema's text; what cannot be read has no costs, and every field then counts as one point.
    pub fn of(sdl: &str) -> Self {
        let mut model = Self::default();
        model.input_types.extend(BUILT_IN.map(Name::new));
        let mut counts = Counts::default();
        // Some definitions at a time: the tree of the whole takes 20 MB, for as long as the process lives.
        for some in pieces(sdl) {
            for definition in Parser::new(some).parse().document().definitions() {
                model.read(definition, &mut counts);
            }
        }
        model.size = counts.types;
        counts.describe(&mut model);
        model
    }

    fn read(&mut self, definition: Definition, counts: &mut Counts) {
        let name = name_of(definition.name());
        match definition {
            Definition::ObjectTypeDefinition(object) => self.object(name, object.fields_definition(), counts),
            Definition::InterfaceTypeDefinition(interface) => self.object(name, interface.fields_definition(), counts),
            Definition::InputObjectTypeDefinition(input) => {
                let fields = input.input_fields_definition().map(|fields| inputs(fields.input_value_definitions()));
                let fields = fields.unwrap_or_default();
                counts.types += 1;
                counts.inputs.add(fields.len());
                self.input_types.insert(name.clone());
                self.inputs.insert(name, fields);
            }
            Definition::EnumTypeDefinition(values) => {
                let values = values.enum_values_definition().map_or(0, |all| all.enum_value_definitions().count());
                counts.types += 1;
                counts.values.add(values);
                self.input_types.insert(name);
            }
            Definition::UnionTypeDefinition(union) => {
                counts.types += 1;
                counts.members.add(union.union_member_types().map_or(0, |members| members.named_types().count()));
            }
            Definition::ScalarTypeDefinition(_) => {
                counts.types += 1;
                self.input_types.insert(name);
            }
            _ => {}
        }
    }

    fn object(&mut self, name: Name, fields: Option<cst::FieldsDefinition>, counts: &mut Counts) {
        let definitions = fields.into_iter().flat_map(|fields| fields.field_definitions());
        let fields: HashMap<Name, FieldCost> = definitions.map(|field| field_cost(&field)).collect();
        counts.types += 1;
        counts.fields.add(fields.len());
        for field in fields.values() {
            counts.arguments.add(field.arguments.len());
        }
        self.types.insert(name, fields);
    }
}

/// A schema's text, cut behind every definition that ends with a brace.
fn pieces(sdl: &str) -> Vec<&str> {
    let (mut pieces, mut depth, mut begin) = (Vec::new(), 0_u32, 0);
    for token in Lexer::new(sdl).flatten() {
        match token.kind() {
            TokenKind::LCurly => depth += 1,
            TokenKind::RCurly => depth = depth.saturating_sub(1),
            _ => continue,
        }
        let end = token.index() + token.data().len();
        if depth == 0 && token.kind() == TokenKind::RCurly {
            pieces.extend(sdl.get(begin..end));
            begin = end;
        }
    }
    pieces.extend(sdl.get(begin..));
    pieces
}

fn field_cost(field: &cst::FieldDefinition) -> (Name, FieldCost) {
    let arguments = field.arguments_definition().map(|arguments| inputs(arguments.input_value_definitions()));
    let cost = FieldCost {
        weight: weight(field.directives()).unwrap_or(1),
        of: base(field.ty()),
        required: required(field.ty()),
        list: list_size(field.directives()),
        arguments: arguments.unwrap_or_default(),
    };
    (name_of(field.name()), cost)
}

fn inputs(definitions: impl Iterator<Item = cst::InputValueDefinition>) -> HashMap<Name, InputCost> {
    let costs = definitions.map(|input| {
        let cost = InputCost { weight: weight(input.directives()).unwrap_or(0), of: base(input.ty()) };
        (name_of(input.name()), cost)
    });
    costs.collect()
}

fn name_of(name: Option<cst::Name>) -> Name {
    Name::new(name.map(|name| name.text().to_string()).unwrap_or_default())
}

/// The type behind lists and non-null.
fn base(ty: Option<cst::Type>) -> Name {
    let text = ty.map(|ty| ty.source_string()).unwrap_or_default();
    Name::new(text.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'))
}

/// Of `[Image!]!`, that neither the list nor an item of it can be null.
fn required(ty: Option<cst::Type>) -> Box<[bool]> {
    let text = ty.map(|ty| ty.source_string()).unwrap_or_default();
    let (mut text, mut required) = (text.trim(), Vec::new());
    loop {
        let inner = text.strip_suffix('!');
        required.push(inner.is_some());
        text = inner.unwrap_or(text).trim();
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(items) => text = items.trim(),
            None => return required.into(),
        }
    }
}

fn argument(directives: Option<cst::Directives>, directive: &str, name: &str) -> Option<cst::Value> {
    let mut all = directives?.directives();
    let found = all.find(|found| name_of(found.name()).as_str() == directive)?;
    found.arguments()?.arguments().find(|argument| name_of(argument.name()).as_str() == name)?.value()
}

fn weight(directives: Option<cst::Directives>) -> Option<u64> {
    whole(argument(directives, "cost", "weight")?)
}

fn list_size(directives: Option<cst::Directives>) -> Option<ListSize> {
    let names = |name| match argument(directives.clone(), "listSize", name) {
        Some(cst::Value::ListValue(names)) => names.values().filter_map(text).collect(),
        _ => Vec::new(),
    };
    let assumed = whole(argument(directives.clone(), "listSize", "assumedSize")?)?;
    Some(ListSize { assumed, slicing: names("slicingArguments"), sized: names("sizedFields") })
}

fn whole(value: cst::Value) -> Option<u64> {
    match value {
        cst::Value::IntValue(number) => i32::try_from(number).ok()?.try_into().ok(),
        _ => None,
    }
}

fn text(value: cst::Value) -> Option<String> {
    match value {
        cst::Value::StringValue(text) => Some(text.into()),
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
    (
        Name::new(name),
        FieldCost {
            weight: 1,
            of: Name::new(of),
            required: Box::default(),
            list: Some(list),
            arguments: HashMap::new(),
        },
    )
}
