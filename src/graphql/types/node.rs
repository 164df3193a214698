//! Everything that has an id of its own.

use async_graphql::{ID, Interface};

use super::{category::Category, image::Image, user::User};

/// Something with an id: `node(id:)` finds it again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "A UUIDv7, unique among all nodes."))]
pub enum Node {
    Image(Image),
    Category(Category),
    User(User),
}
