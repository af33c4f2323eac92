//! How much of the memory a program uses.

use cortex_m::register::msp;

/// Bytes of flash and memory that a program takes.
#[derive(Clone, Copy)]
pub struct Usage {
    pub flash: usize,
    pub statics: usize,
    /// The deepest that the stack was since it was painted, and its room.
    pub stack: usize,
    pub room: usize,
}

const PAINT: u32 = 0xa5c3_5a3c;
/// Below the stack pointer, for what the painting itself needs.
const MARGIN: usize = 128;

unsafe extern "C" {
    static __sidata: u8;
    static __sdata: u8;
    static __edata: u8;
    static __sheap: u32;
    static _stack_start: u32;
}

/// Paints the free part of the stack; call it first.
pub fn paint() {
    let end = msp::read() as usize - MARGIN;
    let mut at = (&raw const __sheap).cast_mut();
    while at.addr() < end {
        // SAFETY: behind all statics, and below every frame.
        unsafe {
            at.write_volatile(PAINT);
            at = at.add(1);
        }
    }
}

/// Returns what the program took so far.
pub fn usage() -> Usage {
    let (bottom, top) = (&raw const __sheap, &raw const _stack_start);
    let mut at = bottom;
    // SAFETY: within the stack, which consists of words.
    while at < top && unsafe { at.read_volatile() } == PAINT {
        at = at.wrapping_add(1);
    }
    let data = (&raw const __sdata).addr();
    Usage {
        flash: (&raw const __sidata).addr() + (&raw const __edata).addr() - data,
        statics: bottom.addr() - data,
        stack: top.addr() - at.addr(),
        room: top.addr() - bottom.addr(),
    }
}
