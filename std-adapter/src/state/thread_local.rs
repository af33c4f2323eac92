//! Each thread's shards, and its way to them.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::memory::ring_reader::RingReader;
use crate::memory::rings::{ReturnedProducer, RingEnds};
use crate::state::TracerState;
use crate::state::shard::Shard;
use crate::sys::fork::{self, InChild};
use crate::worker::{self, is_worker};

/// A shard and whose it is.
#[derive(Debug)]
pub(crate) struct ThreadShard {
    pub(crate) state: Arc<TracerState>,
    pub(crate) shard: Shard,
    /// Where the ring's end goes when the thread ends.
    returned: Option<Arc<ReturnedProducer>>,
}

/// The shard that a call has taken, until [`give_back`].
type Taken = ManuallyDrop<Box<ThreadShard>>;

/// Desks that are put aside.
type Shards = Vec<Box<ThreadShard>>;

/// What each call needs. Has no destructor, so that reaching it costs no test: what
/// lies in it is dropped by [`SlowLocal`].
struct FastLocal {
    /// The shard used last.
    shard: Cell<Option<Taken>>,
    /// Whether there is one, in its place or taken by a call.
    has_shard: Cell<bool>,
}

/// The rest of what a thread has.
struct SlowLocal {
    others: RefCell<Shards>,
}

thread_local! {
    static FAST: FastLocal = const {
        FastLocal {
            shard: Cell::new(None),
            has_shard: Cell::new(false),
        }
    };

    static SLOW: SlowLocal = const {
        SlowLocal {
            others: RefCell::new(Vec::new()),
        }
    };
}

/// The calling thread's shard if it serves this tracer in this process, until it is
/// given back.
fn check_out(state: &Arc<TracerState>) -> Option<Taken> {
    FAST.with(|near| {
        let thread = near.shard.take()?;
        if thread.serves(state) {
            return Some(thread);
        }
        near.shard.set(Some(thread));
        None
    })
}

/// Right to borrow the calling thread's current shard in its place, so that nothing is written.
///
/// A closure would do the same and costs 2 to 6 instructions a span: the compiler does not see
/// through the values that it returns.
pub(crate) struct CurrentShard(PhantomData<*const ()>);

impl CurrentShard {
    /// # Safety
    /// While a borrow from [`CurrentShard::get`] lives, nothing else reaches the thread's shards:
    /// no other `CurrentShard` is used and no other function of this module runs on this thread.
    /// So the code in between starts and ends no span, drops no tracer, and calls nothing that
    /// might, such as a logger, a reporter, or a global allocator of the user's.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        CurrentShard(PhantomData)
    }

    /// Borrows the shard, if it serves this tracer in this process; `state` is only compared.
    #[inline(always)]
    pub(crate) fn get(&mut self, state: &Arc<TracerState>) -> Option<&mut ThreadShard> {
        // SAFETY: the cell is this thread's, and by the promise of `new` nobody else reaches it
        // while the borrow lives.
        let place = FAST.with(|near| unsafe { &mut *near.shard.as_ptr() });
        let thread = place.as_deref_mut();
        thread
            .filter(|thread| thread.serves(state))
            .map(|thread| &mut **thread)
    }
}

/// Puts a shard back, unless a fork came between: then it is the parent's.
fn give_back(thread: Taken) {
    if !thread.state.is_of_parent() {
        FAST.with(|near| near.shard.set(Some(thread)));
    }
}

/// Runs `f` on the calling thread's shard of this tracer, or on the common one if
/// the thread's is gone or in use.
pub(crate) fn with_shard<R>(state: &Arc<TracerState>, f: impl FnOnce(&mut Shard) -> R) -> R {
    let Some(mut thread) = check_out(state).or_else(|| find(state)) else {
        return with_fallback_shard(state, f);
    };
    let result = f(&mut thread.shard);
    give_back(thread);
    result
}

fn with_fallback_shard<R>(state: &Arc<TracerState>, f: impl FnOnce(&mut Shard) -> R) -> R {
    let mut shard = state.fallback_shard();
    let result = f(&mut shard);
    // It keeps no slots: they would keep the tracer.
    shard.cache.return_all(state);
    result
}

/// Runs `f` as on a worker thread: the thread's shard is out of reach meanwhile, so that a start
/// on the fast path need not check.
pub(crate) fn as_worker<R>(f: impl FnOnce() -> R) -> R {
    // Fails while the thread ends, and has no shard.
    let _ended = SLOW.try_with(|local| {
        if let Ok(mut others) = local.others.try_borrow_mut() {
            others.extend(put_aside());
        }
    });
    worker::as_worker(f)
}

/// Leaves the shard of the process that forked alone: it is the parent's.
struct ForgetShard;

impl InChild for ForgetShard {
    fn run() {
        // Neither cell has a destructor, so this only loses sight of the shard.
        FAST.with(|near| near.shard.set(None));
        FAST.with(|near| near.has_shard.set(false));
    }
}

/// Counts forks from now on, and hides the forking thread's shard in the child.
pub(crate) fn install_fork_hook() {
    fork::install::<ForgetShard>();
}

/// Takes the near shard away, unless a call has it.
fn put_aside() -> Option<Box<ThreadShard>> {
    FAST.with(|near| {
        let thread = near.shard.take()?;
        near.has_shard.set(false);
        Some(ManuallyDrop::into_inner(thread))
    })
}

/// Finds or makes the shard of this tracer, and takes it; what was near goes aside.
/// `None` inside another call, while the thread ends, and on a worker.
#[inline(never)]
fn find(state: &Arc<TracerState>) -> Option<Taken> {
    SLOW.try_with(|local| local.find(state)).ok().flatten()
}

impl ThreadShard {
    #[inline(always)]
    fn serves(&self, state: &Arc<TracerState>) -> bool {
        Arc::ptr_eq(&self.state, state)
    }

    fn new(state: &Arc<TracerState>) -> Box<Self> {
        // After the end there is nothing to push.
        let ends = (!state.is_closed())
            .then(|| state.common.take_ring())
            .flatten();
        let (producer, returned) = match ends {
            Some(RingEnds { producer, consumer }) => {
                let returned = Arc::new(ReturnedProducer::default());
                state
                    .common
                    .register(RingReader::of_thread(consumer, returned.clone()));
                (Some(producer), Some(returned))
            }
            None => (None, None),
        };
        let shard = Shard::new(producer);
        state.common.stats_registry().join(shard.counters.clone());
        Box::new(ThreadShard {
            state: state.clone(),
            shard,
            returned,
        })
    }
}

impl Drop for ThreadShard {
    fn drop(&mut self) {
        self.shard.cache.return_all(&self.state);
        if let (Some(returned), producer) = (&self.returned, self.shard.producer.take()) {
            returned.put(producer);
        }
        self.state
            .common
            .stats_registry()
            .leave(&self.shard.counters);
        let ring = self.returned.as_ref();
        if ring.is_some_and(|returned| !self.state.common.withdraw(returned)) {
            self.state.wake_worker();
        }
    }
}

impl SlowLocal {
    #[cold]
    fn find(&self, state: &Arc<TracerState>) -> Option<Taken> {
        let mut others = self.others.try_borrow_mut().ok()?;
        others.extend(put_aside());
        let (has_shard, works) = FAST.with(|near| (near.has_shard.get(), is_worker()));
        if has_shard || works {
            return None;
        }
        // From here on, for a logger that traces.
        FAST.with(|near| near.has_shard.set(true));
        forget_stale(&mut others);
        let found = others.iter().position(|thread| thread.serves(state));
        let found = found.map(|at| others.swap_remove(at));
        let closed: Vec<_> = others
            .extract_if(.., |thread| thread.state.is_closed())
            .collect();
        drop(others);
        drop(closed);
        let thread = found.unwrap_or_else(|| ThreadShard::new(state));
        Some(ManuallyDrop::new(thread))
    }
}

impl Drop for SlowLocal {
    fn drop(&mut self) {
        let mut threads = std::mem::take(self.others.get_mut());
        threads.extend(put_aside());
        forget_stale(&mut threads);
    }
}

/// Leaves what stems from before a fork alone: its locks may be held for good.
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

    fn state() -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| config)
    }

    /// Tells one shard from another.
    fn counters(state: &Arc<TracerState>) -> Arc<ThreadCounters> {
        with_shard(state, |shard| shard.counters.clone())
    }

    #[test]
    fn a_call_inside_another_has_the_common_desk() {
        let state = state();
        let own = counters(&state);
        let (outer, inner) = with_shard(&state, |shard| (shard.counters.clone(), counters(&state)));
        assert!(Arc::ptr_eq(&own, &outer));
        assert!(Arc::ptr_eq(&inner, &state.fallback_shard().counters));
        assert!(
            Arc::ptr_eq(&own, &counters(&state)),
            "and then its own again"
        );
    }

    #[test]
    fn a_thread_keeps_the_desks_of_tracers_that_take_turns() {
        let tracers = [state(), state()];
        let first = tracers.each_ref().map(counters);
        let second = tracers.each_ref().map(counters);
        assert!(!Arc::ptr_eq(&first[0], &first[1]));
        assert!(first.iter().zip(&second).all(|(a, b)| Arc::ptr_eq(a, b)));
    }

    #[test]
    fn whoever_works_for_a_tracer_has_no_desk_of_its_own() {
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
    fn a_desk_that_is_forgotten_is_not_found_again() {
        let state = state();
        let parents = counters(&state);
        ForgetShard::run();
        let own = counters(&state);
        assert!(!Arc::ptr_eq(&parents, &own));
        assert!(Arc::ptr_eq(&own, &counters(&state)));
    }

    #[test]
    fn a_thread_lets_go_of_a_tracer_that_is_closed() {
        let (closed, other) = (state(), state());
        let held = Arc::strong_count(&closed);
        counters(&closed);
        assert!(Arc::strong_count(&closed) > held);
        closed.set_closed();
        counters(&other);
        assert_eq!(Arc::strong_count(&closed), held);
    }

    #[test]
    fn a_thread_hands_in_its_desk_when_it_ends() {
        let state = state();
        let (held, before) = (
            Arc::strong_count(&state),
            state.common.stats_registry().stats(),
        );
        assert!(state.worker().needs_wake(false));
        let counters = std::thread::scope(|scope| scope.spawn(|| counters(&state)).join().unwrap());
        assert!(state.worker().needs_wake(false), "its ring was not used");
        assert_eq!(
            Arc::strong_count(&counters),
            1,
            "the stats_registry has let it go"
        );
        assert_eq!(Arc::strong_count(&state), held);
        assert_eq!(state.common.stats_registry().stats(), before);
        let trace = || drop(start_root(&state, "in the ring"));
        std::thread::scope(|scope| scope.spawn(trace).join().unwrap());
        assert!(
            !state.worker().needs_wake(false),
            "who takes the ring back is told"
        );
    }

    #[test]
    fn rings_that_were_not_used_go_from_thread_to_thread() {
        let state = TracerState::of_test(TickSource::System, |config| config.memory_limit(1 << 20));
        let has_ring = || with_shard(&state, |shard| shard.producer.is_some());
        // More threads than the memory limit allows rings for.
        for _ in 0..100 {
            assert!(std::thread::scope(|scope| scope
                .spawn(has_ring)
                .join()
                .unwrap()));
        }
        assert!(state.worker().needs_wake(false));
    }
}
