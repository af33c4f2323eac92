//! The smallest tracer, for its budget of flash and memory: a parent and a child of two tags each, a
//! ring of 512 bytes, and packets of frames for the relay. With the feature `baseline` the same
//! program without tracing: its clock, its UART and its loop.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use picojaeger_core::{SendOutcome, Transport};
use picojaeger_cortex_m::count::picojaeger_count_to;
use picojaeger_cortex_m::{Timer, Uart};

/// Rounds of the loop: for more than a hello, a status and a wrapped ring.
const ROUNDS: u32 = 100;

/// The UART, as it is: frames have their own ends.
struct Line;

impl Transport for Line {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        packet.iter().for_each(|byte| Uart::put(*byte));
        SendOutcome::Accepted
    }
}

#[cfg(not(feature = "baseline"))]
fn work(buffer: &mut [u8]) {
    use picojaeger_core::ring::Bytes;
    use picojaeger_core::wire::Process;
    use picojaeger_core::wire::relay::{Device, RelayFrames};
    use picojaeger_core::{Const, Interrupts, Ring, Seed, Tracer};

    static RING: Ring<Interrupts, Bytes<512>> = Ring::new();
    static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// The chip's unique id.
    static ID: [u8; 12] = [7; 12];

    // Apart, so that its spans are gone from the stack when packets are made.
    #[inline(never)]
    fn round() {
        let mut round = TRACER.start::<32>("round");
        round.tag("number", black_box(3)).tag("mode", "fast");
        let mut sample = TRACER.span_builder("sample").child_of(&round).start::<32>();
        sample.tag("channel", black_box(5)).tag("unit", "mm");
    }

    let boot = black_box(1);
    TRACER.seed(Seed::from_words([7, 7, boot]));
    let (device, process) = (Device::new(&ID, boot), Process::new("pump-7"));
    // By reference: the reporter is not moved.
    let Ok(reporter) = &mut TRACER.reporter(RelayFrames::new(device), process) else {
        return;
    };
    for _ in 0..black_box(ROUNDS) {
        round();
        reporter.drain(&mut Line, buffer);
    }
}

#[cfg(feature = "baseline")]
fn work(_buffer: &mut [u8]) {
    use picojaeger_core::Clock;

    for _ in 0..black_box(ROUNDS) {
        let ticks = black_box(Timer.ticks() as u32);
        Line.send(&ticks.to_le_bytes());
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFER: [u8; 160] = [0; 160];
    Uart::start();
    Timer::start();
    work(BUFFER);
    // The end, for a QEMU plugin that has noted the depth of the stack.
    picojaeger_count_to();
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
