//! A transport for tests of transports that forward to another.

use std::fmt;

use picojaeger_core::{ExportCounts, SendOutcome, Transport};

/// A transport whose methods all differ from the defaults.
pub(super) struct Odd(u64);

impl Odd {
    pub(super) fn new() -> Self {
        Odd(7)
    }
}

impl Transport for Odd {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Refused
    }

    fn mtu(&self) -> usize {
        9
    }

    fn is_ready(&mut self) -> bool {
        false
    }

    fn send_more(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Failed
    }

    fn settle(&mut self) {
        self.0 += 1;
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        SendOutcome::PartlyAccepted { rejected: self.0 }
    }

    fn take_late_refusals(&mut self) -> u64 {
        self.0
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        let mut counts = ExportCounts::default();
        counts.retries = self.0;
        Some(counts)
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        Some(&self.0)
    }
}

/// Checks that each method of `transport` calls that of a new [`Odd`].
#[track_caller]
pub(super) fn check_forwarded(mut transport: impl Transport) {
    assert_eq!(transport.send(&[]), SendOutcome::Refused);
    assert_eq!(transport.send_more(&[]), SendOutcome::Failed);
    assert_eq!(transport.mtu(), 9);
    assert!(!transport.is_ready());
    transport.settle();
    assert_eq!(transport.take_late_refusals(), 8);
    let outcome = transport.poll_outcome();
    assert_eq!(outcome, SendOutcome::PartlyAccepted { rejected: 8 });
    let counts = transport.export_counts();
    assert_eq!(counts.map(|counts| counts.retries), Some(8));
    let error = transport.last_error().map(ToString::to_string);
    assert_eq!(error.as_deref(), Some("8"));
}
