//! What the threads of a tracer share. All locks of the adapter are here, in
//! the order in which they may nest: [`Lock`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use picojaeger_core::record::Records;
use picojaeger_core::ring::{Consumer, Producer};
use picojaeger_core::{Delivery, HeaderNames, Lost, Stats, TextMapCodec};

use crate::chunk::{self, Chunk};
use crate::clock::TickSource;
use crate::config::Settings;
use crate::engine::{Engine, Ring};
use crate::local::{Counts, Desk, Returned};
use crate::reporters::Reporter;
use crate::sampling::RootSampler;
use crate::slot::{Image, Pool};
use crate::unix;
use crate::worker::{Flush, Waker};

/// A tracer's state. A fork's child makes itself a new one.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) reporters: Arc<[Arc<dyn Reporter>]>,
    pub(crate) source: TickSource,
    pub(crate) sampler: RootSampler,
    generation: u32,
    heir: OnceLock<Arc<Shared>>,
    closed: AtomicBool,
    waker: Waker,
    flush: Flush,
    engine: Mutex<Engine>,
    incoming: Mutex<Vec<Ring>>,
    chunks: Mutex<Chunks>,
    overflow: Mutex<Overflow>,
    common: Mutex<Desk>,
    pool: Mutex<Pool>,
    ledger: Mutex<Ledger>,
    pub(crate) late_refusals: AtomicU64,
    pub(crate) decode_errors: AtomicU64,
    pub(crate) forked: AtomicU64,
}

/// The locks of a tracer; one that stands further down may be taken while one
/// further up is held, not the other way round. Public for tests of fork.
///
/// ```
/// use picojaeger_std::Lock;
///
/// assert_eq!(Lock::ALL.len(), 9);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// The worker's handle.
    Worker,
    /// Tickets of flushes.
    Flush,
    /// Reporter, rings and sender.
    Engine,
    /// Rings that the engine has not seen yet.
    Incoming,
    /// Rings for threads to come.
    Chunks,
    /// The desk of threads that have none.
    Common,
    /// The ring that all threads share.
    Overflow,
    /// Slots that no thread has.
    Pool,
    /// Counts.
    Ledger,
}

impl Lock {
    /// All of them.
    pub const ALL: [Lock; 9] = [
        Lock::Worker,
        Lock::Flush,
        Lock::Engine,
        Lock::Incoming,
        Lock::Chunks,
        Lock::Common,
        Lock::Overflow,
        Lock::Pool,
        Lock::Ledger,
    ];
}

/// The counts of all threads, and what the worker knows of their spans.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    threads: Vec<Arc<Counts>>,
    /// Sums of threads that ended.
    gone: Stats,
    pub(crate) delivery: Delivery,
    /// Records that were still in rings after the tracer had closed.
    pub(crate) swept: u64,
}

/// Rings that may still be handed to threads.
struct Chunks {
    free: Vec<Chunk>,
    made: usize,
    most: usize,
    bytes: usize,
}

/// The producing end of the common ring.
pub(crate) struct Overflow(Option<Producer<'static, Records>>);

impl Shared {
    pub(crate) fn new(
        settings: Arc<Settings>,
        reporters: Arc<[Arc<dyn Reporter>]>,
        source: TickSource,
    ) -> Arc<Self> {
        let rings = settings.memory_limit / 2;
        let bytes = chunk::ring_bytes(settings.memory_limit);
        // Room for the largest record, or an eighth of the rings.
        let overflow = (rings / 8).max(256 << 10);
        let overflow = Chunk::get(1 << overflow.ilog2());
        let (producer, consumer) = match overflow {
            Some(Chunk { producer, consumer }) => (Some(producer), Some(consumer)),
            None => (None, None),
        };
        let taken = producer.as_ref().map_or(0, Producer::capacity);
        let common = Desk::new(None);
        let ledger = Ledger {
            threads: vec![common.counts.clone()],
            ..Ledger::default()
        };
        let shared = Arc::new_cyclic(|this| Shared {
            sampler: RootSampler::new(settings.sampler),
            generation: unix::generation(),
            heir: OnceLock::new(),
            closed: AtomicBool::new(false),
            waker: Waker::new(),
            flush: Flush::new(),
            engine: Mutex::new(Engine::new(&settings, source, consumer, this.clone())),
            incoming: Mutex::new(Vec::new()),
            chunks: Mutex::new(Chunks {
                free: Vec::new(),
                made: 0,
                most: rings.saturating_sub(taken) / bytes,
                bytes,
            }),
            overflow: Mutex::new(Overflow(producer)),
            common: Mutex::new(common),
            pool: Mutex::new(Pool::new(settings.memory_limit / 2)),
            ledger: Mutex::new(ledger),
            late_refusals: AtomicU64::new(0),
            decode_errors: AtomicU64::new(0),
            forked: AtomicU64::new(0),
            settings,
            reporters,
            source,
        });
        unix::fence::prepare();
        shared
    }

    /// This state, or in the child of a fork the child's own.
    #[inline(always)]
    pub(crate) fn current(self: &Arc<Self>) -> &Arc<Self> {
        if self.generation == unix::generation() {
            return self;
        }
        self.inherit()
    }

    #[cold]
    fn inherit(self: &Arc<Self>) -> &Arc<Self> {
        let mut shared = self;
        while shared.generation != unix::generation() {
            shared = shared.heir.get_or_init(|| {
                let closed = shared.is_closed();
                let heir = Shared::new(
                    shared.settings.clone(),
                    shared.reporters.clone(),
                    shared.source,
                );
                heir.closed.store(closed, Ordering::SeqCst);
                heir
            });
        }
        shared
    }

    #[inline(always)]
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Closes, and says whether it was open.
    pub(crate) fn set_closed(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    #[inline(always)]
    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    pub(crate) fn flush(&self) -> &Flush {
        &self.flush
    }

    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        lock(&self.engine)
    }

    pub(crate) fn common(&self) -> MutexGuard<'_, Desk> {
        lock(&self.common)
    }

    pub(crate) fn overflow(&self) -> MutexGuard<'_, Overflow> {
        lock(&self.overflow)
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// A ring for a thread, or `None` where the memory limit allows no more.
    pub(crate) fn chunk(&self) -> Option<Chunk> {
        let mut chunks = lock(&self.chunks);
        if let Some(chunk) = chunks.free.pop() {
            return Some(chunk);
        }
        if chunks.made >= chunks.most {
            return None;
        }
        let chunk = Chunk::get(chunks.bytes)?;
        chunks.made += 1;
        Some(chunk)
    }

    /// Takes back the ring of a thread that ended.
    pub(crate) fn free_chunk(&self, chunk: Chunk) {
        if self.is_closed() {
            return chunk.recycle();
        }
        lock(&self.chunks).free.push(chunk);
    }

    /// Lets other tracers have the rings that no thread holds.
    pub(crate) fn recycle_chunks(&self) {
        let free = std::mem::take(&mut lock(&self.chunks).free);
        free.into_iter().for_each(Chunk::recycle);
    }

    /// Makes a ring known to the engine.
    pub(crate) fn register(&self, consumer: Consumer<'static, Records>, returned: Arc<Returned>) {
        lock(&self.incoming).push(Ring::new(consumer, Some(returned)));
    }

    pub(crate) fn take_incoming(&self, rings: &mut Vec<Ring>) {
        rings.append(&mut lock(&self.incoming));
    }

    /// How to read and write headers.
    pub(crate) fn codec(&self, http: bool) -> TextMapCodec<'_> {
        let names = &self.settings.headers;
        let codec = if http {
            TextMapCodec::http()
        } else {
            TextMapCodec::text_map()
        };
        codec.with_names(HeaderNames {
            trace_context: &names.trace_context,
            baggage_prefix: &names.baggage_prefix,
            debug_id: &names.debug_id,
            baggage: &names.baggage,
        })
    }

    /// The sum of contract 5, exact when no call is in progress.
    pub(crate) fn stats(&self) -> Stats {
        if self.is_closed() {
            self.engine().sweep(self);
        }
        let mut stats = self.ledger().stats();
        stats.late_refusals = self.late_refusals.load(Ordering::Relaxed);
        stats.decode_errors = self.decode_errors.load(Ordering::Relaxed);
        stats.forked = self.forked.load(Ordering::Relaxed);
        stats
    }

    /// Runs `f` while the calling thread holds a lock; for tests of fork.
    pub(crate) fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        match which {
            Lock::Worker => self.waker.while_locked(f),
            Lock::Flush => self.flush.while_locked(f),
            Lock::Engine => hold(&self.engine, f),
            Lock::Incoming => hold(&self.incoming, f),
            Lock::Chunks => hold(&self.chunks, f),
            Lock::Common => hold(&self.common, f),
            Lock::Overflow => hold(&self.overflow, f),
            Lock::Pool => hold(&self.pool, f),
            Lock::Ledger => hold(&self.ledger, f),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.generation != unix::generation() {
            return;
        }
        let overflow = self
            .overflow
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let engine = self
            .engine
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let (Some(producer), Some(consumer)) = (overflow.0.take(), engine.take_overflow()) {
            Chunk { producer, consumer }.recycle();
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("service", &self.settings.service_name)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    pub(crate) fn join(&mut self, counts: Arc<Counts>) {
        self.threads.push(counts);
    }

    /// Keeps the sums of a thread that ends.
    pub(crate) fn leave(&mut self, counts: &Arc<Counts>) {
        counts.add_to(&mut self.gone);
        self.threads.retain(|other| !Arc::ptr_eq(other, counts));
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.gone;
        for counts in &self.threads {
            counts.add_to(&mut stats);
        }
        let delivery = self.delivery;
        stats.delivered = delivery.delivered;
        stats.lost.too_large += delivery.too_large;
        stats.lost.refused += delivery.refused;
        stats.lost.failed += delivery.failed;
        stats.lost.closed += self.swept;
        // `held` has counted what ended until here.
        let left = stats.delivered + stats.lost.total() + stats.cleared;
        stats.held = stats.held.saturating_sub(left);
        stats.open = stats.began.saturating_sub(left + stats.held);
        stats
    }
}

impl Counts {
    /// Adds these counts; what ended goes to `held` for the time being.
    fn add_to(&self, stats: &mut Stats) {
        // Ends are read first, so that a span is never seen to end before it began.
        stats.held += self.ended.get();
        stats.cleared += self.cleared.get();
        stats.unsampled += self.unsampled.get();
        let lost: &mut Lost = &mut stats.lost;
        lost.full += self.full.get();
        lost.memory += self.memory.get();
        lost.closed += self.closed.get();
        stats.began += self.began.get();
    }
}

impl Overflow {
    /// Appends an image; `false` if the ring is full.
    pub(crate) fn push(&mut self, sequence: u32, image: &Image) -> bool {
        let producer = self.0.as_mut();
        producer.is_some_and(|producer| producer.push(sequence, &image.image()).is_ok())
    }
}

/// A panic of another thread leaves counts and lists whole: nothing here panics
/// between two changes that belong together.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn hold<T>(mutex: &Mutex<T>, f: impl FnOnce()) {
    let _guard = lock(mutex);
    f();
}

/// Nanoseconds of a clock that does not step back, since the first call.
pub(crate) fn monotonic() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_nanos() as u64
}
