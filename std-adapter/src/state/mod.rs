//! What the threads of a tracer share. All locks of the adapter are here, in
//! the order in which they may nest: [`Lock`].

pub(crate) mod shard;
#[allow(unsafe_code, reason = "borrows the thread's shard")]
pub(crate) mod thread_local;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use picojaeger_core::record::Records;
use picojaeger_core::ring::{Consumer, Producer};
use picojaeger_core::{HeaderNames, Stats, TextMapCodec};

use crate::config::Settings;
use crate::export::exporter::{Exporter, ProcessTags, RingReader, agent_sender};
use crate::export::process_tags::process_tags;
use crate::memory::rings::{self as chunk, RingEnds};
use crate::memory::span_pool::SpanPool;
use crate::memory::span_slot::{Image, SpanOwner, SpanSlot};
use crate::reporters::Reporter;
use crate::sampling::RootSampler;
use crate::state::shard::Shard;
use crate::state::thread_local::{self as local, ReturnedProducer};
use crate::stats::StatsRegistry;
use crate::sys::clock::{TickSource, monotonic};
use crate::sys::per_process::OnceBox;
use crate::sys::sync::{hold, lock};
use crate::sys::{fork, membarrier};
use crate::transport::Sender;
use crate::worker::parking::Tickets;
use crate::worker::{self, WorkerHandle};

/// A tracer's state. A fork's child makes itself a new one.
pub(crate) struct TracerState {
    pub(crate) settings: Arc<Settings>,
    pub(crate) reporters: Arc<[Arc<dyn Reporter>]>,
    pub(crate) source: TickSource,
    pub(crate) sampler: RootSampler,
    generation: u32,
    child_state: OnceBox<Arc<TracerState>>,
    closed: AtomicBool,
    /// Closed, and the last pass is over: what comes now raced with the end.
    drained: AtomicBool,
    pub(crate) process: ProcessTags,
    worker: WorkerHandle,
    tickets: Tickets,
    exporter: Mutex<Exporter>,
    incoming: Mutex<Vec<RingReader>>,
    chunks: Mutex<RingPool>,
    fallback_ring: Mutex<FallbackRing>,
    common: Mutex<Shard>,
    pool: Mutex<SpanPool<TracerState>>,
    stats_registry: Mutex<StatsRegistry>,
    pub(crate) late_refusals: AtomicU64,
    pub(crate) decode_errors: AtomicU64,
    pub(crate) forked: AtomicU64,
}

/// The slot of a span of this tracer.
pub(crate) type Slot = SpanSlot<TracerState>;

/// The locks of a tracer; one that stands further down may be taken while one
/// further up is held, not the other way round. Public for tests of fork.
///
/// ```
/// use picojaeger_std::Lock;
///
/// assert_eq!(Lock::ALL.len(), 12);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lock {
    /// Reporter, rings and sender.
    Exporter,
    /// Rings that the exporter has not seen yet.
    Incoming,
    /// Rings for threads to come.
    RingPool,
    /// The shard of threads that have none.
    Common,
    /// The ring that all threads share.
    FallbackRing,
    /// The worker's handle.
    Worker,
    /// Tickets of flushes.
    Flush,
    /// The state of a sampler that has one.
    Sampler,
    /// Slots that no thread has.
    SpanPool,
    /// Counters.
    StatsRegistry,
    /// The process's list of tracers.
    AtExit,
    /// The process's rings of tracers that are gone.
    Spare,
}

impl Lock {
    /// All of them.
    pub const ALL: [Lock; 12] = [
        Lock::Exporter,
        Lock::Incoming,
        Lock::RingPool,
        Lock::Common,
        Lock::FallbackRing,
        Lock::Worker,
        Lock::Flush,
        Lock::Sampler,
        Lock::SpanPool,
        Lock::StatsRegistry,
        Lock::AtExit,
        Lock::Spare,
    ];
}

/// Rings that may still be handed to threads.
struct RingPool {
    free: Vec<RingEnds>,
    made: usize,
    most: usize,
    bytes: usize,
}

/// The producing end of the common ring.
pub(crate) struct FallbackRing(Option<Producer<'static, Records>>);

impl TracerState {
    pub(crate) fn new(
        settings: Arc<Settings>,
        reporters: Arc<[Arc<dyn Reporter>]>,
        source: TickSource,
    ) -> Arc<Self> {
        Self::with_sender(settings, reporters, source, agent_sender)
    }

    /// With a sender other than the agent's.
    pub(crate) fn with_sender(
        settings: Arc<Settings>,
        reporters: Arc<[Arc<dyn Reporter>]>,
        source: TickSource,
        sender: impl FnOnce(&Settings, Weak<TracerState>) -> Option<Box<dyn Sender>>,
    ) -> Arc<Self> {
        let rings = settings.memory_limit / 2;
        let bytes = chunk::ring_bytes(settings.memory_limit);
        // Room for the largest record, or an eighth of the rings.
        let fallback_ring = (rings / 8).max(256 << 10);
        let fallback_ring = RingEnds::get(1 << fallback_ring.ilog2());
        let (producer, consumer) = match fallback_ring {
            Some(RingEnds { producer, consumer }) => (Some(producer), Some(consumer)),
            None => (None, None),
        };
        let taken = producer.as_ref().map_or(0, Producer::capacity);
        let common = Shard::new(None);
        let mut stats_registry = StatsRegistry::default();
        stats_registry.join(common.counters.clone());
        let flush_at_exit = settings.flush_at_exit;
        let uuid = getrandom::u64().unwrap_or_else(|_| monotonic());
        let process: ProcessTags = process_tags(&settings.tags, uuid).into();
        let state = Arc::new_cyclic(|this| TracerState {
            process: process.clone(),
            sampler: RootSampler::new(settings.sampler),
            generation: fork::generation(),
            child_state: OnceBox::new(),
            closed: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            worker: WorkerHandle::new(),
            tickets: Tickets::new(),
            exporter: {
                let sender = sender(&settings, this.clone());
                Mutex::new(Exporter::new(&settings, process, source, consumer, sender))
            },
            incoming: Mutex::new(Vec::new()),
            chunks: Mutex::new(RingPool {
                free: Vec::new(),
                made: 0,
                most: rings.saturating_sub(taken) / bytes,
                bytes,
            }),
            fallback_ring: Mutex::new(FallbackRing(producer)),
            common: Mutex::new(common),
            pool: Mutex::new(SpanPool::new(settings.memory_limit / 2)),
            stats_registry: Mutex::new(stats_registry),
            late_refusals: AtomicU64::new(0),
            decode_errors: AtomicU64::new(0),
            forked: AtomicU64::new(0),
            settings,
            reporters,
            source,
        });
        membarrier::prepare();
        // So that no fork finds the clock about to begin.
        monotonic();
        if flush_at_exit {
            worker::flush_when_the_process_ends(&state);
        }
        state
    }

    /// Returns whether the state stems from before a fork, and so is the parent's.
    #[inline(always)]
    pub(crate) fn is_of_parent(&self) -> bool {
        self.generation != fork::generation()
    }

    /// This state, or in the child of a fork the child's own.
    #[inline(always)]
    pub(crate) fn current(self: &Arc<Self>) -> &Arc<Self> {
        if !self.is_of_parent() {
            return self;
        }
        self.inherit()
    }

    #[cold]
    fn inherit(self: &Arc<Self>) -> &Arc<Self> {
        let mut state = self;
        while state.is_of_parent() {
            state = state.child_state.get_or_set(|| {
                let child_state = TracerState::new(
                    state.settings.clone(),
                    state.reporters.clone(),
                    state.source,
                );
                child_state
                    .closed
                    .store(state.is_closed(), Ordering::SeqCst);
                child_state
            });
        }
        state
    }

    /// This process's state, if it has one already.
    pub(crate) fn present(self: &Arc<Self>) -> Option<&Arc<Self>> {
        let mut state = self;
        while state.is_of_parent() {
            state = state.child_state.get()?;
        }
        Some(state)
    }

    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether it is closed, and what was pushed before is visible then: for whoever
    /// empties the rings.
    pub(crate) fn is_closing(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn set_closed(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Says that what finished before the tracer was closed has its outcome.
    pub(crate) fn set_drained(&self) {
        self.drained.store(true, Ordering::SeqCst);
    }

    #[inline(always)]
    pub(crate) fn worker(&self) -> &WorkerHandle {
        &self.worker
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    pub(crate) fn exporter(&self) -> MutexGuard<'_, Exporter> {
        lock(&self.exporter)
    }

    /// The exporter, unless it is at work.
    pub(crate) fn try_exporter(&self) -> Option<MutexGuard<'_, Exporter>> {
        match self.exporter.try_lock() {
            Ok(exporter) => Some(exporter),
            Err(TryLockError::Poisoned(exporter)) => Some(exporter.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn common(&self) -> MutexGuard<'_, Shard> {
        lock(&self.common)
    }

    pub(crate) fn fallback_ring(&self) -> MutexGuard<'_, FallbackRing> {
        lock(&self.fallback_ring)
    }

    pub(crate) fn stats_registry(&self) -> MutexGuard<'_, StatsRegistry> {
        lock(&self.stats_registry)
    }

    /// A ring for a thread, or `None` where the memory limit allows no more.
    pub(crate) fn chunk(&self) -> Option<RingEnds> {
        let mut chunks = lock(&self.chunks);
        if let Some(chunk) = chunks.free.pop() {
            return Some(chunk);
        }
        if chunks.made >= chunks.most {
            return None;
        }
        let chunk = RingEnds::get(chunks.bytes)?;
        chunks.made += 1;
        Some(chunk)
    }

    /// Takes back the ring of a thread that ended.
    pub(crate) fn free_chunk(&self, chunk: RingEnds) {
        if self.is_closed() {
            return chunk.recycle();
        }
        lock(&self.chunks).free.push(chunk);
    }

    /// Lets other tracers have the rings that no thread holds.
    pub(crate) fn recycle_chunks(&self) {
        let free = std::mem::take(&mut lock(&self.chunks).free);
        free.into_iter().for_each(RingEnds::recycle);
    }

    /// Makes a ring known to the exporter.
    pub(crate) fn register(
        &self,
        consumer: Consumer<'static, Records>,
        returned: Arc<ReturnedProducer>,
    ) {
        lock(&self.incoming).push(RingReader::new(consumer, Some(returned)));
    }

    /// Frees the ring of a thread that ended if nobody knows of it yet and it is empty.
    pub(crate) fn withdraw(&self, returned: &Arc<ReturnedProducer>) -> bool {
        let mut incoming = lock(&self.incoming);
        let place = incoming.iter().position(|ring| ring.is_empty_of(returned));
        let ring = place.map(|place| incoming.swap_remove(place));
        drop(incoming);
        let chunk = ring.and_then(RingReader::into_chunk);
        chunk.map(|chunk| self.free_chunk(chunk)).is_some()
    }

    pub(crate) fn take_incoming(&self, rings: &mut Vec<RingReader>) {
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
        // A reporter asks while the exporter is at work.
        if self.drained.load(Ordering::SeqCst) && !local::is_worker() {
            self.exporter().sweep(self);
        }
        let mut stats = self.stats_registry().stats();
        stats.late_refusals = self.late_refusals.load(Ordering::Relaxed);
        stats.decode_errors = self.decode_errors.load(Ordering::Relaxed);
        stats.forked = self.forked.load(Ordering::Relaxed);
        stats
    }

    /// Runs `f` while the calling thread holds a lock; for tests of fork.
    pub(crate) fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        match which {
            Lock::Exporter => hold(&self.exporter, f),
            Lock::Incoming => hold(&self.incoming, f),
            Lock::RingPool => hold(&self.chunks, f),
            Lock::Common => hold(&self.common, f),
            Lock::FallbackRing => hold(&self.fallback_ring, f),
            Lock::Worker => self.worker.while_locked(f),
            Lock::Flush => self.tickets.while_locked(f),
            Lock::Sampler => self.sampler.while_locked(f),
            Lock::SpanPool => hold(&self.pool, f),
            Lock::StatsRegistry => hold(&self.stats_registry, f),
            Lock::AtExit => worker::while_list_locked(f),
            Lock::Spare => chunk::while_spare_locked(f),
        }
    }
}

#[cfg(test)]
impl TracerState {
    /// The state of a tracer that samples all and sends nowhere, without a worker, unless
    /// `change` says otherwise.
    pub(crate) fn of_test(
        source: TickSource,
        change: impl FnOnce(crate::Config) -> crate::Config,
    ) -> Arc<Self> {
        let config = crate::Config::new("test")
            .sampler(crate::config::Sampler::Const(true))
            .agent(false)
            .background(false)
            .flush_at_exit(false);
        let settings = Arc::new(change(config).resolve().unwrap());
        TracerState::new(settings, [].into(), source)
    }
}

impl SpanOwner for TracerState {
    fn pool(&self) -> MutexGuard<'_, SpanPool<Self>> {
        lock(&self.pool)
    }

    #[inline(always)]
    fn generation(&self) -> u32 {
        self.generation
    }

    fn value_limit(&self) -> usize {
        self.settings.max_tag_value_length
    }
}

impl Drop for TracerState {
    /// Lets other tracers have the rings: every thread's end has come back.
    fn drop(&mut self) {
        if self.is_of_parent() {
            return;
        }
        self.recycle_chunks();
        let exporter = self.exporter.get_mut();
        let mut rings = exporter
            .unwrap_or_else(PoisonError::into_inner)
            .take_rings();
        self.take_incoming(&mut rings);
        let mut common = self.fallback_ring().0.take();
        for ring in rings {
            ring.recycle(&mut common);
        }
    }
}

impl std::fmt::Debug for TracerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracerState")
            .field("service", &self.settings.service_name)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl FallbackRing {
    /// Appends an image; `false` if the ring is full.
    pub(crate) fn push(&mut self, sequence: u32, image: &Image) -> bool {
        let producer = self.0.as_mut();
        producer.is_some_and(|producer| producer.push(sequence, &image.image()).is_ok())
    }
}
