//! What an operation costs, in points, before it is executed.
//!
//! A point is about what one short field takes: a microsecond or some, and at most half a kilobyte of the answer. The
//! schema says with `@cost` what takes more, and with `@listSize` how long its lists are, in the terms of
//! <https://ibm.github.io/graphql-specs/cost-spec.html>. Nothing costs nothing, nothing is subtracted: what
//! `@skip` leaves out counts too. Sums and products saturate.

mod actual;
mod arguments;
mod measure;
mod model;

use async_graphql::TypeDirective;

pub use self::{
    actual::actual,
    measure::{Requested, requested, root},
    model::CostModel,
};

/// The cost of a field, or the cost that an argument adds. The cost of a list is counted once per item.
#[TypeDirective(location = "FieldDefinition", location = "ArgumentDefinition", location = "InputFieldDefinition")]
pub fn cost(weight: i32) {}

/// The assumed number of items in a list: the value of the first of `slicingArguments` that is given, else
/// `assumedSize`. With `sizedFields`, it applies to these fields of the result.
#[TypeDirective(location = "FieldDefinition", name = "listSize")]
pub fn list_size(assumed_size: i32, slicing_arguments: Option<Vec<String>>, sized_fields: Option<Vec<String>>) {}

/// The arguments or fields that say, or have, a list's size.
#[expect(clippy::unnecessary_wraps, reason = "as the directive takes them")]
pub fn names<const N: usize>(names: [&str; N]) -> Option<Vec<String>> {
    Some(names.map(str::to_owned).to_vec())
}
