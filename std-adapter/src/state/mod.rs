//! One tracer in one process: the state that its threads share.
//!
//! # Lock order
//! While a lock is held, only locks further down this list may be taken: exporter, fallback shard,
//! shared ring, registry of rings, a ring's place of return, pool of rings, worker's thread,
//! tickets, sampler, span pool, memory budget, counts; then that of the process, the list of
//! tracers to flush at exit. A forked child takes none of its parent's.

pub(crate) mod at_exit;
mod baggage;
#[cfg(test)]
pub(crate) mod fork_test_locks;
#[cfg(feature = "http")]
mod polls;
mod seeds;
pub(crate) mod shard;
#[allow(unsafe_code, reason = "borrows the thread's shard")]
pub(crate) mod thread_local;
mod worker_work;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use picojaeger_core::Stats;
use picojaeger_core::adapter::Rate;
use picojaeger_core::adapter::record::EntryLimits;

use crate::config::Settings;
use crate::export::common::{Common, ProcessTags, Reporters};
use crate::export::exporter::Exporter;
use crate::export::further::Outlet;
use crate::export::process_tags::process_tags;
use crate::memory::budget::MemoryBudget;
use crate::memory::open_name::OpenName;
use crate::memory::open_names::OpenNames;
use crate::memory::rings::{Rings, SharedRing};
use crate::memory::span_pool::SpanPool;
use crate::memory::span_slot::{SpanOwner, SpanSlot};
use crate::metrics::rpc::RpcMetrics;
#[cfg(feature = "observers")]
use crate::observers::Observers;
#[cfg(feature = "http")]
use crate::propagation::Restrictions;
use crate::propagation::{BaggageCounts, DecodeErrors};
use crate::sampling::RootSampler;
#[cfg(feature = "http")]
use crate::sampling::Throttler;
#[cfg(feature = "http")]
use crate::state::polls::{Polls, restrictions, throttler};
use crate::state::seeds::Seeds;
use crate::state::shard::Shard;
use crate::state::worker_work::WakeWorker;
use crate::sys::clock::{TickSource, monotonic};
use crate::sys::pace::Pace;
use crate::sys::per_process::OnceBox;
use crate::sys::sync::{lock, try_lock};
use crate::sys::{fork, membarrier};
use crate::transport::{BoxTransport, Closing};
use crate::worker::{WorkerHandle, is_worker};

/// A tracer's state. Each forked child makes a new one at its first call.
pub(crate) struct TracerState {
    pub(crate) common: Common,
    pub(crate) source: TickSource,
    make_transport: MakeTransport,
    receivers: Arc<[Receiver]>,
    seeds: Seeds,
    /// Fork generation in which the state was made.
    generation: u32,
    /// State of a child that was forked from this process.
    child_state: OnceBox<Arc<TracerState>>,
    closed: AtomicBool,
    /// Starts of sampled spans take the slow path: closed, timed by another clock, or noted with more than their
    /// names.
    starts_slowly: AtomicBool,
    /// An [`Ends`].
    ends: AtomicU8,
    /// The most entries of a span, if any are limited.
    pub(crate) limits: Option<EntryLimits>,
    closing: Arc<Closing>,
    /// Closed, and the last pass is over: records that arrive now raced with the close.
    drained: AtomicBool,
    worker: WorkerHandle,
    #[cfg(feature = "http")]
    polls: Polls,
    /// Limits the traces that are forced.
    #[cfg(feature = "http")]
    pub(crate) throttler: Option<Arc<Throttler>>,
    /// Limits the baggage that may be set.
    #[cfg(feature = "http")]
    pub(crate) restrictions: Option<Arc<Restrictions>>,
    pub(crate) baggage: BaggageCounts,
    /// Of looks for losses to log, where no worker is awake.
    loss_pace: Pace,
    exporter: Mutex<Exporter>,
    shared_ring: Mutex<SharedRing>,
    fallback_shard: Mutex<Shard>,
    pool: Mutex<SpanPool<TracerState>>,
    no_name: Arc<OpenName>,
    pub(crate) decode_errors: DecodeErrors,
    pub(crate) forked: AtomicU64,
    /// Copies of spans that were sent before these finished.
    pub(crate) unfinished: AtomicU64,
    /// Of the ticks, for requests: a nanosecond each, but of a user's clock.
    pub(crate) rate: Rate,
    #[cfg(feature = "observers")]
    pub(crate) observers: Observers,
    /// Counts of requests, if wanted.
    pub(crate) rpc: Option<RpcMetrics>,
}

/// The way in which spans end, so that one test tells the most frequent one from the others.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Ends {
    /// On the fast path, timed by the processor's counter.
    ByCounter,
    /// On the fast path, timed by another clock.
    ByClock,
    /// On the slow path: closed, entries are limited, or decisions may wait.
    Slowly,
}

/// The slot of a span of this tracer.
pub(crate) type Slot = SpanSlot<TracerState>;

/// Parts of a tracer's state that the first process and each forked child have in common.
pub(crate) struct Parts {
    pub(crate) settings: Arc<Settings>,
    pub(crate) reporters: Reporters,
    pub(crate) source: TickSource,
    pub(crate) sampler: RootSampler,
    pub(crate) transport: MakeTransport,
    /// The further transports.
    pub(crate) receivers: Arc<[Receiver]>,
    /// What ids follow from, in place of random numbers.
    pub(crate) seed: Option<u64>,
    #[cfg(feature = "observers")]
    pub(crate) observers: Observers,
}

/// Makes the transport of a tracer in one process, if it has one.
pub(crate) type MakeTransport =
    Arc<dyn Fn(&Settings, TracerLink) -> Option<BoxTransport> + Send + Sync>;

/// A further transport, to be made in each process.
pub(crate) struct Receiver {
    pub(crate) name: Arc<str>,
    /// Those of the tracer, but for where and how spans are sent.
    pub(crate) settings: Settings,
    pub(crate) make: MakeTransport,
}

/// What a transport knows of its tracer.
#[derive(Clone)]
pub(crate) struct TracerLink {
    /// To be woken when the transport becomes ready, or an outcome is known.
    pub(crate) waker: Waker,
    #[cfg_attr(
        not(feature = "http"),
        allow(dead_code, reason = "for transports that wait for peers")
    )]
    pub(crate) closing: Arc<Closing>,
}

impl TracerState {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let state = Self::assemble(parts);
        membarrier::prepare();
        if state.common.settings.reporter.flush_at_exit {
            at_exit::flush_at_exit(&state);
        }
        state
    }

    fn assemble(parts: Parts) -> Arc<Self> {
        let Parts {
            settings,
            reporters,
            source,
            sampler,
            transport: make_transport,
            receivers,
            seed,
            #[cfg(feature = "observers")]
            observers,
        } = parts;
        let limits = settings.limits.of_entries();
        let limits = (limits != EntryLimits::NONE).then_some(limits);
        let copies = settings.memory_of_copies(receivers.len());
        let limit = settings.memory_of_spans() - copies;
        let budget = Arc::new(MemoryBudget::new(limit));
        let rings = Rings::new(limit, budget.clone());
        let common = common(settings.clone(), reporters, rings, sampler);
        #[cfg(feature = "http")]
        let throttler = throttler(&common);
        let fallback_shard = fallback_shard(&common);
        let clock = source.clone();
        let closing = Arc::<Closing>::default();
        Arc::new_cyclic(|this| TracerState {
            common,
            generation: fork::generation(),
            child_state: OnceBox::new(),
            closed: AtomicBool::new(false),
            starts_slowly: AtomicBool::new(!source.is_tsc() || settings.spans.unfinished_at_close),
            ends: AtomicU8::new(match () {
                () if limits.is_some() || settings.sampling.late_binding => Ends::Slowly,
                () if source.is_tsc() => Ends::ByCounter,
                () => Ends::ByClock,
            } as u8),
            limits,
            closing: closing.clone(),
            drained: AtomicBool::new(false),
            worker: WorkerHandle::new(),
            #[cfg(feature = "http")]
            polls: Polls::default(),
            #[cfg(feature = "http")]
            throttler,
            #[cfg(feature = "http")]
            restrictions: restrictions(&settings),
            baggage: BaggageCounts::default(),
            loss_pace: Pace::default(),
            exporter: {
                let link = TracerLink {
                    waker: Arc::new(WakeWorker(this.clone())).into(),
                    closing,
                };
                let further = outlets(&receivers, copies, &link);
                let transport = make_transport(&settings, link);
                let exporter = Exporter::new(&settings, clock, transport, further);
                Mutex::new(exporter)
            },
            make_transport,
            receivers,
            seeds: Seeds::new(seed),
            shared_ring: Mutex::default(),
            fallback_shard: Mutex::new(fallback_shard),
            pool: Mutex::new({
                let names = OpenNames::new(settings.spans.unfinished_at_close);
                SpanPool::new(limit, budget, names)
            }),
            no_name: Arc::new(OpenName::new()),
            decode_errors: DecodeErrors::default(),
            forked: AtomicU64::new(0),
            unfinished: AtomicU64::new(0),
            rate: Rate::new(source.frequency()),
            #[cfg(feature = "observers")]
            observers,
            rpc: settings.spans.rpc_metrics.then(RpcMetrics::default),
            source,
        })
    }

    /// Returns whether the state was made before a fork, and so belongs to the parent process.
    #[inline(always)]
    pub(crate) fn is_of_parent(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Returns this state, or in a forked child the child's own.
    #[inline(always)]
    pub(crate) fn current(self: &Arc<Self>) -> &Arc<Self> {
        if !self.is_of_parent() {
            return self;
        }
        self.inherit()
    }

    /// Returns the forked child's own state, made first if there is none.
    #[cold]
    fn inherit(self: &Arc<Self>) -> &Arc<Self> {
        let mut state = self;
        while state.is_of_parent() {
            state = state.child_state.get_or_set(|| {
                let child_state = TracerState::new(state.parts());
                if state.is_closed() {
                    child_state.set_closed();
                }
                child_state
            });
        }
        state
    }

    fn parts(&self) -> Parts {
        Parts {
            settings: self.common.settings.clone(),
            reporters: self.common.reporters.clone(),
            source: self.source.clone(),
            sampler: self.common.sampler.for_child(&self.common.settings),
            transport: self.make_transport.clone(),
            receivers: self.receivers.clone(),
            seed: self.seeds.of_child(),
            #[cfg(feature = "observers")]
            observers: self.observers.clone(),
        }
    }

    /// Returns this process's state, if it has been made.
    pub(crate) fn present(self: &Arc<Self>) -> Option<&Arc<Self>> {
        let mut state = self;
        while state.is_of_parent() {
            state = state.child_state.get()?;
        }
        Some(state)
    }

    /// Returns whether the tracer makes no spans. Then no thread has a shard of it, so each start
    /// takes the slow path.
    pub(crate) fn is_propagation_only(&self) -> bool {
        self.common.settings.propagation_only
    }

    /// Returns whether every start and end takes the slow path, which does more then.
    pub(crate) fn is_watched(&self) -> bool {
        #[cfg(feature = "observers")]
        if !self.observers.is_empty() {
            return true;
        }
        self.rpc.is_some()
    }

    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: a start or an end that runs beside `close` may fall on either side of it.
        self.closed.load(Ordering::Relaxed)
    }

    /// Returns whether the fast path leaves the start of a sampled span to the slow path. Closed
    /// tracers are among these, so that one test does for both.
    #[inline(always)]
    pub(crate) fn starts_slowly(&self) -> bool {
        // Relaxed, as above.
        self.starts_slowly.load(Ordering::Relaxed)
    }

    /// Returns whether spans end on the fast path and are timed by the processor's counter.
    #[inline(always)]
    pub(crate) fn ends_by_counter(&self) -> bool {
        // Relaxed, as above.
        self.ends.load(Ordering::Relaxed) == Ends::ByCounter as u8
    }

    /// Returns whether the fast path leaves the end of a span to the slow path.
    #[inline(always)]
    pub(crate) fn ends_slowly(&self) -> bool {
        // Relaxed, as above.
        self.ends.load(Ordering::Relaxed) == Ends::Slowly as u8
    }

    /// Returns whether the tracer is closed, for the side that empties the rings: pushes before the
    /// close are visible then (Acquire).
    pub(crate) fn is_closing(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn set_closed(&self) {
        self.starts_slowly.store(true, Ordering::SeqCst);
        self.ends.store(Ends::Slowly as u8, Ordering::SeqCst);
        self.closed.store(true, Ordering::SeqCst);
        self.closing.begin();
    }

    /// Interrupts what a close has no more time for.
    pub(crate) fn end_closing(&self) {
        self.closing.end();
    }

    /// Records that every span that finished before the close has its outcome.
    pub(crate) fn set_drained(&self) {
        self.drained.store(true, Ordering::SeqCst);
    }

    pub(crate) fn exporter(&self) -> MutexGuard<'_, Exporter> {
        lock(&self.exporter)
    }

    /// Locks the exporter, unless it is in use.
    pub(crate) fn try_exporter(&self) -> Option<MutexGuard<'_, Exporter>> {
        try_lock(&self.exporter)
    }

    pub(crate) fn fallback_shard(&self) -> MutexGuard<'_, Shard> {
        lock(&self.fallback_shard)
    }

    pub(crate) fn shared_ring(&self) -> MutexGuard<'_, SharedRing> {
        lock(&self.shared_ring)
    }

    /// Returns the counts, which add up when no call is in progress.
    pub(crate) fn stats(&self) -> Stats {
        // Not on a worker: a reporter may read the counts while its thread holds the exporter.
        if self.drained.load(Ordering::SeqCst) && !is_worker() {
            self.exporter().sweep(&self.common);
        }
        let mut stats = self.common.stats_registry().stats();
        stats.decode_errors = self.decode_errors.count();
        stats.forked = self.forked.load(Ordering::Relaxed);
        stats.unfinished = self.unfinished.load(Ordering::Relaxed);
        stats
    }
}

#[cfg(test)]
impl TracerState {
    /// Makes the state of a tracer that samples all and sends nowhere, without a worker, as
    /// changed by `change`.
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
        TracerState::new(Parts {
            sampler: RootSampler::new(&settings),
            settings,
            reporters: [].into(),
            source,
            transport: Arc::new(|_, _| None),
            receivers: [].into(),
            seed: None,
            #[cfg(feature = "observers")]
            observers: Observers::default(),
        })
    }
}

/// Makes the further transports, whose rings take so many bytes together.
fn outlets(receivers: &[Receiver], bytes: usize, link: &TracerLink) -> Vec<Outlet> {
    let make = |receiver: &Receiver| {
        let transport = (receiver.make)(&receiver.settings, link.clone())?;
        let (name, ring) = (receiver.name.clone(), bytes / receivers.len().max(1));
        Some(Outlet::new(name, &receiver.settings, ring, transport))
    };
    receivers.iter().filter_map(make).collect()
}

/// Returns what a tracer's threads share with its exporter, with process tags of its own.
fn common(
    settings: Arc<Settings>,
    reporters: Reporters,
    rings: Rings,
    sampler: RootSampler,
) -> Common {
    let uuid = getrandom::u64().unwrap_or_else(|_| monotonic());
    let process: ProcessTags = process_tags(&settings.process.tags, uuid).into();
    Common::new(settings, process, reporters, rings, sampler)
}

/// Returns the shard of threads that have none, whose counters are registered.
fn fallback_shard(common: &Common) -> Shard {
    let shard = Shard::fallback();
    common.stats_registry().join(shard.counters.clone());
    shard
}

impl SpanOwner for TracerState {
    fn pool(&self) -> MutexGuard<'_, SpanPool<Self>> {
        lock(&self.pool)
    }

    #[inline(always)]
    fn is_of_parent(&self) -> bool {
        self.is_of_parent()
    }

    fn value_limit(&self) -> u16 {
        // At most 65,000.
        self.common.settings.max_tag_value_length as u16
    }

    fn no_name(&self) -> &Arc<OpenName> {
        &self.no_name
    }
}

impl Drop for TracerState {
    /// Frees the rings. Every thread has returned its own: its shard held a reference to this state.
    fn drop(&mut self) {
        if self.is_of_parent() {
            return;
        }
        #[cfg(feature = "http")]
        self.end_polls();
        let exporter = self.exporter.get_mut();
        let readers = exporter
            .unwrap_or_else(PoisonError::into_inner)
            .take_rings();
        let shared = std::mem::take(&mut *self.shared_ring());
        self.common.rings.free_all(readers, shared);
    }
}

impl std::fmt::Debug for TracerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracerState")
            .field("service", &self.common.settings.process.service_name)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
