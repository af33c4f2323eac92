//! Runs each call between two marks, for a QEMU plugin that counts instructions; `.ci/run
//! firmware` joins both. Prints one line a case: its name, the bytes of stack that it takes, and
//! known sizes.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;

use cortex_m::register::msp;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::ring::{Bytes, OverwriteOldest};
use picojaeger_core::wire::Process;
use picojaeger_core::{
    Flags, Interrupts, Ring, Seed, SendOutcome, Span, SpanContext, SpanId, TraceId, Tracer,
};
use picojaeger_cortex_m::count::{picojaeger_count_from, picojaeger_count_to};
use picojaeger_cortex_m::{BOARD, Board, Switch, Timer, exit, format};

type Recorder = Ring<Interrupts, Bytes<1024>, OverwriteOldest>;

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);
static RECORDER: Recorder = Ring::new();
static NEWEST: Tracer<Board, Recorder> = Tracer::new(BOARD, &RECORDER);

#[inline(never)]
fn nothing() {}

#[inline(never)]
fn bare() {
    let mut span = TRACER.start::<96>("sample");
    span.finish();
}

#[inline(never)]
fn bare_dropped() {
    let _span = TRACER.start::<96>("sample");
}

#[inline(never)]
fn two_tags() {
    let mut span = TRACER.start::<96>("sample");
    span.tag("channel", 3).tag("mode", "fast");
    span.finish();
}

#[inline(never)]
fn two_tags_256() {
    let mut span = TRACER.start::<256>("sample");
    span.tag("channel", 3).tag("mode", "fast");
    span.finish();
}

#[inline(never)]
fn two_tags_overwriting() {
    let mut span = NEWEST.start::<96>("sample");
    span.tag("channel", 3).tag("mode", "fast");
    span.finish();
}

#[inline(never)]
fn two_tags_given() {
    let tags = [("channel".into(), 3.into()), ("mode".into(), "fast".into())];
    let mut span = TRACER.span_builder("sample").tags(&tags).start::<96>();
    span.finish();
}

#[inline(never)]
fn parent_and_child() {
    let mut parent = TRACER.start::<96>("parent");
    let mut child = TRACER.span_builder("child").child_of(&parent).start::<96>();
    child.finish();
    parent.finish();
}

#[inline(never)]
fn log() {
    let mut span = TRACER.start::<96>("sample");
    span.log().field("event", "test");
    span.finish();
}

/// Passes frames of many lengths through both rings, so that the paths for padding, a full ring
/// and eviction are taken: for the longest masked section.
#[inline(never)]
fn every_path() {
    for round in 0..300u32 {
        let text = "a text that is cut to many a length".get(..(round % 32) as usize);
        let mut one = TRACER.start::<96>("sample");
        one.tag("text", text.unwrap_or(""));
        let mut other = NEWEST.span_builder("sample").child_of(&one).start::<96>();
        other.tag("text", text.unwrap_or("")).tag("number", round);
        if round % 64 == 0 {
            drain();
        }
    }
}

type Sample = Span<'static, Board, [MaybeUninit<u8>; 96]>;

#[inline(never)]
fn make() -> Sample {
    let mut span = TRACER.start::<96>("sample");
    span.tag("channel", 3);
    span
}

#[inline(never)]
fn returned() {
    let mut span = make();
    span.tag("mode", "fast");
    span.finish();
}

fn drain() {
    if let Some(mut consumer) = RING.consumer() {
        while consumer.peek().is_some() {
            consumer.advance();
        }
        consumer.release();
    }
}

/// Returns the words of stack below this frame to which `case` writes.
#[inline(never)]
fn stack(case: &mut dyn FnMut()) -> usize {
    const WORDS: usize = 512;
    const MARK: u32 = 0xa5c3_5a3c;
    let top = core::ptr::with_exposed_provenance_mut::<u32>(msp::read() as usize);
    let from = top.wrapping_sub(WORDS);
    for word in 0..WORDS {
        // SAFETY: free stack, above the statics and below every frame.
        unsafe { from.add(word).write_volatile(MARK) };
    }
    case();
    let mut untouched = 0;
    // SAFETY: as above.
    while untouched < WORDS && unsafe { from.add(untouched).read_volatile() } == MARK {
        untouched += 1;
    }
    (WORDS - untouched) * 4
}

fn measure(name: &str, case: fn()) {
    let case = black_box(case);
    drain();
    case();
    let stack = stack(&mut || case());
    drain();
    picojaeger_count_from();
    case();
    picojaeger_count_to();
    hprintln!("case {} {}", name, stack);
}

#[inline(never)]
fn two_tags_of(tracer: &'static Tracer<Board>) {
    let mut span = tracer.start::<96>("sample");
    span.tag("channel", 3).tag("mode", "fast");
}

/// Makes packets of one and of two spans with two tags: the difference is the cost of encoding a
/// span. The buffer is not on the measured stack. Returns `None` unless all are sent.
fn measure_packets(buffer: &mut [u8]) -> Option<()> {
    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);
    TRACER.seed(Seed::from_words(black_box([1, 2, 5])));
    let process = Process::new("pump-7");
    let mut reporter = TRACER.reporter(format(), process).ok()?;
    TRACER.set_unix_time_at(0, black_box(1_700_000_000_000_000), 0);
    let mut flush = |bytes: usize| {
        let buffer = buffer.get_mut(..bytes).unwrap_or_default();
        picojaeger_count_from();
        let length = reporter.flush(buffer).map_or(0, |packet| {
            let length = packet.bytes().len();
            packet.done(SendOutcome::Accepted);
            length
        });
        picojaeger_count_to();
        black_box(length)
    };
    two_tags_of(&TRACER);
    flush(512);
    hprintln!("case flush_first 0");
    two_tags_of(&TRACER);
    let mut length = 0;
    let one = stack(&mut || length = flush(512));
    hprintln!("case flush_1 {}", one);
    two_tags_of(&TRACER);
    two_tags_of(&TRACER);
    let two = flush(512);
    hprintln!("case flush_2 0");
    hprintln!("size span_packed {}", two - length);
    every_entry(&TRACER);
    let length = flush(512);
    hprintln!("case flush_whole 0");
    every_entry(&TRACER);
    let cut = stack(&mut || _ = flush(length.saturating_sub(10)));
    hprintln!("case flush_cut {}", cut);
    (reporter.stats().delivered == 6).then_some(())
}

/// A span with entries of every kind.
#[inline(never)]
fn every_entry(tracer: &'static Tracer<Board>) {
    let other = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
    let mut span = tracer
        .span_builder("sample")
        .follows_from(other)
        .start::<256>();
    span.tag("float", 1.5).tag("flag", true);
    span.tag("unsigned", u64::MAX).tag("bytes", &[1, 2, 3]);
    span.log()
        .field("event", "a text of some length, to be cut");
    span.log().field("event", "another");
}

#[entry]
fn main() -> ! {
    Timer::start();
    TRACER.seed(Seed::from_words(black_box([1, 2, 3])));
    NEWEST.seed(Seed::from_words(black_box([1, 2, 4])));
    for _ in 0..20 {
        two_tags_overwriting();
    }
    measure("nothing", nothing);
    measure("bare", bare);
    measure("bare_dropped", bare_dropped);
    measure("two_tags", two_tags);
    measure("two_tags_256", two_tags_256);
    measure("two_tags_overwriting", two_tags_overwriting);
    measure("two_tags_given", two_tags_given);
    measure("two_tags_returned", returned);
    measure("parent_and_child", parent_and_child);
    measure("log", log);
    measure("every_path", every_path);
    Switch.set(false);
    measure("unsampled", two_tags);
    measure("unsampled_pair", parent_and_child);
    Switch.set(true);
    hprintln!(
        "size span {}",
        size_of::<Span<'static, Board, [MaybeUninit<u8>; 0]>>()
    );
    if measure_packets(&mut [0; 512]).is_none() {
        exit(debug::EXIT_FAILURE);
    }
    hprintln!("size ring {}", size_of_val(&RING) - 4096);
    hprintln!("size tracer {}", size_of_val(&TRACER));
    exit(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
