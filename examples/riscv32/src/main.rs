//! A firmware that is traced in its main loop and in a timer interrupt; frames go to the UART, for the
//! relay. See README.md.
#![no_std]
#![no_main]

mod board;
#[path = "../../common/work.rs"]
mod work;

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::{Const, Interrupts, Ring, Seed, Tracer};
use riscv::interrupt::Interrupt;
use riscv_rt::{core_interrupt, entry};

use board::{Timer, Uart};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);

/// Ticks from one interrupt to the next.
const BEAT_TICKS: u32 = 2_000;
/// The id of the chip; a real one has it in its flash.
const CHIP: &[u8] = b"rv32";

/// The timer interrupt: a span of its own trace, independent of the code that it interrupts.
#[core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    Timer::set_alarm(BEAT_TICKS);
    work::beat(&TRACER);
}

#[entry]
fn main() -> ! {
    // The board has no random generator: what differs from boot to boot is the time.
    let nanos = board::unix_nanos();
    let boot = (nanos >> 20) as u32;
    TRACER.seed(Seed::from_words([nanos as u32, (nanos >> 32) as u32, boot]));
    if let Some(now) = TRACER.now() {
        // QEMU starts the clock at a whole second: it is slow by up to one.
        TRACER.set_unix_time_at(now, board::unix_nanos() / 1_000 + 500_000, 500_000);
    }
    let tags = [("board", "virt".into())];
    let process = Process::new("pump-rv32").with_tags(&tags);
    let Ok(mut reporter) = TRACER.reporter(RelayFrames::new(Device::new(CHIP, boot)), process)
    else {
        board::exit(false)
    };
    start_interrupts();

    let mut buffer = [0; 1024];
    let wait = riscv::asm::wfi;
    let stats = work::run(&TRACER, &mut reporter, &mut Uart, &mut buffer, wait);
    board::exit(work::is_whole(&stats))
}

fn start_interrupts() {
    Timer::set_alarm(BEAT_TICKS);
    // SAFETY: the handler above shares with the main loop only what is atomic, or guarded by the tracer.
    unsafe {
        riscv::register::mie::set_mtimer();
        riscv::interrupt::enable();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
