//! What the examples trace: a main loop with two spans a round, and a timer interrupt.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use picojaeger_core::{SpanRing, Tracer, tags};

use crate::Board;

/// Rounds of the main loop.
pub const ROUNDS: i32 = 40;
/// Interrupts that make a span.
pub const BEATS: u32 = 25;
/// All spans.
pub const SPANS: u64 = BEATS as u64 + 2 * ROUNDS as u64;
/// Unix time at the start. A real board reads it from a server or a real-time clock.
pub const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

/// Interrupts so far.
static SO_FAR: AtomicU32 = AtomicU32::new(0);

/// Makes one round's two spans.
pub fn round<R: SpanRing + ?Sized>(tracer: &Tracer<Board, R>, number: i32) {
    let mut round = tracer.start::<96>("round");
    round.tag("number", number).tag("mode", "fast");
    let mut sample = tracer.span_builder("sample").child_of(&round).start::<96>();
    sample
        .tag("celsius", 20.5 + f64::from(number))
        .tag(tags::ERROR, number % 10 == 9);
    sample.log().field("event", "read").field("channel", 3);
}

/// Makes the timer interrupt's span, of its own trace, independent of the code that it interrupts.
pub fn beat<R: SpanRing + ?Sized>(tracer: &Tracer<Board, R>) {
    let beat = SO_FAR.load(Ordering::Relaxed);
    if beat < BEATS {
        let mut span = tracer.start::<32>("beat");
        span.tag("number", beat);
        SO_FAR.store(beat + 1, Ordering::Relaxed);
    }
}

/// Returns how many spans the timer interrupt has made.
pub fn beats() -> u32 {
    SO_FAR.load(Ordering::Relaxed)
}

/// Returns whether the timer interrupt has made all of its spans.
pub fn is_beaten() -> bool {
    beats() == BEATS
}

/// Starts the timer interrupt.
pub fn start_beats(timer: &mut SYST) {
    timer.set_reload(20_000);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}
