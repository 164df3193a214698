//! Everything that has an id of its own.

use async_graphql::{ID, Interface};

use super::{album::Album, category::Category, image::Image, user::User};

/// An object with an id that `node(id:)` can find.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The id of the object, a UUIDv7 that is unique among all nodes."))]
pub enum Node {
    Image(Image),
    Category(Category),
    User(User),
    Album(Album),
}
