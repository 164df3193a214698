//! Who may do what with which image and which album, and whose images a list has. Services, watchers and resolvers ask here, and
//! nowhere else.

use enumset::enum_set;

use super::{
    caller::{Caller, Identity, TokenScope},
    category::Category,
    error::{Refusal, ServiceResult},
    ids::UserId,
    image::Image,
    sharing::{Album, ShareAccess},
    user::{Permission, Permissions},
};

/// The permissions that show images of others.
const OF_IMAGES: Permissions =
    enum_set!(Permission::ViewAnyImage | Permission::ChangeAnyImage | Permission::DeleteAnyImage);

/// What somebody does with an image or an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See it and whatever is made of it, in lists and by its id.
    See,
    /// Fetch the file as it was uploaded, with everything that the camera wrote into it.
    SeeOriginal,
    /// See where it was taken.
    SeeLocation,
    /// Carry its upload on.
    Upload,
    /// Give its upload up.
    Cancel,
    /// Describe it, move it, have its variants made anew; put an album's images in another order.
    Change,
    /// Put images into an album, or take them out of it.
    Arrange,
    /// Delete it, bring it back.
    Delete,
    /// Share it with others, and see with whom it is.
    Share,
}

impl Action {
    /// What a token has to be good for.
    pub const fn scope(self) -> TokenScope {
        match self {
            Self::See | Self::SeeOriginal | Self::SeeLocation => TokenScope::Read,
            Self::Upload | Self::Cancel => TokenScope::Upload,
            Self::Change | Self::Arrange => TokenScope::Edit,
            Self::Delete => TokenScope::Delete,
            Self::Share => TokenScope::Share,
        }
    }
}

/// Whether what an owner has is this user's to deal with in that way and by what they showed. `shared` is what was shared
/// of it with them.
fn may(identity: &Identity, action: Action, owner: UserId, shared: Option<ShareAccess>) -> bool {
    let is_owner = identity.id() == owner;
    let is_permitted = match action {
        // Whoever may change or delete anybody's image sees it: the answer to a change is the image.
        Action::See => is_owner || shared.is_some() || !identity.permissions.is_disjoint(OF_IMAGES),
        Action::SeeOriginal => is_owner || !identity.permissions.is_disjoint(OF_IMAGES),
        Action::SeeLocation | Action::Arrange | Action::Share => is_owner,
        Action::Upload => is_owner || identity.permissions.contains(Permission::ChangeAnyImage),
        Action::Change => {
            is_owner || shared == Some(ShareAccess::Edit) || identity.permissions.contains(Permission::ChangeAnyImage)
        }
        Action::Cancel | Action::Delete => is_owner || identity.permissions.contains(Permission::DeleteAnyImage),
    };
    is_permitted && identity.acts(action.scope())
}

/// Whether the caller sees where an image was taken.
pub fn sees_location(caller: &Caller, image: &Image) -> bool {
    caller.identity().is_some_and(|identity| may(identity, Action::SeeLocation, image.owner, None))
}

/// Whether the caller may fetch an image's original, which those with whom it is shared may not.
pub fn sees_original(caller: &Caller, image: &Image) -> bool {
    caller.identity().is_some_and(|identity| may(identity, Action::SeeOriginal, image.owner, None))
}

/// Whether the caller sees with whom something of that owner is shared.
pub fn sees_shares(caller: &Caller, owner: UserId) -> bool {
    caller.identity().is_some_and(|identity| may(identity, Action::Share, owner, None))
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

/// Checks that an image is there, outside of the trash, and the caller's to deal with in that way. `shared` is what was
/// shared of it with them.
///
/// # Errors
/// `Unauthenticated` for an anonymous caller, `Forbidden` where the token is for something else; otherwise
/// `IMAGE_NOT_FOUND` either way, so that nobody learns what exists.
pub fn check(caller: &Caller, action: Action, image: &Image, shared: Option<ShareAccess>) -> ServiceResult<()> {
    let identity = caller.acting(action.scope())?;
    let is_theirs = image.is_visible() && may(identity, action, image.owner, shared);
    if is_theirs { Ok(()) } else { Err(Refusal::image_not_found().into()) }
}

/// Checks the same of an image that is there in another sense, and which nobody shares.
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
    let is_theirs = is_there(image) && may(identity, action, image.owner, None);
    if is_theirs { Ok(()) } else { Err(Refusal::image_not_found().into()) }
}

/// Whether somebody may put images into a category that takes some.
pub fn may_use(identity: &Identity, category: &Category) -> bool {
    let is_among = category.groups.iter().any(|group| identity.groups.contains(group));
    category.groups.is_empty() || is_among || identity.permissions.contains(Permission::ManageCategories)
}

/// Checks that an album is the caller's to deal with in that way.
///
/// # Errors
/// As `check`, but `ALBUM_NOT_FOUND`.
pub fn check_album(caller: &Caller, action: Action, album: &Album, shared: Option<ShareAccess>) -> ServiceResult<()> {
    let identity = caller.acting(action.scope())?;
    if may(identity, action, album.owner, shared) { Ok(()) } else { Err(Refusal::album_not_found().into()) }
}
