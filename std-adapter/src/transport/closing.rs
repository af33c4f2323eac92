//! The close of a tracer, as transports see it that wait for peers.

#![cfg_attr(
    not(feature = "http"),
    allow(dead_code, reason = "for transports that wait for peers")
)]

use std::sync::atomic::{AtomicU8, Ordering};

/// Progress of the close of a tracer.
#[derive(Debug, Default)]
pub(crate) struct Closing(AtomicU8);

const BEGUN: u8 = 1;
const ENDED: u8 = 2;

impl Closing {
    /// Asks for one more attempt of each packet, without a pause before it.
    pub(crate) fn begin(&self) {
        self.0.fetch_max(BEGUN, Ordering::SeqCst);
    }

    /// Ends the time for attempts: requests that are under way are interrupted.
    pub(crate) fn end(&self) {
        self.0.fetch_max(ENDED, Ordering::SeqCst);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= BEGUN
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= ENDED
    }
}
