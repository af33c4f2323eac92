//! The firmware that the project's README shows, as it stands there, for a number of rounds. With the feature `baseline` the
//! same program without tracing: its clock, its UART and its loop.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use picojaeger_cortex_m::count::picojaeger_count_to;
use picojaeger_cortex_m::{Timer as Board, Uart, exit};

#[cfg(not(feature = "baseline"))]
mod shown {
    // `build.rs` takes it from README.md.
    include!(concat!(env!("OUT_DIR"), "/readme.rs"));

    pub fn start(boot: u32, adc: fn() -> u32) -> Result<(), ReporterTaken> {
        run(
            [7, 7, boot],
            Device::new(&[7; 12], boot),
            adc,
            &mut super::Line,
        )
    }
}

#[cfg(feature = "baseline")]
mod shown {
    use picojaeger_core::{Clock as _, Transport as _};

    pub fn start(_boot: u32, adc: fn() -> u32) -> Result<(), ()> {
        loop {
            let ticks = super::Board.ticks() as u32;
            super::Line.send(&[adc(), ticks].map(|word| word as u8));
        }
    }
}

/// The UART, as it is: frames have their own ends.
struct Line;

impl picojaeger_core::Transport for Line {
    fn send(&mut self, packet: &[u8]) -> picojaeger_core::SendOutcome {
        packet.iter().for_each(|byte| Uart::put(*byte));
        picojaeger_core::SendOutcome::Accepted
    }
}

/// Rounds of the loop: for more than a hello, a status and a wrapped ring.
const ROUNDS: u32 = 100;

/// Measures something, and ends the program when it has done so often enough.
fn adc() -> u32 {
    static SO_FAR: AtomicU32 = AtomicU32::new(0);

    let round = SO_FAR.load(Ordering::Relaxed);
    if round == ROUNDS {
        // The end, for a QEMU plugin that has noted the depth of the stack.
        picojaeger_count_to();
        exit(debug::EXIT_SUCCESS)
    }
    SO_FAR.store(round + 1, Ordering::Relaxed);
    round
}

#[entry]
fn main() -> ! {
    Uart::start();
    Board::start();
    let _ = shown::start(black_box(1), adc);
    exit(debug::EXIT_FAILURE)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
