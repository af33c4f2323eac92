//! Frames for the relay are read by `postcard` as the records that were made. Records are drawn
//! from fixed seeds.

use picojaeger_core::adapter::record::{Open, Record, Records, Reference, Tag, Timestamp};
use picojaeger_core::adapter::{PacketBuilder, PollContext, Timeline};
use picojaeger_core::ring::{Bytes, DropNewest, FrameRing, Spsc, Word};
use picojaeger_core::wire::relay::{Device, MemoryDump, RelayFrames};
use picojaeger_core::wire::{
    Batch, ClientStats, Counts, EncodeContext, Encoder, Process, Push, Status,
};
use picojaeger_core::{
    Anchor, Description, Flags, Key, LossCause, Param, SendOutcome, SpanContext, SpanId, TraceId,
    Value,
};

mod common;

use common::SplitMix64;
use common::draw::{Draw, FLOATS};
use common::relay::{self, Entry, Frame, Hello, Id, Name, Span, frames, read, spans};

type Image = Open<[Word; 8192]>;
type Ring = FrameRing<Spsc, (), Bytes<{ 1 << 18 }>, DropNewest, Records>;

/// The sequence of the first record.
const FIRST: u32 = u32::MAX - 1;
const DEVICE: Device<'static> = Device::new(b"chip 7", 0x0102_0304).with_producer(3);
static NAMES: [&str; 4] = ["sample", "", "a name that is static", "öl"];

/// One drawn record of several kinds of entries.
fn draw_image(draw: &mut Draw) -> Box<Image> {
    let kept = Flags::SAMPLED | Flags::DEBUG | Flags::FIREHOSE | Flags::RANDOM;
    let flags = Flags::from_wire(draw.below(16) as u8) | (Flags::RANDOM & kept);
    let low = draw.number() | 1;
    let high = if draw.below(2) == 0 { 0 } else { draw.number() };
    let id = if draw.below(3) == 0 { low } else { draw.bits() };
    let parent = [0, low, draw.bits()][draw.below(3)];
    let context = SpanContext::new(TraceId::from_parts(high, low), SpanId::new(id), flags);
    let start = draw.number();
    let name = NAMES[draw.below(NAMES.len())];
    let mut image = Box::new(Image::new(name, context, SpanId::new(parent), start));
    image.set_flags(flags | Flags::SAMPLED);
    image.set_sampler(draw.below(16) as u8);
    if draw.below(3) == 0 {
        image.set_start(Timestamp::UnixMicros(draw.number()));
    }
    if draw.below(3) == 0 {
        assert!(image.try_copy_operation(&draw.text()));
    }
    for _ in 0..draw.length() {
        draw_entry(draw, &mut image);
    }
    match draw.below(3) {
        0 => image.finish_at(draw.number()),
        1 => image.finish(draw.number()),
        _ => image.finish(start.wrapping_add(draw.number() >> 30)),
    }
    image
}

fn draw_entry(draw: &mut Draw, image: &mut Image) {
    match draw.below(8) {
        0 => {
            let trace = TraceId::from_parts(draw.number(), draw.bits());
            let span = SpanId::new(draw.bits());
            _ = image.try_reference(Reference::new(draw.below(2) == 0, trace, span));
        }
        1 | 2 => {
            let time = draw.number();
            let time = match draw.below(2) {
                0 => Timestamp::Ticks(time),
                _ => Timestamp::UnixMicros(time),
            };
            if image.try_log(time) {
                for _ in 0..draw.below(4) {
                    with_tag(draw, |key, value| _ = image.try_field(key, value));
                }
            }
        }
        3 if draw.below(20) == 0 => image.mark_dropped(),
        4 if draw.below(20) == 0 => image.mark_cut(),
        _ => with_tag(draw, |key, value| _ = image.try_tag(key, value)),
    }
}

/// Draws a tag of any type, with a static key or a copied one.
fn with_tag(draw: &mut Draw, take: impl FnOnce(Key<'_>, Value<'_>)) {
    let (text, key) = (draw.text(), draw.text());
    let value = match draw.below(7) {
        0 => Value::Str(&text),
        1 => Value::F64(FLOATS[draw.below(FLOATS.len())]),
        2 => Value::Bool(draw.below(2) == 0),
        3 => Value::I64(draw.number().cast_signed()),
        4 => Value::I64(-(draw.number() >> 1).cast_signed()),
        5 => Value::U64(draw.number()),
        _ => Value::Bytes(text.as_bytes()),
    };
    let key = match draw.below(2) {
        0 => Key::from(NAMES[draw.below(NAMES.len())]),
        _ => Key::copied(key.get(..60).unwrap_or("key")),
    };
    take(key, value);
}

/// A span's fields, from a record or read from a frame.
#[derive(Clone, PartialEq, Debug)]
struct Plain {
    ids: [u64; 4],
    flags: u8,
    sampler: u8,
    operation: String,
    ends: [Timestamp; 2],
    tags: Vec<(String, Plainest)>,
    references: Vec<Reference>,
    logs: Vec<(Timestamp, Vec<(String, Plainest)>)>,
    is_cut: bool,
    dropped: u16,
}

/// A value, whose bits are compared.
#[derive(Clone, PartialEq, Debug)]
enum Plainest {
    Text(String),
    Bits(u64),
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Bytes(Vec<u8>),
}

impl From<Value<'_>> for Plainest {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Str(text) => Plainest::Text(text.into()),
            Value::F64(number) => Plainest::Bits(number.to_bits()),
            Value::Bool(on) => Plainest::Bool(on),
            Value::I64(number) => Plainest::Signed(number),
            Value::U64(number) => Plainest::Unsigned(number),
            Value::Bytes(bytes) => Plainest::Bytes(bytes.into()),
            other => panic!("no value of a record: {other:?}"),
        }
    }
}

impl From<&Record<'_>> for Plain {
    fn from(record: &Record<'_>) -> Self {
        let tag = |tag: Tag<'_>| (tag.key.to_string(), tag.value.into());
        let (context, parent) = (record.context(), record.parent().get());
        let trace = context.trace_id();
        let random = u8::from(context.flags().contains(Flags::RANDOM)) << 5;
        let logs = record
            .logs()
            .map(|log| (log.time, log.fields().map(tag).collect()));
        Plain {
            ids: [trace.high(), trace.low(), context.span_id().get(), parent],
            flags: context.flags().wire() | random,
            sampler: record.sampler(),
            operation: record.operation().into(),
            ends: [record.start(), record.finish()],
            tags: record.tags().map(tag).collect(),
            references: record.references().collect(),
            logs: logs.collect(),
            is_cut: record.is_cut(),
            dropped: record.dropped(),
        }
    }
}

/// Converts a span that was read, with its names by `name`.
fn plain<N>(span: &Span<'_, N>, name: impl Fn(&N) -> String) -> Plain {
    let Span { start, entries } = span;
    let low = u64::from_le_bytes(start.trace_low);
    let id = |id: &Id| match id {
        Id::None => 0,
        Id::Trace => low,
        Id::Other(id) => u64::from_le_bytes(*id),
    };
    let time = |time, is_unix| match is_unix {
        false => Timestamp::Ticks(time),
        true => Timestamp::UnixMicros(time),
    };
    let finish = start.start.wrapping_add_signed(start.finish);
    let mut plain = Plain {
        ids: [start.trace_high, low, id(&start.span), id(&start.parent)],
        flags: start.flags,
        sampler: start.state & 0xf,
        operation: name(&start.operation),
        ends: [
            time(start.start, start.state & 16 != 0),
            time(finish, start.state & 32 != 0),
        ],
        tags: Vec::new(),
        references: Vec::new(),
        logs: Vec::new(),
        is_cut: start.state & 64 != 0,
        dropped: 0,
    };
    for entry in entries {
        let (is_field, key, value) = match entry {
            Entry::TagStr(key, value) => (false, key, Value::Str(value)),
            Entry::TagF64(key, value) => (false, key, Value::F64(*value)),
            Entry::TagBool(key, value) => (false, key, Value::Bool(*value)),
            Entry::TagI64(key, value) => (false, key, Value::I64(*value)),
            Entry::TagBytes(key, value) => (false, key, Value::Bytes(value)),
            Entry::TagU64(key, value) => (false, key, Value::U64(*value)),
            Entry::FieldStr(key, value) => (true, key, Value::Str(value)),
            Entry::FieldF64(key, value) => (true, key, Value::F64(*value)),
            Entry::FieldBool(key, value) => (true, key, Value::Bool(*value)),
            Entry::FieldI64(key, value) => (true, key, Value::I64(*value)),
            Entry::FieldBytes(key, value) => (true, key, Value::Bytes(value)),
            Entry::FieldU64(key, value) => (true, key, Value::U64(*value)),
            Entry::Reference(follows, high, low, span) => {
                let trace = TraceId::from_parts(*high, u64::from_le_bytes(*low));
                let span = SpanId::new(u64::from_le_bytes(*span));
                plain.references.push(Reference::new(*follows, trace, span));
                continue;
            }
            Entry::Log(at, is_unix) => {
                plain.logs.push((time(*at, *is_unix), Vec::new()));
                continue;
            }
            Entry::Dropped(count) => {
                plain.dropped = *count;
                continue;
            }
            Entry::End => unreachable!("spans end before it"),
        };
        let tag = (name(key), value.into());
        if is_field {
            plain.logs.last_mut().expect("a log").1.push(tag);
        } else {
            plain.tags.push(tag);
        }
    }
    plain
}

/// Packs records that have these images, with packets of `limit` bytes at most; the frames come
/// with how many spans fitted no packet.
fn packed<const ADDRESSES: bool>(
    images: &[Box<Image>],
    encoder: RelayFrames<'_, ADDRESSES>,
    limit: usize,
) -> (Vec<Frame>, u64) {
    let mut ring = Box::new(Ring::spsc());
    let (mut producer, consumer) = ring.split();
    for (number, image) in (0..).zip(images) {
        let sequence = FIRST.wrapping_add(number);
        producer.push(sequence, &image.image()).expect("room");
    }
    let (mut builder, mut consumers) = (PacketBuilder::new(encoder, limit, 0), [consumer]);
    let (process, mut buffer) = (Process::new("pump"), vec![0xee; limit + 8]);
    let encode = EncodeContext::new(Timeline::new(&[]), &|_| None);
    let context = PollContext::new(0, &process, &encode).with_flush(true);
    let mut found = Vec::new();
    while let Some(packet) = builder.flush(&mut consumers, &context, &mut buffer) {
        assert!(packet.bytes().len() <= limit);
        found.extend(frames(packet.bytes()));
        packet.done(SendOutcome::Accepted);
    }
    assert!(buffer[limit..].iter().all(|byte| *byte == 0xee));
    (found, builder.delivery().too_large)
}

/// Reads the spans of frames whose names are text.
///
/// Each comes with its number, from 0.
fn read_spans(frames: &[Frame]) -> Vec<(u32, Plain)> {
    let mut found = Vec::new();
    for frame in frames {
        assert_eq!((frame.kind, frame.producer, frame.boot), (3, 3, 0x0304));
        for span in spans::<&str>(&frame.payload) {
            found.push((
                span.start.sequence.wrapping_sub(FIRST),
                plain(&span, |name| name.to_string()),
            ));
        }
    }
    found
}

fn drawn_images(seed: u64) -> (Draw, Vec<Box<Image>>) {
    let mut draw = Draw(SplitMix64(seed));
    let images = (0..1 + draw.below(6)).map(|_| draw_image(&mut draw));
    let images = images.collect();
    (draw, images)
}

#[test]
fn records_are_read_as_they_were_made() {
    let mut read = 0;
    for seed in 0..1_500 {
        let (_, images) = drawn_images(seed);
        let (frames, too_large) = packed(&images, RelayFrames::new(DEVICE), 60_000);
        assert_eq!((frames.len(), too_large), (1, 0));
        let found = read_spans(&frames);
        assert_eq!(found.len(), images.len());
        for (number, (found, image)) in found.iter().zip(&images).enumerate() {
            let made = Plain::from(&image.record());
            assert_eq!(found, &(number as u32, made), "seed {seed}");
            read += 1;
        }
    }
    assert!(read > 4_000, "{read} spans");
}

#[test]
fn static_names_are_read_by_their_address() {
    let (mut by_address, mut as_text) = (0, 0);
    for seed in 0..500 {
        let (_, images) = drawn_images(seed);
        let encoder = RelayFrames::with_addresses(DEVICE);
        let (frames, _) = packed(&images, encoder, 60_000);
        let found = spans::<Name<'_>>(&frames[0].payload);
        let counts = std::cell::Cell::new((0, 0));
        let name = |name: &Name<'_>| {
            let (addresses, texts) = counts.get();
            match name {
                Name::Text(text) => {
                    counts.set((addresses, texts + 1));
                    (*text).to_string()
                }
                Name::Static(address, length) => {
                    counts.set((addresses + 1, texts));
                    let same = |name: &&str| {
                        (name.as_ptr().addr() as u64, name.len()) == (*address, (*length).into())
                    };
                    NAMES.into_iter().find(same).expect("a name").to_string()
                }
            }
        };
        for (found, image) in found.iter().zip(&images) {
            assert_eq!(
                plain(found, name),
                Plain::from(&image.record()),
                "seed {seed}"
            );
        }
        by_address += counts.get().0;
        as_text += counts.get().1;
    }
    assert!(by_address > 500 && as_text > 500, "{by_address} {as_text}");
}

#[test]
fn small_packets_hold_every_span_whole_or_marked() {
    let (mut whole, mut cut, mut lost) = (0, 0, 0);
    for seed in 0..1_500 {
        let (mut draw, images) = drawn_images(seed);
        let limit = 60 + draw.below(700);
        let (frames, too_large) = packed(&images, RelayFrames::new(DEVICE), limit);
        let found = read_spans(&frames);
        assert_eq!(found.len() + too_large as usize, images.len());
        lost += too_large;
        for (sequence, found) in found {
            let made = Plain::from(&images[sequence as usize].record());
            if found == made {
                whole += 1;
            } else {
                assert_cut(&found, &made);
                cut += 1;
            }
        }
    }
    assert!(
        whole > 1_000 && cut > 200 && lost > 50,
        "{whole} {cut} {lost}"
    );
}

/// Checks truncation: the oldest logs first, and once none is left, text and bytes.
fn assert_cut(found: &Plain, made: &Plain) {
    assert!(found.is_cut);
    let gone = usize::from(found.dropped - made.dropped);
    let starts = |found: &[u8], made: &[u8]| made.starts_with(found);
    assert!(made.operation.starts_with(&found.operation));
    assert_eq!(found.tags.len(), made.tags.len());
    for ((key, value), (made_key, made)) in found.tags.iter().zip(&made.tags) {
        assert_eq!(key, made_key);
        match (value, made) {
            (Plainest::Text(found), Plainest::Text(made)) => assert!(made.starts_with(found)),
            (Plainest::Bytes(found), Plainest::Bytes(made)) => assert!(starts(found, made)),
            (found, made) => assert_eq!(found, made),
        }
    }
    let text_is_whole = (&found.operation, &found.tags) == (&made.operation, &made.tags);
    assert!(
        text_is_whole || found.logs.is_empty(),
        "logs go before text does"
    );
    let rest = Plain {
        operation: made.operation.clone(),
        tags: made.tags.clone(),
        logs: made.logs[..gone]
            .iter()
            .chain(&found.logs)
            .cloned()
            .collect(),
        is_cut: made.is_cut,
        dropped: made.dropped,
        ..found.clone()
    };
    assert_eq!(rest, *made);
}

/// COBS puts a byte in where 254 bytes have no zero.
#[test]
fn texts_of_every_length_around_a_block_are_read() {
    for length in (0..600).chain([1_015, 1_016, 1_017, 3_000]) {
        let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
        let mut image = Box::new(Image::new("text", context, SpanId::default(), 5));
        let text = "x".repeat(length);
        assert!(image.try_tag(Key::copied("text"), Value::Str(&text)));
        image.finish(7);
        for room in [0, 1, 2, 30] {
            let limit = length + 52 + (length + 40) / 128 + room;
            let images = std::slice::from_ref(&image);
            let (frames, _) = packed(images, RelayFrames::new(DEVICE), limit);
            let found = read_spans(&frames);
            let made = Plain::from(&image.record());
            if found[0].1 != made {
                assert!(room < 3, "{length} in {limit}");
                assert_cut(&found[0].1, &made);
            }
        }
    }
}

/// Returns a record with one tag of so many bytes, none of which is zero.
fn long_image(length: usize) -> Box<Image> {
    let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
    let mut image = Box::new(Image::new("text", context, SpanId::default(), 5));
    let text = "x".repeat(length);
    assert!(image.try_tag(Key::copied("text"), Value::Str(&text)));
    image.finish(7);
    image
}

#[test]
fn a_packet_that_is_full_to_the_last_byte_is_read() {
    // Cut to what has room, and none of it is zero: COBS adds as much as it can.
    let images = [long_image(64_000)];
    for limit in [300, 5_000, 33_000, 60_000, 61_234] {
        let (frames, _) = packed(&images, RelayFrames::new(DEVICE), limit);
        let [(_, found)] = &read_spans(&frames)[..] else {
            panic!("one span")
        };
        let Plainest::Text(text) = &found.tags[0].1 else {
            panic!("{:?}", found.tags)
        };
        assert!(
            found.is_cut && text.len() + limit / 100 + 60 > limit,
            "{limit}"
        );
    }
}

#[test]
fn a_buffer_above_the_longest_frame_has_several_packets() {
    let images: Vec<_> = (0..5).map(|_| long_image(30_000)).collect();
    let (frames, _) = packed(&images, RelayFrames::new(DEVICE), 150_000);
    let lengths: Vec<_> = frames.iter().map(|frame| frame.payload.len()).collect();
    assert_eq!(lengths.len(), 3, "{lengths:?}");
    assert_eq!(read_spans(&frames).len(), 5);
}

/// The hello and the status of a device with everything.
#[test]
fn hello_and_status_are_read_as_they_were_made() {
    let device = DEVICE.with_build(b"01234567890123456789too long");
    let tags = [
        ("board", Value::from("mps2")),
        ("absent", Value::from(None::<i64>)),
        ("c", Value::from('ß')),
        ("f", Value::F64(-0.0)),
        ("b", Value::Bool(true)),
        ("i", Value::I64(i64::MIN)),
        ("y", Value::Bytes(&[0, 255])),
        ("u", Value::U64(u64::MAX)),
    ];
    let process = Process::new("pump").with_tags(&tags);
    let lost: [u32; LossCause::COUNT] = std::array::from_fn(|at| 100 + at as u32);
    let counts = || Some(Counts::new([1 << 30, 2, 3, 4, 5, 6, 7, 8], lost));
    let samplers = |code| match code {
        1 => Some(Description::new("const", Param::Bool(true))),
        15 => Some(Description::new("probabilistic", Param::F64(0.25))),
        // No record has these codes.
        0 | 16 => Some(Description::new("none", Param::Bool(true))),
        _ => None,
    };
    let anchor = Anchor::new(1 << 50, 1_700_000_000_000_000).with_uncertainty(70_000);
    let status = Status::new(u64::MAX, 25_000_000, &counts, &samplers).with_anchor(Some(&anchor));
    let frames = announced(RelayFrames::with_addresses(device), &process, &status);
    let [hello, status] = &frames[..] else {
        panic!("{} frames", frames.len())
    };
    assert_eq!([hello.kind, status.kind], [1, 2]);
    assert_eq!([hello.number, status.number], [0, 1]);
    let expected = Hello {
        device: b"chip 7",
        boot: 0x0102_0304,
        build: b"01234567890123456789",
        frequency: 25_000_000,
        names: 1,
        service: "pump",
        tags: vec![
            ("board", relay::Value::Str("mps2")),
            ("c", relay::Value::Str("ß")),
            ("f", relay::Value::F64(-0.0)),
            ("b", relay::Value::Bool(true)),
            ("i", relay::Value::I64(i64::MIN)),
            ("y", relay::Value::Bytes(&[0, 255])),
            ("u", relay::Value::U64(u64::MAX)),
        ],
        samplers: vec![
            (1, "const", relay::Value::Bool(true)),
            (15, "probabilistic", relay::Value::F64(0.25)),
        ],
    };
    assert_eq!(read::<Hello<'_>>(&hello.payload), expected);
    let expected = relay::Status {
        now: u64::MAX,
        anchor: Some((1 << 50, 1_700_000_000_000_000, 70_000)),
        sampled: 1 << 30,
        open: 2,
        queued: 3,
        delivered: 4,
        cleared: 5,
        unsampled: 6,
        unseeded: 7,
        decode_errors: 8,
        lost: (100..).take(LossCause::COUNT).collect(),
    };
    assert_eq!(read::<relay::Status>(&status.payload), expected);
}

/// Returns the frames of a packet without spans.
fn announced<const ADDRESSES: bool>(
    mut encoder: RelayFrames<'_, ADDRESSES>,
    process: &Process<'_>,
    status: &Status<'_>,
) -> Vec<Frame> {
    let batch = Batch::new(process, 1, ClientStats::NONE).with_status(Some(status));
    let mut buffer = [0xee; 1_024];
    assert!(encoder.begin(&mut buffer, &batch));
    let place = encoder.finish(&mut buffer);
    frames(&buffer[place])
}

#[test]
fn a_status_without_counts_is_left_out() {
    let (process, none) = (Process::new("pump"), || None);
    let status = Status::new(7, 1_000, &none, &|_| None);
    let frames = announced(RelayFrames::new(DEVICE), &process, &status);
    let kinds: Vec<_> = frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [1]);
}

#[test]
fn what_a_hello_has_no_room_for_is_left_out() {
    let tags: Vec<_> = (0..200u64).map(|n| ("k", Value::U64(n % 100))).collect();
    let process = Process::new("pump").with_tags(&tags);
    let counts = || Some(Counts::new([0; 8], [0; LossCause::COUNT]));
    let status = Status::new(7, 1_000, &counts, &|_| None);
    let id: Vec<u8> = (1..=40).collect();
    let frames = announced(RelayFrames::new(Device::new(&id, 9)), &process, &status);
    let hello = read::<Hello<'_>>(&frames[0].payload);
    assert_eq!((hello.device, hello.tags.len()), (&id[..32], 127));
}

#[test]
fn dumped_memory_is_read_as_it_was() {
    let memory: Vec<u8> = (0..3_000u32).map(|at| ((at * at) >> 6) as u8).collect();
    for length in [0, 1, 254, 255, 3_000] {
        for room in [32, 33, 64, 300, 1_500, 4_000] {
            let mut dump = MemoryDump::new(DEVICE, &memory[..length]);
            let (mut buffer, mut found, mut number) = (vec![0xee; room], Vec::<u8>::new(), 0);
            while let Some(place) = dump.next_packet(&mut buffer) {
                let frames = frames(&buffer[place]);
                assert_eq!(
                    (frames.len(), frames[0].kind, frames[0].number),
                    (1, 4, number)
                );
                let read = read::<relay::Memory<'_>>(&frames[0].payload);
                assert_eq!(read.address, memory[found.len()..].as_ptr().addr() as u64);
                found.extend(read.bytes);
                number += 1;
            }
            assert_eq!(found, memory[..length], "in {room}");
        }
    }
    assert!(
        MemoryDump::new(DEVICE, &memory)
            .next_packet(&mut [0; 20])
            .is_none()
    );
}

/// A packet of each frame, as it was first written and read back by `postcard`.
const GOLDEN: &str = "00\
    030101030403023403032b1f418486880814ababababababababababababababababababababc0f0f50b0806\
    70756d702d370f010105636f6e7374020154e6f28c00\
    030102050403011603d00f0101010101010101020a0101010101010101010522b1487500\
    03010305040302340103010103221101010101010201190673616d706c65e807e80704076368616e6e656c06\
    08b0090d09056576656e74047265616405e01511e700";

#[test]
fn the_bytes_of_a_packet_stay_as_they_are() {
    let device = Device::new(&[0x2b, 0, 0x41], 0x0102_0304).with_build(&[0xab; 20]);
    let process = Process::new("pump-7");
    let counts = || Some(Counts::new([0; 8], [0; 10]));
    let samplers = |code| (code == 1).then_some(Description::new("const", Param::Bool(true)));
    let status = Status::new(2_000, 25_000_000, &counts, &samplers);
    let batch = Batch::new(&process, 1, ClientStats::NONE).with_status(Some(&status));
    let context = SpanContext::new(
        TraceId::from_parts(0, 0x1122),
        SpanId::new(0x1122),
        Flags::SAMPLED,
    );
    let mut image = Image::new("sample", context, SpanId::default(), 1_000);
    image.set_sampler(1);
    image.tag("channel".into(), Value::I64(3));
    assert!(image.try_log(Timestamp::Ticks(1_200)));
    image.field("event".into(), Value::Str("read"));
    image.finish(1_500);
    let (mut encoder, mut buffer) = (RelayFrames::new(device), [0xee; 512]);
    assert!(encoder.begin(&mut buffer, &batch));
    let encode = EncodeContext::new(Timeline::new(&[]), &|_| None);
    assert_eq!(
        encoder.push(&mut buffer, &image.record(), &encode),
        Push::Taken
    );
    let place = encoder.finish(&mut buffer);
    let read: Vec<u8> = frames(&buffer[place.clone()])
        .iter()
        .map(|frame| frame.kind)
        .collect();
    assert_eq!(read, [1, 2, 3]);
    let hex: String = buffer[place]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, GOLDEN);
}
