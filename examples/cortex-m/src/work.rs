//! The work that the examples trace, and the start of its interrupt.

#[path = "../../common/work.rs"]
mod common;

use cortex_m::peripheral::SYST;

pub use common::*;

/// Unix time at the start. A real board reads it from a server or a real-time clock.
pub const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

/// Starts the timer interrupt.
pub fn start_beats(timer: &mut SYST) {
    timer.set_reload(20_000);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}
