//! Hand: who is watching what. Carries whole states, never deltas, so a missed one is no loss; between processes by `relay`.

mod hub;
mod mailbox;
mod nudges;
mod relay;

pub use hub::{Hub, Topic};
pub use mailbox::Watch;
pub use nudges::Nudge;
pub use relay::{Carrier, Happened, Heard, Hints, Relay};
