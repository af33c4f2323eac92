//! The short ways: starts and ends of spans that take nothing but the thread's own desk.
//!
//! A function here borrows the desk, and calls nothing that could come back to it: it makes
//! no call at all but at its end, where the borrow is over and a long way is taken instead,
//! with the same arguments. So it needs no frame either.

use std::sync::Arc;

use picojaeger_core::{Decision, Flags, Query, SpanContext, SpanId, TraceId};

use crate::memory::span_pool::Slot;
use crate::spans::slow_path::{end_long_way, put_away_long_way, start_long_way};
use crate::state::Shared;
use crate::state::shard::Desk;
use crate::state::thread_local::{Thread, near};
use crate::sys::clock::TickSource;
use crate::sys::tsc;
use crate::tracer::span::{Span, UNREAD};

/// Starts a child that has nothing but a name, of a span that is sampled and neither debug
/// nor firehose, or has no flags at all.
#[inline(never)]
pub(crate) fn start_child<const SAMPLED: bool>(
    shared: &Arc<Shared>,
    operation: &'static str,
    high: u64,
    low: u64,
    parent: SpanId,
) -> Span {
    let flags = if SAMPLED { Flags::SAMPLED } else { Flags::NONE };
    if let Some(Thread { desk, .. }) = borrow(shared)
        && let Some(mut slot) = match SAMPLED {
            true => recorded(shared, desk),
            false => unrecorded(desk),
        }
    {
        let trace = TraceId::from_parts(high, low);
        let context = SpanContext::new(trace, desk.generator.span_id(), flags);
        let start = if SAMPLED { tsc::ticks() } else { UNREAD };
        slot.image.restart(operation, context, parent, start, 0);
        return Span::new(slot);
    }
    start_long_way(shared, operation, high, low, parent, flags)
}

/// Starts a root that has nothing but a name.
#[inline(never)]
pub(crate) fn start_root(shared: &Arc<Shared>, operation: &'static str) -> Span {
    match begin_root(shared, operation) {
        Some(slot) => Span::new(slot),
        None => {
            let (parent, flags) = (SpanId::default(), Flags::NONE);
            start_long_way(shared, operation, 0, 0, parent, flags)
        }
    }
}

#[inline(always)]
fn begin_root(shared: &Arc<Shared>, operation: &'static str) -> Option<Box<Slot>> {
    let Thread { desk, .. } = borrow(shared)?;
    let before = desk.generator.clone();
    let slot = root_at_once(shared, desk, operation);
    if slot.is_none() {
        // The long way draws the same ids, so that the sampler gives the same answer.
        desk.generator = before;
    }
    slot
}

#[inline(always)]
fn root_at_once(shared: &Shared, desk: &mut Desk, operation: &'static str) -> Option<Box<Slot>> {
    let (trace, span) = desk.generator.root(shared.settings.trace_id_128bit);
    let query = Query {
        trace_id: trace,
        operation,
        ticks: UNREAD,
    };
    let decision = shared.sampler.sample_at_once(&query).ok()?;
    let none = SpanId::default();
    if let Decision::Sample { code } = decision {
        let mut slot = recorded(shared, desk)?;
        let context = SpanContext::new(trace, span, Flags::SAMPLED);
        let start = tsc::ticks();
        slot.image.restart(operation, context, none, start, code);
        return Some(slot);
    }
    let mut slot = unrecorded(desk)?;
    let context = SpanContext::new(trace, span, Flags::NONE);
    slot.image.restart(operation, context, none, UNREAD, 0);
    Some(slot)
}

/// A slot for a sampled span that starts now by the processor's counter, which is counted.
#[inline(always)]
fn recorded(shared: &Shared, desk: &mut Desk) -> Option<Box<Slot>> {
    if shared.source != TickSource::Tsc || shared.is_closed() {
        return None;
    }
    let slot = desk.slots.full_at_once()?;
    desk.counts.began.increment();
    Some(slot)
}

/// A slot for a span that is not recorded, which is counted.
#[inline(always)]
fn unrecorded(desk: &mut Desk) -> Option<Box<Slot>> {
    let slot = desk.slots.bare_at_once()?;
    desk.counts.unsampled.increment();
    Some(slot)
}

/// Ends a span now, unless it has ended; it keeps its slot.
#[inline(never)]
pub(crate) fn finish(slot: &mut Slot) {
    if !slot.image.is_writable() {
        return slot.image.discard();
    }
    slot.image.finish(slot.shared.source.ticks());
    let pushed = !slot.shared.is_closed()
        && borrow(&slot.shared).is_some_and(|thread| thread.desk.push_at_once(&slot.image));
    if !pushed {
        return slot.hand_over();
    }
    slot.shared.waker().after_push(&slot.shared, false);
}

/// Ends a sampled span that is open, and takes its slot back.
#[inline(never)]
pub(crate) fn end(slot: Box<Slot>) {
    match slot.shared.source {
        TickSource::Tsc => end_at(slot, tsc::ticks()),
        TickSource::System => end_by_system_clock(slot),
    }
}

#[inline(never)]
fn end_by_system_clock(slot: Box<Slot>) {
    let ticks = slot.shared.source.ticks();
    end_at(slot, ticks);
}

#[inline(never)]
fn end_at(mut slot: Box<Slot>, ticks: u64) {
    // No more than that: the record is read back whole, and soon.
    slot.image.set_finish(ticks);
    if slot.shared.is_closed() || !slot.baggage.is_empty() {
        return end_long_way(slot);
    }
    let Some(Thread { desk, shared, .. }) = borrow(&slot.shared) else {
        return end_long_way(slot);
    };
    if !desk.push_at_once(&slot.image) {
        return end_long_way(slot);
    }
    if let Err(slot) = desk.slots.give_full_at_once(slot) {
        return put_away_long_way(slot);
    }
    if shared.waker().is_idle() {
        wake(shared.clone());
    }
}

#[cold]
#[inline(never)]
fn wake(shared: Arc<Shared>) {
    shared.waker().wake(&shared);
}

/// Takes the slot of a span that is over to the calling thread's list, whoever started
/// the span.
#[inline(never)]
pub(crate) fn put_away(slot: Box<Slot>) {
    if !slot.baggage.is_empty() {
        return put_away_long_way(slot);
    }
    let Some(Thread { desk, .. }) = borrow(&slot.shared) else {
        return put_away_long_way(slot);
    };
    if let Err(slot) = desk.slots.give_at_once(slot) {
        put_away_long_way(slot);
    }
}

/// The calling thread's desk, if it is near and serves this tracer in this process.
#[inline(always)]
fn borrow<'t>(shared: &Arc<Shared>) -> Option<&'t mut Thread> {
    // SAFETY: as long as it is borrowed, the functions of this file call what takes slots,
    // draws ids, asks a sampler that has no lock, counts and pushes at once: code of ours
    // that reaches no thread-local state, allocates nothing and runs nobody else's code. A
    // panic of a debug assertion there would unwind, and nothing uses the borrow then.
    unsafe { near(shared) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picojaeger_core::SpanId;

    use super::*;
    use crate::config::Sampler;
    use crate::state::thread_local::with_desk;
    use crate::worker;

    /// By the processor's counter, which Miri has none of and takes for 0.
    fn shared() -> Arc<Shared> {
        with(Sampler::Const(true), TickSource::Tsc)
    }

    fn with(sampler: Sampler, source: TickSource) -> Arc<Shared> {
        Shared::of_test(source, |config| {
            config.sampler(sampler).memory_limit(1 << 20)
        })
    }

    /// Whichever way is taken, and whether a slot is at hand or not.
    #[test]
    fn a_sampler_is_asked_for_the_ids_that_the_root_has() {
        for source in [TickSource::Tsc, TickSource::System] {
            let shared = with(Sampler::Probabilistic(0.5), source);
            // Of either kind, so that a slot is at hand.
            (0..100).for_each(|_| drop(start_root(&shared, "first")));
            let mut ids = with_desk(&shared, |desk| desk.generator.clone());
            let roots: Vec<_> = (0..100).map(|_| start_root(&shared, "root")).collect();
            assert!(roots.iter().any(Span::is_sampled));
            for root in roots {
                let (trace, span) = ids.root(shared.settings.trace_id_128bit);
                let context = root.context();
                assert_eq!((context.trace_id(), context.span_id()), (trace, span));
            }
        }
    }

    /// More than a thread keeps slots for, so that the pool takes and gives batches.
    #[test]
    fn miri_many_spans_by_the_short_ways() {
        const SPANS: u64 = if cfg!(miri) { 6 } else { 100 };
        let shared = shared();
        for _ in 0..2 {
            let root = start_root(&shared, "root");
            let context = root.context();
            let (high, low) = (context.trace_id().high(), context.trace_id().low());
            let mut spans: Vec<_> = (0..SPANS)
                .map(|_| start_child::<true>(&shared, "child", high, low, context.span_id()))
                .collect();
            spans.extend(
                (0..SPANS)
                    .map(|_| start_child::<false>(&shared, "child", high, low, SpanId::new(7))),
            );
            for span in &mut spans {
                span.tag("number", 1);
            }
            spans[0].finish();
            spans[0].finish();
            drop(spans);
            drop(root);
            assert!(worker::flush(&shared, Duration::ZERO));
        }
        let stats = shared.stats();
        assert!(stats.adds_up(), "{stats}");
        let expected = (2 * (SPANS + 1), 2 * SPANS);
        assert_eq!((stats.delivered, stats.unsampled), expected, "{stats}");
        assert!(worker::close(&shared, Duration::ZERO));
        let late = start_root(&shared, "late");
        assert!(late.is_sampled());
        drop(late);
        assert_eq!(shared.stats().lost.closed, 1);
    }

    /// Closed and not drained, so that what went to a ring would be held; with slots at
    /// hand, so that no long way is taken for want of one.
    #[test]
    fn a_closed_tracer_takes_no_span() {
        let shared = shared();
        let [at_hand, mut finished, dropped] = [(); 3].map(|()| start_root(&shared, "before"));
        drop(at_hand);
        shared.set_closed();
        finished.finish();
        assert_eq!(shared.stats().lost.closed, 1);
        drop(dropped);
        assert_eq!(shared.stats().lost.closed, 2);
        let late = start_root(&shared, "after");
        assert_eq!(shared.stats().lost.closed, 3);
        drop(late);
        assert_eq!(shared.stats().held, 1);
    }

    #[test]
    fn a_slot_that_is_at_hand_has_no_baggage() {
        let shared = shared();
        let starts: [fn(&Arc<Shared>) -> Span; 2] = [
            |shared| start_root(shared, "sampled"),
            |shared| start_child::<false>(shared, "not", 0, 1, SpanId::new(7)),
        ];
        for start in starts {
            // From here on a slot is at hand, and its way back is the short one.
            drop(start(&shared));
            for finish in [false, true] {
                let mut span = start(&shared);
                span.set_baggage_item("user", "ann").unwrap();
                if finish {
                    span.finish();
                }
                drop(span);
                assert_eq!(start(&shared).baggage_item("user"), None);
            }
        }
    }

    #[test]
    fn a_sampler_with_a_lock_is_asked_the_long_way() {
        let shared = with(Sampler::RateLimiting(1e6), TickSource::Tsc);
        for _ in 0..2 {
            // Slots of either kind are at hand in the second round.
            drop(start_child::<false>(&shared, "not", 0, 1, SpanId::new(7)));
            drop(start_child::<true>(&shared, "child", 0, 1, SpanId::new(7)));
            let roots: Vec<_> = (0..10).map(|_| start_root(&shared, "root")).collect();
            assert!(roots.iter().all(Span::is_sampled));
        }
    }

    #[test]
    fn no_span_takes_the_slot_of_another_tracer() {
        let tracers = [shared(), shared()];
        for shared in &tracers {
            drop(start_root(shared, "leaves its slot at hand"));
        }
        for shared in &tracers {
            let (high, low) = (0, 1);
            drop(start_child::<true>(
                shared,
                "child",
                high,
                low,
                SpanId::new(7),
            ));
            start_root(shared, "root").finish();
            drop(start_child::<false>(
                shared,
                "not",
                high,
                low,
                SpanId::new(7),
            ));
            assert!(worker::flush(shared, Duration::ZERO));
            let stats = shared.stats();
            assert_eq!((stats.delivered, stats.unsampled), (3, 1), "{stats}");
        }
    }

    #[test]
    fn a_worker_that_holds_nothing_is_woken() {
        let shared = Shared::of_test(TickSource::Tsc, |config| {
            config
                .background(true)
                .flush_interval(Duration::from_secs(3_600))
                .memory_limit(1 << 20)
        });
        let ends: [fn(Span); 2] = [drop, |mut span| {
            span.finish();
            drop(span);
        }];
        drop(start_root(&shared, "goes the long way"));
        for end in ends {
            assert!(worker::flush(&shared, Duration::from_secs(20)));
            while !shared.waker().is_idle() {
                std::thread::yield_now();
            }
            end(start_root(&shared, "wakes"));
            assert!(!shared.waker().is_idle());
        }
        assert!(worker::close(&shared, Duration::from_secs(20)));
    }

    #[test]
    fn a_span_that_ends_on_another_thread_takes_its_slot_there() {
        let shared = shared();
        let spans: Vec<_> = (0..100).map(|_| start_root(&shared, "moved")).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(spans));
        });
        assert!(worker::flush(&shared, Duration::ZERO));
        assert_eq!(shared.stats().delivered, 100);
        // The other thread's end gave its slots to the pool.
        let again: Vec<_> = (0..100).map(|_| start_root(&shared, "again")).collect();
        assert_eq!(shared.stats().open, again.len() as u64);
        assert_eq!(shared.stats().lost.memory, 0);
    }
}
