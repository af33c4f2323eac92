//! The fast path: starts and ends of spans that use nothing but the thread's own shard.
//!
//! A function here makes calls only in tail position, where the borrow of the shard has ended and
//! the slow path starts over with the same arguments. So it needs no stack frame. `inline(never)`
//! keeps each path a function of its own: inlined into its callers it would share their frame.
//!
//! # The rule for borrows
//! While a function here borrows the thread's shard, it takes and puts slots, draws ids, calls a
//! sampler that has no lock, counts and pushes: code of this project that accesses no thread-local
//! state, allocates nothing and runs no user code. A debug assertion that fails there runs the
//! panic hook within the borrow; that would be a fault of this project.

use std::sync::Arc;

use picojaeger_core::{Decision, Flags, Query, SpanContext, SpanId, TraceId};

use crate::spans::UNREAD;
use crate::spans::slow_path::{end_slow, release_slow, start_slow};
use crate::state::shard::Shard;
use crate::state::thread_local::{CurrentShard, ThreadShard};
use crate::state::{Slot, TracerState};
use crate::sys::tsc;
use crate::worker::parking::Urgency;

/// Starts a child with only a name, of a parent that has no other flags than these.
#[inline(never)]
pub(crate) fn start_child<const SAMPLED: bool, const RANDOM: bool>(
    state: &Arc<TracerState>,
    operation: &'static str,
    high: u64,
    low: u64,
    parent: SpanId,
) -> Option<Box<Slot>> {
    let when = |is_set, flag| if is_set { flag } else { Flags::NONE };
    let flags = when(SAMPLED, Flags::SAMPLED) | when(RANDOM, Flags::RANDOM);
    // SAFETY: the borrow ends before the slow path; see the rule above.
    let mut current = unsafe { CurrentShard::new() };
    if let Some(ThreadShard { shard, .. }) = current.get(state)
        && let Some(mut slot) = match SAMPLED {
            true => recorded(state, shard),
            false => unrecorded(shard),
        }
    {
        let trace = TraceId::from_parts(high, low);
        let context = SpanContext::new(trace, shard.generator.span_id(), flags);
        let start = if SAMPLED { tsc::ticks() } else { UNREAD };
        slot.image.restart(operation, context, parent, start, 0);
        if SAMPLED {
            // SAFETY: a slot that was cached has no name.
            unsafe { slot.name.open(operation) };
        }
        return Some(slot);
    }
    start_slow(state, operation, high, low, parent, flags)
}

/// Starts a root with only a name.
#[inline(never)]
pub(crate) fn start_root(state: &Arc<TracerState>, operation: &'static str) -> Option<Box<Slot>> {
    match begin_root(state, operation) {
        Some(slot) => Some(slot),
        None => start_slow(state, operation, 0, 0, SpanId::default(), Flags::NONE),
    }
}

#[inline(always)]
fn begin_root(state: &Arc<TracerState>, operation: &'static str) -> Option<Box<Slot>> {
    // SAFETY: the borrow ends with this function; see the rule above.
    let mut current = unsafe { CurrentShard::new() };
    let ThreadShard { shard, .. } = current.get(state)?;
    let before = shard.generator.clone();
    let slot = try_root(state, shard, operation);
    if slot.is_none() {
        // The slow path draws the same ids again, so that the sampler decides alike.
        shard.generator = before;
    }
    slot
}

#[inline(always)]
fn try_root(state: &TracerState, shard: &mut Shard, operation: &'static str) -> Option<Box<Slot>> {
    let (trace, span) = shard.generator.root(state.common.trace_id_128bit);
    let query = Query::new(trace, operation, UNREAD);
    let decision = state.common.sampler.try_sample(&query)?;
    let none = SpanId::default();
    if let Decision::Sample { code } = decision {
        let mut slot = recorded(state, shard)?;
        let context = SpanContext::new(trace, span, Flags::SAMPLED);
        let start = tsc::ticks();
        slot.image.restart(operation, context, none, start, code);
        // SAFETY: a slot that was cached has no name.
        unsafe { slot.name.open(operation) };
        return Some(slot);
    }
    let mut slot = unrecorded(shard)?;
    let context = SpanContext::new(trace, span, Flags::NONE);
    slot.image.restart(operation, context, none, UNREAD, 0);
    Some(slot)
}

/// Takes a slot for a sampled span timed by the processor's counter, and counts the span.
#[inline(always)]
fn recorded(state: &TracerState, shard: &mut Shard) -> Option<Box<Slot>> {
    if state.starts_slowly() {
        return None;
    }
    let slot = shard.cache.try_take_small()?;
    shard.counters.sampled.increment();
    Some(slot)
}

/// Takes a slot for an unsampled span, and counts the span.
#[inline(always)]
fn unrecorded(shard: &mut Shard) -> Option<Box<Slot>> {
    let slot = shard.cache.try_take_context_only()?;
    shard.counters.unsampled.increment();
    Some(slot)
}

/// Ends a span now, unless it has ended; the span keeps its slot, as a parent of later spans.
#[inline(never)]
pub(crate) fn finish(slot: &mut Slot) {
    if !slot.image.is_writable() {
        return slot.finish_unrecorded();
    }
    slot.image.finish(slot.owner.source.ticks());
    // SAFETY: the borrow ends with the statement; see the rule above.
    let mut current = unsafe { CurrentShard::new() };
    let pushed = !slot.owner.ends_slowly()
        && current
            .get(&slot.owner)
            .is_some_and(|thread| thread.shard.push_fast(&slot.image));
    if !pushed {
        return slot.publish();
    }
    slot.name.close();
    slot.owner.after_push(Urgency::Low);
}

/// Ends a sampled span that is open, and releases its slot.
#[inline(never)]
pub(crate) fn end(slot: Box<Slot>) {
    if slot.owner.ends_by_counter() {
        return end_at(slot, tsc::ticks());
    }
    end_otherwise(slot);
}

#[inline(never)]
fn end_otherwise(mut slot: Box<Slot>) {
    let ticks = slot.owner.source.ticks();
    if slot.owner.ends_slowly() {
        slot.image.set_finish(ticks);
        return end_slow(slot);
    }
    end_at(slot, ticks);
}

#[inline(never)]
fn end_at(mut slot: Box<Slot>, ticks: u64) {
    // The finished flag is not set: the push reads that word back at once, and would wait for the
    // narrower store to leave the store buffer.
    slot.image.set_finish(ticks);
    if !slot.baggage.is_empty() {
        return end_slow(slot);
    }
    // SAFETY: the borrow ends before the slow path or the worker's wake-up; see the rule above.
    let mut current = unsafe { CurrentShard::new() };
    let Some(ThreadShard { shard, state, .. }) = current.get(&slot.owner) else {
        return end_slow(slot);
    };
    if !shard.push_fast(&slot.image) {
        return end_slow(slot);
    }
    slot.name.close();
    if let Err(slot) = shard.cache.try_put_small(slot) {
        return release_slow(slot);
    }
    if state.worker().needs_wake(Urgency::Low) {
        wake(state.clone());
    }
}

#[cold]
#[inline(never)]
fn wake(state: Arc<TracerState>) {
    state.wake_worker();
}

/// Puts the slot of a span that has ended into the calling thread's cache, whichever thread
/// started the span.
#[inline(never)]
pub(crate) fn release(slot: Box<Slot>) {
    if !slot.baggage.is_empty() {
        return release_slow(slot);
    }
    // SAFETY: the borrow ends before the slow path; see the rule above.
    let mut current = unsafe { CurrentShard::new() };
    let Some(ThreadShard { shard, .. }) = current.get(&slot.owner) else {
        return release_slow(slot);
    };
    if let Err(slot) = shard.cache.try_put(slot) {
        release_slow(slot);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Sampler;
    use crate::state::thread_local::with_shard;
    use crate::sys::clock::TickSource;
    use crate::tracer::lifecycle;
    use crate::tracer::span::{Span, start_root};

    fn start_child<const SAMPLED: bool>(
        state: &Arc<TracerState>,
        operation: &'static str,
        high: u64,
        low: u64,
        parent: SpanId,
    ) -> Span {
        Span::from(super::start_child::<SAMPLED, false>(
            state, operation, high, low, parent,
        ))
    }

    /// Timed by the processor's counter, which reads 0 under Miri.
    fn state() -> Arc<TracerState> {
        with(Sampler::Const(true), TickSource::Tsc)
    }

    fn with(sampler: Sampler, source: TickSource) -> Arc<TracerState> {
        TracerState::of_test(source, |config| {
            config.sampler(sampler).memory_limit(1 << 20)
        })
    }

    /// On both paths, with a cached slot and without.
    #[test]
    fn the_sampler_gets_the_ids_that_the_root_has() {
        for source in [TickSource::Tsc, TickSource::System] {
            let state = with(Sampler::Probabilistic(0.5), source);
            // Sampled and unsampled ones, so that slots of both kinds are cached.
            (0..100).for_each(|_| drop(start_root(&state, "first")));
            let mut ids = with_shard(&state, |shard| shard.generator.clone());
            let roots: Vec<_> = (0..100).map(|_| start_root(&state, "root")).collect();
            assert!(roots.iter().any(Span::is_sampled));
            for root in roots {
                let (trace, span) = ids.root(state.common.trace_id_128bit);
                let context = root.context();
                assert_eq!((context.trace_id(), context.span_id()), (trace, span));
            }
        }
    }

    /// More spans than a thread's cache has slots, so that the pool takes and gives batches.
    #[test]
    fn miri_many_spans_on_the_fast_path() {
        const SPANS: u64 = if cfg!(miri) { 6 } else { 100 };
        let state = state();
        for _ in 0..2 {
            let root = start_root(&state, "root");
            let context = root.context();
            let (high, low) = (context.trace_id().high(), context.trace_id().low());
            let mut spans: Vec<_> = (0..SPANS)
                .map(|_| start_child::<true>(&state, "child", high, low, context.span_id()))
                .collect();
            spans.extend(
                (0..SPANS)
                    .map(|_| start_child::<false>(&state, "child", high, low, SpanId::new(7))),
            );
            for span in &mut spans {
                span.tag("number", 1);
            }
            spans[0].finish();
            spans[0].finish();
            drop(spans);
            drop(root);
            assert!(lifecycle::flush(&state, Duration::ZERO));
        }
        let stats = state.stats();
        assert!(stats.adds_up(), "{stats}");
        let expected = (2 * (SPANS + 1), 2 * SPANS);
        assert_eq!((stats.delivered, stats.unsampled), expected, "{stats}");
        assert!(lifecycle::close(&state, Duration::ZERO));
        let late = start_root(&state, "late");
        assert!(late.is_sampled());
        drop(late);
        assert_eq!(state.stats().lost.closed, 1);
    }

    /// Closed and not drained, so that a record in a ring would count as queued; with a cached
    /// slot, so that the fast path is not left for want of one.
    #[test]
    fn a_closed_tracer_takes_no_span() {
        let state = state();
        let [cached, mut finished, dropped] = [(); 3].map(|()| start_root(&state, "before"));
        drop(cached);
        state.set_closed();
        finished.finish();
        assert_eq!(state.stats().lost.closed, 1);
        drop(dropped);
        assert_eq!(state.stats().lost.closed, 2);
        let late = start_root(&state, "after");
        assert_eq!(state.stats().lost.closed, 3);
        drop(late);
        assert_eq!(state.stats().queued, 1);
    }

    #[test]
    fn a_cached_slot_has_no_baggage() {
        let state = state();
        let starts: [fn(&Arc<TracerState>) -> Span; 2] = [
            |state| start_root(state, "sampled"),
            |state| start_child::<false>(state, "not", 0, 1, SpanId::new(7)),
        ];
        for start in starts {
            // From here on a slot is cached, and released on the fast path.
            drop(start(&state));
            for finish in [false, true] {
                let mut span = start(&state);
                span.set_baggage_item("user", "ann").unwrap();
                if finish {
                    span.finish();
                }
                drop(span);
                assert_eq!(start(&state).baggage_item("user"), None);
            }
        }
    }

    #[test]
    fn a_sampler_with_a_lock_is_called_on_the_slow_path() {
        let state = with(Sampler::RateLimiting(1e6), TickSource::Tsc);
        for _ in 0..2 {
            // Slots of both kinds are cached in the second round.
            drop(start_child::<false>(&state, "not", 0, 1, SpanId::new(7)));
            drop(start_child::<true>(&state, "child", 0, 1, SpanId::new(7)));
            let roots: Vec<_> = (0..10).map(|_| start_root(&state, "root")).collect();
            assert!(roots.iter().all(Span::is_sampled));
        }
    }

    #[test]
    fn no_span_takes_the_slot_of_another_tracer() {
        let tracers = [state(), state()];
        for state in &tracers {
            drop(start_root(state, "leaves its slot in the cache"));
        }
        for state in &tracers {
            let (high, low) = (0, 1);
            drop(start_child::<true>(
                state,
                "child",
                high,
                low,
                SpanId::new(7),
            ));
            start_root(state, "root").finish();
            drop(start_child::<false>(
                state,
                "not",
                high,
                low,
                SpanId::new(7),
            ));
            assert!(lifecycle::flush(state, Duration::ZERO));
            let stats = state.stats();
            assert_eq!((stats.delivered, stats.unsampled), (3, 1), "{stats}");
        }
    }

    #[test]
    fn an_idle_worker_is_woken() {
        let state = TracerState::of_test(TickSource::Tsc, |config| {
            config
                .background(true)
                .flush_interval(Duration::from_secs(3_600))
                .memory_limit(1 << 20)
        });
        let ends: [fn(Span); 2] = [drop, |mut span| {
            span.finish();
            drop(span);
        }];
        drop(start_root(&state, "takes the slow path"));
        for end in ends {
            assert!(lifecycle::flush(&state, Duration::from_secs(20)));
            while !state.worker().needs_wake(Urgency::Low) {
                std::thread::yield_now();
            }
            end(start_root(&state, "wakes"));
            assert!(!state.worker().needs_wake(Urgency::Low));
        }
        assert!(lifecycle::close(&state, Duration::from_secs(20)));
    }

    #[test]
    fn a_span_that_ends_on_another_thread_leaves_its_slot_there() {
        let state = state();
        let spans: Vec<_> = (0..100).map(|_| start_root(&state, "moved")).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(spans));
        });
        assert!(lifecycle::flush(&state, Duration::ZERO));
        assert_eq!(state.stats().delivered, 100);
        // The other thread returned its slots to the pool when it ended.
        let again: Vec<_> = (0..100).map(|_| start_root(&state, "again")).collect();
        assert_eq!(state.stats().open, again.len() as u64);
        assert_eq!(state.stats().lost.memory, 0);
    }
}
