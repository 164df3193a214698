//! The schema's types: newtypes over the domain's, never entities.

pub mod administration;
pub mod album;
pub mod api_token;
pub mod batch;
pub mod category;
pub mod connection;
pub mod edit;
pub mod image;
pub mod image_change;
pub mod metadata;
pub mod node;
pub mod paging;
pub mod progress;
pub mod regeneration;
pub mod scalars;
pub mod session;
pub mod share;
pub mod share_link;
pub mod sign_up;
pub mod stats;
pub mod status;
pub mod ticket;
pub mod user;
pub mod user_error;
pub mod variant;
