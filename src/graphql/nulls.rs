//! Nulls where the specification wants them. async-graphql leaves out a field that fails and cannot be null, and makes null of an object
//! whose fields all failed; <https://spec.graphql.org/draft/#sec-Handling-Execution-Errors> has the null go up to the nearest place that can
//! be null, and nowhere else. Walked are the paths of the errors alone, so that an answer without errors costs nothing.

use async_graphql::{
    Name, PathSegment, Positioned, ServerError, Value,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::cost::{CostModel, root};

/// Puts a null into the place of what failed, or of what it is a part of.
pub(super) fn propagate(
    model: &CostModel,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    errors: &[ServerError],
    data: &mut Value,
) {
    let walk = Walk { model, document };
    let selected = Selected(vec![(&operation.selection_set, root(operation.ty))]);
    let mut failed: Vec<&[PathSegment]> =
        errors.iter().filter_map(|error| walk.null_of(&selected, &error.path)).collect();
    // What is within another one goes with it, and follows it in this order.
    failed.sort_unstable_by(|one, other| one.iter().map(rank).cmp(other.iter().map(rank)));
    let mut last: Option<&[PathSegment]> = None;
    for path in failed {
        if last.is_none_or(|last| !path.starts_with(last)) {
            walk.put(&selected, path, data);
            last = Some(path);
        }
    }
}

/// At one place in the data, all are of one kind.
fn rank(segment: &PathSegment) -> (usize, &str) {
    match segment {
        PathSegment::Index(at) => (*at, ""),
        PathSegment::Field(name) => (0, name),
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    model: &'a CostModel,
    document: &'a ExecutableDocument,
}

/// What is selected of an object, with the types that its fields are of: several sets where a field stands there several times.
struct Selected<'a>(Vec<(&'a Positioned<SelectionSet>, &'a str)>);

impl<'a> Walk<'a> {
    /// The part of an error's path that leads to the null; `None` where the error has no place in the data.
    fn null_of<'p>(self, selected: &Selected<'a>, path: &'p [PathSegment]) -> Option<&'p [PathSegment]> {
        let (mut here, mut kinds): (Option<Selected<'a>>, &[bool]) = (None, &[]);
        // The data as a whole can be null.
        let mut end = (!path.is_empty()).then_some(0)?;
        for (at, segment) in path.iter().enumerate() {
            if let PathSegment::Field(key) = segment {
                let (within, required) = self.step(here.as_ref().unwrap_or(selected), key)?;
                (here, kinds) = (Some(within), required);
            }
            let (is_required, of_items) = kinds.split_first().map_or((false, kinds), |(first, rest)| (*first, rest));
            kinds = of_items;
            if !is_required {
                end = at + 1;
            }
        }
        Some(&path[..end])
    }

    /// Puts a null at a path. Objects on the way of which nothing was left are there again.
    fn put(self, selected: &Selected<'a>, path: &[PathSegment], data: &mut Value) {
        let (mut value, mut here) = (data, None);
        for segment in path {
            value = match (segment, value) {
                (PathSegment::Index(at), Value::List(items)) => match items.get_mut(*at) {
                    Some(item) => item,
                    None => return,
                },
                (PathSegment::Field(key), value @ (Value::Object(_) | Value::Null)) => {
                    let selected = here.as_ref().unwrap_or(selected);
                    let Some(value) = self.field_of(selected, key, value) else { return };
                    here = self.step(selected, key).map(|(within, _)| within);
                    value
                }
                _ => return,
            };
        }
        *value = Value::Null;
    }

    /// The value of a field, which is null where it was left out, in the order in which it was asked for.
    fn field_of<'v>(self, selected: &Selected<'a>, key: &str, object: &'v mut Value) -> Option<&'v mut Value> {
        if *object == Value::Null {
            *object = Value::Object(async_graphql::indexmap::IndexMap::new());
        }
        let Value::Object(fields) = object else { return None };
        if !fields.contains_key(key) {
            let mut before = Vec::new();
            self.fields(selected, |_, field| before.push(field.response_key().node.clone()));
            let before = before.iter().take_while(|name| name.as_str() != key);
            let at = fields.keys().filter(|name| before.clone().any(|known| known == *name)).count();
            fields.shift_insert(at, Name::new(key), Value::Null);
        }
        fields.get_mut(key)
    }

    /// What is selected of a field, and whether it is required: the field itself, then its items.
    fn step(self, selected: &Selected<'a>, key: &str) -> Option<(Selected<'a>, &'a [bool])> {
        let (mut within, mut required) = (Vec::new(), None);
        self.fields(selected, |parent, field| {
            let known = self.model.field(parent, &field.name.node).filter(|_| field.response_key().node == key);
            if let Some((of, kinds)) = known {
                within.push((&field.selection_set, of));
                required = Some(kinds);
            }
        });
        Some((Selected(within), required?))
    }

    /// Every field of what is selected, in the order of the document, with the type that it is a field of.
    fn fields(self, selected: &Selected<'a>, mut each: impl FnMut(&'a str, &'a Field)) {
        for (set, parent) in &selected.0 {
            self.fields_of(set, parent, &mut each);
        }
    }

    fn fields_of(self, set: &'a Positioned<SelectionSet>, parent: &'a str, each: &mut dyn FnMut(&'a str, &'a Field)) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => each(parent, &field.node),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let of = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.fields_of(&inline.node.selection_set, of, each);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let of = fragment.node.type_condition.node.on.node.as_str();
                        self.fields_of(&fragment.node.selection_set, of, each);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::*;

    const SCHEMA: &str = "
        type Query { me: User, categories: [Category!]!, image: Image, images: [Image]!, node: Node, required: Image! }
        type User { email: String!, name: String }
        type Category { id: ID!, owner: User! }
        interface Node { id: ID! }
        type Image implements Node { id: ID!, title: String, category: Category!, variants: [Variant!]!, notes: [String]! }
        type Variant { url: String!, width: Int! }
    ";

    /// The answer, from what async-graphql leaves of it and the paths of its errors.
    fn propagated(query: &str, data: Json, paths: &[Json]) -> String {
        let document = parse_query(query).expect("a document");
        let (_, operation) = document.operations.iter().next().expect("an operation");
        let segment = |segment: &Json| match segment.as_u64() {
            Some(at) => PathSegment::Index(usize::try_from(at).expect("an index")),
            None => PathSegment::Field(segment.as_str().expect("a name").to_owned()),
        };
        let errors: Vec<ServerError> = paths
            .iter()
            .map(|path| {
                let path = path.as_array().expect("a path").iter().map(segment).collect();
                ServerError { path, ..ServerError::new("It failed.", None) }
            })
            .collect();
        let mut data = Value::from_json(data).expect("a value");
        propagate(&CostModel::of(SCHEMA), &document, &operation.node, &errors, &mut data);
        serde_json::to_string(&data).expect("JSON")
    }

    #[test]
    fn a_null_goes_up_to_what_can_be_null_and_no_further() {
        for (query, data, paths, expected) in [
            ("{ me { name email } categories { id } }", json!({"me": null}), vec![json!(["categories"])], "null"),
            ("{ me { name email } }", json!({"me": {"name": "Ann"}}), vec![json!(["me", "email"])], r#"{"me":null}"#),
            (
                "{ me { email name } }",
                json!({"me": {"email": "a"}}),
                vec![json!(["me", "name"])],
                r#"{"me":{"email":"a","name":null}}"#,
            ),
            (
                "{ images { id category { owner { email } } } }",
                json!({"images": [{"id": "1", "category": {"owner": {"email": "a"}}}, {"id": "2", "category": {"owner": null}}]}),
                vec![json!(["images", 1, "category", "owner", "email"])],
                r#"{"images":[{"id":"1","category":{"owner":{"email":"a"}}},null]}"#,
            ),
            (
                "{ image { id variants { url width } } }",
                json!({"image": {"id": "1", "variants": [{"width": 1}, {"url": "u", "width": 2}]}}),
                vec![json!(["image", "variants", 0, "url"])],
                r#"{"image":null}"#,
            ),
            (
                "{ image { id notes } }",
                json!({"image": {"id": "1", "notes": ["a", null]}}),
                vec![json!(["image", "notes", 1])],
                r#"{"image":{"id":"1","notes":["a",null]}}"#,
            ),
            (
                "{ required { id title } me { name } }",
                json!({"required": {"title": "a"}, "me": {"name": "b"}}),
                vec![json!(["required", "id"])],
                "null",
            ),
        ] {
            assert_eq!(propagated(query, data, &paths), expected, "{query}");
        }
    }

    #[test]
    fn what_was_lost_with_everything_in_it_is_there_again() {
        // All fields failed: nothing was left of the object, which can be there without them.
        let paths = [json!(["me", "name"]), json!(["image", "title"])];
        let query = "{ me { name } image { title } }";
        assert_eq!(
            propagated(query, json!({"me": null, "image": null}), &paths),
            r#"{"me":{"name":null},"image":{"title":null}}"#
        );
        assert_eq!(propagated(query, Json::Null, &paths), r#"{"me":{"name":null},"image":{"title":null}}"#);
        let both = [json!(["me", "name"]), json!(["me", "email"])];
        assert_eq!(
            propagated("{ me { name email } }", json!({"me": null}), &both),
            r#"{"me":null}"#,
            "one of them is required"
        );
    }

    #[test]
    fn aliases_fragments_and_the_order_are_those_of_the_document() {
        let query = "{ b: me { ...F } a: node { ... on Image { id category { id } } __typename } images { ...I } } \
                     fragment F on User { y: name x: name z: email } fragment I on Image { title category { id } }";
        let data = json!({"b": {"z": "a"}, "a": {"id": "1", "__typename": "Image"}, "images": [{"title": "t"}]});
        let paths =
            [json!(["b", "x"]), json!(["b", "y"]), json!(["a", "category"]), json!(["images", 0, "category", "id"])];
        assert_eq!(propagated(query, data, &paths), r#"{"b":{"y":null,"x":null,"z":"a"},"a":null,"images":[null]}"#);
    }

    #[test]
    fn errors_without_a_place_change_nothing() {
        let data = json!({"me": {"name": "a"}});
        for path in [
            json!([]),
            json!(["unknown"]),
            json!(["me", "unknown"]),
            json!(["me", 3, "name"]),
            json!(["me", "name", "x"]),
        ] {
            assert_eq!(propagated("{ me { name } }", data.clone(), &[path]), r#"{"me":{"name":"a"}}"#);
        }
        assert_eq!(propagated("{ me { name } }", Json::Null, &[json!([])]), "null");
    }
}
