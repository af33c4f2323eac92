//! Work that is not traced: that of a reporter, whose spans would feed themselves for ever.

use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::sampler::{Decision, Description, Query, Sampler};
use crate::tasks::Execution;
use crate::transport::{AsyncTransport, ExportCounts, SendOutcome, Transport};

/// Keeps a reporter's own work out of the traces that it sends.
///
/// A network driver that makes spans makes some for each packet, which are sent in a further packet, and so
/// on for ever, also where nothing else happens. The tracer's [sampler](Suppression::sampler) samples no
/// trace that begins while the [transport](Suppression::transport) sends, or in a
/// [scope](Suppression::enter); they count as unsampled. `E` tells threads and interrupts apart: an
/// interrupt that comes meanwhile is recorded as ever, and so are the tasks that run while a send is
/// awaited. Spans with a parent follow that.
///
/// One for each reporter, since it holds the one thread or interrupt that its reporter runs in. Costs a
/// load and [`Execution::id`] in each start of a trace, and nothing in programs without it.
///
/// ```
/// # use picojaeger_core::Clock;
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::wire::{Process, ThriftCompact};
/// # use picojaeger_core::{Execution, Interrupts, Ring, Seed, SendOutcome, Tracer, Transport};
/// # /// There is one thread, and no interrupt.
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// use picojaeger_core::{Const, Suppressible, Suppression};
///
/// static REPORTING: Suppression<CortexM> = Suppression::new();
/// static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// static TRACER: Tracer<(Timer, Suppressible<'static, Const, CortexM>)> =
///     Tracer::new((Timer, REPORTING.sampler(Const(true))), &RING);
///
/// /// A network whose driver is traced.
/// struct Network;
/// impl Transport for Network {
///     fn send(&mut self, packet: &[u8]) -> SendOutcome {
///         TRACER.start::<32>("send").tag("bytes", packet.len());
///         SendOutcome::Accepted
///     }
/// }
///
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// let mut reporter = TRACER.reporter(ThriftCompact::new(), Process::new("pump-7"))?;
/// let mut network = REPORTING.transport(Network);
/// TRACER.start::<0>("sample");
/// reporter.drain_all(&mut network, &mut [0; 512]);
/// let stats = reporter.stats();
/// assert_eq!((stats.delivered, stats.unsampled, stats.queued), (1, 1, 0));
/// # Ok::<(), picojaeger_core::ReporterTaken>(())
/// ```
pub struct Suppression<E> {
    /// One more than the number of what runs unsampled, or 0.
    running: AtomicUsize,
    execution: PhantomData<fn() -> E>,
}

/// A scope in which no trace begins, until it is dropped; by [`Suppression::enter`].
///
/// It stays where it was made, and several end in the reverse order. Do not hold it across an `await`:
/// other tasks would run in it.
///
/// ```
/// # use picojaeger_core::Execution;
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// use picojaeger_core::{Suppressed, Suppression};
///
/// static REPORTING: Suppression<CortexM> = Suppression::new();
/// let scope: Suppressed<'_, CortexM> = REPORTING.enter();
/// assert!(REPORTING.is_entered());
/// drop(scope);
/// assert!(!REPORTING.is_entered());
/// ```
#[must_use = "the scope ends when it is dropped"]
pub struct Suppressed<'s, E> {
    suppression: &'s Suppression<E>,
    before: usize,
    /// Not `Send`: it ends where it began.
    here: PhantomData<*mut ()>,
}

/// A sampler that samples no trace in the scopes of a [`Suppression`], and else asks another one.
///
/// ```
/// # use picojaeger_core::Execution;
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// use picojaeger_core::{Const, Query, Sampler, Suppressible, Suppression, TraceId};
///
/// static REPORTING: Suppression<CortexM> = Suppression::new();
/// let sampler: Suppressible<'_, Const, CortexM> = REPORTING.sampler(Const(true));
/// let query = Query::new(TraceId::new(1), "send", 0);
/// assert!(sampler.sample(&query).is_sample());
/// let _scope = REPORTING.enter();
/// assert!(!sampler.sample(&query).is_sample());
/// ```
pub struct Suppressible<'s, S, E> {
    suppression: &'s Suppression<E>,
    sampler: S,
}

/// A transport that sends in a scope of a [`Suppression`].
///
/// ```
/// # use picojaeger_core::Execution;
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// use picojaeger_core::{SendOutcome, Suppressing, Suppression, Transport};
///
/// static REPORTING: Suppression<CortexM> = Suppression::new();
///
/// struct Checked;
/// impl Transport for Checked {
///     fn send(&mut self, _packet: &[u8]) -> SendOutcome {
///         assert!(REPORTING.is_entered());
///         SendOutcome::Accepted
///     }
/// }
/// let mut transport: Suppressing<'_, Checked, CortexM> = REPORTING.transport(Checked);
/// transport.send(&[1]);
/// ```
pub struct Suppressing<'s, T, E> {
    suppression: &'s Suppression<E>,
    transport: T,
}

impl<E> Suppression<E> {
    /// Makes one that is not entered.
    pub const fn new() -> Self {
        Suppression {
            running: AtomicUsize::new(0),
            execution: PhantomData,
        }
    }

    /// Returns a sampler for the tracer, which asks this one outside of the scopes.
    pub const fn sampler<S>(&self, sampler: S) -> Suppressible<'_, S, E> {
        Suppressible {
            suppression: self,
            sampler,
        }
    }

    /// Returns a transport for the reporter, which sends by this one, sync or `async`.
    pub const fn transport<T>(&self, transport: T) -> Suppressing<'_, T, E> {
        Suppressing {
            suppression: self,
            transport,
        }
    }
}

impl<E: Execution> Suppression<E> {
    /// Begins a scope: no trace begins here until the guard is dropped.
    #[inline]
    pub fn enter(&self) -> Suppressed<'_, E> {
        // What interrupts between the two ends its scopes before it returns.
        let before = self.running.load(Ordering::Relaxed);
        self.running
            .store(E::id().wrapping_add(1), Ordering::Relaxed);
        Suppressed {
            suppression: self,
            before,
            here: PhantomData,
        }
    }

    /// Returns whether what runs is in a scope.
    #[inline]
    pub fn is_entered(&self) -> bool {
        self.running.load(Ordering::Relaxed) == E::id().wrapping_add(1)
    }
}

impl<E> Default for Suppression<E> {
    fn default() -> Self {
        Suppression::new()
    }
}

impl<E> Drop for Suppressed<'_, E> {
    #[inline]
    fn drop(&mut self) {
        self.suppression
            .running
            .store(self.before, Ordering::Relaxed);
    }
}

impl<S: Sampler, E: Execution> Sampler for Suppressible<'_, S, E> {
    #[inline]
    fn sample(&self, query: &Query<'_>) -> Decision {
        match self.suppression.is_entered() {
            true => Decision::Drop,
            false => self.sampler.sample(query),
        }
    }

    fn description(&self, code: u8) -> Option<Description> {
        self.sampler.description(code)
    }
}

impl<T: Transport, E: Execution> Transport for Suppressing<'_, T, E> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let _scope = self.suppression.enter();
        self.transport.send(packet)
    }

    fn mtu(&self) -> usize {
        self.transport.mtu()
    }

    fn is_ready(&mut self) -> bool {
        let _scope = self.suppression.enter();
        self.transport.is_ready()
    }

    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        let _scope = self.suppression.enter();
        self.transport.send_more(packet)
    }

    fn settle(&mut self) {
        let _scope = self.suppression.enter();
        self.transport.settle();
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        let _scope = self.suppression.enter();
        self.transport.poll_outcome()
    }

    fn take_late_refusals(&mut self) -> u64 {
        self.transport.take_late_refusals()
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        self.transport.export_counts()
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        self.transport.last_error()
    }
}

impl<T: AsyncTransport, E: Execution> AsyncTransport for Suppressing<'_, T, E> {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let mut sending = pin!(self.transport.send(packet));
        // A scope for each poll: between two of them other tasks run.
        poll_fn(|context| {
            let _scope = self.suppression.enter();
            sending.as_mut().poll(context)
        })
        .await
    }

    fn mtu(&self) -> usize {
        self.transport.mtu()
    }
}

impl<E> fmt::Debug for Suppression<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppression").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Suppressed<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppressed").finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, E> fmt::Debug for Suppressible<'_, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppressible")
            .field("sampler", &self.sampler)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug, E> fmt::Debug for Suppressing<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppressing")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
