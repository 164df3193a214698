//! The schema's types: newtypes over the domain's, never entities.

pub mod category;
pub mod connection;
pub mod image;
pub mod node;
pub mod progress;
pub mod scalars;
pub mod session;
pub mod ticket;
pub mod user;
pub mod user_error;
