//! Each thread's shards, one for each tracer that the thread uses.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::state::TracerState;
use crate::state::shard::Shard;
use crate::sys::fork::{self, InChild};
use crate::worker::{self, is_worker};

/// A thread's shard of one tracer.
#[derive(Debug)]
pub(crate) struct ThreadShard {
    pub(crate) state: Arc<TracerState>,
    pub(crate) shard: Shard,
}

/// A shard that a call has taken, until [`give_back`].
///
/// Dropped by hand, so that its thread-local cell has no destructor.
type CheckedOut = ManuallyDrop<Box<ThreadShard>>;

/// Shards other than the current one.
type Shards = Vec<Box<ThreadShard>>;

/// The current shard, which each call uses.
///
/// Has no destructor, so that access costs no check: [`OtherShards`] drops the shard.
struct ThreadCells {
    /// The shard used last.
    shard: Cell<Option<CheckedOut>>,
    /// Whether there is a current shard, in its cell or taken by a call.
    has_shard: Cell<bool>,
}

/// The shards of tracers that the thread used before.
struct OtherShards {
    others: RefCell<Shards>,
}

thread_local! {
    static CELLS: ThreadCells = const {
        ThreadCells {
            shard: Cell::new(None),
            has_shard: Cell::new(false),
        }
    };

    static OTHERS: OtherShards = const {
        OtherShards {
            others: RefCell::new(Vec::new()),
        }
    };
}

/// Takes the calling thread's current shard, if it serves this tracer in this process, until
/// [`give_back`].
fn check_out(state: &Arc<TracerState>) -> Option<CheckedOut> {
    CELLS.with(|cells| {
        let thread = cells.shard.take()?;
        if thread.serves(state) {
            return Some(thread);
        }
        cells.shard.set(Some(thread));
        None
    })
}

/// Permission to borrow the calling thread's current shard in place, without taking it out and
/// writing it back.
///
/// A function that takes a closure would do the same, and costs 2 to 6 instructions a span: the
/// compiler does not optimise through the values that the closure returns.
pub(crate) struct CurrentShard(PhantomData<*const ()>);

impl CurrentShard {
    /// # Safety
    /// While a borrow from [`CurrentShard::get`] lives, nothing else may access the thread's
    /// shards: no other `CurrentShard` is used and no other function of this module runs on this
    /// thread. So the code in between starts and ends no span, drops no tracer, and calls nothing
    /// that might, such as a logger, a reporter, or a user's global allocator.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        CurrentShard(PhantomData)
    }

    /// Borrows the shard, if it serves this tracer in this process; `state` is only compared.
    #[inline(always)]
    pub(crate) fn get(&mut self, state: &Arc<TracerState>) -> Option<&mut ThreadShard> {
        // SAFETY: the cell is this thread's, and by the contract of `new` nothing else accesses
        // it while the borrow lives.
        let place = CELLS.with(|cells| unsafe { &mut *cells.shard.as_ptr() });
        let thread = place.as_deref_mut();
        thread
            .filter(|thread| thread.serves(state))
            .map(|thread| &mut **thread)
    }
}

/// Puts a shard back, unless the process forked meanwhile: then it is the parent's, and leaked.
///
/// The shard of a tracer that watches its spans never becomes the current one, so that the fast path
/// finds none for it.
fn give_back(thread: CheckedOut) {
    if thread.state.is_of_parent() {
        return;
    }
    if thread.state.is_watched() {
        return put_aside(ManuallyDrop::into_inner(thread));
    }
    CELLS.with(|cells| cells.shard.set(Some(thread)));
}

/// Puts a shard to those that are not current.
fn put_aside(thread: Box<ThreadShard>) {
    CELLS.with(|cells| cells.has_shard.set(false));
    // Fails only while the thread ends, which drops the shard.
    let _ended = OTHERS.try_with(|local| {
        if let Ok(mut others) = local.others.try_borrow_mut() {
            others.push(thread);
        }
    });
}

/// Runs `f` on the calling thread's shard of this tracer, or on the fallback shard if the thread
/// has none or is using it.
pub(crate) fn with_shard<R>(state: &Arc<TracerState>, f: impl FnOnce(&mut Shard) -> R) -> R {
    let Some(mut thread) = check_out(state).or_else(|| find(state)) else {
        return with_fallback_shard(state, f);
    };
    let result = f(&mut thread.shard);
    give_back(thread);
    result
}

pub(crate) fn with_fallback_shard<R>(
    state: &Arc<TracerState>,
    f: impl FnOnce(&mut Shard) -> R,
) -> R {
    let mut shard = state.fallback_shard();
    let result = f(&mut shard);
    // The fallback shard caches no slots: it is part of the state, and each slot refers to the
    // state, so the tracer would never be dropped.
    shard.cache.return_all(state);
    result
}

/// Runs `f` as on a worker thread. The thread has no current shard meanwhile, so that a start on
/// the fast path need not check the flag.
pub(crate) fn as_worker<R>(f: impl FnOnce() -> R) -> R {
    // Fails only while the thread ends, when it has no shard.
    let _ended = OTHERS.try_with(|local| {
        if let Ok(mut others) = local.others.try_borrow_mut() {
            others.extend(take_current());
        }
    });
    worker::as_worker(f)
}

/// Makes the forking thread forget its shard in the child: it belongs to the parent process.
struct ForgetShard;

impl InChild for ForgetShard {
    fn run() {
        // Neither cell has a destructor, so the shard is leaked and nothing of it is accessed.
        CELLS.with(|cells| cells.shard.set(None));
        CELLS.with(|cells| cells.has_shard.set(false));
    }
}

/// Counts forks from now on, and makes the forking thread forget its shard in the child.
pub(crate) fn install_fork_hook() {
    fork::install::<ForgetShard>();
}

/// Takes the current shard out of its cell, unless a call has it.
fn take_current() -> Option<Box<ThreadShard>> {
    CELLS.with(|cells| {
        let thread = cells.shard.take()?;
        cells.has_shard.set(false);
        Some(ManuallyDrop::into_inner(thread))
    })
}

/// Finds or makes the shard of this tracer, and takes it; the current one moves to the others.
/// `None` inside another call, while the thread ends, and on a worker.
// Not inlined, so that a call that has its shard pays nothing for this.
#[inline(never)]
fn find(state: &Arc<TracerState>) -> Option<CheckedOut> {
    OTHERS.try_with(|local| local.find(state)).ok().flatten()
}

impl ThreadShard {
    #[inline(always)]
    fn serves(&self, state: &Arc<TracerState>) -> bool {
        Arc::ptr_eq(&self.state, state)
    }

    fn new(state: &Arc<TracerState>) -> Box<Self> {
        // Nothing is pushed after the close.
        let ring = (!state.is_closed()).then(|| state.common.rings.hand_out());
        let shard = Shard::new(ring.flatten(), state.seeds.next());
        state.common.stats_registry().join(shard.counters.clone());
        Box::new(ThreadShard {
            state: state.clone(),
            shard,
        })
    }
}

impl Drop for ThreadShard {
    fn drop(&mut self) {
        self.shard.cache.return_all(&self.state);
        let common = &self.state.common;
        common.stats_registry().leave(&self.shard.counters);
        let ring = self.shard.ring.take();
        if ring.is_some_and(|ring| common.rings.take_back(ring)) {
            self.state.wake_worker();
        }
    }
}

impl OtherShards {
    #[cold]
    fn find(&self, state: &Arc<TracerState>) -> Option<CheckedOut> {
        let mut others = self.others.try_borrow_mut().ok()?;
        others.extend(take_current());
        let (has_shard, is_worker) = CELLS.with(|cells| (cells.has_shard.get(), is_worker()));
        if has_shard || is_worker {
            return None;
        }
        // Set before shards are dropped or made, which may log: a logger that traces gets the
        // fallback shard then.
        CELLS.with(|cells| cells.has_shard.set(true));
        forget_stale(&mut others);
        let position = others.iter().position(|thread| thread.serves(state));
        let found = position.map(|at| others.swap_remove(at));
        let closed: Vec<_> = others
            .extract_if(.., |thread| thread.state.is_closed())
            .collect();
        // In this order: dropping a shard may log, and a logger that traces comes back here.
        drop(others);
        drop(closed);
        let thread = found.unwrap_or_else(|| ThreadShard::new(state));
        Some(ManuallyDrop::new(thread))
    }
}

impl Drop for OtherShards {
    fn drop(&mut self) {
        let mut threads = std::mem::take(self.others.get_mut());
        threads.extend(take_current());
        forget_stale(&mut threads);
    }
}

/// Leaks the shards made before a fork: dropping one takes locks of the parent's tracer, which may
/// stay held for good in this process.
fn forget_stale(threads: &mut Shards) {
    threads
        .extract_if(.., |thread| thread.state.is_of_parent())
        .for_each(std::mem::forget);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ThreadCounters;
    use crate::sys::clock::TickSource;
    use crate::tracer::span::start_root;
    use crate::worker::parking::Urgency;

    fn state() -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| config)
    }

    /// The counters of the shard in use, which identify it.
    fn counters(state: &Arc<TracerState>) -> Arc<ThreadCounters> {
        with_shard(state, |shard| shard.counters.clone())
    }

    #[test]
    fn a_nested_call_uses_the_fallback_shard() {
        let state = state();
        let own = counters(&state);
        let (outer, inner) = with_shard(&state, |shard| (shard.counters.clone(), counters(&state)));
        assert!(Arc::ptr_eq(&own, &outer));
        assert!(Arc::ptr_eq(&inner, &state.fallback_shard().counters));
        assert!(
            Arc::ptr_eq(&own, &counters(&state)),
            "its own again after the call"
        );
    }

    #[test]
    fn a_thread_keeps_its_shards_of_tracers_used_in_turn() {
        let tracers = [state(), state()];
        let first = tracers.each_ref().map(counters);
        let second = tracers.each_ref().map(counters);
        assert!(!Arc::ptr_eq(&first[0], &first[1]));
        assert!(first.iter().zip(&second).all(|(a, b)| Arc::ptr_eq(a, b)));
    }

    #[test]
    fn a_worker_uses_the_fallback_shard() {
        let state = state();
        let own = counters(&state);
        let working = as_worker(|| {
            assert!(is_worker());
            counters(&state)
        });
        assert!(Arc::ptr_eq(&working, &state.fallback_shard().counters));
        assert!(!is_worker());
        assert!(Arc::ptr_eq(&own, &counters(&state)));
    }

    #[test]
    fn a_forgotten_shard_is_not_found_again() {
        let state = state();
        let parents = counters(&state);
        ForgetShard::run();
        let own = counters(&state);
        assert!(!Arc::ptr_eq(&parents, &own));
        assert!(Arc::ptr_eq(&own, &counters(&state)));
    }

    #[test]
    fn a_thread_drops_its_shard_of_a_closed_tracer() {
        let (closed, other) = (state(), state());
        let held = Arc::strong_count(&closed);
        counters(&closed);
        assert!(Arc::strong_count(&closed) > held);
        closed.set_closed();
        counters(&other);
        assert_eq!(Arc::strong_count(&closed), held);
    }

    #[test]
    fn a_thread_returns_its_shard_when_it_ends() {
        let state = state();
        let (held, before) = (
            Arc::strong_count(&state),
            state.common.stats_registry().stats(),
        );
        assert!(state.worker().needs_wake(Urgency::Low));
        let counters = std::thread::scope(|scope| scope.spawn(|| counters(&state)).join().unwrap());
        assert!(
            state.worker().needs_wake(Urgency::Low),
            "its ring was not used"
        );
        assert_eq!(Arc::strong_count(&counters), 1, "the registry dropped it");
        assert_eq!(Arc::strong_count(&state), held);
        assert_eq!(state.common.stats_registry().stats(), before);
        let trace = || drop(start_root(&state, "in the ring"));
        std::thread::scope(|scope| scope.spawn(trace).join().unwrap());
        assert!(
            !state.worker().needs_wake(Urgency::Low),
            "the worker is woken to take the ring back"
        );
    }

    #[test]
    fn unused_rings_pass_from_thread_to_thread() {
        let state = TracerState::of_test(TickSource::System, |config| config.memory_limit(1 << 20));
        let has_ring = || with_shard(&state, |shard| shard.ring.is_some());
        // More threads than the memory limit allows rings for.
        for _ in 0..100 {
            assert!(std::thread::scope(|scope| scope
                .spawn(has_ring)
                .join()
                .unwrap()));
        }
        assert!(state.worker().needs_wake(Urgency::Low));
    }
}
