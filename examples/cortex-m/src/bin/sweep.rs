//! Interrupts a span after every number of instructions by a span of the interrupt: no span may
//! be lost or mixed up, wherever the interrupt falls.
//!
//! Needs `-icount shift=10`, by which one instruction takes 25.6 ticks.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::{Record, Records};
use picojaeger_core::ring::{Bytes, Consumer};
use picojaeger_core::{Interrupts, Ring, Seed, Tracer, Value};
use picojaeger_cortex_m::{BOARD, Board, Timer, exit, sys_tick};

static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// Interrupts of this round so far.
static HITS: AtomicU32 = AtomicU32::new(0);

/// Upper bound of the instructions of the work.
const POINTS: u32 = 1_200;

#[exception]
fn SysTick() {
    // Fires once: a short period would leave no time for anything else.
    // SAFETY: the register is the exception's own; only the clock source stays set.
    unsafe { (*SYST::PTR).csr.write(1 << 2) };
    let hits = HITS.load(Ordering::Relaxed);
    HITS.store(hits + 1, Ordering::Relaxed);
    if hits == 0 {
        let mut span = TRACER.start::<32>("interrupt");
        span.tag("n", 1);
    }
}

/// The interrupted work: every call that enters the mutex, and those that do not.
#[inline(never)]
fn work() {
    let mut outer = TRACER.start::<96>("outer");
    outer.tag("n", 2).tag("mode", "fast");
    let mut inner = TRACER.span_builder("inner").child_of(&outer).start::<96>();
    inner.log().field("event", "e");
    inner.tag("n", 3);
    inner.finish();
    outer.finish();
}

/// Interrupts `work` after about `ticks`; returns whether that was before its end.
fn round(timer: &mut SYST, ticks: u32) -> bool {
    HITS.store(0, Ordering::Relaxed);
    timer.set_reload(ticks);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
    work();
    let hit = HITS.load(Ordering::Relaxed) != 0;
    while HITS.load(Ordering::Relaxed) == 0 {}
    timer.disable_counter();
    timer.disable_interrupt();
    hit
}

/// Returns whether the ring holds the three spans, in order and complete.
fn is_whole(consumer: &mut Consumer<'_, Records>, sequence: &mut u32) -> bool {
    let (mut seen, mut last, mut whole) = (0, 0, true);
    while let Some(record) = consumer.peek() {
        whole &= record.sequence() == *sequence && end(&record) >= last;
        whole &= is_as_made(&record);
        *sequence = sequence.wrapping_add(1);
        last = end(&record);
        seen += 1;
        consumer.advance();
    }
    consumer.release();
    whole && seen == 3
}

/// Returns the end of a span; in one ring, ends have the order of the spans' numbers.
fn end(record: &Record<'_>) -> u64 {
    match record.finish() {
        Timestamp::Ticks(ticks) | Timestamp::UnixMicros(ticks) => ticks,
    }
}

fn is_as_made(record: &Record<'_>) -> bool {
    let number = record
        .tags()
        .find(|tag| tag.key == "n")
        .map(|tag| tag.value);
    let (expected, tags, logs) = match record.operation() {
        "interrupt" => (1, 1, 0),
        "outer" => (2, 2, 0),
        "inner" => (3, 1, 1),
        _ => return false,
    };
    number == Some(Value::I64(expected))
        && (record.tags().count(), record.logs().count()) == (tags, logs)
        && record.parent().is_zero() != (expected == 3)
}

#[entry]
fn main() -> ! {
    Timer::start();
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let (Some(mut timer), Some(mut consumer)) = (sys_tick(), RING.consumer()) else {
        exit(debug::EXIT_FAILURE)
    };
    let (mut sequence, mut hits) = (0, 0);
    for point in 1..=POINTS {
        hits += u32::from(round(&mut timer, point * 128 / 5));
        if !is_whole(&mut consumer, &mut sequence) {
            hprintln!("broken at point {}", point);
            exit(debug::EXIT_FAILURE)
        }
    }
    let stats = TRACER.stats();
    hprintln!("interrupted at {} of {} points", hits, POINTS);
    // All points of the work are hit, and some interrupts come after its end.
    let swept = hits > 500 && hits < POINTS;
    let all = u64::from(3 * POINTS);
    exit(if swept && stats.adds_up() && stats.queued == all {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
