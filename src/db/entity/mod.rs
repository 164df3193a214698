//! The tables as SeaORM sees them. Private to `db`: everybody else deals in domain types.

pub mod album;
pub mod album_image;
pub mod api_token;
pub mod audit;
pub mod category;
pub mod data_export;
pub mod event;
pub mod external_identity;
pub mod group;
pub mod group_member;
pub mod image;
pub mod mail;
pub mod metadata;
pub mod multipart_upload;
pub mod passkey;
pub mod regeneration;
pub mod second_factor;
pub mod session;
pub mod share;
pub mod share_link;
pub mod user;
pub mod user_removal;
pub mod variant;
pub mod webhook;
pub mod webhook_delivery;
