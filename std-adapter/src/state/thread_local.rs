//! Each thread's desks, and its way to them.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

use picojaeger_core::record::Records;
use picojaeger_core::ring::Producer;

use crate::context::SpanContext;
use crate::memory::rings as chunk;
use crate::scope::Scopes;
use crate::state::Shared;
use crate::state::shard::Desk;
use crate::sys::fork;

/// A desk and whose it is.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: Desk,
    /// Where the ring's end goes when the thread ends.
    returned: Option<Arc<Returned>>,
}

/// The desk that a call has taken, until [`give_back`].
type Taken = ManuallyDrop<Box<Thread>>;

/// Where a thread that ends leaves its ring's producing half.
#[derive(Debug, Default)]
pub(crate) struct Returned(Mutex<Option<Producer<'static, Records>>>);

/// Desks that are put aside.
type Threads = Vec<Box<Thread>>;

/// What each call needs. Has no destructor, so that reaching it costs no test: what
/// lies in it is dropped by [`Local`].
struct Near {
    /// The desk used last.
    desk: Cell<Option<Taken>>,
    /// Whether there is one, in its place or taken by a call.
    has_desk: Cell<bool>,
    worker: Cell<bool>,
    /// Whether a scope is active.
    active: Cell<bool>,
}

/// The rest of what a thread has.
struct Local {
    others: RefCell<Threads>,
    scopes: Scopes,
}

thread_local! {
    static NEAR: Near = const {
        Near {
            desk: Cell::new(None),
            has_desk: Cell::new(false),
            worker: Cell::new(false),
            active: Cell::new(false),
        }
    };

    static LOCAL: Local = const {
        Local {
            others: RefCell::new(Vec::new()),
            scopes: Scopes::new(),
        }
    };
}

/// The calling thread's desk if it serves this tracer in this process, until it is
/// given back.
fn check_out(shared: &Arc<Shared>) -> Option<Taken> {
    NEAR.with(|near| {
        let thread = near.desk.take()?;
        if thread.serves(shared) {
            return Some(thread);
        }
        near.desk.set(Some(thread));
        None
    })
}

/// The same without taking it, so that nothing is written.
///
/// # Safety
/// As long as the desk is borrowed, nothing may reach it by another way: no other
/// function of this module runs on this thread.
#[inline(always)]
pub(crate) unsafe fn near<'t>(shared: &Arc<Shared>) -> Option<&'t mut Thread> {
    // SAFETY: the cell is this thread's, and nobody else reaches it meanwhile.
    let place = NEAR.with(|near| unsafe { &mut *near.desk.as_ptr() });
    place
        .as_deref_mut()
        .filter(|thread| thread.serves(shared))
        .map(|thread| &mut **thread)
}

/// Puts a desk back, unless a fork came between: then it is the parent's.
fn give_back(thread: Taken) {
    if thread.shared.generation() == fork::generation() {
        NEAR.with(|near| near.desk.set(Some(thread)));
    }
}

/// Runs `f` on the calling thread's desk of this tracer, or on the common one if
/// the thread's is gone or in use.
pub(crate) fn with_desk<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Desk) -> R) -> R {
    let Some(mut thread) = check_out(shared).or_else(|| find(shared)) else {
        return with_common_desk(shared, f);
    };
    let result = f(&mut thread.desk);
    give_back(thread);
    result
}

fn with_common_desk<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Desk) -> R) -> R {
    let mut desk = shared.common();
    let result = f(&mut desk);
    // It keeps no slots: they would keep the tracer.
    desk.slots.empty(shared);
    result
}

/// Whether a scope is active on this thread.
#[inline(always)]
pub(crate) fn has_active_context() -> bool {
    NEAR.with(|near| near.active.get())
}

/// The innermost active context of this thread.
pub(crate) fn active_context() -> Option<SpanContext> {
    if has_active_context() {
        return with_scopes(Scopes::innermost).flatten();
    }
    None
}

/// Notes whether a scope is active.
pub(crate) fn set_active(active: bool) {
    NEAR.with(|near| near.active.set(active));
}

/// Runs `f` on the calling thread's scopes; `None` while the thread ends.
pub(crate) fn with_scopes<R>(f: impl FnOnce(&Scopes) -> R) -> Option<R> {
    LOCAL.try_with(|local| f(&local.scopes)).ok()
}

/// Whether this thread works for a tracer, so that nothing it traces is kept.
#[inline(always)]
pub(crate) fn is_worker() -> bool {
    NEAR.with(|near| near.worker.get())
}

/// Marks this thread as one that works for a tracer.
pub(crate) fn become_worker() {
    NEAR.with(|near| near.worker.set(true));
}

/// Runs `f` as if on a thread that works for a tracer: its desk is out of reach
/// meanwhile, so that a start need not ask.
pub(crate) fn as_worker<R>(f: impl FnOnce() -> R) -> R {
    /// Ends the work, after a panic too.
    struct Working(bool);
    impl Drop for Working {
        fn drop(&mut self) {
            mark(self.0);
        }
    }
    fn mark(works: bool) -> bool {
        // Fails while the thread ends, and has no desk.
        let _ended = LOCAL.try_with(|local| {
            if let Ok(mut others) = local.others.try_borrow_mut() {
                others.extend(put_aside());
            }
        });
        NEAR.with(|near| near.worker.replace(works))
    }
    let _working = Working(mark(true));
    f()
}

/// Leaves the desk of the process that forked alone: it is the parent's. Run in the
/// child, and by the one thread that it has.
#[cfg(any(unix, test))]
pub(crate) fn forget_desk() {
    // Without a destructor, it only loses sight of the desk.
    NEAR.with(|near| near.desk.set(None));
    NEAR.with(|near| near.has_desk.set(false));
}

/// Takes the near desk away, unless a call has it.
fn put_aside() -> Option<Box<Thread>> {
    NEAR.with(|near| {
        let thread = near.desk.take()?;
        near.has_desk.set(false);
        Some(ManuallyDrop::into_inner(thread))
    })
}

/// Finds or makes the desk of this tracer, and takes it; what was near goes aside.
/// `None` inside another call, while the thread ends, and on a worker.
#[inline(never)]
fn find(shared: &Arc<Shared>) -> Option<Taken> {
    LOCAL.try_with(|local| local.find(shared)).ok().flatten()
}

impl Thread {
    #[inline(always)]
    fn serves(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    fn new(shared: &Arc<Shared>) -> Box<Self> {
        // After the end there is nothing to push.
        let chunk = (!shared.is_closed()).then(|| shared.chunk()).flatten();
        let (producer, returned) = match chunk {
            Some(chunk::Chunk { producer, consumer }) => {
                let returned = Arc::new(Returned::default());
                shared.register(consumer, returned.clone());
                (Some(producer), Some(returned))
            }
            None => (None, None),
        };
        let desk = Desk::new(producer);
        shared.ledger().join(desk.counts.clone());
        Box::new(Thread {
            shared: shared.clone(),
            desk,
            returned,
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.desk.slots.empty(&self.shared);
        if let (Some(returned), producer) = (&self.returned, self.desk.producer.take()) {
            returned.put(producer);
        }
        self.shared.ledger().leave(&self.desk.counts);
        let ring = self.returned.as_ref();
        if ring.is_some_and(|returned| !self.shared.withdraw(returned)) {
            self.shared.waker().wake(&self.shared);
        }
    }
}

impl Local {
    #[cold]
    fn find(&self, shared: &Arc<Shared>) -> Option<Taken> {
        let mut others = self.others.try_borrow_mut().ok()?;
        others.extend(put_aside());
        let (has_desk, works) = NEAR.with(|near| (near.has_desk.get(), near.worker.get()));
        if has_desk || works {
            return None;
        }
        // From here on, for a logger that traces.
        NEAR.with(|near| near.has_desk.set(true));
        forget_stale(&mut others);
        let found = others.iter().position(|thread| thread.serves(shared));
        let found = found.map(|at| others.swap_remove(at));
        let ended: Vec<_> = others
            .extract_if(.., |thread| thread.shared.is_closed())
            .collect();
        drop(others);
        drop(ended);
        let thread = found.unwrap_or_else(|| Thread::new(shared));
        Some(ManuallyDrop::new(thread))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let mut threads = std::mem::take(self.others.get_mut());
        threads.extend(put_aside());
        forget_stale(&mut threads);
    }
}

impl Returned {
    fn put(&self, producer: Option<Producer<'static, Records>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = producer;
    }

    pub(crate) fn take(&self) -> Option<Producer<'static, Records>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn is_back(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

/// Leaves what stems from before a fork alone: its locks may be held for good.
fn forget_stale(threads: &mut Threads) {
    let generation = fork::generation();
    threads
        .extract_if(.., |thread| thread.shared.generation() != generation)
        .for_each(std::mem::forget);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::fast_path::start_root;
    use crate::stats::Counts;
    use crate::sys::clock::TickSource;

    fn shared() -> Arc<Shared> {
        Shared::of_test(TickSource::System, |config| config)
    }

    /// Tells one desk from another.
    fn counts(shared: &Arc<Shared>) -> Arc<Counts> {
        with_desk(shared, |desk| desk.counts.clone())
    }

    #[test]
    fn a_call_inside_another_has_the_common_desk() {
        let shared = shared();
        let own = counts(&shared);
        let (outer, inner) = with_desk(&shared, |desk| (desk.counts.clone(), counts(&shared)));
        assert!(Arc::ptr_eq(&own, &outer));
        assert!(Arc::ptr_eq(&inner, &shared.common().counts));
        assert!(
            Arc::ptr_eq(&own, &counts(&shared)),
            "and then its own again"
        );
    }

    #[test]
    fn a_thread_keeps_the_desks_of_tracers_that_take_turns() {
        let tracers = [shared(), shared()];
        let first = tracers.each_ref().map(counts);
        let second = tracers.each_ref().map(counts);
        assert!(!Arc::ptr_eq(&first[0], &first[1]));
        assert!(first.iter().zip(&second).all(|(a, b)| Arc::ptr_eq(a, b)));
    }

    #[test]
    fn whoever_works_for_a_tracer_has_no_desk_of_its_own() {
        let shared = shared();
        let own = counts(&shared);
        let working = as_worker(|| {
            assert!(is_worker());
            counts(&shared)
        });
        assert!(Arc::ptr_eq(&working, &shared.common().counts));
        assert!(!is_worker());
        assert!(Arc::ptr_eq(&own, &counts(&shared)));
    }

    #[test]
    fn a_desk_that_is_forgotten_is_not_found_again() {
        let shared = shared();
        let parents = counts(&shared);
        forget_desk();
        let own = counts(&shared);
        assert!(!Arc::ptr_eq(&parents, &own));
        assert!(Arc::ptr_eq(&own, &counts(&shared)));
    }

    #[test]
    fn a_thread_lets_go_of_a_tracer_that_is_closed() {
        let (closed, other) = (shared(), shared());
        let held = Arc::strong_count(&closed);
        counts(&closed);
        assert!(Arc::strong_count(&closed) > held);
        closed.set_closed();
        counts(&other);
        assert_eq!(Arc::strong_count(&closed), held);
    }

    #[test]
    fn a_thread_hands_in_its_desk_when_it_ends() {
        let shared = shared();
        let (held, before) = (Arc::strong_count(&shared), shared.ledger().stats());
        assert!(shared.waker().is_idle());
        let counts = std::thread::scope(|scope| scope.spawn(|| counts(&shared)).join().unwrap());
        assert!(shared.waker().is_idle(), "its ring was not used");
        assert_eq!(Arc::strong_count(&counts), 1, "the ledger has let it go");
        assert_eq!(Arc::strong_count(&shared), held);
        assert_eq!(shared.ledger().stats(), before);
        let trace = || drop(start_root(&shared, "in the ring"));
        std::thread::scope(|scope| scope.spawn(trace).join().unwrap());
        assert!(!shared.waker().is_idle(), "who takes the ring back is told");
    }

    #[test]
    fn rings_that_were_not_used_go_from_thread_to_thread() {
        let shared = Shared::of_test(TickSource::System, |config| config.memory_limit(1 << 20));
        let has_ring = || with_desk(&shared, |desk| desk.producer.is_some());
        // More threads than the memory limit allows rings for.
        for _ in 0..100 {
            assert!(std::thread::scope(|scope| scope
                .spawn(has_ring)
                .join()
                .unwrap()));
        }
        assert!(shared.waker().is_idle());
    }
}
