//! What is interrupted, and by what.

use picojaeger_core::ring::{DropNewest, OverwriteOldest};
use picojaeger_cortex_m::proof::Side;

/// A work, and its interrupt.
pub struct Scene {
    pub policy: &'static str,
    pub name: &'static str,
    /// Seeds the tracer, makes the reporter, and brings the ring to where the scene begins.
    pub prepare: fn(),
    pub work: fn(),
    pub interrupt: fn(),
    /// Reports the rest, sends all packets if that is wanted, and checks the counts; returns the spans that
    /// were lost.
    pub settle: fn(bool) -> u32,
}

/// All scenes.
pub static SCENES: [Scene; 8] = [
    record::<DropNewest>(),
    poll::<DropNewest>(),
    polled::<DropNewest>(),
    steal::<DropNewest>(),
    record::<OverwriteOldest>(),
    poll::<OverwriteOldest>(),
    polled::<OverwriteOldest>(),
    steal::<OverwriteOldest>(),
];

/// Spans are made in a ring that gets full; the interrupt makes one too.
const fn record<P: Side>() -> Scene {
    Scene {
        name: "record",
        prepare: || {
            P::side().start();
            P::side().pair();
            P::side().pair();
        },
        work: || P::side().pair(),
        ..scene::<P>()
    }
}

/// Packets are made and sent; the interrupt makes a span.
const fn poll<P: Side>() -> Scene {
    Scene {
        name: "poll",
        work: || P::side().poll(),
        ..scene::<P>()
    }
}

/// Spans are made, and the interrupt makes packets and sends them.
const fn polled<P: Side>() -> Scene {
    Scene {
        name: "polled",
        work: || P::side().pair(),
        interrupt: || P::side().poll(),
        ..scene::<P>()
    }
}

/// The reporter is stolen; the interrupt makes a span.
const fn steal<P: Side>() -> Scene {
    Scene {
        name: "steal",
        work: || P::side().steal(),
        ..scene::<P>()
    }
}

const fn scene<P: Side>() -> Scene {
    Scene {
        policy: P::NAME,
        name: "",
        prepare: || {
            P::side().start();
            P::side().single(1);
            P::side().whole();
        },
        work: || {},
        interrupt: || P::side().single(1),
        settle: |send| P::side().settle(send),
    }
}
