//! The time of a host at the other end of a line.

use crate::time::Clock;
use crate::tracer::{Platform, SpanRing, Tracer};
use crate::wire::relay::HostTime;

impl<P: Platform, R: SpanRing + ?Sized> Tracer<P, R> {
    /// Takes note of the Unix time that a host sent, which came in just now, with half of the round
    /// trip as its uncertainty; see [`set_unix_time_at`](Self::set_unix_time_at). Returns that
    /// uncertainty in microseconds.
    ///
    /// `None`, and no effect, if it answers a status that is still to come, or in a re-entrant
    /// call.
    pub fn set_host_time(&self, time: &HostTime) -> Option<u32> {
        let frequency = self.platform.clock().frequency();
        let anchor = time.anchor(self.now()?, frequency)?;
        self.ring.with(|producer| producer.set_anchor(anchor))?;
        Some(anchor.uncertainty_micros)
    }
}
