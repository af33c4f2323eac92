//! Spans that are about to start.

use std::sync::Arc;
use std::time::SystemTime;

use picojaeger_core::{self as core, Flags, Key, SpanId, Value};

use crate::context::baggage::Baggage;
use crate::context::{NO_CONTEXT, ParentIds, SpanContext, ToContext};
use crate::scope::{Parent, active_context, active_parent, has_active_context};
use crate::spans::fast_path::{start_child, start_root};
use crate::spans::sampling_priority::is_priority;
use crate::spans::slow_path::{Start, start_slow};
use crate::state::Slot;
use crate::state::TracerState;
use crate::sys::clock::unix_micros;
use crate::tracer::Handle;
use crate::tracer::before_start::Written;
use crate::tracer::span::Span;

/// A span that is about to start, from [`Tracer::span_builder`](crate::Tracer::span_builder).
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let request = tracer.start("request");
/// let query = tracer.span_builder("query").child_of(&request).tag("db.type", "sql").start();
/// assert_eq!(query.context().trace_id(), request.context().trace_id());
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "the span starts with `start`"]
pub struct SpanBuilder<'t> {
    handle: &'t Option<Arc<Handle>>,
    operation: Key<'t>,
    parent: SpanContext,
    relation: Relation,
    forced: Option<bool>,
    time: Option<u64>,
    written: Written,
}

/// The relation to the parent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// None was given: the thread's active span becomes the parent.
    Implicit,
    /// No parent.
    None,
    FollowsFrom,
    ChildOf,
    /// The span itself has the ids.
    Own,
}

impl Relation {
    /// Returns whether no reference was given.
    #[inline(always)]
    const fn is_open(self) -> bool {
        matches!(self, Relation::Implicit | Relation::None)
    }

    /// Returns whether a further `child_of` is only a reference.
    #[inline(always)]
    const fn is_child_of_or_own(self) -> bool {
        matches!(self, Relation::ChildOf | Relation::Own)
    }
}

impl<'t> SpanBuilder<'t> {
    #[inline(always)]
    pub(crate) fn new(handle: &'t Option<Arc<Handle>>, operation: Key<'t>) -> Self {
        SpanBuilder {
            handle,
            operation,
            parent: SpanContext {
                core: NO_CONTEXT,
                baggage: Baggage::EMPTY,
            },
            relation: Relation::Implicit,
            forced: None,
            time: None,
            written: Written(None),
        }
    }

    /// Makes the span a child. The first `child_of` decides trace and baggage; later ones are
    /// further references.
    ///
    /// A context with only baggage or a debug id passes these to a new root, if it comes first and
    /// no reference has ids.
    ///
    /// `None`, as for a request whose header was missing or wrong, means no parent, not the
    /// thread's active span.
    #[inline(always)]
    pub fn child_of(mut self, parent: impl ToContext) -> Self {
        if self.relation == Relation::Implicit {
            self.relation = Relation::None;
        }
        if let Some(context) = parent.to_context() {
            if self.relation.is_child_of_or_own() && self.parent.core.is_valid() {
                self.written = self.written.with_reference(self.handle, false, &context);
            } else if self.relation.is_open() || context.core.is_valid() {
                self.parent = context;
                self.relation = Relation::ChildOf;
            }
        }
        self
    }

    /// Adds a span that this one follows from, which does not wait for it. Without a `child_of`,
    /// the first one decides trace and baggage. `None` changes nothing.
    pub fn follows_from(mut self, other: impl ToContext) -> Self {
        if let Some(context) = other.to_context() {
            self.written = self.written.with_reference(self.handle, true, &context);
            let has_parent = self.parent.core.is_valid();
            if self.relation.is_open() || (!has_parent && context.core.is_valid()) {
                self.parent = context;
                self.relation = Relation::FollowsFrom;
            }
        }
        self
    }

    /// Adds a span that this one follows from and whose trace, decision and baggage it does not continue: a
    /// new root that leads to another trace.
    #[cfg(feature = "tower")]
    pub(crate) fn linked_to(mut self, other: Option<&SpanContext>) -> Self {
        if let Some(context) = other {
            self.written = self.written.with_reference(self.handle, true, context);
        }
        self.ignore_active_span()
    }

    /// Starts the span with the ids of this context, and with its decision and baggage: a span that
    /// was promised, or begun elsewhere, goes on here. It has no parent; those of `child_of` become
    /// references. A context without ids changes nothing.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    /// use picojaeger_std::SpanContext;
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let promised: SpanContext = "4b32888b8fb596e9:2bc6e6f59ded8ad0:0:1".parse().unwrap();
    /// let span = tracer.span_builder("order").self_reference(&promised).start();
    /// assert_eq!(span.context().span_id(), promised.span_id());
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn self_reference(mut self, own: impl ToContext) -> Self {
        if let Some(context) = own.to_context().filter(|own| own.core.is_valid()) {
            if self.relation == Relation::ChildOf {
                self.written = self
                    .written
                    .with_reference(self.handle, false, &self.parent);
            }
            self.parent = context;
            self.relation = Relation::Own;
        }
        self
    }

    /// Ignores the thread's active span. Needed for a root only: an explicit parent has the same
    /// effect.
    #[inline(always)]
    pub fn ignore_active_span(mut self) -> Self {
        if self.relation == Relation::Implicit {
            self.relation = Relation::None;
        }
        self
    }

    /// Sets a tag, like [`Span::tag`]; `sampling.priority` decides instead of the sampler.
    #[inline(always)]
    pub fn tag<'k, 'v>(mut self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Self {
        let (key, value) = (key.into(), value.into());
        if is_priority(key) {
            self.forced = value.is_positive().or(self.forced);
        }
        self.written = self.written.with_tag(self.handle, key, value);
        self
    }

    /// Sets the start time, instead of now.
    #[inline]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.time = Some(unix_micros(time));
        self
    }

    /// Starts the span.
    #[inline(always)]
    pub fn start(self) -> Span {
        // In parts, so that none of them need lie in memory on the fast path.
        let SpanBuilder {
            handle,
            operation,
            parent,
            relation,
            forced,
            time,
            written,
        } = self;
        let (plain, implicit) = (
            forced.is_none() && time.is_none() && written.0.is_none() && relation != Relation::Own,
            relation == Relation::Implicit,
        );
        if let (Key::Static(operation), true, true) = (operation, plain, parent.baggage.is_empty())
        {
            written.forget_none();
            return start_plain(handle, operation, &parent.core, implicit);
        }
        let start = Start {
            operation,
            parent,
            forced,
            time,
            own: relation == Relation::Own,
        };
        Span::from(start_written(handle, start, implicit, written))
    }
}

/// Starts a span that has nothing but a name, under the thread's active one.
pub(crate) fn start_implicit(state: &Arc<TracerState>, operation: Key<'_>) -> Span {
    Span::from(match operation {
        Key::Static(operation) if !has_active_context() => start_root(state, operation),
        Key::Static(operation) => start_under_active(state, operation),
        operation => {
            let parent = active_context().unwrap_or_default();
            Start::plain(operation, parent).on(state, None)
        }
    })
}

/// Starts a span that has nothing but a name, and perhaps a parent; never under the thread's active one.
#[cfg(feature = "tracing")]
#[inline]
pub(crate) fn start_explicit(
    state: &Arc<TracerState>,
    operation: Key<'_>,
    parent: Option<SpanContext>,
) -> Span {
    Span::from(match (operation, parent) {
        (Key::Static(operation), None) => start_root(state, operation),
        (Key::Static(operation), Some(parent)) if parent.baggage.is_empty() => {
            start_under(state, operation, ParentIds::from(&parent.core))
        }
        (operation, parent) => Start::plain(operation, parent.unwrap_or_default()).on(state, None),
    })
}

/// Starts a span that has nothing but a name, and perhaps a parent without baggage.
#[inline(always)]
fn start_plain(
    handle: &Option<Arc<Handle>>,
    operation: &'static str,
    parent: &core::SpanContext,
    implicit: bool,
) -> Span {
    let Some(Handle(state)) = handle.as_deref() else {
        return Span::NONE;
    };
    Span::from(if !implicit {
        start_under(state, operation, ParentIds::from(parent))
    } else if !has_active_context() {
        start_root(state, operation)
    } else {
        start_under_active(state, operation)
    })
}

/// Starts a span with the tags and references that were written for it.
#[inline(never)]
fn start_written(
    handle: &Option<Arc<Handle>>,
    mut start: Start<'_>,
    implicit: bool,
    mut written: Written,
) -> Option<Box<Slot>> {
    let Handle(state) = handle.as_deref()?;
    if implicit && let Some(active) = active_context() {
        start.parent = active;
    }
    start.on(state, written.0.take())
}

/// Starts a span that has nothing but a name, and a parent without baggage.
#[inline(always)]
pub(crate) fn start_under(
    state: &Arc<TracerState>,
    operation: &'static str,
    parent: ParentIds,
) -> Option<Box<Slot>> {
    let ParentIds {
        high,
        low,
        span,
        flags,
    } = parent;
    match flags & DECIDING {
        Flags::SAMPLED => start_child::<true, false>(state, operation, high, low, span),
        Flags::NONE if span.is_zero() => start_root(state, operation),
        Flags::NONE => start_child::<false, false>(state, operation, high, low, span),
        _ => start_under_other(state, operation, high, low, span, flags),
    }
}

/// Starts a span under a parent that has flags besides `SAMPLED`. Apart, so that more kinds of
/// parents cost those of most spans nothing.
#[inline(never)]
fn start_under_other(
    state: &Arc<TracerState>,
    operation: &'static str,
    high: u64,
    low: u64,
    span: SpanId,
    flags: Flags,
) -> Option<Box<Slot>> {
    match flags & DECIDING {
        RANDOM_SAMPLED => start_child::<true, true>(state, operation, high, low, span),
        Flags::RANDOM => start_child::<false, true>(state, operation, high, low, span),
        _ => start_slow(state, operation, high, low, span, flags),
    }
}

/// Starts a span that has nothing but a name, under the thread's active one.
#[inline(never)]
fn start_under_active(state: &Arc<TracerState>, operation: &'static str) -> Option<Box<Slot>> {
    match active_parent() {
        Parent::Plain(parent) => start_under(state, operation, parent),
        Parent::None => start_root(state, operation),
        Parent::WithBaggage => start_with_baggage(state, operation),
    }
}

/// The same under an active context with baggage.
#[cold]
#[inline(never)]
pub(crate) fn start_with_baggage(
    state: &Arc<TracerState>,
    operation: &'static str,
) -> Option<Box<Slot>> {
    let parent = active_context().unwrap_or_default();
    Start::plain(Key::Static(operation), parent).on(state, None)
}

/// The flags of a parent that a child's start depends on.
const DECIDING: Flags = Flags::WIRE
    .with(Flags::RANDOM)
    .with(Flags::DEFERRED)
    .with(Flags::WITHOUT_IDS);

/// The flags of a parent from a `traceparent` that ends in `03`.
const RANDOM_SAMPLED: Flags = Flags::SAMPLED.with(Flags::RANDOM);
