//! Who may do what with which image, and whose images a list has. Services, watchers and resolvers ask here, and
//! nowhere else.

use super::{
    error::{Refusal, ServiceResult},
    ids::UserId,
    image::Image,
    user::{Caller, Permission, User},
};

/// What somebody does with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See it and whatever is made of it, in lists and by its id.
    See,
    /// See where it was taken.
    SeeLocation,
    /// Carry its upload on, describe it, move it, have its variants made anew.
    Change,
    /// Cancel its upload, delete it, bring it back.
    Delete,
}

/// Whether an image is this user's to deal with in that way, in whatever state it is.
pub fn may(user: &User, action: Action, image: &Image) -> bool {
    let is_owner = user.id == image.owner;
    match action {
        Action::See => is_owner || user.may(Permission::ViewAnyImage),
        Action::SeeLocation => is_owner,
        Action::Change => is_owner || user.may(Permission::ChangeAnyImage),
        Action::Delete => is_owner || user.may(Permission::DeleteAnyImage),
    }
}

/// Whose images a user's lists, searches, counts and followers are of: what the database reads by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    owner: UserId,
}

impl Scope {
    /// What is the caller's own.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub fn of(caller: &Caller) -> ServiceResult<Self> {
        Ok(Self::of_owner(caller.user()?.id))
    }

    /// What an owner has.
    pub const fn of_owner(owner: UserId) -> Self {
        Self { owner }
    }

    /// Whose images these are.
    pub const fn owner(self) -> UserId {
        self.owner
    }
}

/// Checks that an image is there, outside of the trash, and the caller's to deal with in that way.
///
/// # Errors
/// `Unauthenticated` for an anonymous caller; `IMAGE_NOT_FOUND` either way, so that nobody learns what exists.
pub fn check(caller: &Caller, action: Action, image: &Image) -> ServiceResult<()> {
    check_where(caller, action, image, Image::is_visible)
}

/// Checks the same of an image that is there in another sense.
///
/// # Errors
/// As `check`.
pub fn check_where(
    caller: &Caller,
    action: Action,
    image: &Image,
    is_there: impl FnOnce(&Image) -> bool,
) -> ServiceResult<()> {
    let user = caller.user()?;
    if is_there(image) && may(user, action, image) { Ok(()) } else { Err(Refusal::image_not_found().into()) }
}
