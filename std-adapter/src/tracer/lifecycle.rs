//! Flush, drain and close.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::Level;

#[cfg(feature = "tracing")]
use crate::context::SpanContext;
use crate::memory::span_slot::SpanOwner as _;
#[cfg(feature = "tracing")]
use crate::scope::begun;
use crate::scope::take_unfinished;
use crate::spans::unfinished::{copy_of, send_open};
use crate::state::thread_local::as_worker;
use crate::state::{Slot, TracerState};
use crate::sys::log::log_guarded;
use crate::tracer::open_spans::OpenSpans;
use crate::worker::is_worker;

/// Pause between two tries to send on the calling thread, or to get the exporter.
const PAUSE: Duration = Duration::from_millis(1);

/// Time that a close takes beyond its own to count what it interrupted.
const INTERRUPT: Duration = Duration::from_millis(20);

/// The longest pause between two looks whether spans are open.
const LOOK: Duration = Duration::from_millis(10);

/// The most time of a drain that is kept for the sending of what finished last.
const LAST_SENDING: Duration = Duration::from_millis(500);

/// Sends everything that finished before this call; `false` if the time runs out.
///
/// Inside a reporter it only requests that: the pass that runs the reporter cannot wait for
/// itself.
pub(crate) fn flush(state: &Arc<TracerState>, timeout: Duration) -> bool {
    let ticket = state.worker().tickets().take();
    if is_worker() {
        return false;
    }
    if !state.worker().is_running() && is_nothing_queued(state) {
        settle_idle(state);
        return true;
    }
    state.wake_worker();
    if state.worker().is_running() {
        return state.worker().tickets().wait(ticket, timeout);
    }
    drain_here(state, timeout)
}

/// Finishes copies of the spans of a tracer that are active on the calling thread, if its settings want that.
pub(crate) fn finish_copies(state: &Arc<TracerState>) {
    let is_on = state.common.settings.spans.flush_open;
    let copy = |slot: &Slot| is_on.then(|| copy_of(slot)).flatten();
    let copies = take_unfinished(Arc::as_ptr(state).cast(), copy);
    copies.into_iter().for_each(|copy| copy.send());
}

/// Waits until no span is open and all is sent, and closes; returns whether all that finished is sent.
pub(crate) fn drain(state: &Arc<TracerState>, timeout: Duration) -> bool {
    let start = Instant::now();
    let kept = (timeout / 10).min(LAST_SENDING);
    if !is_worker() {
        wait_for_spans(state, start, timeout.saturating_sub(kept));
    }
    // The system may have woken this thread late.
    close(state, timeout.saturating_sub(start.elapsed()).max(kept))
}

/// Waits until no span is open and all is sent, or until the time since `start` is over; spans go on as ever.
fn wait_for_spans(state: &Arc<TracerState>, start: Instant, timeout: Duration) {
    let mut pause = PAUSE;
    while !state.is_closed() {
        let left = timeout.saturating_sub(start.elapsed());
        let is_open = state.stats().open > 0 || is_any_begun(state);
        // A worker sends on its own while spans are open.
        let sends_here = !state.common.settings.reporter.background;
        let flushed = (!is_open || sends_here) && flush(state, left);
        // A new span may have started meanwhile.
        let is_idle = || state.stats().open == 0 && !is_any_begun(state);
        if flushed && !is_open && is_idle() && is_nothing_queued(state) {
            return;
        }
        if left.is_zero() {
            return;
        }
        // Of this thread alone: a wake-up by the last span would cost every span a test.
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LOOK);
    }
}

/// Flushes, ends the worker, and frees the slots that were returned.
pub(crate) fn close(state: &Arc<TracerState>, timeout: Duration) -> bool {
    if !state.is_closed() {
        leave_open(state);
    }
    state.set_closed();
    #[cfg(feature = "http")]
    state.end_polls();
    let complete = flush(state, timeout);
    if complete {
        state.worker().join();
    } else {
        interrupt(state);
    }
    // In a statement of its own, so that the lock is free where the slots are dropped.
    let slots = state.pool().close();
    drop(slots);
    state.common.rings.close();
    complete
}

/// Returns whether a root waits for its parent, and so is not among the open spans yet.
#[cfg(feature = "tracing")]
fn is_any_begun(state: &Arc<TracerState>) -> bool {
    !begun(state).is_empty()
}

#[cfg(not(feature = "tracing"))]
const fn is_any_begun(_: &Arc<TracerState>) -> bool {
    false
}

/// Logs the spans that a close leaves open, and sends what is known of them if that is wanted.
fn leave_open(state: &Arc<TracerState>) {
    #[cfg(feature = "tracing")]
    for number in begun(state) {
        number.complete(SpanContext::default());
    }
    let open = OpenSpans::of(state);
    if open.total() > 0 {
        let line = format_args!("the tracer closes with {open}; call drain() to wait for them");
        log_guarded(Level::Warn, line);
    }
    if open.total() > 0 && state.common.settings.spans.unfinished_at_close {
        send_open(state);
    }
}

/// Interrupts the requests of a transport that waits for its peer: what is left is lost. The worker
/// does that when it is woken; without one this thread does, unless another is at it.
fn interrupt(state: &Arc<TracerState>) {
    state.end_closing();
    if !is_worker() && !state.wake_worker() {
        drain_here(state, INTERRUPT);
    }
}

fn is_nothing_queued(state: &TracerState) -> bool {
    let registry = state.common.stats_registry();
    registry.stats().queued + registry.queued_further() == 0
}

/// Logs losses of a tracer that needs no worker yet.
fn settle_idle(state: &Arc<TracerState>) {
    state.log_losses();
    if state.is_closed() {
        // Spans that finish from now on raced with the close.
        state.set_drained();
    }
}

/// Flushes on the calling thread, which is a worker meanwhile.
///
/// Waits neither for another thread that flushes nor for more than one call of a reporter once the
/// time is over.
fn drain_here(state: &Arc<TracerState>, timeout: Duration) -> bool {
    let until = Instant::now().checked_add(timeout);
    loop {
        let closing = state.is_closing();
        if try_pass(state, until) {
            if closing {
                state.set_drained();
            }
            return true;
        }
        let left = until.map_or(PAUSE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if left.is_zero() {
            return false;
        }
        // Sleeps, not parks: an unpark may be meant for the thread's owner.
        thread::sleep(left.min(PAUSE));
    }
}

/// Sends what it can until the time is over, unless another thread does; returns whether it sent
/// everything.
fn try_pass(state: &Arc<TracerState>, until: Option<Instant>) -> bool {
    let Some(mut exporter) = state.try_exporter() else {
        return false;
    };
    as_worker(|| exporter.flush_until(&state.common, until)).complete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::budget::Share;
    use crate::spans::fast_path::{release, start_root};
    use crate::state::thread_local::with_shard;
    use crate::sys::clock::TickSource;

    fn state() -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| config.memory_limit(1 << 20))
    }

    #[test]
    fn a_ring_that_comes_back_after_the_close_is_not_taken_again() {
        let state = state();
        let ring = state.common.rings.hand_out().unwrap();
        assert!(close(&state, Duration::ZERO));
        state.common.rings.take_back(ring);
        assert!(state.common.rings.hand_out().is_none());
    }

    /// Nobody is woken for it once the tracer is closed.
    #[test]
    fn a_ring_that_the_exporter_reads_is_freed_after_the_close() {
        let state = state();
        let drawn = || state.pool().budget().drawn(Share::Rings);
        let ring = state.common.rings.hand_out().unwrap();
        state.exporter().pass(&state.common, true);
        assert!(close(&state, Duration::ZERO));
        state.common.rings.take_back(ring);
        assert!(drawn() > 0, "the exporter has its reader");
        state.stats();
        assert_eq!(drawn(), 0);
    }

    #[test]
    fn a_span_that_raced_with_the_close_of_an_idle_tracer_is_lost() {
        let state = state();
        let mut slot = start_root(&state, "raced").unwrap();
        assert!(close(&state, Duration::ZERO));
        slot.image.finish(state.source.ticks());
        // Like a thread that looked whether the tracer is closed just before it was.
        with_shard(&state, |shard| shard.push(&slot.image, &state.common.rings));
        let stats = state.stats();
        assert_eq!((stats.queued, stats.lost.closed), (0, 1), "{stats}");
        release(slot);
    }
}
