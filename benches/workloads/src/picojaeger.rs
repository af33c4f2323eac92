//! picojaeger through its public API.
//!
//! Settings: time stamps from the counter (or the system's clock, in a variant
//! of its own), every trace sampled, no agent: records are packed and then
//! dropped. No worker thread: a drain does its work on the calling thread.

use std::time::Duration;

use picojaeger_std::config::{ClockSource, Sampler};
use picojaeger_std::{Config, InSpan as _, Span, Tracer, tags};

use crate::polls::{Waiting, poll_often};
use crate::spans::{self, Spans};
use crate::{CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, Workload};

/// The spans' workloads, and the polls of a future in a span.
const WORKLOADS: [Workload; 5] = [
    Workload::W1,
    Workload::W2,
    Workload::W2Moved,
    Workload::UnsampledChild,
    Workload::Polls,
];

/// A tracer as a measured library.
#[derive(Debug)]
pub struct Picojaeger {
    name: &'static str,
    workloads: &'static [Workload],
    tracer: Tracer,
    /// Spans that were delivered before the last drain, and those lost.
    before: Drained,
}

impl Picojaeger {
    /// Time stamps from the time stamp counter.
    pub fn tsc() -> Self {
        let config = sampling(ClockSource::Tsc).trace_id_128bit(false);
        Self::new("picojaeger", &WORKLOADS, config)
    }

    /// Time stamps from the time stamp counter, trace ids of 128 bits.
    pub fn wide_ids() -> Self {
        let config = sampling(ClockSource::Tsc).trace_id_128bit(true);
        Self::new("picojaeger-128", &[Workload::W1, Workload::W2], config)
    }

    /// Time stamps from the system's clock.
    pub fn system_clock() -> Self {
        Self::sampling("picojaeger-system-clock", ClockSource::System)
    }

    /// A tracer that is switched off.
    pub fn disabled() -> Self {
        let config = Config::new("benches").disabled(true);
        Self::new("picojaeger-disabled", &[Workload::UnsampledChild], config)
    }

    fn sampling(name: &'static str, clock: ClockSource) -> Self {
        // The width that the bounds were measured at.
        let config = sampling(clock).trace_id_128bit(false);
        Self::new(name, &Workload::SPANS, config)
    }

    fn new(name: &'static str, workloads: &'static [Workload], config: Config) -> Self {
        Self {
            name,
            workloads,
            tracer: config.new_tracer().expect("the settings are right"),
            before: Drained::default(),
        }
    }
}

pub(crate) fn sampling(clock: ClockSource) -> Config {
    Config::new("benches")
        .sampler(Sampler::Const(true))
        .clock(clock)
        .agent(false)
        .background(false)
        .flush_at_exit(false)
        .memory_limit(64 << 20)
}

impl Library for Picojaeger {
    fn name(&self) -> &'static str {
        self.name
    }

    fn package(&self) -> &'static str {
        "picojaeger-std"
    }

    fn workloads(&self) -> &'static [Workload] {
        self.workloads
    }

    fn burst(&mut self, workload: Workload) {
        if workload == Workload::Polls {
            return poll_often(Waiting::default().in_span(self.tracer.start(ROOT)));
        }
        spans::burst(&self.tracer, workload);
    }

    fn drain(&mut self) -> Drained {
        let flushed = self.tracer.flush(Duration::from_secs(10));
        flushed.expect("nothing is sent, so nothing fails");
        let stats = self.tracer.stats();
        let drained = Drained {
            exported: stats.delivered - self.before.exported,
            lost: stats.lost.total() - self.before.lost,
        };
        self.before.exported = stats.delivered;
        self.before.lost = stats.lost.total();
        drained
    }
}

impl Spans for Tracer {
    type Root = Span;
    type Parent = Span;
    type Child = Span;

    #[inline]
    fn root(&self) -> Span {
        self.start(ROOT)
    }

    fn parent(&self) -> Span {
        let mut root = self.start(ROOT);
        root.tag(COMPONENT.0, COMPONENT.1).tag(ITEM_INDEX, 0);
        root
    }

    /// Starts an unsampled root as a user would.
    fn unsampled_parent(&self) -> Span {
        self.span_builder(ROOT)
            .tag(tags::SAMPLING_PRIORITY, 0)
            .start()
    }

    #[inline]
    fn child(&self, parent: &Span, index: usize) -> Span {
        let mut span = self.span_builder(CHILD).child_of(parent).start();
        span.tag(COMPONENT.0, COMPONENT.1)
            .tag(ITEM_INDEX, index as i64);
        span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_out() {
        let variants = [
            Picojaeger::tsc(),
            Picojaeger::wide_ids(),
            Picojaeger::system_clock(),
            Picojaeger::disabled(),
        ];
        for mut library in variants {
            for &workload in library.workloads() {
                library.burst(workload);
                let expected = Drained {
                    exported: workload.exported() as u64,
                    lost: 0,
                };
                assert_eq!(library.drain(), expected, "{}", workload.name());
            }
        }
    }

    #[test]
    fn unsampled_children_are_spans() {
        let mut library = Picojaeger::tsc();
        library.burst(Workload::UnsampledChild);
        let unsampled = library.tracer.stats().unsampled;
        assert_eq!(unsampled, 1 + Workload::UnsampledChild.spans() as u64);
    }
}
