//! Spans that get their parent after their start.

use picojaeger_core::{self as core, Flags};

use crate::context::SpanContext;
use crate::spans::UNREAD;
use crate::state::Slot;
use crate::state::thread_local::with_shard;

impl Slot {
    /// Makes an open span the child of another one, with its trace, decision and baggage. A parent whose decision is
    /// left to others leaves the span its own.
    pub(crate) fn set_parent(self: &mut Box<Self>, parent: &SpanContext) {
        if self.is_of_parent() {
            return;
        }
        self.settle();
        if !parent.baggage.is_empty() {
            self.baggage = parent.baggage.clone().without_debug_id();
        }
        if !parent.core.is_valid() {
            return;
        }
        let (own, start) = (self.image.context(), self.image.start());
        let was_sampled = own.is_sampled();
        let mut flags = parent.flags() & (Flags::WIRE | Flags::RANDOM);
        if parent.flags().contains(Flags::DEFERRED) {
            flags = flags.without(Flags::SAMPLED) | (own.flags() & Flags::SAMPLED);
        }
        let sampled = flags.contains(Flags::SAMPLED);
        // An upgrade sets the flag of a span that was not sampled.
        let at_first = match was_sampled {
            true => flags,
            false => flags.without(Flags::SAMPLED),
        };
        let context = core::SpanContext::new(parent.trace_id(), own.span_id(), at_first);
        self.image.identify(context, parent.span_id(), UNREAD);
        self.image.set_start(start);
        self.image.set_sampler(0);
        match (was_sampled, sampled) {
            (false, true) => self.upgrade(flags),
            (true, false) => {
                self.name.close();
                with_shard(&self.owner, |shard| shard.counters.cleared.increment());
            }
            // Other threads read its ids beside its name.
            (true, true) => self.announce(),
            (false, false) => {}
        }
    }
}
