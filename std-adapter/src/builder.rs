//! Spans that are about to start.

use std::sync::Arc;
use std::time::SystemTime;

use picojaeger_core::record::Reference;
use picojaeger_core::{
    self as core, Decision, Flags, Instant, Key, Query, SpanId, TraceId, Value, tags,
};

use crate::baggage::Baggage;
use crate::context::{AsContext, SpanContext};
use crate::local::{self, Desk, with_desk, with_scopes};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::span::{Span, UNREAD, priority, unix_micros};

/// A span that is about to start, from [`Tracer::span`](crate::Tracer::span).
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let request = tracer.start("request");
/// let query = tracer.span("query").child_of(&request).tag("db.type", "sql").start();
/// assert_eq!(query.context().trace_id(), request.context().trace_id());
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "the span starts with `start`"]
pub struct SpanBuilder<'t> {
    shared: Option<&'t Arc<Shared>>,
    operation: Key<'t>,
    parent: SpanContext,
    relation: Relation,
    forced: Option<bool>,
    start: Option<u64>,
    written: Written,
}

/// How the parent became it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// Not yet: the thread's active span will be.
    Implicit,
    /// There is none.
    None,
    FollowsFrom,
    ChildOf,
}

/// The slot that took tags and references before the start.
#[derive(Debug)]
struct Written(Option<Box<Slot>>);

/// Who a new span is.
struct Identity {
    context: core::SpanContext,
    parent: SpanId,
    sampler: u8,
    is_root: bool,
}

pub(crate) const NO_CONTEXT: core::SpanContext = core::SpanContext::new(
    TraceId::from_parts(0, 0),
    SpanId::new(0),
    Flags::from_wire(0),
);

impl<'t> SpanBuilder<'t> {
    #[inline(always)]
    pub(crate) fn new(shared: Option<&'t Arc<Shared>>, operation: Key<'t>) -> Self {
        SpanBuilder {
            shared,
            operation,
            parent: SpanContext {
                core: NO_CONTEXT,
                baggage: Baggage::EMPTY,
            },
            relation: Relation::Implicit,
            forced: None,
            start: None,
            written: Written(None),
        }
    }

    /// Makes the span a child. The first `child_of` gives trace and baggage, and
    /// those after it are further references.
    ///
    /// `None`, as for a request whose header was missing or wrong, is no parent: the
    /// thread's active span does not become it.
    #[inline(always)]
    pub fn child_of(mut self, parent: impl AsContext) -> Self {
        if self.relation == Relation::Implicit {
            self.relation = Relation::None;
        }
        if let Some(context) = parent.as_context() {
            if self.relation == Relation::ChildOf {
                self.written = self.written.with_reference(self.shared, false, &context);
            } else {
                self.parent = context;
                self.relation = Relation::ChildOf;
            }
        }
        self
    }

    /// Lets the span follow from another, which does not wait for it. Without a
    /// `child_of`, the first one gives trace and baggage.
    pub fn follows_from(mut self, other: impl AsContext) -> Self {
        if let Some(context) = other.as_context() {
            self.written = self.written.with_reference(self.shared, true, &context);
            if !matches!(self.relation, Relation::ChildOf | Relation::FollowsFrom) {
                self.parent = context;
                self.relation = Relation::FollowsFrom;
            }
        }
        self
    }

    /// Takes no notice of the thread's active span. Needed for a root only: an
    /// explicit parent has the same effect.
    #[inline(always)]
    pub fn ignore_active_span(mut self) -> Self {
        if self.relation == Relation::Implicit {
            self.relation = Relation::None;
        }
        self
    }

    /// Sets a tag, as [`Span::tag`] does; `sampling.priority` is obeyed before the
    /// sampler is asked.
    #[inline(always)]
    pub fn tag<'k, 'v>(mut self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Self {
        let (key, value) = (key.into(), value.into());
        if key.as_str().len() == tags::SAMPLING_PRIORITY.len()
            && key.as_str() == tags::SAMPLING_PRIORITY
        {
            self.forced = priority(value).or(self.forced);
        }
        self.written = self.written.with_tag(self.shared, key, value);
        self
    }

    /// Lets the span start at another time than now.
    #[inline]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start = Some(unix_micros(time));
        self
    }

    /// Starts the span.
    #[inline(always)]
    pub fn start(self) -> Span {
        // In parts, so that none of them needs to lie in memory on the short way.
        let SpanBuilder {
            shared,
            operation,
            mut parent,
            relation,
            forced,
            start,
            written,
        } = self;
        let Some(shared) = shared.map(Shared::current) else {
            written.forget_none();
            return Span::NONE;
        };
        if relation == Relation::Implicit
            && let Some(active) = with_scopes(|scopes| scopes.current()).flatten()
        {
            parent = active;
        }
        let plain =
            forced.is_none() && start.is_none() && written.0.is_none() && parent.baggage.is_empty();
        if let (Key::Static(operation), true) = (operation, plain)
            && let Some(mut thread) = local::check_out(shared)
        {
            let desk = thread.desk();
            let slot = if parent.core.span_id().is_zero() {
                begin_root(shared, desk, operation)
            } else if parent.flags().contains(Flags::DEFERRED) {
                begin_deferred(shared, desk, operation, &parent.core)
            } else {
                begin_child(shared, desk, operation, &parent.core)
            };
            local::give_back(thread);
            written.forget_none();
            return Span::new(slot);
        }
        Full {
            operation,
            parent,
            forced,
            start,
        }
        .start(shared, written)
    }
}

/// A start with whatever the builder was given, on whatever thread.
struct Full<'t> {
    operation: Key<'t>,
    parent: SpanContext,
    forced: Option<bool>,
    start: Option<u64>,
}

impl Full<'_> {
    #[cold]
    #[inline(never)]
    fn start(self, shared: &Arc<Shared>, mut written: Written) -> Span {
        if local::is_worker() {
            return Span::NONE;
        }
        // What was written before a fork is the parent's.
        let written = written.0.take().and_then(Slot::of_this_process);
        Span::new(with_desk(shared, |desk| self.begin(shared, desk, written)))
    }

    fn begin(
        &self,
        shared: &Arc<Shared>,
        desk: &mut Desk,
        written: Option<Box<Slot>>,
    ) -> Box<Slot> {
        let identity = Identity::draw(shared, desk, self.operation, &self.parent, self.forced);
        let baggage = self.parent.baggage.clone();
        if !identity.context.is_sampled() {
            if let Some(written) = written {
                desk.slots.give(written);
            }
            desk.counts.unsampled.increment();
            return bare(shared, desk, &identity.context, identity.parent, baggage);
        }
        desk.counts.began.increment();
        let fresh = written.is_none();
        let slot = written.or_else(|| desk.slots.full(shared));
        let Some(mut slot) = slot.filter(|_| !shared.is_closed()) else {
            return lost(shared, desk, &identity.context, identity.parent, baggage);
        };
        if fresh {
            slot.image
                .restart("", NO_CONTEXT, SpanId::default(), UNREAD);
        }
        slot.image
            .identify(identity.context, identity.parent, UNREAD);
        slot.image.set_sampler(identity.sampler);
        slot.set_operation(self.operation);
        if !baggage.is_empty() {
            identity.inherit(&mut slot, baggage);
        }
        slot.image.set_start(match self.start {
            Some(micros) => Instant::UnixMicros(micros),
            None => Instant::Ticks(shared.source.ticks()),
        });
        slot
    }
}

/// Taken and given back by value, so that a builder need not lie in memory.
impl Written {
    /// Drops it where it is known to be none, without asking.
    #[inline(always)]
    fn forget_none(self) {
        debug_assert!(self.0.is_none());
        std::mem::forget(self);
    }

    #[inline(never)]
    fn with_tag(mut self, shared: Option<&Arc<Shared>>, key: Key<'_>, value: Value<'_>) -> Self {
        if let Some(slot) = self.slot(shared) {
            slot.tag(key, value);
        }
        self
    }

    #[inline(never)]
    fn with_reference(
        mut self,
        shared: Option<&Arc<Shared>>,
        follows: bool,
        context: &SpanContext,
    ) -> Self {
        if !context.core.is_valid() {
            return self;
        }
        if let Some(slot) = self.slot(shared) {
            slot.reference(Reference {
                follows,
                trace: context.trace_id(),
                span: context.span_id(),
            });
        }
        self
    }

    /// The slot to write to; `None` if the tracer is disabled, or if no memory is
    /// left, which the start counts.
    #[inline]
    fn slot(&mut self, shared: Option<&Arc<Shared>>) -> Option<&mut Slot> {
        if self.0.is_none() {
            let shared = shared?.current();
            self.0 = with_desk(shared, |desk| desk.slots.full(shared));
            if let Some(slot) = &mut self.0 {
                slot.image
                    .restart("", NO_CONTEXT, SpanId::default(), UNREAD);
            }
        }
        self.0.as_deref_mut()
    }
}

/// Starts a span that has nothing but a name and a parent that has decided.
#[inline(never)]
fn begin_child(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    operation: &'static str,
    parent: &core::SpanContext,
) -> Box<Slot> {
    let flags = parent.flags() & Flags::WIRE;
    let context = core::SpanContext::new(parent.trace_id(), desk.generator.span_id(), flags);
    if !flags.contains(Flags::SAMPLED) {
        desk.counts.unsampled.increment();
        return bare(shared, desk, &context, parent.span_id(), Baggage::EMPTY);
    }
    recorded(shared, desk, operation, context, parent.span_id(), 0)
}

/// Starts a span that has nothing but a name.
#[inline(never)]
fn begin_root(shared: &Arc<Shared>, desk: &mut Desk, operation: &'static str) -> Box<Slot> {
    let (trace, span) = desk.generator.root(shared.settings.trace_id_128bit);
    let decision = shared.sampler.sample(&Query {
        trace_id: trace,
        operation,
        ticks: UNREAD,
    });
    let Decision::Sample { code } = decision else {
        desk.counts.unsampled.increment();
        let context = core::SpanContext::new(trace, span, Flags::default());
        return bare(shared, desk, &context, SpanId::default(), Baggage::EMPTY);
    };
    let context = core::SpanContext::new(trace, span, Flags::SAMPLED);
    recorded(shared, desk, operation, context, SpanId::default(), code)
}

/// A sampled span that starts now.
#[inline(always)]
fn recorded(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    operation: &'static str,
    context: core::SpanContext,
    parent: SpanId,
    sampler: u8,
) -> Box<Slot> {
    desk.counts.began.increment();
    if shared.is_closed() {
        return lost(shared, desk, &context, parent, Baggage::EMPTY);
    }
    let Some(mut slot) = desk.slots.full(shared) else {
        return lost(shared, desk, &context, parent, Baggage::EMPTY);
    };
    let start = shared.source.ticks();
    slot.image.restart(operation, context, parent, start);
    slot.image.set_sampler(sampler);
    slot
}

/// Starts a span whose parent left the decision to this process.
#[cold]
#[inline(never)]
fn begin_deferred(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    operation: &'static str,
    parent: &core::SpanContext,
) -> Box<Slot> {
    let parent = SpanContext {
        core: *parent,
        baggage: Baggage::EMPTY,
    };
    let full = Full {
        operation: Key::Static(operation),
        parent,
        forced: None,
        start: None,
    };
    full.begin(shared, desk, None)
}

/// A sampled span that found no memory, or a closed tracer.
#[cold]
#[inline(never)]
fn lost(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    context: &core::SpanContext,
    parent: SpanId,
    baggage: Baggage,
) -> Box<Slot> {
    let counts = &desk.counts;
    counts.ended.increment();
    match shared.is_closed() {
        true => counts.closed.increment(),
        false => counts.memory.increment(),
    }
    let mut slot = bare(shared, desk, context, parent, baggage);
    slot.image.discard();
    slot
}

/// A span that is not recorded: it has ids and passes them on.
#[inline(always)]
fn bare(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    context: &core::SpanContext,
    parent: SpanId,
    baggage: Baggage,
) -> Box<Slot> {
    let mut slot = desk.slots.bare(shared);
    slot.image.restart("", *context, parent, UNREAD);
    if !baggage.is_empty() {
        slot.baggage = baggage.without_debug_id();
    }
    slot
}

impl Identity {
    #[inline(always)]
    fn draw(
        shared: &Arc<Shared>,
        desk: &mut Desk,
        operation: Key<'_>,
        parent: &SpanContext,
        forced: Option<bool>,
    ) -> Self {
        let continues = parent.core.is_valid();
        let mut identity = if continues {
            let flags = parent.flags() & Flags::WIRE;
            let span = desk.generator.span_id();
            Identity {
                context: core::SpanContext::new(parent.trace_id(), span, flags),
                parent: parent.span_id(),
                sampler: 0,
                is_root: false,
            }
        } else {
            let (trace, span) = desk.generator.root(shared.settings.trace_id_128bit);
            Identity {
                context: core::SpanContext::new(trace, span, Flags::default()),
                parent: SpanId::default(),
                sampler: 0,
                is_root: true,
            }
        };
        let debug = !continues && parent.baggage.debug_id().is_some();
        if forced.is_some() || debug {
            identity.force(forced.unwrap_or(true));
        } else if !continues || parent.flags().contains(Flags::DEFERRED) {
            identity.ask(shared, operation);
        }
        identity
    }

    fn force(&mut self, sampled: bool) {
        let forced = Flags::SAMPLED | Flags::DEBUG;
        let flags = self.context.flags().without(forced);
        self.set_flags(if sampled { flags | forced } else { flags });
    }

    #[inline(always)]
    fn ask(&mut self, shared: &Shared, operation: Key<'_>) {
        let decision = shared.sampler.sample(&Query {
            trace_id: self.context.trace_id(),
            operation: operation.as_str(),
            ticks: 0,
        });
        if let Decision::Sample { code } = decision {
            self.sampler = code;
            self.set_flags(self.context.flags() | Flags::SAMPLED);
        }
    }

    #[inline(always)]
    fn set_flags(&mut self, flags: Flags) {
        let context = self.context;
        self.context = core::SpanContext::new(context.trace_id(), context.span_id(), flags);
    }

    /// Takes over what came with the parent.
    #[cold]
    fn inherit(&self, slot: &mut Slot, baggage: Baggage) {
        if let Some(id) = baggage.debug_id().filter(|_| self.is_root) {
            slot.tag(Key::Static("jaeger-debug-id"), Value::Str(id));
        }
        slot.baggage = baggage.without_debug_id();
    }
}

impl Drop for Written {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(slot) = self.0.take().and_then(Slot::of_this_process) {
            local::give_slot(slot);
        }
    }
}
