//! Records that the core encodes are read back by the `thrift` crate as the spans that were made:
//! whole, or cut and marked where a packet is small.
#![no_main]

#[path = "../../common/encode.rs"]
mod encode;

use std::fmt::Debug;

use arbitrary::Arbitrary;
use encode::{TRUNCATED, assert_cut, packets};
use libfuzzer_sys::fuzz_target;
use picojaeger_core::wire::{ThriftBinary, ThriftCompact};
use picojaeger_core::{Flags, TraceId};
use picojaeger_fuzz::AnyValue;
use picojaeger_std::collector::decode;
use picojaeger_std::model;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    limit: u16,
    service: &'a str,
    process_tags: Vec<Tag<'a>>,
    number: i64,
    losses: [i64; 2],
    spans: Vec<Span<'a>>,
    /// Times that the spans are repeated: the header of their list changes with the count.
    copies: u8,
    binary: bool,
}

#[derive(Arbitrary, Debug)]
struct Span<'a> {
    ids: [u64; 4],
    flags: u8,
    times: [u64; 2],
    operation: &'a str,
    references: Vec<(bool, [u64; 3])>,
    tags: Vec<Tag<'a>>,
    logs: Vec<(i64, Vec<Tag<'a>>)>,
}

#[derive(Arbitrary, Debug)]
struct Tag<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

fuzz_target!(|input: Input<'_>| {
    let batch = input.batch();
    let limit = usize::from(input.limit);
    let (packets, lost) = if input.binary {
        packets::<ThriftBinary>(&batch, limit)
    } else {
        packets::<ThriftCompact>(&batch, limit)
    };
    let mut made = batch.spans.iter().zip(lost).filter(|(_, lost)| !lost);
    for packet in packets {
        assert!(packet.len() <= limit);
        let read = decode(&packet).expect("a packet");
        assert_eq!((read.seq_no, read.stats), (batch.seq_no, batch.stats));
        assert_same(&read.process, &batch.process);
        for found in read.spans {
            let (made, _) = made.next().expect("no more spans than were made");
            if found.tag(TRUNCATED).is_some() {
                assert_cut(&found, made);
            } else {
                assert_same(&found, made);
            }
        }
    }
    assert!(made.next().is_none(), "each span that was taken arrived");
});

/// Compares as text, since NaN is not equal to itself.
#[track_caller]
fn assert_same<T: Debug>(found: &T, made: &T) {
    assert_eq!(format!("{found:?}"), format!("{made:?}"));
}

impl Input<'_> {
    fn batch(&self) -> model::Batch {
        let mut batch = model::Batch::new(model::Process::new(self.service));
        batch.process.tags = tags(&self.process_tags);
        batch.seq_no = Some(self.number);
        let [full_queue, failed] = self.losses;
        batch.stats = Some(model::ClientStats::new(full_queue, 0, failed));
        let spans = self.spans.iter().map(Span::span);
        let copies = 1 + usize::from(self.copies % 160);
        batch.spans = spans.cycle().take(self.spans.len() * copies).collect();
        batch
    }
}

impl Span<'_> {
    fn span(&self) -> model::Span {
        let [high, low, span, parent] = self.ids;
        let mut made = model::Span::new(TraceId::from_parts(high, low), span, self.operation);
        made.parent_span_id = parent.into();
        made.flags = Flags::from_wire(self.flags).wire().into();
        // A start and an end that Thrift's signed numbers can hold.
        let [start, duration] = self.times.map(|time| (time >> 1).cast_signed());
        (made.start_time_us, made.duration_us) = (start, duration.min(i64::MAX - start));
        made.tags = tags(&self.tags);
        made.references = self.references.iter().map(reference).collect();
        let logs = self.logs.iter();
        made.logs = logs
            .map(|(time, fields)| model::Log::new(*time, tags(fields)))
            .collect();
        made
    }
}

fn tags(tags: &[Tag<'_>]) -> Vec<model::Tag> {
    // The encoder's own tags would be taken for its marks, and longer keys are cut.
    let foreign = |tag: &&Tag<'_>| !tag.key.starts_with("picojaeger.") && tag.key.len() <= 255;
    let tags = tags.iter().filter(foreign);
    tags.map(|tag| model::Tag::new(tag.key, tag.value.value()))
        .collect()
}

fn reference((follows, [high, low, span]): &(bool, [u64; 3])) -> model::SpanRef {
    let kinds = [model::RefKind::ChildOf, model::RefKind::FollowsFrom];
    let kind = kinds[usize::from(*follows)];
    model::SpanRef::new(kind, TraceId::from_parts(*high, *low), *span)
}
