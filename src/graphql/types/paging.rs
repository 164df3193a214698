//! Lists that go on behind one of their members: a page has one direction, and a cursor is where it goes on.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::connection::PageInfo;
use crate::graphql::error::ApiError;

/// The cursor of a place: opaque, and nothing is won by forging one.
pub fn cursor_of(place: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a cursor stands for.
///
/// # Errors
/// `BAD_USER_INPUT` for what is no cursor of this list.
pub fn place_of<T>(cursor: &str, read: impl FnOnce(&str) -> Option<T>) -> async_graphql::Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let place = bytes.and_then(|bytes| read(std::str::from_utf8(&bytes).ok()?));
    place.ok_or_else(|| ApiError::bad_input("`after` is not a cursor of this list."))
}

/// The position of a page of such a list, from the cursors of its first and last member.
pub fn page_info(first: Option<String>, last: Option<String>, has_next_page: bool) -> PageInfo {
    PageInfo { has_next_page, has_previous_page: false, start_cursor: first, end_cursor: last }
}
