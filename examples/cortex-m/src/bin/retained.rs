//! Resets the board after every number of instructions of a push, and sends what had finished from
//! the next boot, by both policies; then a cold start, another program, and one without a build id.
//!
//! The watchdog stops it, within masked sections too. Every 50th time is a reset of the board, the others
//! start the program anew, which takes less of QEMU's time. Needs `-icount shift=10`.
#![no_std]
#![no_main]

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::Record;
use picojaeger_core::ring::{DropNewest, OverwriteOldest, Policy};
use picojaeger_core::wire::{Batch, EncodeContext, Encoder, Process, Push, ThriftCompact};
use picojaeger_core::{
    BuildId, Interrupts, Program, Recovery, RecoveryOutcome, RetainedMemory, RetainedRing, Seed,
    SendOutcome, Tracer, Transport, Value,
};
use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, Watchdog, exit, program, restart};

type Memory<P> = RetainedMemory<512, Interrupts, P>;
type Spans<P> = RetainedRing<512, Interrupts, P>;

#[unsafe(link_section = ".uninit.newest")]
static NEWEST: Memory<DropNewest> = RetainedMemory::new();
#[unsafe(link_section = ".uninit.oldest")]
static OLDEST: Memory<OverwriteOldest> = RetainedMemory::new();
// SAFETY: each memory is given to one ring, and lies where no start initialises it.
static KEPT: (Spans<DropNewest>, Spans<OverwriteOldest>) =
    unsafe { (RetainedRing::new(&NEWEST), RetainedRing::new(&OLDEST)) };
static KEEPER: Tracer<Board, Spans<DropNewest>> = Tracer::new(BOARD, &KEPT.0);
static RECORDER: Tracer<Board, Spans<OverwriteOldest>> = Tracer::new(BOARD, &KEPT.1);

/// What a restart keeps of the sweep: the mark of a warm start, the step, the point, and the spans
/// that finished before the stop.
#[unsafe(link_section = ".uninit.sweep")]
static SWEEP: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

const BEGUN: u32 = 0x5245_5441;
const UNIX_MICROS_AT_START: u64 = 1_700_000_000_000_000;
/// Points that each sweep must have.
const POINTS: u32 = 1_000;

/// Checks each recovered span.
struct Check {
    boot: u32,
    anchored: bool,
    spans: u32,
    /// The number of the last span, as it was tagged.
    last: i64,
}

impl Check {
    fn is_as_made(&self, record: &Record<'_>) -> Option<i64> {
        let value = |key| {
            record
                .tags()
                .find(|tag| tag.key == key)
                .map(|tag| tag.value)
        };
        let tags = match record.operation() {
            "outer" => 2,
            "inner" => 1,
            _ => return None,
        };
        let marks = if self.anchored { 2 } else { 3 };
        let dated =
            matches!(record.start(), Timestamp::UnixMicros(start) if self.is_in_time(start));
        let marked = value("recovered") == Some(Value::Bool(true))
            && value("recovered.boot") == Some(Value::I64(self.boot.into()))
            && value("clock.unsynced").is_some() != self.anchored;
        let whole = dated && marked && record.tags().count() == tags + marks;
        let Some(Value::I64(number)) = value("n").filter(|_| whole) else {
            return None;
        };
        Some(number)
    }

    fn is_in_time(&self, start: u64) -> bool {
        let base = if self.anchored {
            UNIX_MICROS_AT_START
        } else {
            0
        };
        start.wrapping_sub(base) < 1_000_000
    }
}

impl Encoder for Check {
    fn begin(&mut self, _out: &mut [u8], _batch: &Batch<'_>) -> bool {
        true
    }

    fn push(&mut self, _out: &mut [u8], record: &Record<'_>, _context: &EncodeContext<'_>) -> Push {
        match self.is_as_made(record) {
            Some(number) if self.spans == 0 || number == self.last + 1 => self.last = number,
            _ => fail("a recovered span is not as it was made"),
        }
        self.spans += 1;
        Push::Taken
    }

    fn finish(&mut self, _out: &mut [u8]) -> Range<usize> {
        if self.last + 1 < i64::from(get(3)) {
            fail("a span that had finished is missing");
        }
        0..1
    }

    fn spans(&self) -> usize {
        self.spans as usize
    }
}

struct Accept;

impl Transport for Accept {
    fn send(&mut self, _packet: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }
}

/// What a boot does first: recovers, and sends.
fn boot<P: Policy + 'static>(
    tracer: &'static Tracer<Board, Spans<P>>,
    ring: &'static Spans<P>,
    program: &Program,
) -> Recovery {
    let recovery = ring.recover(program, Timer::FREQUENCY);
    tracer.seed(Seed::from_words([1, 2, recovery.boot]));
    if recovery.torn > 1 || recovery.gaps + recovery.outdated + recovery.discarded_bytes != 0 {
        fail("more than one span is torn");
    }
    let finished = get(3);
    if recovery.spans == 0 {
        if finished != 0 {
            fail("nothing was recovered");
        }
    } else if get(2) % 32 < 2 {
        send(
            tracer,
            recovery.encoder::<64, _>(ThriftCompact::new()),
            &mut Uart,
        );
    } else {
        let check = Check {
            boot: recovery.boot - 1,
            anchored: get(2).is_multiple_of(2),
            spans: 0,
            last: 0,
        };
        send(tracer, recovery.encoder::<64, _>(check), &mut Accept);
    }
    recovery
}

fn send<P: Policy + 'static>(
    tracer: &'static Tracer<Board, Spans<P>>,
    encoder: impl Encoder,
    transport: &mut impl Transport,
) {
    let Ok(mut reporter) = tracer.reporter(encoder, Process::new("pump-7")) else {
        fail("no reporter")
    };
    reporter.drain_all(transport, &mut [0; 512]);
    let stats = reporter.stats();
    if !stats.adds_up() || stats.delivered != stats.sampled {
        fail("the counts do not add up");
    }
}

/// The work that is stopped: finishes, in a ring that gets full, and in its middle a new anchor.
fn work<P: Policy + 'static>(tracer: &'static Tracer<Board, Spans<P>>, anchored: bool) {
    let rounds = if P::OVERWRITES { 3 } else { 2 };
    for round in 0..rounds {
        let mut outer = tracer.start::<64>("outer");
        outer.tag("n", 2 * round + 1).tag("mode", "fast");
        let mut inner = tracer.span_builder("inner").child_of(&outer).start::<32>();
        inner.tag("n", 2 * round);
        inner.finish();
        SWEEP[3].store(2 * round + 1, Ordering::Relaxed);
        outer.finish();
        SWEEP[3].store(2 * round + 2, Ordering::Relaxed);
        if round == 0 && anchored {
            synchronise(tracer);
        }
    }
}

fn synchronise<P: Policy + 'static>(tracer: &Tracer<Board, Spans<P>>) {
    if let Some(now) = tracer.now() {
        tracer.set_unix_time_at(now, UNIX_MICROS_AT_START + now / 25, 0);
    }
}

#[exception]
unsafe fn NonMaskableInt() {
    Watchdog::stop();
    set(2, get(2) + 1);
    if get(2).is_multiple_of(50) {
        SCB::sys_reset()
    }
    restart()
}

/// Recovers, and works until it is stopped; goes on to the next step if it ends before.
fn sweep<P: Policy + 'static>(
    tracer: &'static Tracer<Board, Spans<P>>,
    ring: &'static Spans<P>,
    policy: &str,
) -> ! {
    let recovery = boot(tracer, ring, &program());
    if (recovery.outcome == RecoveryOutcome::Warm) != (get(2) > 0) {
        fail("not the outcome of this boot");
    }
    set(3, 0);
    let anchored = get(2) % 2 == 1; // as the next boot will see it
    if anchored {
        synchronise(tracer);
    }
    Watchdog::start((get(2) + 1) * 128 / 5);
    work(tracer, anchored);
    Watchdog::stop();
    hprintln!("{}: reset at {} points", policy, get(2));
    if get(2) < POINTS {
        fail("the sweep is too short");
    }
    next()
}

/// Begins the next step.
fn next() -> ! {
    set(1, get(1) + 1);
    set(2, 0);
    set(3, 0);
    SCB::sys_reset()
}

/// Recovers with an outcome that leaves nothing, after a boot that left spans.
fn discard(program: &Program, expected: RecoveryOutcome) -> ! {
    let recovery = boot(&KEEPER, &KEPT.0, program);
    if recovery.outcome != expected || recovery.spans != 0 {
        fail("not discarded");
    }
    next()
}

#[entry]
fn main() -> ! {
    Uart::start();
    Timer::start();
    if get(0) != BEGUN {
        (1..4).for_each(|place| set(place, 0));
        set(0, BEGUN);
        fill(0xdead_beef);
    }
    let running = program();
    match get(1) {
        0 => sweep(&KEEPER, &KEPT.0, "drop-newest"),
        1 => sweep(&RECORDER, &KEPT.1, "overwrite-oldest"),
        // The spans of the last boot of step 0 wait; two programs in turn each find the other's ring.
        2 => discard(&other(), RecoveryOutcome::OtherProgram),
        3 => discard(&running, RecoveryOutcome::OtherProgram),
        4 => discard(&Program::new(&[], None), RecoveryOutcome::NoBuildId),
        5 => discard(&running, RecoveryOutcome::Cold),
        6 => {
            fill(0x5555_aaaa);
            discard(&running, RecoveryOutcome::Cold)
        }
        _ => {
            set(0, 0);
            exit(debug::EXIT_SUCCESS)
        }
    }
}

/// A program with the names of this one and another build id.
fn other() -> Program {
    Program::new(&[], BuildId::new(b"another"))
}

/// Fills the memory as a cold start might.
fn fill(garbage: u32) {
    let memory = (&raw const NEWEST).cast_mut().cast::<u32>();
    for at in 0..size_of_val(&NEWEST) / 4 {
        // SAFETY: within the memory, which nothing uses before it is recovered.
        unsafe { memory.add(at).write_volatile(garbage) };
    }
}

fn get(place: usize) -> u32 {
    SWEEP
        .get(place)
        .map_or(0, |value| value.load(Ordering::Relaxed))
}

fn set(place: usize, value: u32) {
    if let Some(place) = SWEEP.get(place) {
        place.store(value, Ordering::Relaxed);
    }
}

fn fail(cause: &str) -> ! {
    hprintln!("step, point, finished {:?}: {}", &SWEEP[1..], cause);
    exit(debug::EXIT_FAILURE)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
