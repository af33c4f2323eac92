//! Counts the instructions of spans of an executor's polls, as `measure` does those of others.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug;
use picojaeger_core::ring::Bytes;
use picojaeger_core::{CortexM, CurrentSpans, Interrupts, Ring, Seed, TaskSpans, Tracer};
use picojaeger_cortex_m::count::count;
use picojaeger_cortex_m::{BOARD, Board, Timer, exit};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);
static CURRENT: CurrentSpans<CortexM, 3> = CurrentSpans::new();
static TASKS: TaskSpans<Board, 4, 2> = TaskSpans::new(&TRACER, &CURRENT);

/// A task with a name, and one without.
const NAMED: u32 = 7;
const OTHER: u32 = 8;

/// What an executor's hooks call for one poll.
fn poll(task: u32) {
    let task = black_box(task);
    TASKS.ready(task);
    TASKS.poll_begins(1, task);
    TASKS.poll_ends(1);
}

#[entry]
fn main() -> ! {
    Timer::start();
    TRACER.seed(Seed::from_words(black_box([1, 2, 3])));
    TASKS.spawned(NAMED, "sample");
    poll(NAMED);
    count("nothing", || {});
    count("poll_span", || poll(NAMED));
    count("poll_without_name", || poll(OTHER));
    let all = TRACER.stats().queued == 2;
    exit(if all {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
