//! The kernel's tracers: one for each processor, or with the feature `shared` one for both.

use picojaeger_core::ring::Bytes;
use picojaeger_core::{Clock, Const, Platform, Ring, Seed, Tracer};

use crate::machine::{self, Counter};

/// The kernel's clock and sampler, with trace ids of 128 bits.
pub struct Kernel;

impl Platform for Kernel {
    type Clock = Counter;
    type Sampler = Const;
    const TRACE_ID_128BIT: bool = true;

    fn clock(&self) -> &Counter {
        &Counter
    }

    fn sampler(&self) -> &Const {
        &Const(true)
    }
}

/// The mutex of a ring. That of a processor's own ring is seldom contended: only the reporter, on the first
/// processor, takes it beside the ring's owner.
#[cfg(not(feature = "shared"))]
type Mutex = crate::lock::SpinLock;
/// The mutex of the one ring: the kernel's critical section.
#[cfg(feature = "shared")]
type Mutex = picojaeger_core::Interrupts;

/// A ring that holds all that is recorded, so that nothing is lost however slow the output is.
pub type KernelRing = Ring<Mutex, Bytes<{ 128 << 10 }>>;
pub type KernelTracer = Tracer<Kernel, KernelRing>;

#[cfg(not(feature = "shared"))]
pub const COUNT: usize = 2;
#[cfg(feature = "shared")]
pub const COUNT: usize = 1;

#[cfg(not(feature = "shared"))]
pub static TRACERS: [KernelTracer; COUNT] = {
    static RINGS: [KernelRing; COUNT] = [KernelRing::new(), KernelRing::new()];
    [
        Tracer::new(Kernel, &RINGS[0]),
        Tracer::new(Kernel, &RINGS[1]),
    ]
};
#[cfg(feature = "shared")]
pub static TRACERS: [KernelTracer; COUNT] = {
    static RING: KernelRing = KernelRing::new();
    [Tracer::new(Kernel, &RING)]
};

/// Returns the tracer of a processor.
pub fn of(processor: usize) -> &'static KernelTracer {
    let [first, ..] = &TRACERS;
    TRACERS.get(processor).unwrap_or(first)
}

/// Gives each tracer a seed of its own, so that ids never meet, and the time.
pub fn start() {
    TRACERS
        .iter()
        .for_each(|tracer| tracer.seed(Seed::from_fn(machine::random)));
    let (unix_micros, [before, after]) = machine::next_second();
    let uncertainty = (after - before) * 1_000_000 / Counter.frequency() + 1;
    for tracer in &TRACERS {
        if let Some(ticks) = tracer.captured(after) {
            tracer.set_unix_time_at(ticks, unix_micros, uncertainty as u32);
        }
    }
}
