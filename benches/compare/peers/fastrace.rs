//! fastrace, by both of its spans.
//!
//! Settings: the collector's interval is an hour, so that its thread sleeps
//! through every burst and works when flushed; both tags go in by one call,
//! before the span is used; names, keys and the string value are static. A
//! value that is not a string has to become one, since properties are text.

use std::borrow::Cow;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::local::LocalSpan;
use picojaeger_workloads::{
    BURST, CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, TREE, Workload,
};

static REPORTED: AtomicU64 = AtomicU64::new(0);

/// A root with `LocalSpan` children, which are found through the thread.
pub(crate) struct Local(());

/// A root with `Span` children, which name their parent and can change thread.
pub(crate) struct Sent(());

impl Local {
    pub(crate) fn new() -> Self {
        count_reports();
        Self(())
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
        match workload {
            Workload::W1 => w1(),
            Workload::W2 => local::w2(),
            Workload::W2Moved => local::w2_moved(),
            Workload::UnsampledChild => local::unsampled_child(),
            Workload::Encode => {}
        }
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

impl Library for Sent {
    fn name(&self) -> &'static str {
        "fastrace-span"
    }

    fn package(&self) -> &'static str {
        "fastrace"
    }

    /// Without W1: both spans have the same root.
    fn workloads(&self) -> &'static [Workload] {
        &[Workload::W2, Workload::W2Moved, Workload::UnsampledChild]
    }

    fn burst(&mut self, workload: Workload) {
        match workload {
            Workload::W1 => w1(),
            Workload::W2 => sent::w2(),
            Workload::W2Moved => sent::w2_moved(),
            Workload::UnsampledChild => sent::unsampled_child(),
            Workload::Encode => {}
        }
    }

    fn drain(&mut self) -> Drained {
        drain()
    }
}

/// Counts what it is given, and gives it up.
struct Counter;

impl Reporter for Counter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        REPORTED.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

fn count_reports() {
    static REPORTER: Once = Once::new();
    REPORTER.call_once(|| {
        let config = Config::default().report_interval(Duration::from_secs(3600));
        fastrace::set_reporter(Counter, config);
    });
}

/// fastrace counts no loss: what is missing here was lost without a trace.
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

#[inline(never)]
fn w1() {
    for _ in 0..BURST {
        drop(root());
    }
}

mod local {
    use super::*;

    #[inline(never)]
    pub(super) fn w2() {
        for _ in 0..BURST / TREE {
            let root = root().with_properties(|| tags(0));
            let _parent = root.set_local_parent();
            for index in 1..TREE {
                drop(child(index));
            }
        }
    }

    #[inline(never)]
    pub(super) fn w2_moved() {
        for _ in 0..BURST / TREE {
            let root = root().with_properties(|| tags(0));
            let _parent = root.set_local_parent();
            for index in 1..TREE {
                finish(hold(index));
            }
        }
    }

    /// Without a sampled root there is no local parent.
    #[inline(never)]
    pub(super) fn unsampled_child() {
        let root = Span::noop();
        let _parent = root.set_local_parent();
        for index in 0..BURST {
            drop(child(index));
        }
    }

    #[inline]
    fn child(index: usize) -> LocalSpan {
        LocalSpan::enter_with_local_parent(CHILD).with_properties(|| tags(index))
    }

    struct Held {
        span: LocalSpan,
    }

    #[inline(never)]
    fn make(index: usize) -> LocalSpan {
        child(index)
    }

    #[inline(never)]
    fn hold(index: usize) -> Held {
        Held { span: make(index) }
    }

    #[inline(never)]
    fn finish(held: Held) {
        drop(held.span);
    }
}

mod sent {
    use super::*;

    #[inline(never)]
    pub(super) fn w2() {
        for _ in 0..BURST / TREE {
            let root = root().with_properties(|| tags(0));
            for index in 1..TREE {
                drop(child(&root, index));
            }
        }
    }

    #[inline(never)]
    pub(super) fn w2_moved() {
        for _ in 0..BURST / TREE {
            let root = root().with_properties(|| tags(0));
            for index in 1..TREE {
                finish(hold(&root, index));
            }
        }
    }

    #[inline(never)]
    pub(super) fn unsampled_child() {
        let root = std::hint::black_box(Span::noop());
        for index in 0..BURST {
            drop(child(&root, index));
        }
    }

    #[inline]
    fn child(root: &Span, index: usize) -> Span {
        Span::enter_with_parent(CHILD, root).with_properties(|| tags(index))
    }

    struct Held {
        span: Span,
    }

    #[inline(never)]
    fn make(root: &Span, index: usize) -> Span {
        child(root, index)
    }

    #[inline(never)]
    fn hold(root: &Span, index: usize) -> Held {
        Held {
            span: make(root, index),
        }
    }

    #[inline(never)]
    fn finish(held: Held) {
        drop(held.span);
    }
}
