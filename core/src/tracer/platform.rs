//! The platform of a tracer: a clock and a sampler.

use crate::sampler::Sampler;
use crate::time::Clock;

/// The clock and the sampler of a tracer.
///
/// A pair of both is a platform. Write a type of your own only where they are stored elsewhere, or
/// for trace ids of 128 bits.
///
/// ```
/// use picojaeger_core::{Clock, Const, Platform};
///
/// struct Timer;
/// impl Clock for Timer {
///     const BITS: u32 = 32;
///     fn ticks(&self) -> u64 {
///         7 // a register read
///     }
///     fn frequency(&self) -> u64 {
///         25_000_000
///     }
/// }
///
/// fn clock_of(platform: &impl Platform) -> u64 {
///     platform.clock().ticks()
/// }
/// assert_eq!(clock_of(&(Timer, Const(true))), 7);
///
/// struct Wide(Timer);
/// impl Platform for Wide {
///     type Clock = Timer;
///     type Sampler = Const;
///     const TRACE_ID_128BIT: bool = true;
///     fn clock(&self) -> &Timer {
///         &self.0
///     }
///     fn sampler(&self) -> &Const {
///         &Const(true)
///     }
/// }
/// ```
pub trait Platform: Sync + 'static {
    /// The clock's type.
    type Clock: Clock;
    /// The sampler's type.
    type Sampler: Sampler;

    /// Whether new traces get ids of 128 bits instead of 64.
    const TRACE_ID_128BIT: bool = false;

    /// Whether [`Platform::half_full`] is called; otherwise it costs nothing.
    const SIGNALS_HALF_FULL: bool = false;

    /// Wakes whoever polls the reporter, where that sleeps: sets the flag of a task, pends an
    /// interrupt.
    ///
    /// Called by each span that finishes and finds, or leaves, the ring half full, from wherever that is,
    /// an interrupt too. A program that polls at [`PacketReporter::poll_at`](crate::PacketReporter)
    /// alone loses spans if more finish before than the ring holds.
    fn half_full(&self) {}

    /// Returns the clock, which is read with interrupts masked.
    fn clock(&self) -> &Self::Clock;

    /// Returns the sampler, which is called once for each trace that begins here, at its start: by
    /// its first name. [`PerOperation`](crate::PerOperation) shows what to do where the name is known
    /// late.
    fn sampler(&self) -> &Self::Sampler;
}

impl<C, S> Platform for (C, S)
where
    C: Clock + Sync + 'static,
    S: Sampler + Sync + 'static,
{
    type Clock = C;
    type Sampler = S;

    #[inline(always)]
    fn clock(&self) -> &C {
        &self.0
    }

    #[inline(always)]
    fn sampler(&self) -> &S {
        &self.1
    }
}
