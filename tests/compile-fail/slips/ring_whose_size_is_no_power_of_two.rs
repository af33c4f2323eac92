//! The size of a ring is a power of two.

use picojaeger_core::ring::Bytes;
use picojaeger_core::{Interrupts, Ring};

static RING: Ring<Interrupts, Bytes<5000>> = Ring::new();

fn main() {
    let _ring = &RING;
}
