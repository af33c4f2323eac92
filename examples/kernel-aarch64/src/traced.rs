//! What is traced: rounds of work on both processors, twice. First each processor has a tracer with a
//! ring of its own, then both share one.

use core::cell::Cell;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicU32, Ordering};

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    Clock, Const, Drained, Interrupts, PacketReporter, Platform, Ring, Seed, SpanContext, SpanRing,
    Stats, Tracer, Value,
};

use critical_section::Mutex;

use crate::boot;
use crate::lock::SpinLock;
use crate::machine::{self, Counter, print};
use crate::net::Network;

/// The kernel's clock and sampler, with trace ids of 128 bits.
struct Kernel;

impl Platform for Kernel {
    type Clock = Counter;
    type Sampler = Const;
    const TRACE_ID_128BIT: bool = true;

    fn clock(&self) -> &Counter {
        &Counter
    }

    fn sampler(&self) -> &Const {
        &Const(true)
    }
}

/// A ring for one processor. Its lock is seldom contended: only the reporter, on the first
/// processor, takes it beside the ring's owner.
type OwnRing = Ring<SpinLock, Bytes<{ 64 << 10 }>>;
/// A ring for all processors, whose lock is the kernel's critical section. Like the others it holds all that is
/// recorded, so that nothing is lost however slow the card is.
type SharedRing = Ring<Interrupts, Bytes<{ 64 << 10 }>>;

static OWN_RINGS: [OwnRing; 2] = [OwnRing::new(), OwnRing::new()];
static SHARED_RING: SharedRing = Ring::new();
static OWN: [Tracer<Kernel, OwnRing>; 2] = [
    Tracer::new(Kernel, &OWN_RINGS[0]),
    Tracer::new(Kernel, &OWN_RINGS[1]),
];
static SHARED: Tracer<Kernel> = Tracer::new(Kernel, &SHARED_RING);

/// Rounds of each processor with each kind of ring; two spans each. All packets together fit the receive buffer
/// that Linux gives a socket, or those would be lost that come while the agent is busy.
const ROUNDS: u32 = 100;

/// The parent of what the second processor does, set before it starts.
static PARENT: Mutex<Cell<Option<SpanContext>>> = Mutex::new(Cell::new(None));
/// The steps that the processors have reached; see [`wait_for`].
static STEP: AtomicU32 = AtomicU32::new(0);
const OWN_DONE: u32 = 1;
const MAY_SHARE: u32 = 2;
const SHARED_DONE: u32 = 3;

/// The first processor: records, and reports what both record. True if every span has left.
pub fn work(mut network: Network) -> bool {
    start_clocks();
    let tags = [("machine", Value::Str("virt"))];
    let process = Process::new("kernel").with_tags(&tags);
    let [first, second] = &OWN;
    let reporters = (
        first.reporter(ThriftCompact::new(), process),
        second.reporter(ThriftCompact::new(), process),
        SHARED.reporter(ThriftCompact::new(), process),
    );
    let (Ok(mut first_reporter), Ok(mut second_reporter), Ok(mut shared_reporter)) = reporters
    else {
        return false;
    };
    let mut boot = first.start::<64>("boot");
    let parent = boot.context();
    critical_section::with(|section| PARENT.borrow(section).set(Some(parent)));
    boot::start_second_processor();
    boot.tag("processors", 2_u32);
    boot.finish();

    let mut buffer = [0; 1_400];
    for number in 0..ROUNDS {
        round(first, 0, number, parent);
        first_reporter.drain(&mut network, &mut buffer);
        second_reporter.drain(&mut network, &mut buffer);
    }
    wait_for(OWN_DONE, || network.poll());
    STEP.store(MAY_SHARE, Ordering::Release);
    for number in 0..ROUNDS {
        round(&SHARED, 0, number, parent);
        shared_reporter.drain(&mut network, &mut buffer);
    }
    wait_for(SHARED_DONE, || network.poll());

    send_all(&mut first_reporter, &mut network, &mut buffer);
    send_all(&mut second_reporter, &mut network, &mut buffer);
    send_all(&mut shared_reporter, &mut network, &mut buffer);
    let rounds = u64::from(2 * ROUNDS);
    [
        ("first", first_reporter.stats(), rounds + 1),
        ("second", second_reporter.stats(), rounds),
        ("shared", shared_reporter.stats(), 2 * rounds),
    ]
    .into_iter()
    .fold(true, |all, (name, stats, expected)| {
        is_whole(name, &stats, expected) && all
    })
}

/// The second processor.
#[unsafe(no_mangle)]
extern "C" fn second() -> ! {
    if let Some(parent) = critical_section::with(|section| PARENT.borrow(section).get()) {
        let [_, own] = &OWN;
        (0..ROUNDS).for_each(|number| round(own, 1, number, parent));
        STEP.store(OWN_DONE, Ordering::Release);
        wait_for(MAY_SHARE, || ());
        (0..ROUNDS).for_each(|number| round(&SHARED, 1, number, parent));
        STEP.store(SHARED_DONE, Ordering::Release);
    }
    loop {
        machine::wait();
    }
}

/// Gives each tracer a seed of its own, so that ids never meet, and the time.
fn start_clocks() {
    let seed = || Seed::from_fn(machine::random);
    OWN.iter().for_each(|tracer| tracer.seed(seed()));
    SHARED.seed(seed());
    let (unix_micros, [before, after]) = machine::next_second();
    let uncertainty = (after - before) * 1_000_000 / Counter.frequency() + 1;
    let [first, second] = &OWN;
    set_time(first, after, unix_micros, uncertainty as u32);
    set_time(second, after, unix_micros, uncertainty as u32);
    set_time(&SHARED, after, unix_micros, uncertainty as u32);
}

/// Sets the Unix time at which the counter showed `ticks`.
fn set_time<R: SpanRing + ?Sized>(
    tracer: &Tracer<Kernel, R>,
    ticks: u64,
    unix_micros: u64,
    uncertainty: u32,
) {
    if let Some(ticks) = tracer.captured(ticks) {
        tracer.set_unix_time_at(ticks, unix_micros, uncertainty);
    }
}

/// A round of work in two spans.
fn round<R: SpanRing + ?Sized>(
    tracer: &Tracer<Kernel, R>,
    processor: u32,
    number: u32,
    parent: SpanContext,
) {
    let mut round = tracer.span_builder("round").child_of(parent).start::<64>();
    round.tag("processor", processor).tag("number", number);
    let mut sample = tracer.span_builder("sample").child_of(&round).start::<64>();
    sample.tag("mode", "fast");
}

/// Waits until the other processor has reached a step.
fn wait_for(step: u32, mut meanwhile: impl FnMut()) {
    while STEP.load(Ordering::Acquire) < step {
        meanwhile();
        spin_loop();
    }
}

/// Sends all that is queued, at the pace of the card.
fn send_all<R: SpanRing + ?Sized>(
    reporter: &mut PacketReporter<'_, Kernel, ThriftCompact, R>,
    network: &mut Network,
    buffer: &mut [u8],
) {
    while reporter.drain_all(network, buffer) == Drained::Blocked {
        network.poll();
    }
    while !network.is_idle() {
        network.poll();
    }
}

/// Prints the counts; true if they add up and every span was delivered.
fn is_whole(name: &str, stats: &Stats, expected: u64) -> bool {
    print(format_args!("{name}: {stats}\n"));
    stats.adds_up() && stats.delivered == expected
}
