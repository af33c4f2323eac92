//! Dumps a ring from the handler of a fault, in frames of memory, for `picojaeger-relay decode`. See README.md.
#![no_std]
#![no_main]

use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::debug;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::MemoryDump;
use picojaeger_core::{Key, RetainedMemory, RetainedRing, Tracer, Transport};
use picojaeger_cortex_m::{BOARD, Board, DEVICE, Timer, Uart, exit, format, program, seed};

#[unsafe(link_section = ".uninit.spans")]
static MEMORY: RetainedMemory<2048> = RetainedMemory::new();
// SAFETY: the memory is given to this ring alone, and lies where no start initialises it.
static RING: RetainedRing<2048> = unsafe { RetainedRing::new(&MEMORY) };
static TRACER: Tracer<Board, RetainedRing<2048>> = Tracer::new(BOARD, &RING);

/// Spans that have finished before the fault.
const SAMPLES: u64 = 10;
const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    RING.recover(&program(), Timer::FREQUENCY);
    TRACER.seed(seed());
    TRACER.set_unix_time_at(0, UNIX_MICROS_AT_START, 0);
    for number in 0..SAMPLES {
        let mut span = TRACER.start::<96>("sample");
        span.tag("number", number).tag(Key::copied("celsius"), 20.5);
        span.log().field("event", "read");
    }
    let _open = TRACER.start::<0>("open");
    cortex_m::asm::udf()
}

/// Sends the device's name, and the memory of the ring as it is.
#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    let mut buffer = [0; 256];
    // SAFETY: nothing goes on: interrupts are of a lower priority than this fault.
    let reporter = unsafe { TRACER.steal_reporter(format(), Process::new("dump")) };
    if let Some(mut reporter) = reporter {
        reporter.announce_to(&mut Uart, &mut buffer);
    }
    // SAFETY: nothing writes any more, and each byte of a memory chip has some value.
    let bytes = unsafe {
        core::slice::from_raw_parts((&raw const MEMORY).cast::<u8>(), size_of_val(&MEMORY))
    };
    // A producer of its own, since its frames are counted from 0.
    let mut dump = MemoryDump::new(DEVICE.with_producer(255), bytes);
    while let Some(packet) = dump
        .next_packet(&mut buffer)
        .and_then(|place| buffer.get(place))
    {
        Uart.send(packet);
    }
    exit(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
