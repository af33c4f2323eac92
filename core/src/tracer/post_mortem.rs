//! Reporting after a fault, a panic, or the end of a task.

use crate::tracer::{PacketReporter, Platform, SpanRing, Tracer};
use crate::wire::{Encoder, Process};

impl<P: Platform, R: SpanRing + ?Sized> Tracer<P, R> {
    /// Returns the reporter although there is one: for the handler of a fault or a panic, to send
    /// what has finished. `None` only from a [`RetainedRing`](crate::RetainedRing) before `recover`.
    ///
    /// The interrupted code may have been anywhere, in the middle of a finish or a poll too. A span
    /// that was being copied into the ring is skipped and counted as [`evicted`](crate::Lost), or
    /// counts as queued for good. Spans of a packet that was under way are sent again; on a ring that
    /// overwrites they are gone with it and count as queued. The new reporter counts its own
    /// deliveries, from 0. The handler may start and finish spans itself.
    ///
    /// [`drain_all`](PacketReporter::drain_all) then is bounded: it stops once what had finished
    /// before is sent. The transport must not wait for an interrupt, and should not wait for a peer.
    ///
    /// ```
    /// # use picojaeger_core::{Clock, Const};
    /// # struct Timer;
    /// # impl Clock for Timer {
    /// #     const BITS: u32 = 32;
    /// #     fn ticks(&self) -> u64 { 7 }
    /// #     fn frequency(&self) -> u64 { 25_000_000 }
    /// # }
    /// # use picojaeger_core::ring::Bytes;
    /// # use picojaeger_core::{Interrupts, SendOutcome, Ring, Seed, Tracer, Transport};
    /// # use picojaeger_core::wire::{Process, ThriftCompact};
    /// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    /// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// # struct PolledUart;
    /// # impl Transport for PolledUart {
    /// #     fn send(&mut self, _packet: &[u8]) -> SendOutcome { SendOutcome::Accepted }
    /// # }
    /// fn in_the_handler_of_faults() -> Option<u64> {
    ///     let process = Process::new("pump-7");
    ///     // SAFETY: a fault ends the program; interrupts are masked.
    ///     let mut reporter = unsafe { TRACER.steal_reporter(ThriftCompact::new(), process) }?;
    ///     TRACER.start::<0>("hard fault");
    ///     reporter.drain_all(&mut PolledUart, &mut [0; 256]);
    ///     Some(reporter.stats().delivered)
    /// }
    /// # TRACER.seed(Seed::from_words([1, 2, 3]));
    /// let reporter = TRACER.reporter(ThriftCompact::new(), Process::new("pump-7"))?;
    /// TRACER.start::<0>("sample");
    /// assert_eq!(in_the_handler_of_faults(), Some(2));
    /// # core::mem::forget(reporter);
    /// # Ok::<(), picojaeger_core::ReporterTaken>(())
    /// ```
    ///
    /// # Safety
    /// Nothing that used this tracer goes on, but for spans that are only finished: mask interrupts, stop other
    /// cores, and do not return to the interrupted code. The ring's mutex must admit a call from here while
    /// another holds it: on one core [`Interrupts`](crate::Interrupts) does, and a spin lock would
    /// wait for ever.
    pub unsafe fn steal_reporter<'t, E: Encoder>(
        &'t self,
        encoder: E,
        process: Process<'t>,
    ) -> Option<PacketReporter<'t, P, E, R>> {
        // SAFETY: passed on to the caller.
        let consumer = unsafe { self.ring.steal_consumer() }?;
        Some(PacketReporter::with_consumer(
            self, consumer, encoder, process,
        ))
    }
}

impl<P: Platform, E: Encoder, R: SpanRing + ?Sized> PacketReporter<'_, P, E, R> {
    /// Skips the spans that began to finish and never will, since their tasks were killed, and
    /// returns how many; each counts as [`evicted`](crate::Lost).
    ///
    /// A span whose task is killed while it is copied into the ring would hold up all later ones for good.
    /// Spans that the task had not finished stay open in the counts.
    ///
    /// ```
    /// # use picojaeger_core::{Clock, Const};
    /// # struct Timer;
    /// # impl Clock for Timer {
    /// #     const BITS: u32 = 32;
    /// #     fn ticks(&self) -> u64 { 7 }
    /// #     fn frequency(&self) -> u64 { 25_000_000 }
    /// # }
    /// # use picojaeger_core::ring::Bytes;
    /// # use picojaeger_core::{Interrupts, Ring, Tracer};
    /// # use picojaeger_core::wire::{Process, ThriftCompact};
    /// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    /// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// let mut reporter = TRACER.reporter(ThriftCompact::new(), Process::new("pump-7"))?;
    /// // After the end of a task, in a loop of the lowest priority:
    /// // SAFETY: whoever else was in the middle of a finish has ended it before this loop goes on.
    /// let lost = unsafe { reporter.abandon_open() };
    /// assert_eq!(lost, 0, "it was not killed in the middle of one");
    /// # Ok::<(), picojaeger_core::ReporterTaken>(())
    /// ```
    ///
    /// # Safety
    /// No call that is finishing a span goes on. Those of live tasks and of interrupts must have
    /// ended: call it from the lowest priority, or with the scheduler stopped where none was
    /// preempted within the tracer.
    pub unsafe fn abandon_open(&mut self) -> usize {
        let (ring, consumer) = self.ring_and_consumer();
        // SAFETY: passed on to the caller.
        unsafe { ring.abandon_open(consumer) }
    }
}
