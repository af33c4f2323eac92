//! The work that the firmware examples trace: a main loop with two spans a round, and a timer
//! interrupt.

use core::sync::atomic::{AtomicU32, Ordering};

use picojaeger_core::wire::Encoder;
use picojaeger_core::{PacketReporter, Platform, SpanRing, Stats, Tracer, Transport, tags};

/// Rounds of the main loop.
pub const ROUNDS: i32 = 40;
/// Interrupts that make a span.
pub const BEATS: u32 = 25;
/// All spans.
pub const SPANS: u64 = BEATS as u64 + 2 * ROUNDS as u64;

/// Interrupts so far.
static SO_FAR: AtomicU32 = AtomicU32::new(0);

/// Makes all rounds and sends what is due after each, then all that the interrupt made, and the last counts where
/// packets carry them; `wait` waits for an interrupt.
pub fn run<P: Platform, E: Encoder, R: SpanRing + ?Sized>(
    tracer: &Tracer<P, R>,
    reporter: &mut PacketReporter<'_, P, E, R>,
    transport: &mut impl Transport,
    buffer: &mut [u8],
    wait: fn(),
) -> Stats {
    for number in 0..ROUNDS {
        round(tracer, number);
        reporter.drain(transport, buffer);
    }
    while !is_beaten() {
        wait();
    }
    reporter.drain_all(transport, buffer);
    reporter.announce_to(transport, buffer);
    reporter.stats()
}

/// Returns whether these counts are those of all rounds and interrupts.
pub fn is_whole(stats: &Stats) -> bool {
    stats.adds_up() && stats.delivered == SPANS
}

/// Makes one round's two spans.
pub fn round<P: Platform, R: SpanRing + ?Sized>(tracer: &Tracer<P, R>, number: i32) {
    let mut round = tracer.start::<96>("round");
    round.tag("number", number).tag("mode", "fast");
    let mut sample = tracer.span_builder("sample").child_of(&round).start::<96>();
    sample
        .tag("celsius", 20.5 + f64::from(number))
        .tag(tags::ERROR, number % 10 == 9);
    sample.log().field("event", "read").field("channel", 3);
}

/// Makes the timer interrupt's span, of its own trace, independent of the code that it interrupts.
pub fn beat<P: Platform, R: SpanRing + ?Sized>(tracer: &Tracer<P, R>) {
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
