//! Stops a program after every number of instructions, within masked sections too, and steals its
//! reporter: every span that had finished must arrive, whole and once, by both policies.
//!
//! The watchdog stops it, by an interrupt that cannot be masked, as a fault could. The program starts
//! anew each time, so nothing goes on. Needs `-icount shift=10`, by which one instruction takes 25.6 ticks.
#![no_std]
#![no_main]

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::adapter::record::Record;
use picojaeger_core::ring::{Bytes, DropNewest, OverwriteOldest, Policy};
use picojaeger_core::wire::{Batch, EncodeContext, Encoder, Process, Push};
use picojaeger_core::{
    Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer, Transport, Value,
};
use picojaeger_cortex_m::{BOARD, Board, Timer, Watchdog, exit, restart};

type Spans<P> = Ring<Interrupts, Bytes<512>, P>;

static NEWEST: Spans<DropNewest> = Ring::new();
static OLDEST: Spans<OverwriteOldest> = Ring::new();
static KEEPER: Tracer<Board, Spans<DropNewest>> = Tracer::new(BOARD, &NEWEST);
static RECORDER: Tracer<Board, Spans<OverwriteOldest>> = Tracer::new(BOARD, &OLDEST);

/// Spans that finished in this run, as their calls returned.
static FINISHED: AtomicU32 = AtomicU32::new(0);
/// The numbers of spans that were sent in this run, one a bit.
static SENT: AtomicU32 = AtomicU32::new(0);

/// The place of the sweep, which a restart keeps: the mark of a warm start, the policy, the point, and
/// the points at which interrupts were masked.
#[unsafe(link_section = ".uninit.sweep")]
static SWEEP: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

const BEGUN: u32 = 0x5357_4550;

/// Points that each sweep must have, of some 4,000 instructions.
const POINTS: u32 = 1_500;

/// An encoder that checks each record, and a transport that notes which ones left.
#[derive(Default)]
struct Check {
    packed: u32,
}

impl Encoder for Check {
    fn begin(&mut self, _out: &mut [u8], _batch: &Batch<'_>) -> bool {
        self.packed = 0;
        true
    }

    fn push(&mut self, _out: &mut [u8], record: &Record<'_>, _context: &EncodeContext<'_>) -> Push {
        if !is_as_made(record) || record.sequence() >= 32 {
            fail("a torn span");
        }
        self.packed |= 1 << record.sequence();
        Push::Taken
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        let bytes = self.packed.to_ne_bytes();
        if let Some(place) = out.first_chunk_mut() {
            *place = bytes;
        }
        0..bytes.len()
    }

    fn spans(&self) -> usize {
        self.packed.count_ones() as usize
    }
}

struct Noted;

impl Transport for Noted {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let packed = packet
            .first_chunk()
            .map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        SENT.store(SENT.load(Ordering::Relaxed) | packed, Ordering::Relaxed);
        SendOutcome::Accepted
    }
}

fn is_as_made(record: &Record<'_>) -> bool {
    let tags = match record.operation() {
        "outer" => 2,
        "inner" => 1,
        "fault" => 0,
        _ => return false,
    };
    let whole = |value| matches!(value, Value::I64(7) | Value::Str("fast"));
    record.tags().count() == tags && record.tags().all(|tag| whole(tag.value))
}

/// The work that is stopped: finishes, polls and, in a full ring, evictions.
fn work<P: Policy + 'static>(
    tracer: &'static Tracer<Board, Spans<P>>,
    reporter: &mut PacketReporter<'static, Board, Check, Spans<P>>,
) {
    let mut buffer = [0; 16];
    for round in 0..3 {
        let mut outer = tracer.start::<96>("outer");
        outer.tag("n", 7).tag("mode", "fast");
        let mut inner = tracer.span_builder("inner").child_of(&outer).start::<32>();
        inner.tag("n", 7);
        end(|| inner.finish());
        end(|| outer.finish());
        if round == 1 {
            reporter.drain_all(&mut Noted, &mut buffer);
        }
    }
}

fn end(finish: impl FnOnce()) {
    finish();
    FINISHED.store(FINISHED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// What a handler of faults does, and then the checks.
fn after<P: Policy + 'static>(tracer: &'static Tracer<Board, Spans<P>>, overwrites: bool) {
    let finished = FINISHED.load(Ordering::Relaxed);
    tracer.start::<0>("fault");
    // SAFETY: this interrupt stops all else, and ends in a start of the program.
    let reporter = unsafe { tracer.steal_reporter(Check::default(), Process::new("")) };
    let Some(mut reporter) = reporter else {
        fail("no reporter")
    };
    tracer.start::<0>("fault");
    reporter.drain_all(&mut Noted, &mut [0; 16]);
    let stats = reporter.stats();
    let missing = ((1 << finished) - 1) & !SENT.load(Ordering::Relaxed);
    // A ring that overwrites frees the spans of a packet under way, which then count as queued for good.
    // An eviction in which it stopped is not counted.
    let gone = stats.lost.evicted + stats.queued + 1;
    if u64::from(missing.count_ones()) > if overwrites { gone } else { 0 } {
        fail("a span is missing");
    }
    if !stats.adds_up() {
        fail("the counts do not add up");
    }
    // The first is refused where it stopped in a call that holds the mutex, and counted.
    if stats.delivered + stats.lost.reentered < 2 {
        fail("the handler's own spans are missing");
    }
}

#[exception]
unsafe fn NonMaskableInt() {
    Watchdog::stop();
    let [_, overwrites, point, masked] = &SWEEP;
    if overwrites.load(Ordering::Relaxed) == 0 {
        after(&KEEPER, false);
    } else {
        after(&RECORDER, true);
    }
    add(point, 1);
    add(
        masked,
        u32::from(cortex_m::register::primask::read().is_inactive()),
    );
    restart();
}

fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// Runs the work until it is stopped; returns if it ends before.
fn run<P: Policy + 'static>(tracer: &'static Tracer<Board, Spans<P>>, point: u32) {
    tracer.seed(Seed::from_words([1, 2, 3]));
    let Ok(mut reporter) = tracer.reporter(Check::default(), Process::new("")) else {
        fail("no reporter")
    };
    FINISHED.store(0, Ordering::Relaxed);
    SENT.store(0, Ordering::Relaxed);
    Watchdog::start(point * 128 / 5);
    work(tracer, &mut reporter);
    Watchdog::stop();
}

#[entry]
fn main() -> ! {
    Timer::start();
    let [begun, overwrites, point, _] = &SWEEP;
    if begun.load(Ordering::Relaxed) != BEGUN {
        set([BEGUN, 0, 1, 0]);
    }
    if overwrites.load(Ordering::Relaxed) == 0 {
        run(&KEEPER, point.load(Ordering::Relaxed));
        report("drop-newest");
        set([BEGUN, 1, 1, 0]);
    }
    run(&RECORDER, point.load(Ordering::Relaxed));
    report("overwrite-oldest");
    begun.store(0, Ordering::Relaxed);
    exit(debug::EXIT_SUCCESS)
}

fn set(values: [u32; 4]) {
    for (place, value) in SWEEP.iter().zip(values) {
        place.store(value, Ordering::Relaxed);
    }
}

/// Prints the points of a sweep that has come to the end of the work.
fn report(policy: &str) {
    let [_, _, point, masked] = &SWEEP;
    let (points, masked) = (
        point.load(Ordering::Relaxed) - 1,
        masked.load(Ordering::Relaxed),
    );
    hprintln!(
        "{}: stopped at {} points, {} of them masked",
        policy,
        points,
        masked
    );
    if points < POINTS || masked == 0 {
        fail("the sweep is too short");
    }
}

fn fail(cause: &str) -> ! {
    let [_, overwrites, point, _] = &SWEEP;
    hprintln!("policy {:?}, point {:?}: {}", overwrites, point, cause);
    exit(debug::EXIT_FAILURE)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
