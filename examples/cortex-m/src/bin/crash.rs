//! Sends what has finished from the handler of a fault, by a polled UART, although the main loop has
//! the reporter. A panic does the same.
#![no_std]
#![no_main]

use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::{Drained, Interrupts, Ring, Tracer, tags};
use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, exit, format, seed};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// Spans that have finished before the fault.
const SAMPLES: u64 = 20;
const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    TRACER.seed(seed());
    TRACER.set_unix_time_at(0, UNIX_MICROS_AT_START, 0);
    let _reporter = TRACER.reporter(format(), Process::new("pump-7"));
    for number in 0..SAMPLES {
        TRACER.start::<32>("sample").tag("number", number);
    }
    let _open = TRACER.start::<0>("open");
    cortex_m::asm::udf()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    post_mortem("hard fault", frame.pc())
}

#[panic_handler]
fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let line = panic.location().map_or(0, |location| location.line());
    post_mortem("panic", line)
}

/// Sends all that has finished, and a span of what happened.
fn post_mortem(cause: &'static str, at: u32) -> ! {
    // SAFETY: nothing goes on: interrupts are masked, or of a lower priority than this fault.
    let Some(mut reporter) = (unsafe { TRACER.steal_reporter(format(), Process::new("pump-7")) })
    else {
        exit(debug::EXIT_FAILURE)
    };
    let mut span = TRACER.start::<32>(cause);
    span.tag("at", at).tag(tags::ERROR, true);
    span.finish();
    // Of the stack that is left; a `static` where that may be little.
    let mut buffer = [0; 512];
    let drained = reporter.drain_all(&mut Uart, &mut buffer);
    let stats = reporter.stats();
    hprintln!("{}", stats);
    exit(
        if drained == Drained::All && stats.adds_up() && stats.delivered == SAMPLES + 1 {
            debug::EXIT_SUCCESS
        } else {
            debug::EXIT_FAILURE
        },
    )
}
