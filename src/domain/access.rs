//! Who may do what with which image, and whose images a list has. Services, watchers and resolvers ask here, and
//! nowhere else.

use enumset::enum_set;

use super::{
    caller::{Caller, Identity, TokenScope},
    error::{Refusal, ServiceResult},
    ids::UserId,
    image::Image,
    user::{Permission, Permissions},
};

/// The permissions that show images of others.
const OF_IMAGES: Permissions =
    enum_set!(Permission::ViewAnyImage | Permission::ChangeAnyImage | Permission::DeleteAnyImage);

/// What somebody does with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See it and whatever is made of it, in lists and by its id.
    See,
    /// See where it was taken.
    SeeLocation,
    /// Carry its upload on.
    Upload,
    /// Give its upload up.
    Cancel,
    /// Describe it, move it, have its variants made anew.
    Change,
    /// Delete it, bring it back.
    Delete,
}

impl Action {
    /// What a token has to be good for.
    pub const fn scope(self) -> TokenScope {
        match self {
            Self::See | Self::SeeLocation => TokenScope::Read,
            Self::Upload | Self::Cancel => TokenScope::Upload,
            Self::Change => TokenScope::Edit,
            Self::Delete => TokenScope::Delete,
        }
    }
}

/// Whether an image is this user's to deal with in that way and by what they showed, in whatever state it is.
pub fn may(identity: &Identity, action: Action, image: &Image) -> bool {
    let is_owner = identity.id() == image.owner;
    let is_permitted = match action {
        // Whoever may change or delete anybody's image sees it: the answer to a change is the image.
        Action::See => is_owner || !identity.permissions.is_disjoint(OF_IMAGES),
        Action::SeeLocation => is_owner,
        Action::Upload | Action::Change => is_owner || identity.permissions.contains(Permission::ChangeAnyImage),
        Action::Cancel | Action::Delete => is_owner || identity.permissions.contains(Permission::DeleteAnyImage),
    };
    is_permitted && identity.acts(action.scope())
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
    /// `Unauthenticated` for an anonymous caller, `Forbidden` where the token is not for reading.
    pub fn of(caller: &Caller) -> ServiceResult<Self> {
        Ok(Self::of_owner(caller.acting(TokenScope::Read)?.id()))
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
/// `Unauthenticated` for an anonymous caller, `Forbidden` where the token is for something else; otherwise
/// `IMAGE_NOT_FOUND` either way, so that nobody learns what exists.
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
    let identity = caller.acting(action.scope())?;
    if is_there(image) && may(identity, action, image) { Ok(()) } else { Err(Refusal::image_not_found().into()) }
}
