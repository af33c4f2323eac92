//! What is traced: rounds of work on both processors, in one trace.

use core::array::from_fn;
use core::cell::Cell;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::Mutex;
use picojaeger_core::wire::Process;
use picojaeger_core::{Drained, PacketReporter, SpanContext, Stats, Value};

use crate::boot;
use crate::machine::{self, print};
use crate::output::{Format, Output, format};
use crate::tracers::{self, Kernel, KernelRing};

/// Rounds of each processor; two spans each. All packets together fit the receive buffer that Linux
/// gives a socket, or those would be lost that come while the agent is busy.
const ROUNDS: u32 = 200;
const PROCESSORS: u32 = 2;
/// `boot`, and two spans of each round.
const SPANS: u64 = 1 + 2 * (PROCESSORS * ROUNDS) as u64;

/// The parent of what the second processor does, set before it starts.
static PARENT: Mutex<Cell<Option<SpanContext>>> = Mutex::new(Cell::new(None));
/// Whether the second processor has made its spans.
static DONE: AtomicBool = AtomicBool::new(false);

type Reporter<'t> = PacketReporter<'t, Kernel, Format, KernelRing>;

/// The first processor: records, and reports what both record. True if every span has left.
pub fn work(mut output: Output) -> bool {
    tracers::start();
    let tags = [("machine", Value::Str("virt"))];
    let process = Process::new("kernel").with_tags(&tags);
    let boot = machine::random() as u32;
    let mut reporters: [_; tracers::COUNT] =
        from_fn(|producer| tracers::of(producer).reporter(format(producer as u8, boot), process));
    let parent = start_second_processor();
    let mut buffer = [0; 1_400];
    for number in 0..ROUNDS {
        round(0, number, parent);
        for reporter in reporters.iter_mut().flatten() {
            reporter.drain(&mut output, &mut buffer);
        }
    }
    while !DONE.load(Ordering::Acquire) {
        output.poll();
        spin_loop();
    }
    let (mut whole, mut delivered) = (true, 0);
    for reporter in reporters.iter_mut().flatten() {
        send_all(reporter, &mut output, &mut buffer);
        let stats = reporter.stats();
        whole &= adds_up(&stats);
        delivered += stats.delivered;
    }
    whole && delivered == SPANS
}

/// Starts the second processor, in a span whose children its spans are.
fn start_second_processor() -> SpanContext {
    let mut span = tracers::of(0).start::<64>("boot");
    span.tag("processors", PROCESSORS);
    let parent = span.context();
    critical_section::with(|section| PARENT.borrow(section).set(Some(parent)));
    boot::start_second_processor();
    parent
}

/// The second processor.
#[unsafe(no_mangle)]
extern "C" fn second() -> ! {
    if let Some(parent) = critical_section::with(|section| PARENT.borrow(section).get()) {
        (0..ROUNDS).for_each(|number| round(1, number, parent));
    }
    DONE.store(true, Ordering::Release);
    loop {
        machine::wait();
    }
}

/// A round of work in two spans.
fn round(processor: usize, number: u32, parent: SpanContext) {
    let tracer = tracers::of(processor);
    let mut round = tracer.span_builder("round").child_of(parent).start::<64>();
    round
        .tag("processor", processor as u32)
        .tag("number", number);
    let mut sample = tracer.span_builder("sample").child_of(&round).start::<64>();
    sample.tag("mode", "fast");
}

/// Sends all that is queued, at the pace of the output, and the last counts where the format has them.
fn send_all(reporter: &mut Reporter<'_>, output: &mut Output, buffer: &mut [u8]) {
    while reporter.drain_all(output, buffer) == Drained::Blocked {
        output.poll();
    }
    while reporter.announce_to(output, buffer) == Drained::Blocked {
        output.poll();
    }
    while !output.is_idle() {
        output.poll();
    }
}

/// Prints the counts; true if they add up.
fn adds_up(stats: &Stats) -> bool {
    // Not the whole `Display`, which is some 4 KiB.
    let lost = stats.lost.total();
    print(format_args!(
        "{} sampled: {} delivered, {lost} lost\n",
        stats.sampled, stats.delivered
    ));
    stats.adds_up()
}
