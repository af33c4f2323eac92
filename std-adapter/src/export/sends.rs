//! Sending of packets, counted and timed.

use std::time::Duration;

use picojaeger_core::{ExportCounts, SendOutcome};

use crate::sys::clock::monotonic;
use crate::transport::{BoxTransport, Transport as _};

/// The counts of what was sent, for a transport that does not count by itself.
#[derive(Default)]
pub(super) struct Sends {
    exports: ExportCounts,
    /// Of the last packet: its bytes, and when it was given to the transport.
    bytes: usize,
    start: u64,
}

impl Sends {
    /// Sends one packet.
    pub(super) fn send(
        &mut self,
        transport: &mut BoxTransport,
        packet: &[u8],
        is_last: bool,
    ) -> SendOutcome {
        (self.bytes, self.start) = (packet.len(), monotonic());
        let outcome = match is_last {
            true => transport.send(packet),
            false => transport.send_more(packet),
        };
        self.note(outcome)
    }

    /// Asks for the outcome of the last packet, which was pending.
    pub(super) fn poll(&mut self, transport: &mut BoxTransport) -> SendOutcome {
        let outcome = transport.poll_outcome();
        self.note(outcome)
    }

    /// Returns the transport's own counts, or those taken here.
    pub(super) fn counts(&self, transport: Option<&BoxTransport>) -> ExportCounts {
        let own = transport.and_then(|to| to.export_counts());
        own.unwrap_or(self.exports)
    }

    /// Counts an outcome. A part of a packet is a failure: the buffer is another one's next.
    fn note(&mut self, outcome: SendOutcome) -> SendOutcome {
        let outcome = match outcome {
            SendOutcome::Partial => SendOutcome::Failed,
            outcome => outcome,
        };
        let duration = Duration::from_nanos(monotonic() - self.start);
        self.exports.count(outcome, self.bytes, duration);
        outcome
    }
}
