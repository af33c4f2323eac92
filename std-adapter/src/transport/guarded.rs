//! A transport whose panics are caught.

use std::fmt;

use picojaeger_core::{ExportCounts, SendOutcome, Transport};

use crate::sys::unwind::caught;

/// Catches the panics of a user's transport: one must not end the worker, and with it all sending
/// and each flush. A packet whose sending panicked has failed. The panics of `last_error` are left
/// to the caller, which has to catch those of its text too.
pub(crate) struct Guarded<T> {
    transport: T,
    /// Whether the latest packet failed by a panic.
    panicked: bool,
}

/// The error to report after a panic.
pub(crate) const PANICKED: &str = "the transport panicked";

impl<T: Transport> Guarded<T> {
    pub(crate) fn new(transport: T) -> Self {
        Guarded {
            transport,
            panicked: false,
        }
    }

    fn guard_send(&mut self, send: impl FnOnce(&mut T) -> SendOutcome) -> SendOutcome {
        let outcome = caught(|| send(&mut self.transport));
        self.panicked = outcome.is_none();
        outcome.unwrap_or(SendOutcome::Failed)
    }
}

impl<T: Transport> Transport for Guarded<T> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.guard_send(|transport| transport.send(packet))
    }

    fn mtu(&self) -> usize {
        caught(|| self.transport.mtu()).unwrap_or(usize::MAX)
    }

    fn is_ready(&mut self) -> bool {
        // The packet then fails, and is counted, unless the transport has recovered.
        caught(|| self.transport.is_ready()).unwrap_or(true)
    }

    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        self.guard_send(|transport| transport.send_more(packet))
    }

    fn settle(&mut self) {
        caught(|| self.transport.settle());
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        self.guard_send(T::poll_outcome)
    }

    fn take_late_refusals(&mut self) -> u64 {
        caught(|| self.transport.take_late_refusals()).unwrap_or(0)
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        caught(|| self.transport.export_counts()).flatten()
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        if self.panicked {
            return Some(&PANICKED);
        }
        self.transport.last_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::odd::{Odd, check_forwarded};

    /// Panics in every method but `last_error`.
    struct Broken;

    impl Transport for Broken {
        fn send(&mut self, _: &[u8]) -> SendOutcome {
            panic!("send")
        }
        fn mtu(&self) -> usize {
            panic!("mtu")
        }
        fn is_ready(&mut self) -> bool {
            panic!("is_ready")
        }
        fn settle(&mut self) {
            panic!("settle")
        }
        fn poll_outcome(&mut self) -> SendOutcome {
            panic!("poll_outcome")
        }
        fn take_late_refusals(&mut self) -> u64 {
            panic!("take_late_refusals")
        }
        fn export_counts(&self) -> Option<ExportCounts> {
            panic!("export_counts")
        }
    }

    #[test]
    fn a_panic_fails_the_packet() {
        let mut guarded = Guarded::new(Broken);
        assert_eq!(guarded.mtu(), usize::MAX);
        assert!(guarded.is_ready());
        assert_eq!(guarded.send(b"x"), SendOutcome::Failed);
        assert_eq!(guarded.send_more(b"x"), SendOutcome::Failed);
        assert_eq!(guarded.poll_outcome(), SendOutcome::Failed);
        guarded.settle();
        assert_eq!(guarded.take_late_refusals(), 0);
        assert!(guarded.export_counts().is_none());
        let error = guarded.last_error().map(ToString::to_string);
        assert_eq!(error.as_deref(), Some(PANICKED));
    }

    #[test]
    fn every_method_is_forwarded() {
        check_forwarded(Guarded::new(Odd::new()));
    }
}
