//! The schema: written down, described to the last argument, and true to the names that clients hold on to.

use std::{fs, path::Path};

use async_graphql::Positioned;
use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
};

/// The types of our schema.
pub fn types() -> Vec<TypeDefinition> {
    types_of(&darkroom::graphql::sdl())
}

/// The types that clients hold on to.
pub fn contract() -> Vec<TypeDefinition> {
    types_of(include_str!("../fixtures/contract.graphql"))
}

/// What of the contract is not built yet.
pub fn not_yet() -> Vec<String> {
    include_str!("../fixtures/contract_not_yet.txt").lines().map(str::to_owned).collect()
}

fn types_of(schema: &str) -> Vec<TypeDefinition> {
    let document = parse_schema(schema).expect("a schema");
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    types.collect()
}

#[test]
fn schema_graphql_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == darkroom::graphql::sdl(), "schema.graphql has drifted: run `make schema`");
}

/// Whatever can have a description, by its place in the schema.
fn descriptions() -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let text = |description: &Option<Positioned<String>>| description.as_ref().map(|text| text.node.clone());
    let fields = |owner: &str, fields: &[Positioned<FieldDefinition>], found: &mut Vec<_>| {
        for field in fields.iter().map(|field| &field.node) {
            let name = format!("{owner}.{}", field.name.node);
            let arguments = field.arguments.iter().map(|argument| &argument.node);
            found.extend(arguments.map(|of| (format!("{name}({})", of.name.node), text(&of.description))));
            found.push((name, text(&field.description)));
        }
    };
    for definition in types() {
        let name = definition.name.node.to_string();
        found.push((name.clone(), text(&definition.description)));
        match definition.kind {
            TypeKind::Object(object) => fields(&name, &object.fields, &mut found),
            TypeKind::Interface(interface) => fields(&name, &interface.fields, &mut found),
            TypeKind::Enum(enumeration) => {
                let values = enumeration.values.iter().map(|value| &value.node);
                found.extend(values.map(|of| (format!("{name}.{}", of.value.node), text(&of.description))));
            }
            TypeKind::InputObject(input) => {
                let fields = input.fields.iter().map(|field| &field.node);
                found.extend(fields.map(|of| (format!("{name}.{}", of.name.node), text(&of.description))));
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    found
}

#[test]
fn everything_is_described() {
    let found = descriptions();
    assert!(found.len() > 350, "the test reads the schema: {}", found.len());
    let bare: Vec<_> = found.iter().filter(|(_, description)| description.is_none()).map(|(name, _)| name).collect();
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

/// Editors show a description beside the name alone: it is to be understood without any other.
#[test]
fn descriptions_are_statements() {
    let is_statement = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or_default();
        let begins = first.starts_with(|first: char| first.is_uppercase() || first == '`');
        begins
            && text.ends_with(['.', '`'])
            && !["What", "Which", "How", "Who", "Whose", "When", "Where", "Why"].contains(&first)
    };
    let wrong: Vec<_> = descriptions()
        .into_iter()
        // async-graphql's own words.
        .filter(|(name, _)| name != "DateTime")
        .filter(|(_, description)| description.as_ref().is_none_or(|text| !is_statement(text.trim())))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The part of the contract that is built so far; what is not there yet is named here until it is.
#[test]
fn what_clients_hold_on_to_is_there_as_they_know_it() {
    let ours = types();
    let find = |name: &str| ours.iter().find(|definition| definition.name.node == name);
    let mut missing = Vec::new();
    for theirs in contract() {
        let name = theirs.name.node.to_string();
        let Some(ours) = find(&name) else {
            missing.push(name);
            continue;
        };
        missing.extend(differences(&name, &theirs.kind, &ours.kind));
    }
    missing.sort();
    assert_eq!(missing, not_yet());
}

fn differences(owner: &str, theirs: &TypeKind, ours: &TypeKind) -> Vec<String> {
    let of_fields = |theirs: &[Positioned<FieldDefinition>], ours: &[Positioned<FieldDefinition>]| {
        let mut found = Vec::new();
        for field in theirs.iter().map(|field| &field.node) {
            let name = format!("{owner}.{}", field.name.node);
            let Some(same) = ours.iter().map(|field| &field.node).find(|same| same.name.node == field.name.node) else {
                found.push(name);
                continue;
            };
            assert_eq!(same.ty.node.to_string(), field.ty.node.to_string(), "{name}");
            for argument in field.arguments.iter().map(|argument| &argument.node) {
                let same =
                    same.arguments.iter().map(|same| &same.node).find(|same| same.name.node == argument.name.node);
                match same {
                    None => found.push(format!("{name}({})", argument.name.node)),
                    Some(same) => assert_eq!(same.ty.node.to_string(), argument.ty.node.to_string(), "{name}"),
                }
            }
        }
        found
    };
    match (theirs, ours) {
        (TypeKind::Object(theirs), TypeKind::Object(ours)) => of_fields(&theirs.fields, &ours.fields),
        (TypeKind::Interface(theirs), TypeKind::Interface(ours)) => of_fields(&theirs.fields, &ours.fields),
        (TypeKind::Enum(theirs), TypeKind::Enum(ours)) => {
            let known = |value: &str| ours.values.iter().any(|same| same.node.value.node == value);
            let values = theirs.values.iter().map(|value| value.node.value.node.as_str());
            values.filter(|value| !known(value)).map(|value| format!("{owner}.{value}")).collect()
        }
        (TypeKind::InputObject(theirs), TypeKind::InputObject(ours)) => {
            let mut found = Vec::new();
            for field in theirs.fields.iter().map(|field| &field.node) {
                let same = ours.fields.iter().map(|same| &same.node).find(|same| same.name.node == field.name.node);
                match same {
                    None => found.push(format!("{owner}.{}", field.name.node)),
                    Some(same) => assert_eq!(same.ty.node.to_string(), field.ty.node.to_string(), "{owner}"),
                }
            }
            found
        }
        (TypeKind::Scalar, TypeKind::Scalar) => Vec::new(),
        _ => panic!("{owner} is another kind of type"),
    }
}
