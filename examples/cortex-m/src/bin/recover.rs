//! Counts the instructions of the recovery of retained rings: one boot leaves a span in one ring and five in
//! another, and the next one recovers both. With the feature `baseline` the program has no such ring.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use picojaeger_core::wire::{Encoder, Process, ThriftCompact};
use picojaeger_core::{Seed, SpanRing, Tracer};
use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, exit};

/// The spans of the second ring; the first one has one.
const SPANS: u32 = 5;

/// Makes spans with two tags each.
fn work<R: SpanRing>(tracer: &Tracer<Board, R>, spans: u32) {
    for _ in 0..spans {
        let mut span = tracer.start::<96>("sample");
        span.tag("channel", 3).tag("mode", "fast");
    }
}

/// Sends what there is; returns how many spans that were.
fn send<R: SpanRing>(tracer: &'static Tracer<Board, R>, encoder: impl Encoder) -> u64 {
    let Ok(mut reporter) = tracer.reporter(encoder, Process::new("pump-7")) else {
        return 0;
    };
    reporter.drain_all(&mut Uart, &mut [0; 512]);
    reporter.stats().delivered
}

#[cfg(not(feature = "baseline"))]
fn boots() -> bool {
    use picojaeger_core::{RetainedMemory, RetainedRing};
    use picojaeger_cortex_m::count::count;
    use picojaeger_cortex_m::program;

    #[unsafe(link_section = ".uninit.one")]
    static ONE: RetainedMemory<1024> = RetainedMemory::new();
    #[unsafe(link_section = ".uninit.more")]
    static MORE: RetainedMemory<1024> = RetainedMemory::new();
    // SAFETY: each memory is given to one ring, and lies where no start initialises it.
    static RINGS: [RetainedRing<1024>; 2] =
        unsafe { [RetainedRing::new(&ONE), RetainedRing::new(&MORE)] };
    static TRACERS: [Tracer<Board, RetainedRing<1024>>; 2] =
        [Tracer::new(BOARD, &RINGS[0]), Tracer::new(BOARD, &RINGS[1])];

    let program = program();
    count("nothing", || {});
    let mut recovered = [None; 2];
    let [one, more] = &mut recovered;
    count("recover_1", || {
        *one = Some(RINGS[0].recover(&program, Timer::FREQUENCY))
    });
    count("recover_5", || {
        *more = Some(RINGS[1].recover(&program, Timer::FREQUENCY))
    });
    TRACERS
        .iter()
        .for_each(|tracer| tracer.seed(Seed::from_words([1, 2, 3])));
    if is_first() {
        work(&TRACERS[0], 1);
        work(&TRACERS[1], SPANS);
        SCB::sys_reset();
    }
    let mut spans = TRACERS.iter().zip(recovered).map(|(tracer, recovered)| {
        recovered.map_or(0, |it| {
            send(tracer, it.encoder::<64, _>(ThriftCompact::new()))
        })
    });
    spans.next() == Some(1) && spans.next() == Some(SPANS.into())
}

#[cfg(feature = "baseline")]
fn boots() -> bool {
    use picojaeger_core::ring::Bytes;
    use picojaeger_core::{Interrupts, Ring};

    type Spans = Ring<Interrupts, Bytes<1024>>;
    static RINGS: [Spans; 2] = [Ring::new(), Ring::new()];
    static TRACERS: [Tracer<Board, Spans>; 2] =
        [Tracer::new(BOARD, &RINGS[0]), Tracer::new(BOARD, &RINGS[1])];

    TRACERS
        .iter()
        .for_each(|tracer| tracer.seed(Seed::from_words([1, 2, 3])));
    if is_first() {
        SCB::sys_reset();
    }
    work(&TRACERS[0], 1);
    work(&TRACERS[1], SPANS);
    let mut spans = TRACERS
        .iter()
        .map(|tracer| send(tracer, ThriftCompact::new()));
    spans.next() == Some(1) && spans.next() == Some(SPANS.into())
}

/// Returns whether this boot is not that of a reset.
fn is_first() -> bool {
    #[unsafe(link_section = ".uninit.begun")]
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    const MARK: u32 = 0x7265_636f;
    let first = BEGUN.load(Ordering::Relaxed) != MARK;
    BEGUN.store(if first { MARK } else { 0 }, Ordering::Relaxed);
    first
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    exit(if boots() {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
