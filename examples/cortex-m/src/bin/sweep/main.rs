//! Interrupts each call of a tracer after every number of instructions, by an interrupt that records
//! or reports: nothing may be lost uncounted, torn or mixed up, wherever it falls.
//!
//! The program starts anew for each point, so that all of a scene are one run, interrupted elsewhere.
//! `sweep.py` runs it, and finds which instructions were hit. Needs `-icount shift=10`, by which one
//! instruction takes 25.6 ticks.
#![no_std]
#![no_main]

mod scene;

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_cortex_m::proof::fail;
use picojaeger_cortex_m::{Timer, Uart, exit, restart, sys_tick};

use scene::{SCENES, Scene};

/// The place of the sweep, which a restart keeps: the mark of a warm start, the scene, the point, and
/// the spans that were lost in the scene.
#[unsafe(link_section = ".uninit.sweep")]
static PLACE: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

const BEGUN: u32 = 0x5357_4545;
/// The packets of one of so many points go to the UART.
const SENT: u32 = 16;

/// Interrupts of this run.
static HITS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // Fires once: a short period would leave no time for anything else.
    // SAFETY: the register is the exception's own; only the clock source stays set.
    unsafe { (*SYST::PTR).csr.write(1 << 2) };
    let hits = HITS.load(Ordering::Relaxed);
    HITS.store(hits + 1, Ordering::Relaxed);
    if hits == 0
        && let Some(scene) = scene()
    {
        (scene.interrupt)();
    }
    picojaeger_cover_leave();
}

/// Marks for the plugin.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn picojaeger_cover_from() {
    black_box(1);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn picojaeger_cover_to() {
    black_box(2);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn picojaeger_cover_leave() {
    black_box(3);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn picojaeger_cover_done() {
    black_box(4);
}

/// Interrupts the work of a scene at a point; returns whether that was before its end.
fn run(timer: &mut SYST, scene: &Scene, point: u32) -> bool {
    (scene.prepare)();
    timer.set_reload(point * 128 / 5);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
    picojaeger_cover_from();
    (scene.work)();
    picojaeger_cover_to();
    let hit = HITS.load(Ordering::Relaxed) != 0;
    while HITS.load(Ordering::Relaxed) == 0 {}
    timer.disable_counter();
    timer.disable_interrupt();
    let lost = (scene.settle)(point.is_multiple_of(SENT));
    set(3, get(3) + lost);
    hit
}

/// Prints the end of a scene, and goes on to the next.
fn next(scene: &Scene) {
    hprintln!(
        "scene {} {} {} {}",
        scene.policy,
        scene.name,
        get(2),
        get(3)
    );
    picojaeger_cover_done();
    set(1, get(1) + 1);
    set(2, 0);
    set(3, 0);
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    if get(0) != BEGUN {
        (1..4).for_each(|place| set(place, 0));
        set(0, BEGUN);
    }
    let Some(scene) = scene() else {
        set(0, 0);
        exit(debug::EXIT_SUCCESS)
    };
    let Some(mut timer) = sys_tick() else {
        fail("no timer")
    };
    set(2, get(2) + 1);
    if !run(&mut timer, scene, get(2)) {
        next(scene);
    }
    SCB::set_pendsv();
    fail("no restart")
}

#[exception]
fn PendSV() {
    restart()
}

fn scene() -> Option<&'static Scene> {
    SCENES.get(get(1) as usize)
}

fn get(place: usize) -> u32 {
    let value = PLACE.get(place);
    value.map_or(0, |value| value.load(Ordering::Relaxed))
}

fn set(place: usize, value: u32) {
    if let Some(place) = PLACE.get(place) {
        place.store(value, Ordering::Relaxed);
    }
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    fail("a fault")
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("a panic")
}
