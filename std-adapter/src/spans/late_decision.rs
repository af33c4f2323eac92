//! Roots whose sampling decision waits for the operation name.
//!
//! Such a root is written like a sampled one, and counts as nothing yet. Its decision lies beside its
//! baggage, so every path that must make it leaves the fast path by a test that is there anyhow: for
//! baggage, or whether the tracer's spans end slowly.

use std::mem::take;

use picojaeger_core::{self as core, Description, Flags, Key, Query, Value, tags};

use crate::context::SpanContext;
use crate::context::pending::{Decided, Pending};
use crate::sampling::{Choice, Timing};
use crate::scope;
use crate::spans::UNREAD;
use crate::state::Slot;
use crate::state::thread_local::with_shard;
use crate::worker::as_worker;

impl Slot {
    /// Returns the identity and the baggage of a span with baggage; makes a decision that waits.
    #[cold]
    #[inline(never)]
    pub(super) fn context_with_baggage(&self) -> SpanContext {
        let (context, baggage) = (self.image.context(), self.baggage.clone());
        let Some(pending) = self.baggage.pending() else {
            return SpanContext {
                core: context,
                baggage,
            };
        };
        let flags = match self.decide(pending).sampled {
            true => context.flags(),
            false => context.flags().without(Flags::SAMPLED),
        };
        SpanContext {
            core: core::SpanContext::new(context.trace_id(), context.span_id(), flags),
            baggage: baggage.without_pending(),
        }
    }

    /// Returns whether a span that looks sampled is; a decision that waits counts as sampled.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_kept(&self) -> bool {
        let pending = self.baggage.pending();
        pending.is_none_or(|pending| pending.is_open() || self.decide(pending).sampled)
    }

    /// Replaces the context in the thread's scopes; a root whose decision waits is in none.
    pub(crate) fn refresh_scopes(&self) {
        if !self.baggage.pending().is_some_and(Pending::is_open) {
            scope::refresh(&self.context());
        }
    }

    /// Applies a decision that waits, which is made now unless it was.
    pub(crate) fn settle(self: &mut Box<Self>) {
        if let Some(decided) = self.take_decision() {
            decided
                .description
                .into_iter()
                .for_each(|it| self.describe(it));
            self.announce();
        }
    }

    /// Applies a decision that waits, as the tag `sampling.priority` demands unless it was made.
    pub(crate) fn settle_as(self: &mut Box<Self>, sampled: bool) {
        if let Some(pending) = self.baggage.pending() {
            pending.decide(|| Decided::without_description(sampled));
        }
        self.settle();
    }

    /// Applies a decision that waits at the end of its root; returns whether the span is to be
    /// pushed.
    pub(super) fn settle_finished(&mut self) -> bool {
        let Some(decided) = self.take_decision() else {
            return true;
        };
        if let Some(description) = decided.description {
            for (key, value) in description_tags(description) {
                self.image.tag(key, value);
            }
        }
        decided.sampled
    }

    /// Writes the description of the sampler that sampled the root.
    pub(super) fn describe(self: &mut Box<Self>, description: Description) {
        if self.image.is_writable() {
            for (key, value) in description_tags(description) {
                self.tag(key, value);
            }
        }
    }

    /// Ends the wait, and counts the root.
    fn take_decision(&mut self) -> Option<Decided> {
        let decided = self.decide(self.baggage.pending()?);
        self.baggage = take(&mut self.baggage).without_pending();
        if !decided.sampled {
            self.image
                .set_flags(self.image.flags().without(Flags::SAMPLED));
        }
        with_shard(&self.owner, |shard| match decided.sampled {
            true => shard.counters.sampled.increment(),
            false => shard.counters.unsampled.increment(),
        });
        Some(decided)
    }

    /// Returns the decision, by the present name unless it was made.
    fn decide(&self, pending: &Pending) -> Decided {
        // The parent process's locks may be held for good in a forked child.
        if self.is_of_parent() {
            return Decided::NO;
        }
        pending.decide(|| {
            let record = self.image.record();
            let trace_id = self.image.context().trace_id();
            let query = Query::new(trace_id, record.operation(), UNREAD);
            let sampler = &self.owner.common.sampler;
            match as_worker(|| sampler.sample(&query, Timing::Final)) {
                Choice::Described(description) => Decided {
                    sampled: true,
                    description,
                },
                Choice::Coded(_) => Decided::without_description(true),
                Choice::Drop | Choice::Undecided => Decided::NO,
            }
        })
    }
}

fn description_tags(description: Description) -> [(Key<'static>, Value<'static>); 2] {
    [
        (
            Key::Static(tags::SAMPLER_TYPE),
            Value::Str(description.kind),
        ),
        (Key::Static(tags::SAMPLER_PARAM), description.param.into()),
    ]
}
