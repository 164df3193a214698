//! People: accounts, and what their groups permit.

use chrono::{DateTime, Utc};
use enumset::{EnumSet, EnumSetType};

use super::ids::{GroupId, ImageId, UserId};

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Lower case: the name that somebody signs in with.
    pub email: String,
    /// When they last proved that the address is theirs.
    pub email_verified_at: Option<DateTime<Utc>>,
    pub display_name: String,
    pub is_admin: bool,
    pub last_login: Option<LastLogIn>,
    /// Since when nobody can sign in.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// The image that shows them; it may be gone.
    pub avatar: Option<ImageId>,
    /// Since when they sign in with a second factor, too.
    pub second_factor_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// When somebody last signed in with a password, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLogIn {
    pub at: DateTime<Utc>,
    /// Not known of log-ins before it was kept.
    pub address: Option<String>,
}

/// What a user may do beyond their own images.
#[derive(Debug, EnumSetType)]
pub enum Permission {
    ViewAnyImage,
    ChangeAnyImage,
    DeleteAnyImage,
    ManageCategories,
    ManageUsers,
}

/// Several of them.
pub type Permissions = EnumSet<Permission>;

impl Permission {
    /// The name in the database and on the command line: the schema's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ViewAnyImage => "VIEW_ANY_IMAGE",
            Self::ChangeAnyImage => "CHANGE_ANY_IMAGE",
            Self::DeleteAnyImage => "DELETE_ANY_IMAGE",
            Self::ManageCategories => "MANAGE_CATEGORIES",
            Self::ManageUsers => "MANAGE_USERS",
        }
    }

    /// The permission of a name; none for one of a newer version.
    pub fn named(name: &str) -> Option<Self> {
        Permissions::all().iter().find(|permission| permission.name() == name)
    }
}

/// Users who may do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    /// Unlike any other group's.
    pub name: String,
    pub permissions: Permissions,
    pub created_at: DateTime<Utc>,
}

/// Who may have an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Whoever the managers of users make one for.
    Closed,
    /// And whoever they invite.
    Invite,
    /// Everybody who has an address.
    Open,
}
