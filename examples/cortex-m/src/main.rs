//! A pump that is traced in its main loop and in a timer interrupt; the packets go to the UART.
//! See README.md.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::{Interrupts, Ring, Seed, Tracer, tags};
use picojaeger_cortex_m::{BOARD, Board, Format, Timer, Uart, exit, sys_tick};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// Interrupts so far.
static BEATS: AtomicU32 = AtomicU32::new(0);

/// Rounds of the main loop, and interrupts that make a span.
const ROUNDS: i32 = 40;
const BEATS_WANTED: u32 = 25;
/// Unix time at the start. A real board reads it from a server or a real-time clock.
const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

/// The timer interrupt: a span of its own trace, independent of the code that it interrupts.
#[exception]
fn SysTick() {
    let beat = BEATS.load(Ordering::Relaxed);
    if beat < BEATS_WANTED {
        let mut span = TRACER.start::<32>("beat");
        span.tag("number", beat);
        BEATS.store(beat + 1, Ordering::Relaxed);
    }
}

/// One round of work, in two spans.
fn round(number: i32) {
    let mut round = TRACER.start::<96>("round");
    round.tag("number", number).tag("mode", "fast");
    let mut sample = TRACER.span_builder("sample").child_of(&round).start::<96>();
    sample
        .tag("celsius", 20.5 + f64::from(number))
        .tag(tags::ERROR, number % 10 == 9);
    sample.log().field("event", "read").field("channel", 3);
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    // A real board seeds from its random generator, or from its id and a boot counter.
    TRACER.seed(Seed::from_words([0x1234_5678, 0x9abc_def0, 1]));
    start_interrupts();

    let tags = [("board", "mps2-an386".into())];
    let process = Process::new("pump-7").with_tags(&tags);
    let Ok(mut reporter) = TRACER.reporter(Format::new(), process) else {
        exit(debug::EXIT_FAILURE)
    };
    TRACER.set_unix_time_at(0, UNIX_MICROS_AT_START, 0);
    let mut buffer = [0; 1024];
    for number in 0..ROUNDS {
        round(number);
        reporter.drain(&mut Uart, &mut buffer);
    }
    while BEATS.load(Ordering::Relaxed) < BEATS_WANTED {
        cortex_m::asm::wfi();
    }
    reporter.drain_all(&mut Uart, &mut buffer);
    let stats = reporter.stats();
    hprintln!("{}", stats);
    let all = u64::from(BEATS_WANTED) + 2 * ROUNDS as u64;
    exit(if stats.adds_up() && stats.delivered == all {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

fn start_interrupts() {
    if let Some(mut timer) = sys_tick() {
        timer.set_reload(20_000);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
