//! What the threads of a tracer share. All locks of the adapter are here, in
//! the order in which they may nest: [`Lock`].

pub(crate) mod shard;
#[allow(unsafe_code, reason = "borrows the thread's shard")]
pub(crate) mod thread_local;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use picojaeger_core::record::Records;
use picojaeger_core::ring::Consumer;
use picojaeger_core::{HeaderNames, Stats, TextMapCodec};

use crate::config::Settings;
use crate::export::exporter::{Exporter, ProcessTags, agent_sender};
use crate::export::process_tags::process_tags;
use crate::memory::ring_reader::{RingReader, RingRegistry};
use crate::memory::rings::{self, FallbackRing, ReturnedProducer, RingEnds, RingPool};
use crate::memory::span_pool::SpanPool;
use crate::memory::span_slot::{SpanOwner, SpanSlot};
use crate::reporters::Reporter;
use crate::sampling::RootSampler;
use crate::state::shard::Shard;
use crate::state::thread_local as local;
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
    ring_registry: Mutex<RingRegistry>,
    ring_pool: Mutex<RingPool>,
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
        let (ring_pool, fallback) = RingPool::new(settings.memory_limit);
        let (producer, consumer) = match fallback {
            Some(RingEnds { producer, consumer }) => (Some(producer), Some(consumer)),
            None => (None, None),
        };
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
            ring_registry: Mutex::default(),
            ring_pool: Mutex::new(ring_pool),
            fallback_ring: Mutex::new(FallbackRing::new(producer)),
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

    /// Takes a ring for a thread; `None` where the memory limit allows no more.
    pub(crate) fn take_ring(&self) -> Option<RingEnds> {
        lock(&self.ring_pool).take()
    }

    /// Puts back the ring of a thread that ended.
    pub(crate) fn put_ring(&self, ends: RingEnds) {
        lock(&self.ring_pool).put(ends);
    }

    /// Lets other tracers have the rings that no thread holds.
    pub(crate) fn close_ring_pool(&self) {
        lock(&self.ring_pool).close();
    }

    /// Makes a ring known to the exporter.
    pub(crate) fn register(
        &self,
        consumer: Consumer<'static, Records>,
        returned: Arc<ReturnedProducer>,
    ) {
        lock(&self.ring_registry).add(RingReader::of_thread(consumer, returned));
    }

    /// Frees the ring of a thread that ended if the exporter has not taken it over and it is
    /// empty.
    pub(crate) fn withdraw(&self, returned: &Arc<ReturnedProducer>) -> bool {
        // In a statement of its own, so that the registry's lock is free behind it.
        let ends = lock(&self.ring_registry).withdraw(returned);
        ends.map(|ends| self.put_ring(ends)).is_some()
    }

    pub(crate) fn take_new_readers(&self, readers: &mut Vec<RingReader>) {
        lock(&self.ring_registry).take_all(readers);
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
            Lock::Incoming => hold(&self.ring_registry, f),
            Lock::RingPool => hold(&self.ring_pool, f),
            Lock::Common => hold(&self.common, f),
            Lock::FallbackRing => hold(&self.fallback_ring, f),
            Lock::Worker => self.worker.while_locked(f),
            Lock::Flush => self.tickets.while_locked(f),
            Lock::Sampler => self.sampler.while_locked(f),
            Lock::SpanPool => hold(&self.pool, f),
            Lock::StatsRegistry => hold(&self.stats_registry, f),
            Lock::AtExit => worker::while_list_locked(f),
            Lock::Spare => rings::while_spare_locked(f),
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
        self.close_ring_pool();
        let exporter = self.exporter.get_mut();
        let mut rings = exporter
            .unwrap_or_else(PoisonError::into_inner)
            .take_rings();
        self.take_new_readers(&mut rings);
        let mut fallback = self.fallback_ring().take();
        for ring in rings {
            ring.recycle(&mut fallback);
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
