//! The only ways in which an image may change, each with the states that it may start from and what follows from it.
//!
//! None of them writes anything: each gives a `Change`, or `None` where there is nothing to change.

mod library;
mod processing;
mod upload;

use super::{
    error::{Refusal, UserErrorCode},
    image::{Facts, Image, Original},
};

impl Image {
    /// The original that was good enough once, where it is still there.
    fn checked(&self) -> Option<(Original, Facts)> {
        Some((self.original()?.clone(), self.facts()?.clone()))
    }

    fn refuse(&self, why: &str) -> Refusal {
        let status = self.status().name().to_uppercase();
        Refusal::on("imageId", UserErrorCode::InvalidState, format!("{why} The image is {status}."))
    }
}
