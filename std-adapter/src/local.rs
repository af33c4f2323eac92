//! Each thread's share of a tracer: generator, ring, slots and counts.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use picojaeger_core::record::Records;
use picojaeger_core::ring::Producer;
use picojaeger_core::{Generator, Seed};

use crate::scope::Scopes;
use crate::shared::Shared;
use crate::slot::{Image, Slot, Slots};
use crate::{chunk, unix};

/// What making and finishing spans needs; one a thread, and one for all that
/// have none.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) generator: Generator,
    pub(crate) slots: Slots,
    pub(crate) counts: Arc<Counts>,
    producer: Option<Producer<'static, Records>>,
    /// Words of the largest image that the ring takes, a quarter of it; 0 without one.
    largest: usize,
    sequence: u32,
}

/// A desk and whose it is.
#[derive(Debug)]
pub(crate) struct Thread {
    shared: Arc<Shared>,
    desk: Desk,
    /// Where the ring's end goes when the thread ends.
    returned: Option<Arc<Returned>>,
}

/// Where a thread that ends leaves its ring's producing half.
#[derive(Debug, Default)]
pub(crate) struct Returned(Mutex<Option<Producer<'static, Records>>>);

/// Counts that one thread writes and any reads; they only grow.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) began: Count,
    pub(crate) ended: Count,
    pub(crate) cleared: Count,
    pub(crate) unsampled: Count,
    pub(crate) full: Count,
    pub(crate) memory: Count,
    pub(crate) closed: Count,
}

/// A counter with one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

/// Desks that are put aside.
type Threads = Vec<Box<Thread>>;

/// The thread-local part.
struct Local {
    /// The desk used last.
    fast: Cell<Option<Box<Thread>>>,
    others: RefCell<Threads>,
    scopes: Scopes,
    worker: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            fast: Cell::new(None),
            others: RefCell::new(Vec::new()),
            scopes: Scopes::new(),
            worker: Cell::new(false),
        }
    };
}

/// Runs `f` on the calling thread's desk of this tracer, or on the common one if
/// the thread's is gone or in use.
#[inline(always)]
pub(crate) fn with_desk<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Desk) -> R) -> R {
    let Some(mut thread) = check_out(shared) else {
        return with_common_desk(shared, f);
    };
    let result = f(&mut thread.desk);
    give_back(thread);
    result
}

/// The calling thread's desk of this tracer, until it is given back; `None` if it
/// is gone or in use, and on a worker.
#[inline(always)]
pub(crate) fn check_out(shared: &Arc<Shared>) -> Option<Box<Thread>> {
    LOCAL.try_with(|local| local.take(shared)).ok()?
}

/// Puts a desk back.
#[inline(always)]
pub(crate) fn give_back(thread: Box<Thread>) {
    let mut thread = Some(thread);
    let given = LOCAL.try_with(|local| local.give_back(&mut thread));
    if given.is_err() {
        // The thread ended inside the call; dropping the desk hands it in.
        drop(thread);
    }
}

#[cold]
fn with_common_desk<R>(shared: &Arc<Shared>, f: impl FnOnce(&mut Desk) -> R) -> R {
    let mut desk = shared.common();
    let result = f(&mut desk);
    // It keeps no slots: they would keep the tracer.
    desk.slots.empty(shared);
    result
}

/// Takes the slot of a span that is over to the calling thread's list, whoever
/// started the span.
#[inline(always)]
pub(crate) fn give_slot(slot: Box<Slot>) {
    let taken = LOCAL.try_with(|local| local.fast.take());
    match taken {
        Ok(Some(mut thread)) if thread.serves(&slot.shared) => {
            thread.desk.slots.give(slot);
            give_back(thread);
        }
        Ok(Some(other)) => {
            give_back(other);
            give_slot_elsewhere(slot);
        }
        _ => give_slot_elsewhere(slot),
    }
}

#[cold]
#[inline(never)]
fn give_slot_elsewhere(slot: Box<Slot>) {
    let shared = slot.shared.clone();
    with_desk(&shared, |desk| desk.slots.give(slot));
}

/// Runs `f` on the calling thread's scopes; `None` while the thread ends.
#[inline(always)]
pub(crate) fn with_scopes<R>(f: impl FnOnce(&Scopes) -> R) -> Option<R> {
    LOCAL.try_with(|local| f(&local.scopes)).ok()
}

/// Whether this thread works for a tracer, so that nothing it traces is kept.
#[inline(always)]
pub(crate) fn is_worker() -> bool {
    LOCAL.try_with(|local| local.worker.get()).unwrap_or(false)
}

/// Marks this thread as one that works for a tracer.
pub(crate) fn become_worker() {
    LOCAL.with(|local| local.worker.set(true));
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
        LOCAL
            .try_with(|local| {
                if let Some(thread) = local.fast.take() {
                    local.put_aside(thread);
                }
                local.worker.replace(works)
            })
            .unwrap_or(works)
    }
    let _working = Working(mark(true));
    f()
}

impl Desk {
    /// A desk with a ring end, or without.
    pub(crate) fn new(producer: Option<Producer<'static, Records>>) -> Self {
        Desk {
            generator: Generator::new(seed()),
            slots: Slots::new(),
            counts: Arc::default(),
            largest: producer
                .as_ref()
                .map_or(0, |producer| producer.capacity() / 4 / size_of::<usize>()),
            producer,
            sequence: 0,
        }
    }

    /// Hands a finished image to the ring, or to the common one, and counts it.
    #[inline(always)]
    pub(crate) fn push(&mut self, shared: &Arc<Shared>, image: &Image) {
        self.counts.ended.increment();
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        if let Some(producer) = &mut self.producer
            && image.image_words() <= self.largest
        {
            if producer.push(sequence, &image.image()).is_err() {
                self.counts.full.increment();
            }
            let half = self.largest * size_of::<usize>() * 2;
            let half_full = producer.backlog_bound() >= half && producer.backlog() >= half;
            return shared.waker().after_push(shared, half_full);
        }
        self.push_common(shared, sequence, image);
    }

    /// Hands an image to the ring that all threads share.
    #[cold]
    #[inline(never)]
    fn push_common(&self, shared: &Arc<Shared>, sequence: u32, image: &Image) {
        if !shared.overflow().push(sequence, image) {
            self.counts.full.increment();
        }
        shared.waker().after_push(shared, true);
    }
}

impl Thread {
    #[inline(always)]
    pub(crate) fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

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
        if self.returned.is_some() {
            self.shared.waker().wake(&self.shared);
        }
    }
}

impl Local {
    /// The desk of this tracer, until [`Local::give_back`].
    #[inline(always)]
    fn take(&self, shared: &Arc<Shared>) -> Option<Box<Thread>> {
        match self.fast.take() {
            Some(thread) if thread.serves(shared) => Some(thread),
            other => self.switch(other, shared),
        }
    }

    #[inline(always)]
    fn give_back(&self, thread: &mut Option<Box<Thread>>) {
        if let Some(nested) = self.fast.replace(thread.take()) {
            self.put_aside(nested);
        }
    }

    /// Keeps the desk of a call that ran inside another one.
    #[cold]
    fn put_aside(&self, nested: Box<Thread>) {
        if let Ok(mut others) = self.others.try_borrow_mut() {
            others.push(nested);
        }
    }

    /// Puts `current` aside and finds or makes the desk of this tracer.
    #[cold]
    #[inline(never)]
    fn switch(&self, current: Option<Box<Thread>>, shared: &Arc<Shared>) -> Option<Box<Thread>> {
        if self.worker.get() {
            return None;
        }
        let mut others = self.others.try_borrow_mut().ok()?;
        others.extend(current);
        forget_stale(&mut others);
        let found = others.iter().position(|thread| thread.serves(shared));
        let found = found.map(|at| others.swap_remove(at));
        let ended: Vec<_> = others
            .extract_if(.., |thread| thread.shared.is_closed())
            .collect();
        drop(others);
        drop(ended);
        Some(found.unwrap_or_else(|| Thread::new(shared)))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let mut threads = std::mem::take(self.others.get_mut());
        threads.extend(self.fast.take());
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

impl Count {
    #[inline(always)]
    pub(crate) fn increment(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Leaves what stems from before a fork alone: its locks may be held for good.
fn forget_stale(threads: &mut Threads) {
    let generation = unix::generation();
    threads
        .extract_if(.., |thread| thread.shared.generation() != generation)
        .for_each(std::mem::forget);
}

/// A seed from the operating system; where that fails, from the hasher's keys,
/// which the standard library takes from the system too.
pub(crate) fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}
