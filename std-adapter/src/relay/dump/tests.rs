//! Rings of the core on this machine, whose words have 8 bytes, as dumps.

use std::fs;

use picojaeger_core::wire::relay::{Device, MemoryDump, RelayFrames};
use picojaeger_core::wire::{Process as WireProcess, ThriftCompact};
use picojaeger_core::{
    BuildId, Clock, Const, Key, Program, RetainedMemory, RetainedRing, Seed, SendOutcome, Tracer,
};

use super::*;
use crate::model::{RefKind, TagValue};
use crate::relay::source::Recorder;

struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        2_000
    }
    fn frequency(&self) -> u64 {
        1_000
    }
}

type Memory = RetainedMemory<1024>;
type Board = Tracer<(Timer, Const), RetainedRing<1024>>;

const BUILD: [u8; 20] = [7; 20];
/// All names of the program.
static NAMES: &str = "sample number kelvin ok raw big event step channel";
/// The Unix time of tick 0, in microseconds.
const EPOCH: u64 = 1_700_000_000_000_000;

fn name(text: &str) -> &'static str {
    let start = NAMES.find(text).unwrap();
    &NAMES[start..start + text.len()]
}

/// Memory that lives on, of a device that was just switched on.
fn memory() -> &'static Memory {
    let memory = Box::leak(Box::new(Memory::new()));
    // SAFETY: nobody else has it, and a chip's memory has some value.
    unsafe { std::ptr::from_mut(memory).write_bytes(0xa5, 1) };
    memory
}

fn boot(memory: &'static Memory) -> &'static Board {
    // SAFETY: tests that boot again have dropped nothing that still writes.
    let ring: &RetainedRing<1024> = Box::leak(Box::new(unsafe { RetainedRing::new(memory) }));
    let recovery = ring.recover(&Program::new(NAMES.as_bytes(), BuildId::new(&BUILD)), 1_000);
    let tracer: &Board = Box::leak(Box::new(Tracer::new((Timer, Const(true)), ring)));
    tracer.seed(Seed::from_words([1, 2, recovery.boot]));
    tracer
}

fn bytes(memory: &'static Memory) -> Vec<u8> {
    // SAFETY: `memory` has given each byte a value, and nothing writes meanwhile.
    unsafe { std::slice::from_raw_parts((&raw const *memory).cast::<u8>(), size_of::<Memory>()) }
        .to_vec()
}

fn image(memory: &'static Memory) -> ElfImage {
    let start = NAMES.as_ptr().addr() as u64;
    ElfImage {
        build: BUILD.to_vec(),
        sections: vec![(start, NAMES.as_bytes().to_vec())],
        symbols: vec![(
            (&raw const *memory).addr() as u64,
            size_of::<Memory>() as u64,
        )],
        word: 8,
        is_big_endian: false,
    }
}

/// Plain memory with something around the ring.
fn plain(memory: &[u8]) -> Dump {
    let around = [&[0x55; 24][..], memory, &[0x55; 100]].concat();
    Dump::new(vec![around], EPOCH + 60_000_000)
}

fn only(dump: &Dump, image: &ElfImage) -> Ring {
    let mut rings = read(dump, image).unwrap();
    assert_eq!(rings.len(), 1);
    rings.remove(0)
}

#[test]
fn spans_of_all_kinds_are_read() {
    let memory = memory();
    let tracer = boot(memory);
    tracer.set_unix_time_at(0, EPOCH, 5);
    let mut root = tracer.start::<512>(name("sample"));
    root.tag(name("number"), -7)
        .tag(name("kelvin"), 293.5)
        .tag(name("ok"), true)
        .tag(name("raw"), &b"\x00\xff"[..])
        .tag(name("big"), u64::MAX)
        .tag(Key::copied("own"), "text");
    root.log()
        .field(name("event"), "read")
        .field(name("channel"), 3);
    let other = root.context();
    let mut child = tracer
        .span_builder(name("step"))
        .child_of(&root)
        .follows_from(other)
        .start::<64>();
    let copied = String::from("renamed");
    child.set_operation_name(Key::copied(&copied));
    child.finish();
    root.finish();
    let open = tracer.start::<0>(name("sample")); // which is in no ring

    let ring = only(&plain(&bytes(memory)), &image(memory));
    drop(open);
    assert_eq!(
        (ring.boot, ring.torn, ring.gaps, ring.discarded),
        (1, 0, 0, 0)
    );
    let [child, root] = ring.spans.as_slice() else {
        panic!("{:?}", ring.spans);
    };
    assert_eq!(root.operation_name, "sample");
    assert_eq!(root.start_time_us, EPOCH as i64 + 2_000_000);
    let recovered = [
        ("clock.uncertainty_us", TagValue::from(405)), // and drift since the anchor
        ("recovered", true.into()),
        ("recovered.boot", 1.into()),
    ];
    let made = [
        ("number", TagValue::from(-7)),
        ("kelvin", 293.5.into()),
        ("ok", true.into()),
        ("raw", (&b"\x00\xff"[..]).into()),
        ("big", u64::MAX.into()),
        ("own", "text".into()),
    ];
    let tags = made.into_iter().chain(recovered.clone());
    let tags: Vec<_> = tags.map(|(key, value)| Tag::new(key, value)).collect();
    assert_eq!(root.tags, tags);
    let fields = [Tag::new("event", "read"), Tag::new("channel", 3)];
    assert_eq!(
        (root.logs.len(), &root.logs[0].fields[..]),
        (1, &fields[..])
    );
    assert_eq!(root.logs[0].timestamp_us, root.start_time_us);
    assert_eq!(
        (child.trace_id, child.parent_span_id),
        (root.trace_id, root.span_id)
    );
    assert_eq!(child.operation_name, "renamed");
    assert_eq!(child.references[0].kind, RefKind::FollowsFrom);
    assert_eq!(child.references[0].span_id, root.span_id);
}

#[test]
fn boots_are_told_apart_and_spans_without_a_time_are_dated_by_the_dump() {
    let memory = memory();
    boot(memory).start::<0>(name("sample"));
    let second = boot(memory);
    second.set_unix_time_at(0, EPOCH, 5);
    second.start::<0>(name("step"));
    boot(memory).start::<0>(name("event"));
    let ring = only(&plain(&bytes(memory)), &image(memory));
    let read: Vec<_> = ring
        .spans
        .iter()
        .map(|span| {
            let number = span.tag("recovered.boot").cloned().unwrap();
            let is_dated = span.tag("clock.unsynced").is_none();
            (
                span.operation_name.as_str(),
                number,
                is_dated,
                span.start_time_us - EPOCH as i64,
            )
        })
        .collect();
    let (first, second, third) = (1.into(), 2.into(), 3.into());
    assert_eq!(
        read,
        [
            ("sample", first, false, 60_000_000),
            ("step", second, true, 2_000_000),
            ("event", third, false, 60_000_000),
        ]
    );
    assert_eq!(ring.boot, 3);
}

/// A line with a hello and spans, and the ring in frames of memory, one of which comes twice.
fn line(memory: &'static Memory) -> Vec<u8> {
    let tracer = boot(memory);
    tracer.start::<0>(name("sample"));
    let device = Device::new(b"chip 7", 1);
    let process = WireProcess::new("pump");
    let mut reporter = tracer.reporter(RelayFrames::new(device), process).unwrap();
    let mut buffer = [0; 128];
    let mut line = b"booting\n".to_vec();
    let hello = reporter.announce(&mut buffer).unwrap();
    line.extend(hello.bytes());
    hello.done(SendOutcome::Accepted);
    let content = bytes(memory);
    // SAFETY: the memory itself, since a dump has its address; nothing writes meanwhile.
    let content =
        unsafe { std::slice::from_raw_parts((&raw const *memory).cast::<u8>(), content.len()) };
    let mut dump = MemoryDump::new(device.with_producer(255), content);
    while let Some(place) = dump.next_packet(&mut buffer) {
        line.extend(&buffer[place.clone()]);
        if line.len() < 600 {
            line.extend(&buffer[place]);
        }
    }
    line
}

#[test]
fn frames_of_memory_are_put_together() {
    let memory = memory();
    let line = line(memory);
    let dump = Dump::new(vec![b"another".to_vec(), line.clone()], EPOCH);
    let ring = only(&dump, &image(memory));
    assert_eq!(ring.spans[0].operation_name, "sample");
    assert_eq!(ring.spans[0].tag("sampler.type"), Some(&"const".into()));
    assert_eq!(dump.process.as_ref().unwrap().service_name, "pump");
    // Without its last frame the ring is not whole, and without those before there is no header.
    let places: Vec<_> = (0..line.len() - 1)
        .filter(|at| line[*at..].starts_with(&[0, 0]))
        .collect();
    let cut = Dump::new(vec![line[..=places[places.len() - 1]].to_vec()], EPOCH);
    let address = (&raw const *memory).addr() as u64;
    assert_eq!(
        read(&cut, &image(memory)).unwrap_err(),
        NoRing::Incomplete(address)
    );
}

#[test]
fn files_are_recordings_lines_and_memory() {
    let memory = memory();
    let (line, plain) = (line(memory), bytes(memory));
    let path = std::env::temp_dir().join(format!("picojaeger-dump-{}", std::process::id()));
    let mut recorder = Recorder::create(&path).unwrap();
    for (number, part) in line.chunks(100).enumerate() {
        let arrival = Arrival::At(EPOCH + number as u64);
        recorder.write(7, part, arrival).unwrap();
        recorder.write(8, b"of another device", arrival).unwrap();
    }
    recorder.flush().unwrap();
    let recording = fs::read(&path).unwrap();
    for content in [recording, line, plain] {
        fs::write(&path, content).unwrap();
        let ring = only(&Dump::open(&path).unwrap(), &image(memory));
        assert_eq!(ring.spans[0].operation_name, "sample");
    }
    fs::remove_file(&path).unwrap();
    let error = Dump::open(&path).map(drop).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}

#[test]
fn other_images_and_dumps_are_refused() {
    let memory = memory();
    boot(memory).start::<0>(name("sample"));
    let (whole, mut image) = (bytes(memory), image(memory));
    let error = |bytes: &[u8], image: &ElfImage| read(&plain(bytes), image).unwrap_err();
    assert_eq!(error(&[], &image), NoRing::NoHeader);
    assert_eq!(
        error(&whole[..271], &image),
        NoRing::Incomplete(image.symbols[0].0)
    );
    image.build[3] = 0;
    assert_eq!(error(&whole, &image), NoRing::OtherBuild);
    image.build[3] = 7;
    image.is_big_endian = true;
    assert_eq!(error(&whole, &image), NoRing::BigEndian);
    image.is_big_endian = false;
    let address = image.symbols[0].0;
    for size in [0, 1_024, 1_303, u64::MAX] {
        image.symbols[0].1 = size;
        let error = error(&whole, &image);
        let expected = [NoRing::NoSymbol(address), NoRing::Incomplete(address)];
        assert!(expected.contains(&error), "{size}: {error}");
    }
    image.symbols.clear();
    assert_eq!(error(&whole, &image), NoRing::NoSymbol(address));
}

/// Reads a damaged dump; returns how many spans it has.
fn spans_in(bytes: &[u8], image: &ElfImage) -> usize {
    let rings = read(&Dump::new(vec![bytes.to_vec()], EPOCH), image);
    let rings = rings.unwrap_or_default();
    rings.iter().map(|ring| ring.spans.len()).sum()
}

#[test]
fn any_damage_costs_spans_and_nothing_else() {
    let memory = memory();
    let tracer = boot(memory);
    for number in 0..4 {
        let mut span = tracer.start::<128>(name("sample"));
        span.tag(name("number"), number)
            .tag(Key::copied("own"), "text");
        span.log().field(name("event"), "read");
    }
    let (whole, image) = (bytes(memory), image(memory));
    assert_eq!(spans_in(&whole, &image), 4);
    let mut counts = [0; 5];
    for bit in (0..whole.len() * 8).step_by(5) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        counts[spans_in(&damaged, &image)] += 1;
    }
    // Each copy of the header and each frame matters, and some bits are values or unused.
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    for length in 0..whole.len() {
        assert_eq!(spans_in(&whole[..length], &image), 0);
    }
    let mut state = 1u64;
    for round in 0..4_000 {
        let mut noisy = whole.clone();
        for _ in 0..=round % 8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = 272 + (state >> 33) as usize % (noisy.len() - 272);
            noisy[at] = (state >> 24) as u8;
        }
        assert!(spans_in(&noisy, &image) <= 4);
    }
}

#[test]
fn the_core_reads_the_same_as_sent() {
    // The next boot sends what a dump has.
    let memory = memory();
    boot(memory).start::<0>(name("sample"));
    let ring = only(&plain(&bytes(memory)), &image(memory));
    let next = boot(memory);
    let mut reporter = next
        .reporter(ThriftCompact::new(), WireProcess::new("pump"))
        .unwrap();
    let mut buffer = [0; 512];
    let packet = reporter.flush(&mut buffer).unwrap();
    let batch = crate::collector::decode(packet.bytes()).unwrap();
    packet.done(SendOutcome::Accepted);
    let ids = |span: &Span| (span.trace_id, span.span_id, span.operation_name.clone());
    let sent: Vec<_> = batch.spans.iter().map(ids).collect();
    assert_eq!(sent, ring.spans.iter().map(ids).collect::<Vec<_>>());
}
