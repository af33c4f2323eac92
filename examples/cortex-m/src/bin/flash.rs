//! The smallest whole program, for the size of the code: one span with two tags, packed and sent.
//! With the feature `baseline` it only sends a byte.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use picojaeger_cortex_m::Uart;

#[cfg(not(feature = "baseline"))]
fn work() {
    use core::hint::black_box;
    use picojaeger_core::ring::Bytes;
    use picojaeger_core::wire::Process;
    use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
    use picojaeger_cortex_m::{BOARD, Board, format};

    static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

    TRACER.seed(Seed::from_words(black_box([1, 2, 3])));
    let process = Process::new("pump-7");
    let Ok(mut reporter) = TRACER.reporter(format(), process) else {
        return;
    };
    let mut buffer = [0; 512];
    loop {
        let mut span = TRACER.start::<96>("sample");
        span.tag("channel", black_box(3)).tag("mode", "fast");
        span.finish();
        reporter.drain(&mut Uart, &mut buffer);
    }
}

#[cfg(feature = "baseline")]
fn work() {
    use picojaeger_core::Transport;

    loop {
        Uart.send(core::hint::black_box(&[1]));
    }
}

#[entry]
fn main() -> ! {
    Uart::start();
    work();
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
