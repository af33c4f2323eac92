//! The core's encoders, for batches of the model: shared by the golden bytes and a fuzz target.

use picojaeger_core::adapter::Timeline;
use picojaeger_core::adapter::record::{Open, Reference, Timestamp};
use picojaeger_core::ring::Word;
use picojaeger_core::wire::{EncodeContext, Encoder, Push};
use picojaeger_core::{Flags, Key, SpanContext, Value, wire};
use picojaeger_std::model::{Batch, RefKind, Span, Tag, TagValue};

type Image = Open<[Word; 16_384]>;

/// Every time here is explicit, so no clock is read.
const NO_CLOCK: EncodeContext<'static> = EncodeContext::new(Timeline::new(&[]), &|_| None);
/// The tag of a span that was cut to fit its packet.
pub const TRUNCATED: &str = "picojaeger.truncated";
/// The tag that counts what it lacks.
pub const DROPPED: &str = "picojaeger.dropped";

/// Checks truncation: the oldest logs first, and once none is left, text and bytes.
pub fn assert_cut(found: &Span, made: &Span) {
    let Some(TagValue::Long(dropped)) = found.tag(DROPPED) else {
        panic!("no count of what was dropped");
    };
    let dropped = usize::try_from(*dropped).expect("a count");
    let own = &found.tags[..found.tags.len() - 2];
    assert_eq!(
        format!("{:?}", found.logs),
        format!("{:?}", &made.logs[dropped..])
    );
    assert_eq!(found.references, made.references);
    assert_eq!(
        (found.trace_id, found.span_id),
        (made.trace_id, made.span_id)
    );
    assert_eq!(own.len(), made.tags.len());
    assert!(made.operation_name.starts_with(&found.operation_name));
    for (found, made) in own.iter().zip(&made.tags) {
        assert_eq!(found.key, made.key);
        match (&found.value, &made.value) {
            (TagValue::String(found), TagValue::String(made)) => assert!(made.starts_with(found)),
            (TagValue::Binary(found), TagValue::Binary(made)) => assert!(made.starts_with(found)),
            (found, made) => assert_eq!(format!("{found:?}"), format!("{made:?}")),
        }
    }
    let whole = format!("{own:?}") == format!("{:?}", made.tags);
    assert!(whole || found.logs.is_empty(), "logs go before text does");
}

/// Returns the packets of an encoder of the core, and the spans that fitted none.
pub fn packets<E: Encoder + Default>(batch: &Batch, limit: usize) -> (Vec<Vec<u8>>, Vec<bool>) {
    let tags: Vec<_> = batch.process.tags.iter().map(lend).collect();
    let process = wire::Process::new(&batch.process.service_name).with_tags(&tags);
    let stats = batch.stats.expect("statistics");
    let mut lost = wire::ClientStats::NONE;
    lost.full_queue_dropped_spans = stats.full_queue_dropped_spans;
    lost.too_large_dropped_spans = stats.too_large_dropped_spans;
    lost.failed_to_emit_spans = stats.failed_to_emit_spans;
    let lent = wire::Batch::new(&process, batch.seq_no.expect("a number"), lost);
    let (mut encoder, mut out) = (E::default(), vec![0; limit]);
    let (mut packets, mut lost) = (Vec::new(), Vec::new());
    if !encoder.begin(&mut out, &lent) {
        return (packets, vec![true; batch.spans.len()]);
    }
    for span in &batch.spans {
        let image = image(span);
        let mut answer = encoder.push(&mut out, &image.record(), &NO_CLOCK);
        if answer == Push::Full {
            let place = encoder.finish(&mut out);
            packets.push(out[place].to_vec());
            assert!(encoder.begin(&mut out, &lent));
            answer = encoder.push(&mut out, &image.record(), &NO_CLOCK);
        }
        assert_ne!(answer, Push::Full, "an empty packet is never full");
        lost.push(answer == Push::TooLarge);
    }
    let place = encoder.finish(&mut out);
    packets.push(out[place].to_vec());
    (packets, lost)
}

/// Makes the image of this span, as the span API would.
fn image(span: &Span) -> Box<Image> {
    let flags = Flags::from_wire(u8::try_from(span.flags).expect("wire flags"));
    let context = SpanContext::new(span.trace_id, span.span_id, flags);
    let mut image = Box::new(Image::new("", context, span.parent_span_id, 0));
    let start = span.start_time_us.cast_unsigned();
    image.set_start(Timestamp::UnixMicros(start));
    assert!(image.try_copy_operation(&span.operation_name));
    for reference in &span.references {
        assert!(image.try_reference(Reference::new(
            reference.kind == RefKind::FollowsFrom,
            reference.trace_id,
            reference.span_id,
        )));
    }
    for tag in &span.tags {
        let (key, value) = lend(tag);
        assert!(image.try_tag(Key::copied(key), value));
    }
    for log in &span.logs {
        let time = log.timestamp_us.cast_unsigned();
        assert!(image.try_log(Timestamp::UnixMicros(time)));
        for field in &log.fields {
            let (key, value) = lend(field);
            assert!(image.try_field(Key::copied(key), value));
        }
    }
    image.finish_at(start.wrapping_add_signed(span.duration_us));
    image
}

/// Converts a tag for the core: text that is a large number becomes that number.
fn lend(tag: &Tag) -> (&str, Value<'_>) {
    let value = match &tag.value {
        TagValue::String(text) => match text.parse::<u64>() {
            Ok(number) if number > i64::MAX as u64 && number.to_string() == *text => {
                Value::U64(number)
            }
            _ => Value::Str(text),
        },
        TagValue::Double(number) => Value::F64(*number),
        TagValue::Bool(on) => Value::Bool(*on),
        TagValue::Long(number) => match u64::try_from(*number) {
            Ok(number) if number % 2 == 1 => Value::U64(number),
            _ => Value::I64(*number),
        },
        TagValue::Binary(bytes) => Value::Bytes(bytes),
    };
    (&tag.key, value)
}
