//! Webhooks: addresses that are told of what happens to images, as Standard Webhooks says.

use chrono::{DateTime, TimeDelta, Utc};
use enumset::EnumSet;
use url::Url;
use uuid::Uuid;

use super::{
    event::{EventKind, NewEvent, Place},
    ids::{DeliveryId, ImageId, UserId, WebhookId},
};

/// Which kinds of events.
pub type EventKinds = EnumSet<EventKind>;

/// An address that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub owner: UserId,
    pub url: Url,
    /// For its owner.
    pub description: String,
    pub kinds: EventKinds,
    pub images: Images,
    pub key: SigningKey,
    /// Only events behind this place go there.
    pub after: Place,
    pub replay: Option<Replay>,
    pub disabled: Option<Disabled>,
    pub health: Health,
    pub created_at: DateTime<Utc>,
}

/// Whose images a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    OfOwner,
    /// Everybody's, as long as its owner may see them.
    All,
}

/// What the secret is made from, together with the server's: the secret itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub salt: String,
    /// Of the secret before, which signs too until then.
    pub previous: Option<(String, DateTime<Utc>)>,
}

/// Events that go there once more: those behind the first place, up to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    pub after: Place,
    pub through: Place,
}

/// Since when and why nothing goes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    pub at: DateTime<Utc>,
    pub because: DisabledBecause,
}

/// Why nothing goes to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledBecause {
    /// Its owner wished it so.
    Owner,
    /// Nothing was taken there for three days.
    Failing,
    /// It answered with 410: never again.
    Gone,
}

/// How the latest deliveries went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// How many failed since the last that did not.
    pub failures: u32,
    pub failing_since: Option<DateTime<Utc>>,
    /// Until then nothing is sent there.
    pub paused_until: Option<DateTime<Utc>>,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Event {
        place: Place,
        kind: EventKind,
        image: ImageId,
    },
    /// Sent because the owner asked for it.
    Test,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub subject: Subject,
    /// JSON, the same at each attempt.
    pub payload: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub last: Option<Attempt>,
    pub created_at: DateTime<Utc>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is sent again from then on.
    Pending {
        due_at: DateTime<Utc>,
    },
    Delivered,
    /// It is not sent again unless somebody asks for it.
    Failed,
}

/// What became of a delivery, by name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
}

/// Where a list of deliveries goes on: behind the one that was made then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPlace {
    pub created_at: DateTime<Utc>,
    pub id: DeliveryId,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub answer: Answer,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status of HTTP.
    Status(u16),
    Nothing(Unreachable),
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// Its name leads to an address that is not to be reached from here.
    Forbidden,
    /// Its name leads nowhere.
    UnknownHost,
    /// Nobody listens there, or not with a certificate for this name.
    Unconnected,
    /// It did not answer in time.
    TimedOut,
}

/// How long after each attempt that failed the next one follows: three days in all.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(18),
    TimeDelta::hours(22),
];
/// After how long a webhook that takes nothing is disabled.
const PATIENCE: TimeDelta = TimeDelta::days(3);
/// How long a webhook is left alone at most after an attempt that failed.
const LONGEST_REST: TimeDelta = TimeDelta::minutes(5);
/// How long the secret before a new one signs, too.
const ROTATION: TimeDelta = TimeDelta::hours(24);

/// What ids of deliveries are made from, so that an event has the same id each time that it is dispatched.
const NAMESPACE: Uuid = Uuid::from_u128(0x6a1f_2c7e_0b44_5d3a_9e57_1c9a_7f20_84d6);

impl DisabledBecause {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Failing, Self::Gone];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

impl DeliveryStatus {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl DeliveryState {
    pub const fn status(self) -> DeliveryStatus {
        match self {
            Self::Pending { .. } => DeliveryStatus::Pending,
            Self::Delivered => DeliveryStatus::Delivered,
            Self::Failed => DeliveryStatus::Failed,
        }
    }
}

impl Unreachable {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Forbidden, Self::UnknownHost, Self::Unconnected, Self::TimedOut];

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::UnknownHost => "unknown_host",
            Self::Unconnected => "unconnected",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Subject {
    /// What the payload and the database call it: `image.completed`.
    pub fn name(self) -> String {
        match self {
            Self::Event { kind, .. } => format!("image.{}", kind.name()),
            Self::Test => "webhook.test".to_owned(),
        }
    }
}

impl Webhook {
    /// Whether an event is of interest there.
    pub fn wants(&self, event: &NewEvent) -> bool {
        let is_of_it = self.images == Images::All || event.owner == self.owner;
        self.disabled.is_none() && is_of_it && self.kinds.contains(event.kind)
    }

    /// The id of an event's delivery there.
    pub fn delivery_of(&self, place: Place) -> DeliveryId {
        let name = [self.id.0.as_bytes().as_slice(), &place.0.to_be_bytes()].concat();
        DeliveryId(Uuid::new_v5(&NAMESPACE, &name))
    }
}

impl SigningKey {
    /// The same with another secret; the one before signs too for a day.
    #[must_use]
    pub fn rotated(self, salt: String, now: DateTime<Utc>) -> Self {
        Self { salt, previous: Some((self.salt, now + ROTATION)) }
    }

    /// The salts whose secrets sign now, the newest first.
    pub fn salts(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(salt, _)| salt.as_str());
        std::iter::once(self.salt.as_str()).chain(previous)
    }
}

impl Health {
    /// After an attempt: a webhook that takes nothing is asked less and less often.
    #[must_use]
    pub fn after(self, is_taken: bool, now: DateTime<Utc>) -> Self {
        if is_taken {
            return Self::default();
        }
        let failures = self.failures.saturating_add(1);
        let rest = TimeDelta::seconds(1 << failures.min(12)).min(LONGEST_REST) - TimeDelta::seconds(1);
        Self { failures, failing_since: self.failing_since.or(Some(now)), paused_until: Some(now + rest) }
    }

    /// Whether nothing was taken for so long that nobody will look after it.
    pub fn is_hopeless(self, now: DateTime<Utc>) -> bool {
        self.failing_since.is_some_and(|since| now - since >= PATIENCE)
    }
}

impl Answer {
    /// Whether the delivery was taken.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    /// Whether nothing is to be sent there ever again.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Status(410))
    }
}

impl Delivery {
    /// After an attempt.
    #[must_use]
    pub fn after(self, answer: Answer, now: DateTime<Utc>) -> Self {
        let state = match PAUSES.get(self.attempts as usize) {
            _ if answer.is_taken() => DeliveryState::Delivered,
            Some(pause) => DeliveryState::Pending { due_at: now + *pause },
            None => DeliveryState::Failed,
        };
        Self { state, attempts: self.attempts + 1, last: Some(Attempt { at: now, answer }), ..self }
    }
}
