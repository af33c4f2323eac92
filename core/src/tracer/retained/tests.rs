//! Resets on the host: each boot has a ring of its own over the same memory.

use core::cell::RefCell;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::boxed::Box;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::sync::Mutex;
use std::vec::Vec;

use super::*;
use crate::record::Record;
use crate::ring::OverwriteOldest;
use crate::time::Timestamp;
use crate::transport::{SendOutcome, Transport};
use crate::wire::{Batch, EncodeContext, Encoder, Process, Push};
use crate::{Clock, Const, Key, Seed, Tracer};

const BYTES: usize = 1024;
type Memory<P> = RetainedMemory<BYTES, Interrupts, P>;
type Device<P> = Tracer<(&'static Timer, Const), RetainedRing<BYTES, Interrupts, P>>;

/// All names of these tests, as a linker gathers them.
static NAMES: &str = "sample|child|channel|unit|event|torn";

fn name(text: &str) -> &'static str {
    let start = NAMES.find(text).unwrap();
    &NAMES[start..start + text.len()]
}

fn program() -> Program {
    Program::new(NAMES.as_bytes(), BuildId::new(&[7; 20]))
}

/// A clock of 1 MHz, one tick a reading; at [`STOPPED`] a reading panics.
struct Timer(AtomicU64);

const STOPPED: u64 = u64::MAX;

impl Clock for &'static Timer {
    const BITS: u32 = 64;
    fn ticks(&self) -> u64 {
        let ticks = self.0.fetch_add(1, Ordering::Relaxed);
        if ticks == STOPPED {
            std::panic::resume_unwind(Box::new(()));
        }
        ticks
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

/// One boot of a device.
struct Started<P: Policy + 'static> {
    recovery: Recovery,
    clock: &'static Timer,
    tracer: &'static Device<P>,
}

/// Everything that is never freed, where Miri sees that it is in use.
static ROOTS: Mutex<Vec<Root>> = Mutex::new(Vec::new());

struct Root(#[allow(dead_code, reason = "kept, not read")] *mut u8);

// SAFETY: the pointer is not used.
unsafe impl Send for Root {}

fn place<T>(value: T) -> *mut T {
    let place = Box::into_raw(Box::new(value));
    ROOTS.lock().unwrap().push(Root(place.cast()));
    place
}

fn forever<T>(value: T) -> &'static T {
    // SAFETY: it is never freed, nor written to.
    unsafe { &*place(value) }
}

/// Memory after a cold start: garbage.
fn memory<P>() -> *mut Memory<P> {
    let memory = place(Memory::new());
    // SAFETY: the box's own bytes.
    unsafe {
        memory
            .cast::<u8>()
            .write_bytes(0xa5, size_of::<Memory<P>>())
    };
    memory
}

fn start<P: Policy>(memory: *mut Memory<P>, program: &Program) -> Started<P> {
    // SAFETY: the boot before is over, and the box is never freed.
    let ring = forever(unsafe { RetainedRing::new(&*memory) });
    let recovery = ring.recover(program, 1_000_000);
    let clock: &Timer = forever(Timer(AtomicU64::new(1_000)));
    let tracer = forever(Tracer::new((clock, Const(true)), ring));
    tracer.seed(Seed::from_words([1, 2, recovery.boot]));
    Started {
        recovery,
        clock,
        tracer,
    }
}

/// A span as it is sent: its number, what was recorded, and the tags of a recovery.
#[derive(Clone, PartialEq, Debug)]
struct Sent {
    sequence: u32,
    recorded: String,
    tags: String,
    start: Timestamp,
    finish: Timestamp,
}

#[derive(Clone, Default)]
struct Collect(Rc<RefCell<Vec<Sent>>>);

impl Encoder for Collect {
    fn begin(&mut self, _out: &mut [u8], _batch: &Batch<'_>) -> bool {
        true
    }
    fn push(&mut self, _out: &mut [u8], record: &Record<'_>, _context: &EncodeContext<'_>) -> Push {
        let is_late = |key: &str| key.starts_with("recovered") || key.starts_with("clock");
        let (late, tags): (Vec<_>, Vec<_>) = record.tags().partition(|tag| is_late(tag.key));
        let show = |tag: &crate::record::Tag<'_>| format!(" {}={:?}", tag.key, tag.value);
        let fields = record
            .logs()
            .flat_map(|log| log.fields().map(|field| show(&field)).collect::<Vec<_>>());
        let references = record
            .references()
            .map(|reference| format!(" {reference:?}"));
        let shown = tags.iter().map(show).chain(fields).chain(references);
        self.0.borrow_mut().push(Sent {
            sequence: record.sequence(),
            recorded: core::iter::once(record.operation().into())
                .chain(shown)
                .collect(),
            tags: late.iter().map(show).collect(),
            start: record.start(),
            finish: record.finish(),
        });
        Push::Taken
    }
    fn finish(&mut self, _out: &mut [u8]) -> Range<usize> {
        0..1
    }
    fn spans(&self) -> usize {
        self.0.borrow().len()
    }
}

struct Accept;

impl Transport for Accept {
    fn send(&mut self, _packet: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }
}

impl<P: Policy> Started<P> {
    /// Sends all that has finished, and checks the counts.
    fn sent(&self) -> Vec<Sent> {
        let collect = Collect::default();
        let encoder = self.recovery.encoder::<96, _>(collect.clone());
        let mut reporter = self.tracer.reporter(encoder, Process::new("")).unwrap();
        reporter.drain_all(&mut Accept, &mut [0; 8]);
        let (stats, sent) = (reporter.stats(), collect.0.take());
        assert!(stats.adds_up(), "{stats}");
        assert_eq!(
            (stats.delivered, stats.queued),
            (sent.len() as u64, 0),
            "{stats}"
        );
        sent
    }

    /// Three whole spans, with entries of each kind, and a torn one.
    fn work(&self) {
        let mut root = self.tracer.start::<256>(name("sample"));
        root.tag(name("channel"), 3).tag(name("unit"), "celsius");
        root.tag(Key::copied("copied"), 2.5)
            .tag(name("unit"), b"\xff\x00".as_slice());
        root.log()
            .field(name("event"), "retry")
            .field(name("channel"), true);
        let child = self.tracer.span_builder(name("child")).child_of(&root);
        child.follows_from(&root).start::<64>().finish();
        root.finish();
        self.tracer.start::<64>(Key::copied("made up")).finish();
        self.tear();
    }

    /// Stops for good in the middle of a finish, as a reset would.
    fn tear(&self) {
        let mut span = self.tracer.start::<64>(name("torn"));
        self.clock.0.store(STOPPED, Ordering::Relaxed);
        let finish = std::panic::AssertUnwindSafe(|| span.finish());
        assert!(std::panic::catch_unwind(finish).is_err());
        core::mem::forget(span);
    }
}

fn recorded(sent: &[Sent]) -> Vec<&str> {
    sent.iter().map(|sent| sent.recorded.as_str()).collect()
}

const WORK: [&str; 3] = [
    "child Reference { follows: true, trace: ",
    "sample channel=I64(3) unit=Str(\"celsius\") copied=F64(2.5) unit=Bytes([255, 0]) event=Str(\"retry\") channel=Bool(true)",
    "made up",
];

fn assert_work(sent: &[Sent]) {
    let all = recorded(sent);
    assert_eq!(all.len(), WORK.len(), "{all:?}");
    assert!(
        all.iter()
            .zip(WORK)
            .all(|(sent, work)| sent.starts_with(work)),
        "{all:?}"
    );
}

fn what_had_finished_is_sent_by_the_next_boot<P: Policy + 'static>() {
    let memory = memory::<P>();
    let first = start(memory, &program());
    assert_eq!(
        (first.recovery.outcome, first.recovery.boot),
        (RecoveryOutcome::Cold, 1)
    );
    first
        .tracer
        .set_unix_time_at(1_000, 1_700_000_000_000_000, 0);
    first.work();

    let second = start(memory, &program());
    let Recovery {
        outcome,
        boot,
        spans,
        torn,
        gaps,
        ..
    } = second.recovery;
    assert_eq!((outcome, boot), (RecoveryOutcome::Warm, 2));
    assert_eq!((spans, torn, gaps), (3, 1, 0));
    second.tracer.start::<0>(name("sample")).finish();
    let sent = second.sent();
    assert_work(&sent[..3]);
    for (sent, sequence) in sent.iter().zip([0, 1, 2]) {
        assert_eq!(sent.sequence, sequence);
        assert_eq!(sent.tags, " recovered=Bool(true) recovered.boot=I64(1)");
        let [Timestamp::UnixMicros(start), Timestamp::UnixMicros(finish)] =
            [sent.start, sent.finish]
        else {
            panic!("{sent:?}")
        };
        assert!((1_700_000_000_000_000..1_700_000_000_010_000).contains(&start));
        // The clock has a tick, of a microsecond, for each reading.
        assert!((start + 1..start + 10).contains(&finish), "{sent:?}");
    }
    let last = &sent[3];
    assert_eq!((last.sequence, last.tags.as_str()), (4, ""));
    assert_eq!(recorded(&sent)[3], "sample");

    let third = start(memory, &program());
    assert_eq!((third.recovery.spans, third.recovery.boot), (0, 3));
    assert_eq!(third.sent(), []);
}

#[test]
fn what_had_finished_is_sent_by_the_next_boot_by_both_policies() {
    what_had_finished_is_sent_by_the_next_boot::<DropNewest>();
    what_had_finished_is_sent_by_the_next_boot::<OverwriteOldest>();
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn without_an_anchor_recovered_spans_are_marked() {
    let memory = memory::<DropNewest>();
    start(memory, &program()).work();
    let second = start(memory, &program());
    second
        .tracer
        .set_unix_time_at(1_000, 1_700_000_000_000_000, 0);
    for sent in second.sent() {
        assert!(
            sent.tags.ends_with(" clock.unsynced=Bool(true)"),
            "{sent:?}"
        );
        assert!(
            matches!(sent.start, Timestamp::UnixMicros(..10_000)),
            "{sent:?}"
        );
    }
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn the_last_anchor_counts_and_its_uncertainty_shows() {
    let memory = memory::<DropNewest>();
    let first = start(memory, &program());
    for number in 0..5 {
        first.tracer.set_unix_time_at(0, 1_000_000 * number, 70);
    }
    first
        .tracer
        .emit::<0>(name("sample"), 500)
        .finish_ticks(600);
    let sent = start(memory, &program()).sent();
    assert_eq!(sent[0].start, Timestamp::UnixMicros(4_000_500));
    assert!(
        sent[0].tags.ends_with(" clock.uncertainty_us=I64(70)"),
        "{sent:?}"
    );
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn spans_wait_for_two_boots_each_with_its_number() {
    let memory = memory::<DropNewest>();
    for boot in 1..=4 {
        let started = start(memory, &program());
        assert_eq!(started.recovery.boot, boot);
        assert_eq!(started.recovery.outdated, u32::from(boot == 4));
        started
            .tracer
            .start::<32>(name("sample"))
            .tag(name("channel"), boot);
    }
    let fifth = start(memory, &program());
    assert_eq!((fifth.recovery.spans, fifth.recovery.outdated), (2, 1));
    let sent: Vec<_> = fifth
        .sent()
        .into_iter()
        .map(|sent| sent.recorded + &sent.tags)
        .collect();
    let of = |boot| {
        format!(
            "sample channel=I64({boot}) recovered=Bool(true) recovered.boot=I64({boot}) clock.unsynced=Bool(true)"
        )
    };
    assert_eq!(sent, [of(3), of(4)]);
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn gaps_are_counted_and_numbers_go_on() {
    let memory = memory::<DropNewest>();
    let first = start(memory, &program());
    let (mut full, mut kept) = (0, 0);
    while full < 3 {
        first.tracer.start::<0>(name("sample")).finish();
        full = first.tracer.stats().lost.full;
        kept += u32::from(full == 0);
    }
    let mut consumer = first.tracer.ring.consumer().unwrap();
    consumer.peek();
    consumer.advance();
    consumer.release();
    drop(consumer);
    first.tracer.start::<0>(name("child")).finish();
    let second = start(memory, &program());
    assert_eq!((second.recovery.spans, second.recovery.gaps), (kept, 3));
    assert_eq!(second.sent().last().unwrap().sequence, kept + 3);
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn nothing_is_recovered_from_garbage() {
    for garbage in (0..=u8::MAX).step_by(if cfg!(miri) { 85 } else { 1 }) {
        let memory = memory::<DropNewest>();
        // SAFETY: the box's own bytes.
        unsafe {
            memory
                .cast::<u8>()
                .write_bytes(garbage, size_of::<Memory<DropNewest>>())
        };
        let started = start(memory, &program());
        assert_eq!(
            (started.recovery.outcome, started.recovery.spans),
            (RecoveryOutcome::Cold, 0)
        );
        started.tracer.start::<0>(name("sample")).finish();
        assert_eq!(recorded(&started.sent()), ["sample"]);
    }
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn the_ring_of_another_program_is_discarded_whole() {
    let memory = memory::<DropNewest>();
    start(memory, &program()).work();
    let other = Program::new(NAMES.as_bytes(), BuildId::new(&[7; 19]));
    let second = start(memory, &other);
    assert_eq!(second.recovery.outcome, RecoveryOutcome::OtherProgram);
    assert_eq!(second.sent(), []);
    let third = start(memory, &program());
    assert_eq!(
        (third.recovery.outcome, third.recovery.boot),
        (RecoveryOutcome::OtherProgram, 3)
    );
}

/// Returns a copy of the header.
fn copy_of_header(memory: *mut Memory<DropNewest>, copy: usize) -> *mut [u8; header::LENGTH] {
    // SAFETY: the memory begins with both of them.
    unsafe { memory.cast::<[u8; header::LENGTH]>().add(copy) }
}

#[test]
fn each_copy_of_the_header_is_of_the_last_boot() {
    for copy in [0, 1] {
        let memory = memory::<DropNewest>();
        start(memory, &program());
        start(memory, &program());
        // SAFETY: no boot is at it now.
        unsafe { copy_of_header(memory, copy).write([0xa5; header::LENGTH]) };
        let third = start(memory, &program());
        let found = (third.recovery.outcome, third.recovery.boot);
        assert_eq!(found, (RecoveryOutcome::Warm, 3), "copy {copy}");
    }
}

#[test]
fn a_reset_between_both_copies_of_the_header_leaves_the_newer_boot() {
    let memory = memory::<DropNewest>();
    start(memory, &program());
    let second = copy_of_header(memory, 0);
    // SAFETY: no boot is at it now.
    let before = unsafe { second.read() };
    start(memory, &program());
    // SAFETY: as above.
    unsafe { second.write(before) };
    assert_eq!(start(memory, &program()).recovery.boot, 3);
}

#[test]
fn a_ring_of_another_size_is_discarded_whole() {
    let memory = memory::<DropNewest>();
    start(memory, &program()).work();
    let smaller = memory.cast::<RetainedMemory<512, Interrupts, DropNewest>>();
    // SAFETY: it lies within the memory, whose boot is over.
    let ring = forever(unsafe { RetainedRing::new(&*smaller) });
    let recovery = ring.recover(&program(), 1_000_000);
    let found = (recovery.outcome, recovery.spans, recovery.boot);
    assert_eq!(found, (RecoveryOutcome::OtherProgram, 0, 2));
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn a_ring_that_was_moved_is_discarded_whole() {
    let (first, second) = (memory::<DropNewest>(), memory::<DropNewest>());
    start(first, &program()).work();
    // SAFETY: both boxes are whole, and no call is in progress.
    unsafe { second.copy_from(first, 1) };
    assert_eq!(
        start(second, &program()).recovery.outcome,
        RecoveryOutcome::OtherProgram
    );
}

#[test]
#[cfg_attr(miri, ignore = "the same steps as in the others")]
fn without_a_build_id_nothing_is_recovered_now_or_later() {
    let memory = memory::<DropNewest>();
    start(memory, &program()).work();
    let second = start(memory, &Program::new(NAMES.as_bytes(), None));
    assert_eq!(second.recovery.outcome, RecoveryOutcome::NoBuildId);
    second.tracer.start::<0>(name("sample")).finish();
    assert_eq!(
        recorded(&second.sent()),
        ["sample"],
        "the ring itself works"
    );
    second.tracer.start::<0>(name("sample")).finish();
    assert_eq!(
        start(memory, &program()).recovery.outcome,
        RecoveryOutcome::Cold
    );
}

#[test]
fn a_second_recovery_in_one_boot_does_nothing() {
    let started = start(memory::<DropNewest>(), &program());
    started.tracer.start::<0>(name("sample")).finish();
    let again = started.tracer.ring.recover(&program(), 1_000_000);
    assert_eq!((again.outcome, again.spans), (RecoveryOutcome::Again, 0));
    assert_eq!(recorded(&started.sent()), ["sample"]);
}

#[test]
fn spans_before_the_recovery_are_counted() {
    let memory = memory::<DropNewest>();
    // SAFETY: the only ring of this memory.
    let ring = forever(unsafe { RetainedRing::new(&*memory) });
    let clock: &Timer = forever(Timer(AtomicU64::new(1_000)));
    let tracer: &Device<DropNewest> = forever(Tracer::new((clock, Const(true)), ring));
    tracer.start::<0>(name("sample")).finish();
    assert!(
        tracer
            .reporter(Collect::default(), Process::new(""))
            .is_err()
    );
    ring.recover(&program(), 1_000_000);
    let stats = tracer.stats();
    assert!(stats.adds_up());
    assert_eq!((stats.sampled, stats.lost.reentered), (1, 1));
}

/// Each bit of the headers, of the positions and of the frames: the rest is not read.
#[test]
fn a_flipped_bit_tears_nothing() {
    let memory = memory::<DropNewest>();
    let first = start(memory, &program());
    first
        .tracer
        .set_unix_time_at(1_000, 1_700_000_000_000_000, 0);
    first.work();
    let headers = core::mem::offset_of!(Memory<DropNewest>, ring);
    let frames = size_of::<Memory<DropNewest>>() - BYTES;
    let positions = headers + 2 * size_of::<usize>();
    let bytes = (0..headers)
        .chain(positions..positions + 8)
        .chain(frames..frames + BYTES);
    // SAFETY: the box's own bytes, of which some are padding.
    let before = unsafe {
        memory
            .cast::<core::mem::MaybeUninit<[u8; size_of::<Memory<DropNewest>>()]>>()
            .read()
    };
    let all = bytes.flat_map(|byte| 8 * byte..8 * byte + 8);
    // One of a header, of the positions, of a frame's length and of its content.
    let some = [9, positions, frames, frames + 24].map(|byte| 8 * byte + 3);
    let bits: Box<dyn Iterator<Item = usize>> = match cfg!(miri) {
        true => Box::new(some.into_iter()),
        false => Box::new(all),
    };
    let mut damaged = 0;
    for bit in bits {
        // SAFETY: as above; what is flipped is no padding.
        unsafe {
            memory
                .cast::<core::mem::MaybeUninit<[u8; size_of::<Memory<DropNewest>>()]>>()
                .write(before);
            let byte = memory.cast::<u8>().add(bit / 8);
            byte.write(byte.read() ^ 1 << (bit % 8));
        }
        let second = start(memory, &program());
        let sent = second.sent();
        assert_eq!(second.recovery.spans as usize, sent.len(), "bit {bit}");
        let is_changed = |sent: &&Sent| !WORK.iter().any(|work| sent.recorded.starts_with(work));
        let changed = sent.iter().filter(is_changed).count();
        assert!(
            changed <= 1 && sent.len() <= WORK.len(),
            "bit {bit}: {sent:?}"
        );
        assert!(
            sent.iter().all(|sent| !sent.recorded.starts_with("torn")),
            "bit {bit}"
        );
        damaged += usize::from(sent.len() < WORK.len());
    }
    assert!(damaged > 0, "some damage is found");
}
