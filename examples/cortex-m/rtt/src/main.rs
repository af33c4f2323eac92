//! The spans of `pump` as frames on channel 1 of RTT, beside the log lines of defmt on channel 0.
//! See ../README.md.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::debug;
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::{Interrupts, Ring, SendOutcome, Tracer, Transport};
use picojaeger_cortex_m::{BOARD, Board, Timer, board, exit, seed, sys_tick, work};
use rtt_target::{ChannelMode, UpChannel, rtt_init, set_defmt_channel};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// A channel of RTT: a buffer in RAM that the debug probe empties.
struct Rtt {
    channel: UpChannel,
    /// Bytes of the packet that are in the buffer.
    sent: usize,
}

impl Rtt {
    const fn new(channel: UpChannel) -> Self {
        Rtt { channel, sent: 0 }
    }
}

/// Frames mark their own ends, so that a channel is a pipe: what has no room now follows later, and a
/// probe that is absent costs no time.
impl Transport for Rtt {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let rest = packet.get(self.sent..).unwrap_or_default();
        self.sent += self.channel.write(rest);
        if self.sent < packet.len() {
            return SendOutcome::Partial;
        }
        self.sent = 0;
        SendOutcome::Accepted
    }
}

#[exception]
fn SysTick() {
    work::beat(&TRACER);
}

#[entry]
fn main() -> ! {
    // Log lines that have no room are left out; of frames, `Rtt` keeps the rest.
    let channels = rtt_init! {
        up: {
            0: { size: 1024, mode: ChannelMode::NoBlockSkip, name: "defmt" }
            1: { size: 8192, mode: ChannelMode::NoBlockTrim, name: "picojaeger" }
        }
    };
    set_defmt_channel(channels.up.0);
    let mut rtt = Rtt::new(channels.up.1);
    Timer::start();
    TRACER.seed(seed());
    if let Some(mut timer) = sys_tick() {
        work::start_beats(&mut timer);
    }

    let tags = [("board", board().into())];
    let process = Process::new("pump-7").with_tags(&tags);
    let device = Device::new(b"mps2-an386", 1);
    let Ok(mut reporter) = TRACER.reporter(RelayFrames::new(device), process) else {
        exit(debug::EXIT_FAILURE)
    };
    let mut buffer = [0; 512];
    let wait = cortex_m::asm::wfi;
    let stats = work::run(&TRACER, &mut reporter, &mut rtt, &mut buffer, wait);
    defmt::info!("{}", stats);
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
