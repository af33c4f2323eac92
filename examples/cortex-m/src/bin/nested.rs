//! Interrupts a tracer two deep, at positions that are drawn from a seed: an interrupt that records or
//! reports is interrupted by another one. The sums must be exact, by both policies.
//!
//! Another seed: `PICOJAEGER_SEED=7 cargo build …`. Needs `-icount shift=10`.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::Peripherals;
use cortex_m::peripheral::scb::SystemHandler;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::{DropNewest, OverwriteOldest};
use picojaeger_cortex_m::proof::{PACKETS, Side, fail};
use picojaeger_cortex_m::{Alarm, Timer, exit};

/// The seed of positions.
const SEED: u32 = match option_env!("PICOJAEGER_SEED") {
    Some(text) => match u32::from_str_radix(text, 10) {
        Ok(seed) => seed,
        Err(_) => panic!("PICOJAEGER_SEED is no number"),
    },
    None => 1,
};

const ROUNDS: u32 = 2_000;
/// About the instructions of a level that makes spans, and of one that also reports.
const MAKES: u32 = 600;
const REPORTS: u32 = 4_000;

/// Who does what in this round: a policy and a reporter.
static ROUND: AtomicU32 = AtomicU32::new(0);
/// Interrupts of this round by level, and whether the first is running.
static CAME: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
static FIRST_RUNS: AtomicU32 = AtomicU32::new(0);
/// Second interrupts within a first one.
static NESTED: AtomicU32 = AtomicU32::new(0);

/// The first interrupt, of the lower priority.
#[exception]
fn SysTick() {
    // SAFETY: the register is the exception's own; only the clock source stays set.
    unsafe { (*SYST::PTR).csr.write(1 << 2) };
    FIRST_RUNS.store(1, Ordering::Relaxed);
    act(1);
    FIRST_RUNS.store(0, Ordering::Relaxed);
    CAME[0].store(1, Ordering::Relaxed);
}

/// The second interrupt.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    Alarm.stop();
    let nested = NESTED.load(Ordering::Relaxed);
    NESTED.store(
        nested + FIRST_RUNS.load(Ordering::Relaxed),
        Ordering::Relaxed,
    );
    act(2);
    CAME[1].store(1, Ordering::Relaxed);
}

/// Does what a level does in this round.
fn act(level: u32) {
    let round = ROUND.load(Ordering::Relaxed);
    let reports = reporter() == level;
    if round.is_multiple_of(2) {
        act_on::<DropNewest>(level, reports);
    } else {
        act_on::<OverwriteOldest>(level, reports);
    }
}

/// Returns the level that reports in this round.
fn reporter() -> u32 {
    ROUND.load(Ordering::Relaxed) / 2
}

/// Makes spans, and in the middle of them reports, if that is for this level.
fn act_on<P: Side>(level: u32, reports: bool) {
    let make = || match level {
        0 => P::side().pair(),
        level => P::side().single(level),
    };
    make();
    if reports {
        P::side().poll();
    }
    make();
}

/// Runs one round, interrupted at drawn positions.
fn run(timer: &mut SYST, draw: &mut impl FnMut(u32) -> u32) {
    let mut within = |level| draw(if reporter() == level { REPORTS } else { MAKES });
    let first = 1 + within(0);
    let second = first + within(1);
    CAME.iter()
        .for_each(|came| came.store(0, Ordering::Relaxed));
    timer.set_reload(first * 128 / 5);
    timer.clear_current();
    timer.enable_interrupt();
    Alarm.start(second * 128 / 5);
    timer.enable_counter();
    act(0);
    while CAME.iter().any(|came| came.load(Ordering::Relaxed) == 0) {}
}

/// Runs the rounds of a policy, and checks the sums after each.
fn run_all<P: Side>(timer: &mut SYST, policy: u32) {
    P::side().start();
    NESTED.store(0, Ordering::Relaxed);
    let (mut state, mut lost) = (SEED, 0);
    let mut draw = |most| {
        // A linear congruential generator, whose upper bits are good enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % most
    };
    for _ in 0..ROUNDS {
        ROUND.store(2 * draw(3) + policy, Ordering::Relaxed);
        run(timer, &mut draw);
        lost = P::side().settle(false);
        PACKETS.clear();
    }
    let nested = NESTED.load(Ordering::Relaxed);
    hprintln!(
        "{}: seed {}, {} of {} nested, {} lost",
        P::NAME,
        SEED,
        nested,
        ROUNDS,
        lost
    );
    if nested < ROUNDS / 2 || lost == 0 {
        fail("too few interrupts of interrupts");
    }
}

#[entry]
fn main() -> ! {
    Timer::start();
    let Some(mut core) = Peripherals::take() else {
        fail("no peripherals")
    };
    core.SYST.set_clock_source(SystClkSource::Core);
    // SAFETY: no critical section is made by priorities, and none by masking this interrupt.
    unsafe {
        core.SCB.set_priority(SystemHandler::SysTick, 0x80);
        NVIC::unmask(Alarm);
    }
    run_all::<DropNewest>(&mut core.SYST, 0);
    run_all::<OverwriteOldest>(&mut core.SYST, 1);
    exit(debug::EXIT_SUCCESS)
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    fail("a fault")
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("a panic")
}
