//! fastrace, with both of its kinds of spans, and with its Jaeger reporter.
//!
//! Settings: both tags go in by one call, before the span is used; names, keys
//! and the string value are static. A value that is not a string has to become
//! one, since properties are text. Around bursts the collector's interval is an
//! hour, so that its thread sleeps through every burst and works when flushed.
//! Whole programs use `LocalSpan`, and an interval of their own.

use std::borrow::Cow;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt as _;
use fastrace::local::{LocalParentGuard, LocalSpan};
use fastrace_jaeger::JaegerReporter;
use picojaeger_workloads::polls::{Waiting, poll_often};
use picojaeger_workloads::spans::{self, Spans};
use picojaeger_workloads::{CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, Workload};

use crate::burst::BurstTracer;
use crate::programs::Program;

static REPORTED: AtomicU64 = AtomicU64::new(0);

/// A root with `LocalSpan` children, which are found through the thread.
pub(crate) struct Local(());

/// A root with `Span` children, which name their parent and can change thread.
pub(crate) struct Sent(());

/// `LocalSpan` in a program of its own.
pub(crate) struct Traced(());

/// Interval of reports in a program of its own. The reporter gets all spans of
/// an interval at once: the more spans, the more it encodes in vain. With a shorter
/// interval, waking the collector costs as much; flat out it makes no difference.
const INTERVAL: Duration = Duration::from_millis(2);

/// Spans that fit into the reporter's packets of 8,000 bytes.
const FITTING: usize = 70;

impl Local {
    pub(crate) fn new() -> Self {
        count_reports();
        Self(())
    }
}

impl Spans for Local {
    type Root = Span;
    /// Dropped before its span.
    type Parent = (LocalParentGuard, Span);
    type Child = LocalSpan;

    fn root(&self) -> Span {
        root()
    }

    fn parent(&self) -> Self::Parent {
        let root = root().with_properties(|| tags(0));
        (root.set_local_parent(), root)
    }

    /// Without a sampled root there is no local parent.
    fn unsampled_parent(&self) -> Self::Parent {
        let root = Span::noop();
        (root.set_local_parent(), root)
    }

    #[inline]
    fn child(&self, _: &Self::Parent, index: usize) -> LocalSpan {
        LocalSpan::enter_with_local_parent(CHILD).with_properties(|| tags(index))
    }
}

impl Library for Local {
    fn name(&self) -> &'static str {
        "fastrace"
    }

    fn package(&self) -> &'static str {
        "fastrace"
    }

    fn burst(&mut self, workload: Workload) {
        spans::burst(self, workload);
    }

    fn drain(&mut self) -> Drained {
        drain()
    }
}

impl Sent {
    pub(crate) fn new() -> Self {
        count_reports();
        Self(())
    }
}

impl Spans for Sent {
    type Root = Span;
    type Parent = Span;
    type Child = Span;

    fn root(&self) -> Span {
        root()
    }

    fn parent(&self) -> Span {
        root().with_properties(|| tags(0))
    }

    fn unsampled_parent(&self) -> Span {
        black_box(Span::noop())
    }

    #[inline]
    fn child(&self, parent: &Span, index: usize) -> Span {
        Span::enter_with_parent(CHILD, parent).with_properties(|| tags(index))
    }
}

impl Library for Sent {
    fn name(&self) -> &'static str {
        "fastrace-span"
    }

    fn package(&self) -> &'static str {
        "fastrace"
    }

    /// Without W1: both spans have the same root.
    fn workloads(&self) -> &'static [Workload] {
        &[
            Workload::W2,
            Workload::W2Moved,
            Workload::UnsampledChild,
            Workload::Polls,
        ]
    }

    fn burst(&mut self, workload: Workload) {
        if workload == Workload::Polls {
            return poll_often(Waiting::default().in_span(root()));
        }
        spans::burst(self, workload);
    }

    fn drain(&mut self) -> Drained {
        drain()
    }
}

impl Traced {
    /// Counts the spans that come out.
    pub(crate) fn counting() -> Self {
        report_to(Counter, INTERVAL);
        Self(())
    }

    /// Sends them to an agent.
    pub(crate) fn sending(agent: SocketAddr) -> Self {
        Self::sending_portions(agent, usize::MAX)
    }

    /// The same, with no more spans a call than fit one of the reporter's packets.
    /// This is no setting of the reporter, but a wrapper that users could write. The
    /// reporter encodes a larger batch, finds it too large, and encodes it again by
    /// halves.
    pub(crate) fn sending_split(agent: SocketAddr) -> Self {
        Self::sending_portions(agent, FITTING)
    }

    fn sending_portions(agent: SocketAddr, portion: usize) -> Self {
        let jaeger = JaegerReporter::new(agent, "benches").expect("a port is free");
        report_to(Sender { jaeger, portion }, INTERVAL);
        Self(())
    }
}

impl Program for Traced {
    fn burst(&self) {
        spans::burst(&Local(()), Workload::W2);
    }

    fn close(&mut self) -> Drained {
        drain()
    }
}

impl BurstTracer for Traced {
    fn make(&self, spans: usize) {
        spans::tree(&Local(()), spans);
    }

    fn deliver(&self) -> u64 {
        drain().exported
    }

    fn close(&mut self) -> u64 {
        drain().lost
    }
}

/// Counts spans and drops them.
struct Counter;

impl Reporter for Counter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        REPORTED.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

/// Counts spans and sends them in portions of this many.
struct Sender {
    jaeger: JaegerReporter,
    portion: usize,
}

impl Reporter for Sender {
    fn report(&mut self, mut spans: Vec<SpanRecord>) {
        REPORTED.fetch_add(spans.len() as u64, Ordering::Relaxed);
        while !spans.is_empty() {
            let rest = spans.len().saturating_sub(self.portion);
            self.jaeger.report(spans.split_off(rest));
        }
    }
}

fn count_reports() {
    static REPORTER: Once = Once::new();
    REPORTER.call_once(|| report_to(Counter, Duration::from_secs(3600)));
}

fn report_to(reporter: impl Reporter, interval: Duration) {
    let config = Config::default().report_interval(interval);
    fastrace::set_reporter(reporter, config);
}

/// fastrace counts no loss: spans missing here were lost uncounted.
fn drain() -> Drained {
    fastrace::flush();
    Drained {
        exported: REPORTED.swap(0, Ordering::Relaxed),
        lost: 0,
    }
}

fn root() -> Span {
    Span::root(ROOT, SpanContext::random())
}

#[inline]
fn tags(index: usize) -> [(&'static str, Cow<'static, str>); 2] {
    [
        (COMPONENT.0, Cow::Borrowed(COMPONENT.1)),
        (ITEM_INDEX, Cow::Owned((index as i64).to_string())),
    ]
}
