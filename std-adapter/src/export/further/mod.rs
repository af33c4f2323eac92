//! The transports beside the first one.
//!
//! The first transport's packets are made from the threads' rings, and its outcomes are the tracer's
//! account. The worker copies each record into a ring of each further transport, which has its own
//! packets, retries and counts. So none of them holds a record of the first, or waits for another.

mod outlet;

use std::time::Instant;

use picojaeger_core::Lost;
use picojaeger_core::adapter::PollContext;

use crate::export::steps::End;
use crate::memory::ring_ends::RingReader;
use crate::stats::TransportStats;
use crate::worker::parking::{Pass, Rest};
pub(crate) use outlet::Outlet;

/// The further transports of a tracer, often none.
pub(super) struct Further {
    outlets: Vec<Outlet>,
    /// The end of the last pass, of the transport that has most left to do.
    end: End,
}

impl Further {
    pub(super) fn new(outlets: Vec<Outlet>) -> Self {
        Further {
            outlets,
            end: End::Passed,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outlets.is_empty()
    }

    /// Begins a pass. `lost` are the spans that the tracer has lost.
    pub(super) fn begin(&mut self, lost: &Lost) {
        self.outlets
            .iter_mut()
            .for_each(|outlet| outlet.begin(lost));
    }

    /// Copies the records that came since the last call.
    pub(super) fn copy(&mut self, rings: &mut [RingReader], context: &PollContext<'_>) {
        if self.is_empty() {
            return;
        }
        for ring in rings {
            ring.end.visit_new(|record| {
                let outlets = self.outlets.iter_mut();
                outlets.for_each(|outlet| outlet.take(record, context));
            });
        }
    }

    /// Sends what is due, until the time is over.
    pub(super) fn send(&mut self, context: &PollContext<'_>, until: Option<Instant>) {
        let ends = self
            .outlets
            .iter_mut()
            .map(|outlet| outlet.send(context, until));
        self.end = ends.max().unwrap_or(End::Passed);
    }

    /// Counts the records that the first transport skipped before they were copied: once every ring
    /// is empty, `all` records went through them.
    pub(super) fn settle(&mut self, all: u64) {
        self.outlets
            .iter_mut()
            .for_each(|outlet| outlet.settle(all));
    }

    /// Logs losses, and returns the counts.
    pub(super) fn publish(&mut self, now: u64) -> Vec<TransportStats> {
        let outlets = self.outlets.iter_mut();
        outlets.map(|outlet| outlet.publish(now)).collect()
    }

    /// Returns the error that keeps a transport from sending, if one does.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.outlets.iter().find_map(Outlet::obstacle)
    }

    /// Returns what is left of a pass in which the first transport left `first`; the worker looks
    /// again after `longest` where records wait here.
    pub(super) fn join(&self, first: Pass, longest: std::time::Duration) -> Pass {
        let rest = match (self.end, first.rest) {
            (End::Passed, _) => return first,
            (End::OutOfTime, _) => Rest::More,
            (_, Rest::Nothing) => Rest::Copies(longest),
            (_, rest) => rest,
        };
        Pass {
            complete: false,
            rest,
        }
    }
}
