//! The workloads that make spans, written once for every tracer.

use crate::{BURST, TREE, Workload};

/// A tracer, with the few calls that the workloads need. Dropping a span finishes
/// it.
pub trait Spans {
    /// A root of its own.
    type Root;
    /// A root that can have children.
    type Parent;
    /// A span below a parent.
    type Child;

    /// Starts a root, without tags.
    fn root(&self) -> Self::Root;

    /// Starts a root with both tags, whose `item.index` is 0.
    fn parent(&self) -> Self::Parent;

    /// Starts a root that is not sampled.
    fn unsampled_parent(&self) -> Self::Parent;

    /// Starts a child with both tags.
    fn child(&self, parent: &Self::Parent, index: usize) -> Self::Child;
}

/// Makes the spans of a workload's burst on this thread.
#[inline]
pub fn burst(tracer: &impl Spans, workload: Workload) {
    match workload {
        Workload::W1 => w1(tracer),
        Workload::W2 => w2(tracer),
        Workload::W2Moved => w2_moved(tracer),
        Workload::UnsampledChild => unsampled_child(tracer),
        Workload::Polls
        | Workload::Tracing
        | Workload::TracingEvents
        | Workload::Encode
        | Workload::EncodeOtlp
        | Workload::Propagation(..) => {}
    }
}

#[inline(never)]
fn w1(tracer: &impl Spans) {
    for _ in 0..BURST {
        drop(tracer.root());
    }
}

#[inline(never)]
fn w2(tracer: &impl Spans) {
    for _ in 0..BURST / TREE {
        let parent = tracer.parent();
        for index in 1..TREE {
            drop(tracer.child(&parent, index));
        }
    }
}

#[inline(never)]
fn w2_moved(tracer: &impl Spans) {
    for _ in 0..BURST / TREE {
        let parent = tracer.parent();
        for index in 1..TREE {
            finish(hold(tracer, &parent, index));
        }
    }
}

#[inline(never)]
fn unsampled_child(tracer: &impl Spans) {
    let parent = tracer.unsampled_parent();
    for index in 0..Workload::UnsampledChild.spans() {
        drop(tracer.child(&parent, index));
    }
}

/// Makes one tree on this thread, of so many spans with both tags: a root and children.
#[inline(never)]
pub fn tree(tracer: &impl Spans, spans: usize) {
    let parent = tracer.parent();
    for index in 1..spans {
        drop(tracer.child(&parent, index));
    }
}

/// An open span, as its caller holds it.
struct Held<C> {
    span: C,
}

#[inline(never)]
fn make<S: Spans>(tracer: &S, parent: &S::Parent, index: usize) -> S::Child {
    tracer.child(parent, index)
}

#[inline(never)]
fn hold<S: Spans>(tracer: &S, parent: &S::Parent, index: usize) -> Held<S::Child> {
    Held {
        span: make(tracer, parent, index),
    }
}

#[inline(never)]
fn finish<C>(held: Held<C>) {
    drop(held.span);
}
