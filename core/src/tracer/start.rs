//! The start of spans: ids, time, and the sampling decision.

use crate::arch::IS_KERNEL;
use crate::context::{Flags, SpanContext};
use crate::id::SpanId;
use crate::record::{Fixed, Timestamp};
use crate::sampler::{
    Decision, PriorityChange, Query, Sampler, sampling_decision, sampling_priority,
};
use crate::tracer::{Platform, ProducerState, SpanRing, Tracer};

impl<P: Platform, R: SpanRing + ?Sized> Tracer<P, R> {
    /// Returns the fixed part of a root span.
    #[inline(never)]
    pub(crate) fn begin_root(&self, operation: &'static str) -> Fixed {
        if IS_KERNEL {
            return self.root_of(operation, operation, Flags::DEFERRED);
        }
        self.root(operation, operation, Flags::DEFERRED)
    }

    /// Returns the fixed part of a child of a span of this program: one that has not been seeded
    /// has no ids, and no children.
    #[inline(never)]
    pub(crate) fn begin_local(&self, operation: &'static str, parent: &SpanContext) -> Fixed {
        if !parent.is_valid() {
            return self.begin_root(operation);
        }
        self.join(operation, parent, parent.flags())
    }

    /// Returns the fixed part of a span in its parent's trace.
    #[inline(never)]
    pub(crate) fn begin_child(&self, operation: &'static str, parent: &SpanContext) -> Fixed {
        // A parent that decides: `sampling_decision` without its other cases, which cost
        // instructions.
        if !parent.is_valid() || parent.flags().contains(Flags::DEFERRED) {
            return self.begin(operation, operation, Some(parent), None);
        }
        self.join(operation, parent, parent.flags())
    }

    /// Returns the fixed part of any span: `name` is for the sampler, and `forced` is the demand of
    /// a tag.
    #[inline(never)]
    pub(crate) fn begin(
        &self,
        operation: &'static str,
        name: &str,
        parent: Option<&SpanContext>,
        forced: Option<bool>,
    ) -> Fixed {
        let Some(parent) = parent else {
            let decision = sampling_decision(None, forced, false);
            return self.root(operation, name, decision.flags_or_deferred());
        };
        let decided = sampling_decision(Some(parent), forced, false).flags_or_deferred();
        if !parent.is_valid() {
            return self.root_of(operation, name, decided);
        }
        if decided.contains(Flags::DEFERRED) {
            return self.resolve(operation, name, parent);
        }
        self.join(operation, parent, decided | parent.flags() & Flags::REMOTE)
    }

    /// Starts a root span whose parent has no ids; in a kernel any root, so that its code is there once.
    #[cold]
    #[inline(never)]
    fn root_of(&self, operation: &'static str, name: &str, decided: Flags) -> Fixed {
        self.root(operation, name, decided)
    }

    /// Starts a root span.
    #[inline(always)]
    fn root(&self, operation: &'static str, name: &str, decided: Flags) -> Fixed {
        let clock = self.platform.clock();
        let (trace, span, ticks) = self
            .ring
            .draw(|producer| producer.root(clock, P::TRACE_ID_128BIT));
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(trace, span, Flags::default());
        self.decide(operation, name, context, SpanId::default(), ticks, decided)
    }

    /// Returns id and start of a span with a parent, by [`SpanRing::draw`]. Out of line, so that
    /// the registers are free where interrupts are masked.
    #[inline(never)]
    fn draw(&self, sampled: bool, timed: bool) -> (SpanId, u64) {
        let clock = self.platform.clock();
        self.ring
            .draw(|producer| producer.child(clock, sampled, timed))
    }

    /// Starts a span of a trace that is decided by `flags`.
    #[inline(always)]
    fn join(&self, operation: &'static str, parent: &SpanContext, flags: Flags) -> Fixed {
        let sampled = flags.contains(Flags::SAMPLED);
        let timed = (flags & (Flags::SAMPLED | Flags::REMOTE)) != Flags::default();
        let (span, ticks) = self.draw(sampled, timed);
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(parent.trace_id(), span, flags);
        let state = Fixed::state(0, timed);
        Fixed::starting(operation, context, parent.span_id(), ticks, state)
    }

    /// Starts a span whose remote parent deferred the decision to the sampler here.
    #[cold]
    fn resolve(&self, operation: &'static str, name: &str, parent: &SpanContext) -> Fixed {
        let (span, ticks) = self.draw(true, true);
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(parent.trace_id(), span, Flags::default());
        self.decide(
            operation,
            name,
            context,
            parent.span_id(),
            ticks,
            Flags::DEFERRED,
        )
    }

    /// Starts a span by the sampler's decision, unless it is decided.
    #[inline(always)]
    fn decide(
        &self,
        operation: &'static str,
        name: &str,
        context: SpanContext,
        parent: SpanId,
        ticks: u64,
        decided: Flags,
    ) -> Fixed {
        let query = Query {
            trace_id: context.trace_id(),
            operation: name,
            ticks,
        };
        let (flags, code) = if decided.contains(Flags::DEFERRED) {
            match self.platform.sampler().sample(&query) {
                Decision::Sample { code } => (Flags::SAMPLED, code),
                Decision::Drop => (Flags::default(), 0),
            }
        } else {
            (decided, 0)
        };
        if !flags.contains(Flags::SAMPLED) {
            self.ring.with(ProducerState::count_unsampled);
        }
        let context = SpanContext::new(context.trace_id(), context.span_id(), flags);
        let state = Fixed::state(code, true);
        Fixed::starting(operation, context, parent, ticks, state)
    }

    /// Applies a sampling priority; returns whether the span became sampled by it, without having
    /// read the clock before.
    #[cold]
    #[inline(never)]
    pub(crate) fn prioritise(&self, fixed: &mut Fixed, on: bool) -> bool {
        if fixed.is_finished() || !fixed.context().is_valid() {
            return false;
        }
        let (flags, change) = sampling_priority(fixed.flags(), on);
        let counted = match change {
            PriorityChange::Unchanged | PriorityChange::DebugSet => Some(0),
            PriorityChange::Upgraded => self.count_upgraded(fixed.was_cleared()),
            PriorityChange::Cleared => self.ring.with(ProducerState::count_cleared).map(|()| 0),
        };
        // Refused in a re-entrant call: the span stays as it is, since a change would go uncounted.
        let Some(ticks) = counted else { return false };
        fixed.set_flags(flags);
        match change {
            PriorityChange::Cleared => fixed.mark_cleared(),
            PriorityChange::Upgraded if !fixed.is_timed() => {
                fixed.set_start(Timestamp::Ticks(ticks));
                return true;
            }
            _ => {}
        }
        false
    }

    /// Counts a span that becomes sampled; returns the time.
    fn count_upgraded(&self, again: bool) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| {
            producer.count_upgraded(again);
            producer.now(clock)
        })
    }
}
