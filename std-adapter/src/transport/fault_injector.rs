//! A transport with injected faults.

use std::fmt;

use picojaeger_core::{ExportCounts, SendOutcome, Transport};

/// Sends by another transport, except for packets whose outcome a closure decides.
///
/// The closure gets the number of the packet, from 0, and its bytes. `None` lets the packet pass.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::transport::{FaultInjector, Recorder, SendOutcome};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).background(false);
/// let tracer = config
///     .tracer_builder()
///     .transport(|| {
///         FaultInjector::new(Recorder::new(), |number, _| (number == 0).then_some(SendOutcome::Failed))
///     })
///     .build()?;
/// for _ in 0..2 {
///     tracer.start("order").finish();
///     let _first_fails = tracer.flush(Duration::from_secs(2));
/// }
/// let stats = tracer.stats();
/// assert_eq!((stats.lost.failed, stats.delivered), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FaultInjector<T, F> {
    transport: T,
    inject: F,
    number: u64,
}

impl<T, F> FaultInjector<T, F>
where
    T: Transport,
    F: FnMut(u64, &[u8]) -> Option<SendOutcome>,
{
    /// Makes a transport that applies `inject` before `transport`.
    pub fn new(transport: T, inject: F) -> Self {
        FaultInjector {
            transport,
            inject,
            number: 0,
        }
    }

    fn injected(&mut self, packet: &[u8]) -> Option<SendOutcome> {
        let number = self.number;
        self.number += 1;
        (self.inject)(number, packet)
    }
}

impl<T, F> Transport for FaultInjector<T, F>
where
    T: Transport,
    F: FnMut(u64, &[u8]) -> Option<SendOutcome>,
{
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        match self.injected(packet) {
            Some(outcome) => outcome,
            None => self.transport.send(packet),
        }
    }

    fn mtu(&self) -> usize {
        self.transport.mtu()
    }

    fn is_ready(&mut self) -> bool {
        self.transport.is_ready()
    }

    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        match self.injected(packet) {
            Some(outcome) => outcome,
            None => self.transport.send_more(packet),
        }
    }

    fn settle(&mut self) {
        self.transport.settle();
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        self.transport.poll_outcome()
    }

    fn take_late_refusals(&mut self) -> u64 {
        self.transport.take_late_refusals()
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        self.transport.export_counts()
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        self.transport.last_error()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for FaultInjector<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultInjector")
            .field("transport", &self.transport)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::odd::{Odd, check_forwarded};

    #[test]
    fn every_method_is_forwarded() {
        check_forwarded(FaultInjector::new(Odd::new(), |_, _| None));
    }

    #[test]
    fn packets_of_both_kinds_are_numbered() {
        let inject = |number, _: &[u8]| (number % 2 == 0).then_some(SendOutcome::Retry);
        let mut injector = FaultInjector::new(Odd::new(), inject);
        assert_eq!(injector.send_more(&[]), SendOutcome::Retry);
        assert_eq!(injector.send_more(&[]), SendOutcome::Failed);
        assert_eq!(injector.send(&[]), SendOutcome::Retry);
        assert_eq!(injector.send(&[]), SendOutcome::Refused);
    }
}
