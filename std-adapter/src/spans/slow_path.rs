//! The slow path: starts and ends of spans with all options, on any thread, in forked children,
//! and where slots or rings are used up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::{SamplingDecision, sampling_decision};
use picojaeger_core::{self as core, Description, Flags, Key, Query, SpanId, TraceId, Value, tags};

use crate::context::SpanContext;
use crate::context::baggage::Baggage;
use crate::memory::span_slot::Image;
use crate::sampling::{Choice, Timing};
use crate::spans::UNREAD;
#[cfg(feature = "observers")]
use crate::spans::observed::builder_tags;
use crate::spans::requests::notes_at_start;
use crate::state::Slot;
use crate::state::TracerState;
use crate::state::shard::{Pushed, Shard};
use crate::state::thread_local::with_shard;
use crate::worker::parking::Urgency;
use crate::worker::{as_worker, is_worker};

/// Ids, flags and sampler code of a new span.
struct Identity {
    context: core::SpanContext,
    parent: SpanId,
    sampler: u8,
    /// Whether the sampler waits for the operation name.
    is_undecided: bool,
}

/// Starts a span with only a name and perhaps a parent, where the fast path could not.
#[inline(never)]
pub(crate) fn start_slow(
    state: &Arc<TracerState>,
    operation: &'static str,
    high: u64,
    low: u64,
    parent: SpanId,
    flags: Flags,
) -> Option<Box<Slot>> {
    let parent = core::SpanContext::new(TraceId::from_parts(high, low), parent, flags);
    Start::plain(Key::Static(operation), parent.into()).on(state, None)
}

/// Options of a start, as the builder collected them.
pub(crate) struct Start<'t> {
    pub(crate) operation: Key<'t>,
    pub(crate) parent: SpanContext,
    /// Decision of the tag `sampling.priority`, if set.
    pub(crate) forced: Option<bool>,
    /// Start in Unix microseconds; `None` for now.
    pub(crate) time: Option<u64>,
    /// The span takes the parent's ids for its own, and has no parent.
    pub(crate) own: bool,
}

impl<'t> Start<'t> {
    /// Makes a start with only a name and a parent.
    pub(crate) fn plain(operation: Key<'t>, parent: SpanContext) -> Self {
        Start {
            operation,
            parent,
            forced: None,
            time: None,
            own: false,
        }
    }

    /// Starts the span, in the slot that holds the builder's tags if there is one. Returns `None`
    /// on a worker.
    pub(crate) fn on(
        self,
        state: &Arc<TracerState>,
        written: Option<Box<Slot>>,
    ) -> Option<Box<Slot>> {
        if is_worker() {
            written.into_iter().for_each(release_slow);
            return None;
        }
        let state = state.current();
        if state.is_propagation_only() {
            return Some(pass_on(state, self.parent));
        }
        // A slot from before a fork belongs to the parent process.
        let written = written.and_then(Slot::of_this_process);
        #[cfg(feature = "http")]
        state.poll_restrictions();
        let is_watched = state.is_watched();
        let notes = is_watched.then(|| notes_at_start(written.as_deref()));
        #[cfg(feature = "observers")]
        let tags = is_watched.then(|| builder_tags(written.as_deref()));
        let mut identity = with_shard(state, |shard| {
            Identity::draw(shard, state.common.trace_id_128bit, &self.parent)
        });
        // Outside of `with_shard`: a user's sampler may trace.
        let description = identity.decide(state, &self);
        if self.own {
            identity.take_over(&self.parent);
        }
        let mut slot = with_shard(state, |shard| self.begin(state, shard, written, &identity));
        if let Some(description) = description {
            slot.describe(description);
        }
        if identity.is_undecided && slot.image.is_writable() {
            slot.baggage.set_pending();
        }
        if let Some(micros) = self.time {
            slot.image.set_start(Timestamp::UnixMicros(micros));
        } else if slot.image.is_writable() {
            // Outside of `with_shard`: a user's clock may trace.
            let ticks = state.source.ticks();
            slot.image.set_start(Timestamp::Ticks(ticks));
        }
        slot.announce();
        if let Some(notes) = notes {
            slot.watch(&self.parent, notes);
        }
        #[cfg(feature = "observers")]
        if let Some(tags) = tags {
            slot.notify_start(&tags);
        }
        if slot.image.flags().contains(Flags::SAMPLED) && !slot.image.is_writable() {
            state.after_loss();
        }
        Some(slot)
    }

    /// Returns the demand of the tag `sampling.priority`, and whether a debug id demands a trace, as
    /// far as the throttler allows them. What has the debug flag already costs no credit.
    #[cfg_attr(
        not(feature = "http"),
        allow(unused_variables, reason = "only a server throttles")
    )]
    fn demands(&self, state: &TracerState) -> (Option<bool>, bool) {
        let has_debug_id = self.parent.baggage.debug_id().is_some();
        #[cfg(feature = "http")]
        {
            let forces = self
                .forced
                .unwrap_or(has_debug_id && !self.parent.core.is_valid());
            let is_debug = self.parent.flags().contains(Flags::DEBUG);
            if forces && !is_debug && !state.is_debug_allowed(self.operation.as_str()) {
                return (None, false);
            }
        }
        (self.forced, has_debug_id)
    }

    /// Takes a slot and writes all but the start time.
    fn begin(
        &self,
        state: &Arc<TracerState>,
        shard: &mut Shard,
        written: Option<Box<Slot>>,
        identity: &Identity,
    ) -> Box<Slot> {
        if !identity.context.is_sampled() {
            if let Some(written) = written {
                shard.cache.put(written);
            }
            shard.counters.unsampled.increment();
            return start_unsampled(state, shard, self.operation, identity, &self.parent);
        }
        if !identity.is_undecided {
            shard.counters.sampled.increment();
        }
        let fresh = written.is_none();
        let Some(mut slot) = self.take_slot(state, shard, written) else {
            return self.start_lost(state, shard, identity);
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
        slot
    }

    /// Takes the slot of a sampled span; `None` if out of memory, or if the tracer is closed.
    fn take_slot(
        &self,
        state: &Arc<TracerState>,
        shard: &mut Shard,
        written: Option<Box<Slot>>,
    ) -> Option<Box<Slot>> {
        if state.is_closed() {
            written.into_iter().for_each(|slot| shard.cache.put(slot));
            return None;
        }
        let operation = self.operation.as_str();
        match written {
            Some(written) => shard.cache.charge(written, operation),
            None => shard.cache.take_for(operation, state),
        }
    }

    /// Starts a root that got no memory to wait in: it is not sampled.
    #[cold]
    fn start_undecided_lost(
        &self,
        state: &Arc<TracerState>,
        shard: &mut Shard,
        identity: &Identity,
    ) -> Box<Slot> {
        let mut unsampled = Identity {
            sampler: 0,
            is_undecided: false,
            ..*identity
        };
        unsampled.set_flags(Flags::NONE);
        shard.counters.unsampled.increment();
        start_unsampled(state, shard, self.operation, &unsampled, &self.parent)
    }

    /// Starts a sampled span that is lost: out of memory, or the tracer is closed.
    #[cold]
    fn start_lost(
        &self,
        state: &Arc<TracerState>,
        shard: &mut Shard,
        identity: &Identity,
    ) -> Box<Slot> {
        if identity.is_undecided {
            return self.start_undecided_lost(state, shard, identity);
        }
        let counters = &shard.counters;
        counters.finished.increment();
        match state.is_closed() {
            true => counters.closed.increment(),
            false => counters.memory.increment(),
        }
        // Nothing reads the name of a lost span, so a copied one takes no memory, but where requests
        // are counted.
        let name = match state.is_watched() {
            true => self.operation,
            false => Key::Static(""),
        };
        let mut slot = start_unsampled(state, shard, name, identity, &self.parent);
        slot.image.discard();
        slot
    }
}

/// Returns the span of a tracer that makes none: its parent's context, to be passed on.
#[cold]
fn pass_on(state: &Arc<TracerState>, parent: SpanContext) -> Box<Slot> {
    let mut slot = Slot::context_only(state);
    slot.image.identify(parent.core, SpanId::default(), UNREAD);
    slot.image.discard();
    slot.baggage = parent.baggage.without_debug_id();
    slot
}

/// Starts a span that is not recorded: it only has a context.
fn start_unsampled(
    state: &Arc<TracerState>,
    shard: &mut Shard,
    operation: Key<'_>,
    identity: &Identity,
    parent: &SpanContext,
) -> Box<Slot> {
    // A name that is copied needs an area, in case the span is sampled later.
    let mut slot = match operation {
        Key::Static(_) => shard.cache.take_context_only(state),
        Key::Copied(_) => shard.cache.take_named(state),
    };
    slot.clear();
    slot.image
        .identify(identity.context, identity.parent, UNREAD);
    slot.set_operation(operation);
    slot.baggage = parent.baggage.clone().without_debug_id();
    slot
}

impl Identity {
    /// Draws the ids.
    fn draw(shard: &mut Shard, trace_id_128bit: bool, parent: &SpanContext) -> Self {
        let (context, parent) = if parent.core.is_valid() {
            let flags = parent.flags() & (Flags::WIRE | Flags::RANDOM);
            let span = shard.generator.span_id();
            let context = core::SpanContext::new(parent.trace_id(), span, flags);
            (context, parent.span_id())
        } else {
            let (trace, span) = shard.generator.root(trace_id_128bit);
            let context = core::SpanContext::new(trace, span, Flags::NONE);
            (context, SpanId::default())
        };
        Identity {
            context,
            parent,
            sampler: 0,
            is_undecided: false,
        }
    }

    /// Decides whether the span is sampled; returns the sampler's description, if it is to be
    /// written to the span.
    fn decide(&mut self, state: &TracerState, start: &Start<'_>) -> Option<Description> {
        let (forced, has_debug_id) = start.demands(state);
        match sampling_decision(Some(&start.parent.core), forced, has_debug_id) {
            SamplingDecision::Decided(flags) => {
                self.set_flags(flags);
                None
            }
            SamplingDecision::AskSampler => self.consult_sampler(state, start.operation),
        }
    }

    fn consult_sampler(&mut self, state: &TracerState, operation: Key<'_>) -> Option<Description> {
        #[cfg(feature = "http")]
        state.poll_sampler();
        let query = Query::new(self.context.trace_id(), operation.as_str(), UNREAD);
        // As a worker: what a user's sampler traces is discarded.
        let sampler = &state.common.sampler;
        let choice = as_worker(|| sampler.sample(&query, Timing::Start));
        let (code, description) = match choice {
            Choice::Drop => return None,
            Choice::Coded(code) => (code, None),
            Choice::Described(description) => (0, description),
            Choice::Undecided => {
                self.is_undecided = true;
                (0, None)
            }
        };
        self.sampler = code;
        self.set_flags(self.context.flags() | Flags::SAMPLED);
        description
    }

    /// Takes the ids of a span for its own.
    #[cold]
    fn take_over(&mut self, own: &SpanContext) {
        let flags = self.context.flags();
        self.context = core::SpanContext::new(own.trace_id(), own.span_id(), flags);
        self.parent = SpanId::default();
    }

    /// Sets the wire flags.
    fn set_flags(&mut self, flags: Flags) {
        let context = self.context;
        let flags = flags & Flags::WIRE | context.flags() & Flags::RANDOM;
        self.context = core::SpanContext::new(context.trace_id(), context.span_id(), flags);
    }

    /// Takes over the parent's baggage, and the debug id at a root.
    #[cold]
    fn inherit(&self, slot: &mut Box<Slot>, baggage: Baggage) {
        if let Some(id) = baggage.debug_id().filter(|_| self.parent.is_zero()) {
            slot.tag(Key::Static(tags::JAEGER_DEBUG_ID), Value::Str(id));
        }
        slot.baggage = baggage.without_debug_id();
    }
}

impl Slot {
    /// Pushes the finished span to a ring, and wakes the worker if needed.
    #[inline(never)]
    pub(crate) fn publish(&mut self) {
        if self.is_of_parent() {
            return self.disown();
        }
        self.name.close();
        if self.notes != 0 {
            self.unwatch(self.image.record().finish());
        }
        if !self.settle_finished() {
            return;
        }
        if let Some(limits) = self.owner.limits {
            self.image.limit(limits);
        }
        let Slot {
            image,
            owner: state,
            ..
        } = self;
        let (urgency, lost) = with_shard(state, |shard| {
            if state.is_closed() {
                shard.counters.closed.increment();
                shard.counters.finished.increment();
                return (None, true);
            }
            let full = shard.counters.full.get();
            let urgency = push(state, shard, image);
            (Some(urgency), shard.counters.full.get() != full)
        });
        // Outside of `with_shard`: waking the worker may log, and a logger may trace.
        if let Some(urgency) = urgency {
            state.after_push(urgency);
        }
        if lost {
            state.after_loss();
        }
    }

    /// Counts the end of a parent process's sampled span in a forked child, where the span is only
    /// a context.
    #[cold]
    fn disown(&self) {
        let forked = &self.owner.current().forked;
        forked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Pushes a finished image to the shard's ring or the shared ring, and counts it.
fn push(state: &TracerState, shard: &mut Shard, image: &Image) -> Urgency {
    let rings = &state.common.rings;
    match shard.push(image, rings) {
        Pushed::Done { urgency } => urgency,
        Pushed::NeedsShared { number } => {
            if !state.shared_ring().push(number, image, rings) {
                shard.counters.full.increment();
            }
            // Threads without a ring of their own share this one, so it is emptied soon.
            Urgency::Full
        }
    }
}

/// Pushes a finished span that the fast path could not, and releases its slot.
#[inline(never)]
pub(crate) fn end_slow(mut slot: Box<Slot>) {
    slot.publish();
    release_slow(slot);
}

/// Releases the slot of a span that has ended, where the fast path could not.
#[inline(never)]
pub(crate) fn release_slow(slot: Box<Slot>) {
    if let Some(mut slot) = slot.of_this_process() {
        if slot.owner.is_propagation_only() {
            return;
        }
        if slot.notes != 0 {
            slot.finish_dropped();
        }
        let state = slot.owner.clone();
        with_shard(&state, |shard| shard.cache.put(slot));
    }
}

#[cfg(test)]
mod tests {
    use picojaeger_core::adapter::record::Open;
    use picojaeger_core::ring::Word;

    use super::*;
    use crate::state::thread_local::with_fallback_shard;
    use crate::sys::clock::TickSource;

    /// A tracer with rings of 4 to 8 KiB, and an interval that no test waits for.
    fn state() -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| {
            config
                .memory_limit(1 << 20)
                .flush_interval(std::time::Duration::from_secs(3_600))
        })
    }

    fn capacity(shard: &Shard) -> usize {
        shard.ring.as_ref().unwrap().producer.capacity()
    }

    fn backlog(shard: &mut Shard) -> usize {
        shard.ring.as_mut().unwrap().producer.backlog()
    }

    /// A finished span with this number of tags of 1,000 bytes.
    fn finished(shard: &mut Shard, state: &Arc<TracerState>, tags: usize) -> Box<Slot> {
        let mut slot = shard.cache.take(state).unwrap();
        slot.clear();
        slot.image.set_flags(Flags::SAMPLED);
        let text = "x".repeat(1_000);
        (0..tags).for_each(|_| slot.tag(Key::Static("text"), Value::Str(&text)));
        shard.counters.sampled.increment();
        slot.image.finish(1);
        slot
    }

    #[test]
    fn a_half_full_ring_is_urgent_and_exchanged_for_a_larger_one() {
        let state = state();
        with_shard(&state, |shard| {
            let slot = finished(shard, &state, 0);
            let mut sizes = vec![capacity(shard)];
            let mut before = 0;
            while before < (8 << 10) / 2 {
                let urgency = push(&state, shard, &slot.image);
                let (held, size) = (backlog(shard), capacity(shard));
                let is_exchanged = Some(&size) != sizes.last();
                if is_exchanged {
                    assert_eq!(held, 0);
                    assert!(before >= size / 4 - 128, "half of the one before");
                    sizes.push(size);
                }
                let expected = match is_exchanged || held >= size / 2 {
                    true => Urgency::Half,
                    false => Urgency::Low,
                };
                assert_eq!(urgency, expected);
                before = held;
            }
            assert_eq!(sizes, [4 << 10, 8 << 10]);
        });
    }

    /// Pushes a copy of the image, and counts the span.
    fn push_one(state: &Arc<TracerState>, shard: &mut Shard, image: &Image) -> Urgency {
        shard.counters.sampled.increment();
        push(state, shard, image)
    }

    /// Three quarters of the limit are for rings; parts of it are kept for further threads and for
    /// the shared ring.
    #[test]
    fn a_burst_on_one_thread_takes_further_rings() {
        let state = state();
        with_shard(&state, |shard| {
            let slot = finished(shard, &state, 0);
            let mut before = 0;
            while shard.counters.full.get() == 0 {
                let urgency = push_one(&state, shard, &slot.image);
                let held = backlog(shard);
                assert!(
                    urgency >= Urgency::Half || held > before || held == 0,
                    "an exchange is urgent"
                );
                before = held;
            }
        });
        let stats = state.stats();
        let held = stats.queued as usize * (8 + size_of::<Open<[Word; 0]>>());
        assert!(held > 380 << 10, "{held}");
        // Each of the rings is put back, and goes to the next burst.
        for _ in 0..3 {
            state.exporter().pass(&state.common, true);
            with_shard(&state, |shard| {
                let slot = finished(shard, &state, 0);
                for _ in 0..stats.queued - 300 {
                    push_one(&state, shard, &slot.image);
                }
            });
        }
        state.exporter().pass(&state.common, true);
        let stats = state.stats();
        assert_eq!((stats.queued, stats.lost.full), (0, 1), "{stats}");
    }

    #[test]
    fn the_shared_ring_is_exchanged_too() {
        let state = state();
        with_shard(&state, |shard| {
            let large = finished(shard, &state, 5);
            // Over 256 KiB.
            for _ in 0..70 {
                assert!(push(&state, shard, &large.image) >= Urgency::Half);
            }
            assert_eq!(shard.counters.full.get(), 0);
        });
        state.exporter().pass(&state.common, false);
        assert_eq!(state.stats().delivered, 70);
    }

    #[test]
    fn a_full_shared_ring_is_counted() {
        let state = state();
        with_shard(&state, |shard| {
            let large = finished(shard, &state, 5);
            for _ in 0..200 {
                push_one(&state, shard, &large.image);
            }
        });
        state.exporter().pass(&state.common, true);
        let stats = state.stats();
        assert!(stats.lost.full > 0, "{stats}");
        assert_eq!(stats.delivered + stats.lost.full, 200, "{stats}");
    }

    #[test]
    fn a_span_that_meets_a_closed_tracer_leaves_no_slot_behind() {
        let state = state();
        let written = with_shard(&state, |shard| shard.cache.take(&state));
        state.set_closed();
        let start = Start::plain(Key::Static("late"), SpanContext::default());
        drop(start.on(&state, written));
        with_shard(&state, |shard| assert_eq!(shard.cache.in_use(&state), 0));
        assert_eq!(state.stats().lost.closed, 1);
    }

    #[test]
    fn a_lost_span_takes_no_memory_for_its_name() {
        let state = state();
        let start = || Start::plain(Key::Copied("copied"), SpanContext::default()).on(&state, None);
        let open = std::iter::from_fn(|| start().filter(|slot| slot.image.is_writable()));
        let spans: Vec<_> = open.collect();
        assert!(spans.len() > 500);
        let lost = start().unwrap();
        assert!(lost.is_context_only());
        assert_eq!(state.stats().lost.memory, 2);
    }

    #[test]
    fn a_thread_without_a_ring_asks_again() {
        let state = state();
        let mut others: Vec<_> = std::iter::from_fn(|| state.common.rings.hand_out()).collect();
        with_shard(&state, |shard| {
            assert!(shard.ring.is_none());
            let slot = finished(shard, &state, 0);
            assert_eq!(push(&state, shard, &slot.image), Urgency::Full);
            state.common.rings.take_back(others.pop().unwrap());
            for _ in 1..64 {
                assert_eq!(push(&state, shard, &slot.image), Urgency::Full);
            }
            assert_eq!(push(&state, shard, &slot.image), Urgency::Low);
            assert!(shard.ring.is_some());
        });
        with_fallback_shard(&state, |shard| {
            assert!(shard.ring.is_none());
            state.common.rings.take_back(others.pop().unwrap());
            let slot = finished(shard, &state, 0);
            assert!((0..100).all(|_| push(&state, shard, &slot.image) == Urgency::Full));
        });
    }

    #[test]
    fn a_record_over_a_quarter_of_the_largest_ring_goes_to_the_shared_one_and_is_sent_at_once() {
        let state = state();
        with_shard(&state, |shard| {
            let (small, large) = (finished(shard, &state, 1), finished(shard, &state, 5));
            assert_eq!(push(&state, shard, &small.image), Urgency::Low);
            let own = backlog(shard);
            assert!(own > 1_000);
            assert_eq!(push(&state, shard, &large.image), Urgency::Full);
            assert_eq!(backlog(shard), own);
        });
        state.exporter().pass(&state.common, false);
        let stats = state.stats();
        assert_eq!((stats.delivered, stats.queued), (2, 0), "{stats}");
    }

    #[test]
    fn a_record_in_a_threads_own_ring_waits() {
        let state = state();
        with_shard(&state, |shard| {
            let slot = finished(shard, &state, 1);
            assert_eq!(push(&state, shard, &slot.image), Urgency::Low);
        });
        state.exporter().pass(&state.common, false);
        let stats = state.stats();
        assert_eq!((stats.delivered, stats.queued), (0, 1), "{stats}");
    }
}
