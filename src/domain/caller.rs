//! Who is asking, by what they showed, and what that lets them do.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use enumset::{EnumSet, EnumSetType};

use super::{
    error::ServiceError,
    event::Actor,
    ids::{ApiTokenId, GroupId, SessionId, UserId},
    user::{Permission, Permissions, User},
};

/// Who sent a request, and from where.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Nobody, where there was no token.
    identity: Option<Arc<Identity>>,
    address: Option<IpAddr>,
}

/// A user as they are now, and what they showed.
#[derive(Debug, Clone)]
pub struct Identity {
    pub user: User,
    /// All of them for an administrator; otherwise those of the user's groups.
    pub permissions: Permissions,
    pub groups: Vec<GroupId>,
    pub standing: Standing,
    /// Whether more than a password was shown for the credential.
    pub has_second_factor: bool,
    /// What the credential is good for.
    pub scopes: TokenScopes,
    /// When the token ends, and with it every socket that it opened.
    pub expires_at: DateTime<Utc>,
}

/// What somebody showed to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An access token of a log-in.
    Session(SessionId),
    /// A token for a program.
    ApiToken(ApiTokenId),
    /// A token of a provider of identities, which lasts until it expires.
    External(UserId),
}

/// What lasts only as long as a credential does, and as long as its user may do what they may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    pub credential: Credential,
    /// Grows with every change of what the user may do.
    pub rights_revision: i32,
}

/// What a credential may be used for. An API token has some of these; a log-in has all.
#[derive(Debug, EnumSetType)]
pub enum TokenScope {
    /// See images, categories and statistics, and watch them.
    Read,
    /// Upload images: from the ticket to its completion or its end.
    Upload,
    /// Describe images, move them, have their variants made.
    Edit,
    /// Delete images and bring them back.
    Delete,
    /// Share images and albums with others.
    Share,
    /// Use the permissions to manage categories and users.
    Administer,
    /// Change the account itself. No token that a user makes has it.
    Account,
}

/// Several of them.
pub type TokenScopes = EnumSet<TokenScope>;

impl TokenScope {
    /// The name in the database: the schema's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Upload => "UPLOAD",
            Self::Edit => "EDIT",
            Self::Delete => "DELETE",
            Self::Share => "SHARE",
            Self::Administer => "ADMINISTER",
            Self::Account => "ACCOUNT",
        }
    }

    /// The scope of a name; none for one of a newer version.
    pub fn named(name: &str) -> Option<Self> {
        TokenScopes::all().iter().find(|scope| scope.name() == name)
    }
}

impl Permission {
    /// What a token has to be good for before the permission can be used by it.
    const fn scope(self) -> TokenScope {
        match self {
            Self::ViewAnyImage => TokenScope::Read,
            Self::ChangeAnyImage => TokenScope::Edit,
            Self::DeleteAnyImage => TokenScope::Delete,
            Self::ManageCategories | Self::ManageUsers => TokenScope::Administer,
        }
    }
}

impl Identity {
    /// The user's id.
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// Whether the user may do that, and by this credential.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission) && self.acts(permission.scope())
    }

    /// Whether the credential is good for that.
    pub fn acts(&self, scope: TokenScope) -> bool {
        self.scopes.contains(scope)
    }
}

impl Caller {
    /// Somebody without a token.
    pub const fn anonymous() -> Self {
        Self { identity: None, address: None }
    }

    /// Somebody with one.
    pub const fn user(identity: Arc<Identity>) -> Self {
        Self { identity: Some(identity), address: None }
    }

    /// The same, who came from this address.
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Where the request came from, if it came by the network.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Whom their limits are counted for.
    pub fn key(&self, address: IpAddr) -> CallerKey {
        self.identity().map_or_else(|| CallerKey::of_address(address), |identity| CallerKey::User(identity.id()))
    }

    /// The user, whatever their credential is good for; none of an anonymous caller.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The user, if their credential is good for that.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` where the token is for something else.
    pub fn acting(&self, scope: TokenScope) -> Result<&Identity, ServiceError> {
        let identity = self.identity().ok_or(ServiceError::Unauthenticated)?;
        if identity.acts(scope) { Ok(identity) } else { Err(ServiceError::Forbidden) }
    }

    /// The user as one who changes something, if their credential is good for that.
    ///
    /// # Errors
    /// As `acting`.
    pub fn actor(&self, scope: TokenScope) -> Result<Actor, ServiceError> {
        Ok(Actor::User(self.acting(scope)?.id(), self.address))
    }

    /// The user, if they have that permission.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for one without the permission.
    pub fn with(&self, permission: Permission) -> Result<&Identity, ServiceError> {
        let identity = self.identity().ok_or(ServiceError::Unauthenticated)?;
        if identity.may(permission) { Ok(identity) } else { Err(ServiceError::Forbidden) }
    }
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
