//! Typed ids: an image's id cannot be passed where a category's is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

typed_id!(
    /// A UUIDv7, so ids sort by the time of their making.
    ImageId
);
typed_id!(
    /// A category's id.
    CategoryId
);
typed_id!(
    /// A user's id.
    UserId
);
typed_id!(
    /// A log-in's id: what its refresh token belongs to.
    SessionId
);
typed_id!(
    /// The id of a token that a user made for a program.
    ApiTokenId
);
typed_id!(
    /// The id of a passkey.
    PasskeyId
);
typed_id!(
    /// The id of a group of users.
    GroupId
);
typed_id!(
    /// The id of an album.
    AlbumId
);
typed_id!(
    /// The id of what was shared with somebody.
    ShareId
);
typed_id!(
    /// The id of a link that shows something to everybody who has it.
    ShareLinkId
);
typed_id!(
    /// The id of an entry of the audit log.
    AuditId
);
typed_id!(
    /// The id of a copy of somebody's data.
    DataExportId
);
typed_id!(
    /// The id of a mail that carries a link.
    MailId
);
typed_id!(
    /// The id of a webhook.
    WebhookId
);
typed_id!(
    /// The id of an event's delivery to a webhook: the same each time that it is sent.
    DeliveryId
);
typed_id!(
    /// A job's id.
    JobId
);
typed_id!(
    /// The id of a run that makes images anew.
    RegenerationId
);
