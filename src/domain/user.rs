//! People, and who is asking.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Utc};

use super::{
    error::ServiceError,
    ids::{SessionId, UserId},
};

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Lower case: the name that somebody signs in with.
    pub email: String,
    pub display_name: String,
    pub is_admin: bool,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What a user may do beyond their own images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    ViewAnyImage,
    ChangeAnyImage,
    DeleteAnyImage,
    ManageCategories,
    ManageUsers,
}

impl Permission {
    pub const ALL: [Self; 5] =
        [Self::ViewAnyImage, Self::ChangeAnyImage, Self::DeleteAnyImage, Self::ManageCategories, Self::ManageUsers];
}

impl User {
    /// All permissions for an administrator, none for anybody else.
    pub fn permissions(&self) -> &'static [Permission] {
        if self.is_admin { &Permission::ALL } else { &[] }
    }

    /// Whether this user may do that.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

/// Who sent a request.
#[derive(Debug, Clone, Default)]
pub enum Caller {
    #[default]
    Anonymous,
    User {
        user: User,
        /// The log-in that the token came from; none for one that the operator printed.
        session: Option<SessionId>,
        /// When the access token ends, and with it every socket that it opened.
        expires_at: DateTime<Utc>,
    },
}

/// Whom limits are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKey {
    User(UserId),
    /// Somebody without a token, by the address that they come from; of IPv6 by its network, which one household has.
    Address(IpAddr),
}

impl CallerKey {
    /// Of whoever comes from an address without a token.
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !0 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl Caller {
    /// Whom their limits are counted for.
    pub fn key(&self, address: IpAddr) -> CallerKey {
        match self {
            Self::Anonymous => CallerKey::of_address(address),
            Self::User { user, .. } => CallerKey::User(user.id),
        }
    }

    /// The user, or the error that says to sign in.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller.
    pub fn user(&self) -> Result<&User, ServiceError> {
        match self {
            Self::Anonymous => Err(ServiceError::Unauthenticated),
            Self::User { user, .. } => Ok(user),
        }
    }

    /// The user, if they have that permission.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one without the permission.
    pub fn with(&self, permission: Permission) -> Result<&User, ServiceError> {
        let user = self.user()?;
        if user.may(permission) { Ok(user) } else { Err(ServiceError::Forbidden) }
    }
}
