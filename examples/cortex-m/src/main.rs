//! A pump that is traced in its main loop and in a timer interrupt; the packets go to the UART.
//! See README.md.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::{Interrupts, Ring, Tracer};
use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, board, exit, format, seed, sys_tick, work};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

#[exception]
fn SysTick() {
    work::beat(&TRACER);
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    TRACER.seed(seed());
    if let Some(mut timer) = sys_tick() {
        work::start_beats(&mut timer);
    }

    let tags = [("board", board().into())];
    let process = Process::new("pump-7").with_tags(&tags);
    let Ok(mut reporter) = TRACER.reporter(format(), process) else {
        exit(debug::EXIT_FAILURE)
    };
    TRACER.set_unix_time_at(0, work::UNIX_MICROS_AT_START, 0);
    let mut buffer = [0; 1024];
    let wait = cortex_m::asm::wfi;
    let stats = work::run(&TRACER, &mut reporter, &mut Uart, &mut buffer, wait);
    hprintln!("{}", stats);
    exit(if work::is_whole(&stats) {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
