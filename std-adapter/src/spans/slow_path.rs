//! The long ways: starts and ends of spans with whatever was asked for, on whatever thread,
//! and whatever it takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use picojaeger_core::{self as core, Decision, Flags, Instant, Key, Query, SpanId, TraceId, Value};

use crate::context::SpanContext;
use crate::context::baggage::Baggage;
use crate::memory::span_pool::Slot;
use crate::spans::fast_path::put_away;
use crate::state::Shared;
use crate::state::shard::Desk;
use crate::state::thread_local::{is_worker, with_desk};
use crate::tracer::span::{Span, UNREAD};

/// Who a new span is.
struct Identity {
    context: core::SpanContext,
    parent: SpanId,
    sampler: u8,
    is_root: bool,
}

/// Starts a span that has nothing but a name and perhaps a parent, whatever it takes.
#[inline(never)]
pub(crate) fn start_long_way(
    shared: &Arc<Shared>,
    operation: &'static str,
    high: u64,
    low: u64,
    parent: SpanId,
    flags: Flags,
) -> Span {
    let parent = SpanContext {
        core: core::SpanContext::new(TraceId::from_parts(high, low), parent, flags),
        baggage: Baggage::EMPTY,
    };
    Start::plain(Key::Static(operation), parent).on(shared, None)
}

/// A start with whatever the builder was given.
pub(crate) struct Start<'t> {
    pub(crate) operation: Key<'t>,
    pub(crate) parent: SpanContext,
    /// What `sampling.priority` asks for.
    pub(crate) forced: Option<bool>,
    /// Unix microseconds, unless it is now.
    pub(crate) time: Option<u64>,
}

impl<'t> Start<'t> {
    /// With nothing but a name and a parent.
    pub(crate) fn plain(operation: Key<'t>, parent: SpanContext) -> Self {
        Start {
            operation,
            parent,
            forced: None,
            time: None,
        }
    }

    /// Starts the span in the slot that took what was written before, if any.
    pub(crate) fn on(self, shared: &Arc<Shared>, written: Option<Box<Slot>>) -> Span {
        if is_worker() {
            written.into_iter().for_each(put_away);
            return Span::NONE;
        }
        let shared = shared.current();
        // What was written before a fork is the parent's.
        let written = written.and_then(Slot::of_this_process);
        Span::new(with_desk(shared, |desk| self.begin(shared, desk, written)))
    }

    fn begin(
        &self,
        shared: &Arc<Shared>,
        desk: &mut Desk,
        written: Option<Box<Slot>>,
    ) -> Box<Slot> {
        let identity = Identity::draw(shared, desk, self.operation, &self.parent, self.forced);
        if !identity.context.is_sampled() {
            if let Some(written) = written {
                desk.slots.give(written);
            }
            desk.counts.unsampled.increment();
            return self.pass_on(shared, desk, &identity);
        }
        desk.counts.began.increment();
        let fresh = written.is_none();
        let slot = written.or_else(|| desk.slots.full(shared));
        let Some(mut slot) = slot.filter(|_| !shared.is_closed()) else {
            return self.lose(shared, desk, &identity);
        };
        if fresh {
            slot.clear();
        }
        slot.image
            .identify(identity.context, identity.parent, UNREAD);
        slot.image.set_sampler(identity.sampler);
        slot.set_operation(self.operation);
        if !self.parent.baggage.is_empty() {
            identity.inherit(&mut slot, self.parent.baggage.clone());
        }
        slot.image.set_start(match self.time {
            Some(micros) => Instant::UnixMicros(micros),
            None => Instant::Ticks(shared.source.ticks()),
        });
        slot
    }

    /// A span that is not recorded: it has ids and passes them on.
    fn pass_on(&self, shared: &Arc<Shared>, desk: &mut Desk, identity: &Identity) -> Box<Slot> {
        // A name that is copied needs an area, in case the span is sampled later.
        let roomy = match self.operation {
            Key::Static(_) => None,
            Key::Copied(_) => desk.slots.full(shared),
        };
        let mut slot = roomy.unwrap_or_else(|| desk.slots.bare(shared));
        slot.clear();
        slot.image
            .identify(identity.context, identity.parent, UNREAD);
        slot.set_operation(self.operation);
        if let Some(micros) = self.time {
            slot.image.set_start(Instant::UnixMicros(micros));
        }
        slot.baggage = self.parent.baggage.clone().without_debug_id();
        slot
    }

    /// A sampled span that found no memory, or a closed tracer.
    #[cold]
    fn lose(&self, shared: &Arc<Shared>, desk: &mut Desk, identity: &Identity) -> Box<Slot> {
        let counts = &desk.counts;
        counts.ended.increment();
        match shared.is_closed() {
            true => counts.closed.increment(),
            false => counts.memory.increment(),
        }
        let mut slot = self.pass_on(shared, desk, identity);
        slot.image.discard();
        slot
    }
}

impl Identity {
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

    fn set_flags(&mut self, flags: Flags) {
        let context = self.context;
        self.context = core::SpanContext::new(context.trace_id(), context.span_id(), flags);
    }

    /// Takes over what came with the parent.
    #[cold]
    fn inherit(&self, slot: &mut Box<Slot>, baggage: Baggage) {
        if let Some(id) = baggage.debug_id().filter(|_| self.is_root) {
            slot.tag(Key::Static("jaeger-debug-id"), Value::Str(id));
        }
        slot.baggage = baggage.without_debug_id();
    }
}

impl Slot {
    /// Hands the span, which has finished, to the ring.
    #[inline(never)]
    pub(crate) fn hand_over(&mut self) {
        if self.is_of_parent() {
            return self.disown();
        }
        let Slot { image, shared, .. } = self;
        let urgent = with_desk(shared, |desk| {
            if shared.is_closed() {
                desk.counts.closed.increment();
                desk.counts.ended.increment();
                return None;
            }
            Some(desk.push(shared, image))
        });
        // Without the desk: what wakes the worker may log, and a logger may trace.
        if let Some(urgent) = urgent {
            shared.waker().after_push(shared, urgent);
        }
    }

    /// Ends a sampled span of a parent process in the child of a fork, where it is a
    /// context only.
    #[cold]
    fn disown(&self) {
        let forked = &self.shared.current().forked;
        forked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ends a span that the short way left, and has finished.
#[inline(never)]
pub(crate) fn end_long_way(mut slot: Box<Slot>) {
    slot.hand_over();
    put_away_long_way(slot);
}

/// Takes back the slot of a span that is over, whatever it takes.
#[inline(never)]
pub(crate) fn put_away_long_way(slot: Box<Slot>) {
    if let Some(slot) = slot.of_this_process() {
        let shared = slot.shared.clone();
        with_desk(&shared, |desk| desk.slots.give(slot));
    }
}
