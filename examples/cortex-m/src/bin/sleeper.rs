//! A program that sleeps: an interrupt makes spans, and the main loop sends what is due and waits for
//! an interrupt, until the next packet is due. See ../../README.md.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::NVIC;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::{Interrupts, Ring, Tracer};
use picojaeger_cortex_m::{Alarm, BOARD, Board, Timer, Uart, exit, format, seed, sys_tick, work};

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// Spans of the interrupt, and those that it makes.
static READINGS: AtomicU32 = AtomicU32::new(0);
const WANTED: u32 = 12;
/// Ticks from one reading to the next: 60 ms, since QEMU sleeps as long as the program does.
const PERIOD: u32 = 1_500_000;
/// Ticks for which a span waits at most: 100 ms instead of a second.
const INTERVAL: u64 = 2_500_000;

/// A sensor's interrupt.
#[exception]
fn SysTick() {
    TRACER.start::<32>("reading").tag("celsius", 20);
    READINGS.store(READINGS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Waits for an interrupt, and for no longer than `ticks`. Interrupts are masked; one that is pending
/// ends the wait all the same.
fn wait(ticks: u32) {
    Alarm.start(ticks);
    cortex_m::asm::wfi();
    Alarm.stop();
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    // SAFETY: no critical section is made by masking this interrupt, which is never taken.
    unsafe { NVIC::unmask(Alarm) };
    TRACER.seed(seed());
    TRACER.set_unix_time_at(0, work::UNIX_MICROS_AT_START, 0);
    if let Some(mut timer) = sys_tick() {
        timer.set_reload(PERIOD - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
    }
    let Ok(mut reporter) = TRACER.reporter(format(), Process::new("sensor")) else {
        exit(debug::EXIT_FAILURE)
    };
    reporter.set_interval(INTERVAL);
    let (mut buffer, mut wakes) = ([0; 512], 0);
    while READINGS.load(Ordering::Relaxed) < WANTED {
        reporter.drain(&mut Uart, &mut buffer);
        // Masked, so that no span comes between the question and the wait, which it would not end.
        cortex_m::interrupt::free(|_| {
            let now = TRACER.now().unwrap_or(0);
            let at = reporter.poll_at().unwrap_or(u64::MAX);
            let ticks = at.saturating_sub(now).min(u32::MAX.into());
            if ticks > 0 {
                wait(ticks as u32);
            }
        });
        wakes += 1;
    }
    let sent = reporter.stats().delivered;
    reporter.drain_all(&mut Uart, &mut buffer);
    let stats = reporter.stats();
    hprintln!("{}; {} before the end; woke {} times", stats, sent, wakes);
    // Each wake is a reading's, or that of the packet of the readings of an interval.
    let slept = (WANTED + 4..2 * WANTED).contains(&wakes) && sent >= u64::from(WANTED) - 2;
    let all = stats.adds_up() && stats.delivered == u64::from(WANTED);
    exit(if slept && all {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
