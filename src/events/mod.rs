//! Hand: who is watching what. Carries whole states, never deltas, so a missed one is no loss.

mod hub;
mod mailbox;
mod nudges;

pub use hub::{Hub, Topic};
pub use mailbox::Watch;
pub use nudges::Nudge;
