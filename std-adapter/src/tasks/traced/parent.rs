//! Starts under a given parent.

use std::sync::Arc;

use picojaeger_core::Key;

use crate::context::{SpanContext, ToContext};
use crate::scope::active_tracer;
use crate::spans::slow_path::Start;
use crate::state::TracerState;
use crate::tracer::builder::global_tracer;
use crate::tracer::span::Span;

/// A parent, with a method `start` of the first of the traits below that holds for it.
pub struct Parent<'p, P: ?Sized>(pub &'p P);

/// Spans, whose own tracer starts the child.
pub trait BySpan {
    fn start(self, name: &'static str) -> Span;
}

/// Contexts and others, for which the tracer of the active span starts the child, else the global one.
pub trait ByContext<P: ?Sized> {
    // At the method, so that a type that is no parent is named in the message.
    fn start(&self, name: &'static str) -> Span
    where
        P: ToContext;
}

impl BySpan for &&Parent<'_, Span> {
    fn start(self, name: &'static str) -> Span {
        started(self.0.tracer(), name, self.0.to_context())
    }
}

impl BySpan for &&Parent<'_, &Span> {
    fn start(self, name: &'static str) -> Span {
        (&&Parent(*self.0)).start(name)
    }
}

impl BySpan for &&Parent<'_, &mut Span> {
    fn start(self, name: &'static str) -> Span {
        (&&Parent(&**self.0)).start(name)
    }
}

impl<P: ?Sized> ByContext<P> for Parent<'_, P> {
    fn start(&self, name: &'static str) -> Span
    where
        P: ToContext,
    {
        started(None, name, self.0.to_context())
    }
}

/// Starts a child by this tracer, else that of the active span, else the global one; a root if there is no parent.
fn started(
    tracer: Option<Arc<TracerState>>,
    name: &'static str,
    parent: Option<SpanContext>,
) -> Span {
    match tracer.or_else(active_tracer) {
        Some(state) => {
            let start = Start::plain(Key::Static(name), parent.unwrap_or_default());
            Span::from(start.on(&state, None))
        }
        None => global_tracer().span_builder(name).child_of(parent).start(),
    }
}
