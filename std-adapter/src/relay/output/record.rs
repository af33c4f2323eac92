//! Spans of the model as the core's records, which its encoders read.

use picojaeger_core::adapter::record::{Open, Reference, Timestamp};
use picojaeger_core::ring::Word;
use picojaeger_core::{Flags, Key, SpanContext};

use crate::model::{RefKind, Span};

/// An image with room for the largest span of a frame.
pub(super) type Image = Open<[Word; WORDS]>;

const WORDS: usize = u16::MAX as usize;

/// Fills an image. What has no room is cut, and the span marked.
pub(super) fn fill(image: &mut Image, span: &Span) {
    let flags = [Flags::SAMPLED, Flags::DEBUG, Flags::FIREHOSE];
    let set = flags
        .into_iter()
        .filter(|flag| span.flags & u32::from(flag.wire()) != 0);
    let flags = set.fold(Flags::NONE, |all, flag| all | flag);
    let context = SpanContext::new(span.trace_id, span.span_id, flags);
    image.restart("", context, span.parent_span_id, 0, 0);
    image.set_start(unix(span.start_time_us));
    image.copy_operation(&span.operation_name);
    for tag in &span.tags {
        image.tag(Key::copied(&tag.key), tag.value.as_value());
    }
    for other in &span.references {
        let follows = other.kind == RefKind::FollowsFrom;
        if !image.try_reference(Reference::new(follows, other.trace_id, other.span_id)) {
            image.mark_dropped();
        }
    }
    for log in &span.logs {
        if !image.try_log(unix(log.timestamp_us)) {
            image.mark_dropped();
            continue;
        }
        for field in &log.fields {
            image.field(Key::copied(&field.key), field.value.as_value());
        }
    }
    image.finish_at(micros(span.start_time_us.saturating_add(span.duration_us)));
}

fn unix(time: i64) -> Timestamp {
    Timestamp::UnixMicros(micros(time))
}

/// Returns the time from 1970 on.
fn micros(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}
