//! A firmware of embassy's tasks, of two priorities and with interrupts, in which each poll has a span and
//! children find their parents by themselves; the packets go to the UART. See README.md.
#![no_std]
#![no_main]

mod signal;

use core::future::poll_fn;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;

use cortex_m::Peripherals;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::SCB;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use cortex_m_semihosting::{debug, hprintln};
use embassy_executor::{InterruptExecutor, Spawner};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    CortexM, CurrentSpans, InSpan, Interrupts, Ring, StackSpan, TaskSpans, Tracer,
    embassy_trace_hooks,
};
use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, exit, seed};

use signal::Signal;

static RING: Ring<Interrupts, Bytes<8192>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);
/// Thread mode, the urgent tasks, and the exceptions above them.
static CURRENT: CurrentSpans<CortexM, 3> = CurrentSpans::new();
/// Four tasks with names, on two executors.
static TASKS: TaskSpans<Board, 4, 2> = TaskSpans::new(&TRACER, &CURRENT);
embassy_trace_hooks!(TASKS);

static URGENT_TASKS: InterruptExecutor = InterruptExecutor::new();

static TICKS: Signal = Signal::new();
static ALARMS: Signal = Signal::new();
static SAMPLES: Signal = Signal::new();

/// Rounds of the task `sample`, one for each tick.
const ROUNDS: u32 = 20;
/// In ticks of 25 MHz: in QEMU some 80,000 instructions.
const TICK: u32 = 2_000_000;
/// The spans of a round: two polls of `sample` and one of `urgent`, `measure` with `read` and `store`, `react`,
/// and both exceptions with a child each. Before the first round, each task is polled once.
const SPANS: u32 = 2 + ROUNDS * (3 + 3 + 1 + 4);
const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;

/// The interrupt of the urgent tasks; no device of the board has it.
#[derive(Clone, Copy)]
struct Software;

// SAFETY: the board has 32 interrupts.
unsafe impl InterruptNumber for Software {
    fn number(self) -> u16 {
        31
    }
}

/// Starts a span whose parent is current here.
fn start(name: &'static str) -> StackSpan<'static, Board, 32> {
    TRACER.span_builder(name).child_of(&CURRENT).start()
}

/// Wakes `sample`, at each tick.
#[exception]
fn SysTick() {
    static BEATS: AtomicU32 = AtomicU32::new(0);
    let beat = BEATS.load(Ordering::Relaxed);
    if beat < ROUNDS {
        BEATS.store(beat + 1, Ordering::Relaxed);
        let mut span = TRACER.start::<32>("SysTick");
        span.tag("number", beat);
        let _current = CURRENT.enter(&span);
        let _wake = start("wake");
        TICKS.give();
    }
}

/// Interrupts `sample` in the middle of a poll.
#[exception]
fn PendSV() {
    let span = start("PendSV"); // a root, since nothing is current in this exception
    let _current = CURRENT.enter(&span);
    start("handle").finish();
}

#[exception]
unsafe fn DefaultHandler(_interrupt: i16) {
    // SAFETY: it is enabled by `start` of this executor.
    unsafe { URGENT_TASKS.on_interrupt() }
}

#[embassy_executor::task]
async fn sample() {
    for number in 0..ROUNDS {
        TICKS.take().await;
        let mut span = start("measure");
        span.tag("number", number);
        measure().in_span(span, &CURRENT).await;
        SAMPLES.give();
    }
}

/// Takes two polls; both steps are children of the same span.
async fn measure() {
    let read = start("read");
    SCB::set_pendsv();
    cortex_m::asm::isb();
    ALARMS.give(); // the urgent task runs at once, in the middle of this poll
    cortex_m::asm::isb();
    drop(read);
    yield_now().await;
    start("store").finish();
}

#[embassy_executor::task]
async fn urgent() {
    loop {
        ALARMS.take().await;
        start("react").finish();
    }
}

async fn yield_now() {
    let mut polled = false;
    poll_fn(|context| {
        if core::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Starts the others, and sends packets: it has no name, or each of its polls would be a span to send.
#[embassy_executor::main]
async fn main(spawner: Spawner) {
    Uart::start();
    Timer::start();
    TRACER.seed(seed());
    TRACER.set_unix_time_at(0, UNIX_MICROS_AT_START, 0);
    let (Some(core), Ok(sample), Ok(urgent)) = (Peripherals::take(), sample(), urgent()) else {
        exit(debug::EXIT_FAILURE)
    };
    let urgent_spawner = start_interrupts(core);
    spawner.spawn(TASKS.named("sample", sample));
    urgent_spawner.spawn(TASKS.named("urgent", urgent));

    let process = Process::new("pump-8");
    let Ok(mut reporter) = TRACER.reporter(ThriftCompact::new(), process) else {
        exit(debug::EXIT_FAILURE)
    };
    let mut buffer = [0; 1024];
    for _ in 0..ROUNDS {
        SAMPLES.take().await;
        reporter.drain_all(&mut Uart, &mut buffer);
    }
    let stats = reporter.stats();
    hprintln!("{}", stats);
    let missed = TASKS.missed() + CURRENT.missed();
    exit(
        if stats.adds_up() && stats.delivered == SPANS.into() && missed == 0 {
            debug::EXIT_SUCCESS
        } else {
            debug::EXIT_FAILURE
        },
    )
}

/// Starts the ticks, and the executor of the urgent tasks below them.
fn start_interrupts(mut core: Peripherals) -> embassy_executor::SendSpawner {
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(TICK);
    core.SYST.clear_current();
    core.SYST.enable_counter();
    core.SYST.enable_interrupt();
    // SAFETY: no critical section depends on priorities, and the executor has not started.
    unsafe { core.NVIC.set_priority(Software, 0x80) };
    URGENT_TASKS.start(Software)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
