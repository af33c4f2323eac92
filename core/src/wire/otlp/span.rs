//! The `Span` message.

use super::Protobuf;
use super::attribute::put_attribute;
use super::event::put_events;
use super::link::put_links;
use super::message::{HEADER, end_message};
use super::special::put_special_tags;
use crate::arch::{copy_bytes, inline_on_servers};
use crate::id::{SpanId, TraceId};
use crate::record::Record;
use crate::sampler_description::Description;
use crate::time::Times;
use crate::value::Value;
use crate::wire::cut::{Cut, LONGEST, cut_text};
use crate::wire::out::Out;
use crate::wire::{EncodeContext, StateTags, TagSink};

use super::keys::{Keys, is_unique};

/// Fields of a span. Those of ids and times begin with their length or type.
pub(super) mod field {
    pub(super) const SPAN: u8 = 0x12;
    pub(super) const PARENT: [u8; 2] = [0x22, 8];
    pub(super) const NAME: u8 = 0x2a;
    pub(super) const START: u8 = 0x39;
    pub(super) const END: u8 = 0x41;
    pub(in super::super) const ATTRIBUTES: u8 = 0x4a;
    pub(super) const DROPPED_ATTRIBUTES: u8 = 0x50;
    pub(super) const FLAGS: [u8; 2] = [0x85, 1];
}

/// The sources that a span is written from.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub(super) record: &'s Record<'s>,
    pub(super) context: &'s EncodeContext<'s>,
    pub(super) cut: Cut,
}

/// Writes a span; gives how many bytes are left, unless it did not fit.
#[inline(never)]
pub(super) fn put_span(
    mut out: Out<'_, Protobuf>,
    record: &Record<'_>,
    context: &EncodeContext<'_>,
    cut: Cut,
) -> Option<usize> {
    let source = Source {
        record,
        context,
        cut,
    };
    // The flags come last, since they show whether all was written.
    let content = source.put_content(out.behind(HEADER));
    let sampled = record.context().flags().wire() & 1;
    let left = content.put(field::FLAGS).end([sampled, 0, 0, 0])?;
    end_message(out, field::SPAN, left);
    Some(left)
}

impl<'s> Source<'s> {
    #[inline(always)]
    fn put_content<'o>(&self, out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        let times = &self.times();
        let out = self.put_identity(out);
        let out = self.put_times(out, times);
        let out = self.put_tags(out, times);
        self.put_rare(out)
    }

    inline_on_servers! {
        /// The times of the span, to be made anew where they are needed: so they lie in registers.
        pub(super) fn times(&self) -> Times<'s> {
            let (timeline, record) = (self.context.timeline, self.record);
            timeline.times(record.segment(), record.start(), record.finish())
        }
    }

    /// Writes ids and name.
    #[inline(always)]
    fn put_identity<'o>(&self, out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        let context = self.record.context();
        let mut out = put_ids(out, context.trace, context.span);
        let parent = self.parent();
        if !parent.is_zero() {
            let parent = parent.get().to_be_bytes();
            out = out.part::<10>(|out| out.put(field::PARENT).put(parent));
        }
        put_text(out, field::NAME, self.record.operation(), self.cut)
    }

    #[inline(always)]
    fn put_times<'o>(&self, out: Out<'o, Protobuf>, times: &Times<'_>) -> Out<'o, Protobuf> {
        let start = times.start_nanos();
        let end = start.saturating_add(times.duration_nanos(self.record.finish()));
        out.part::<18>(|out| {
            let out = out.put([field::START]).put(start.to_le_bytes());
            out.put([field::END]).put(end.to_le_bytes())
        })
    }

    /// The parent; without one a reference in the same trace takes its place, a child-of first.
    #[inline(always)]
    fn parent(&self) -> SpanId {
        let parent = self.record.parent();
        if parent.is_zero() && self.record.has_references() {
            referred_parent(self.record)
        } else {
            parent
        }
    }

    /// Writes the tags, and those that the record's state stands for.
    #[inline(always)]
    fn put_tags<'o>(&self, mut out: Out<'o, Protobuf>, times: &Times<'_>) -> Out<'o, Protobuf> {
        let Some(left) = self.put_plain_tags(out.behind(0)) else {
            return put_special_tags(self, out);
        };
        let out = out.behind_part(left);
        self.state_tags(times).visit(Attributes { out }).out
    }

    /// Writes the tags if each becomes an attribute of its own; gives how many bytes are left then.
    #[inline(always)]
    fn put_plain_tags(&self, mut out: Out<'_, Protobuf>) -> Option<usize> {
        let mut keys = Keys::SPECIAL;
        for entry in self.record.entries() {
            if entry.is_value(false) {
                let key = entry.key();
                if keys.add(key) && !is_unique(key, self.record) {
                    return None;
                }
                let longest = self.cut.longest;
                out = put_attribute(out, field::ATTRIBUTES, key, entry.value(), longest);
            }
        }
        Some(out.left())
    }

    /// The tags that the record's state stands for.
    #[inline(always)]
    pub(super) fn state_tags<'t>(
        &'t self,
        times: &'t Times<'t>,
    ) -> StateTags<'t, &'t dyn Fn(u8) -> Option<Description>> {
        StateTags::new(self.record, times, self.context.samplers)
            .cut_by(self.cut.logs, self.cut.is_of_text())
    }

    /// Writes what most spans do not have: references, logs, and counts of what was dropped.
    #[inline(always)]
    fn put_rare<'o>(&self, mut out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        if self.record.has_references() {
            out = put_links(out, self.record, self.parent());
        }
        if self.record.has_logs() {
            out = put_events(self, out);
        }
        if self.record.dropped() > 0 {
            let dropped = self.record.dropped().into();
            out = out.put([field::DROPPED_ATTRIBUTES]).varint(dropped);
        }
        out
    }
}

/// Writes trace and span id.
#[inline(always)]
pub(super) fn put_ids(out: Out<'_, Protobuf>, trace: TraceId, span: SpanId) -> Out<'_, Protobuf> {
    out.part::<28>(|out| {
        let out = out.put([0x0a, 16]).put(trace.high().to_be_bytes());
        let out = out.put(trace.low().to_be_bytes());
        out.put([0x12, 8]).put(span.get().to_be_bytes())
    })
}

/// Writes a field that is text.
#[inline(always)]
pub(super) fn put_text<'o>(
    out: Out<'o, Protobuf>,
    field: u8,
    text: &str,
    cut: Cut,
) -> Out<'o, Protobuf> {
    let text = cut_text(text, cut.longest);
    if text.len() > 0x7f {
        return out.put([field]).varint(text.len() as u64).bytes(text);
    }
    let (room, rest) = out.take(2 + text.len());
    if let [to, length, room @ ..] = room {
        (*to, *length) = (field, text.len() as u8);
        copy_bytes(text, room);
    }
    rest
}

#[cold]
#[inline(never)]
fn referred_parent(record: &Record<'_>) -> SpanId {
    let trace = record.context().trace;
    let first = |follows| {
        let mut references = record.references();
        references.find(|one| one.trace == trace && one.follows == follows)
    };
    let parent = first(false).or_else(|| first(true));
    parent.map_or(SpanId::default(), |one| one.span)
}

/// Attributes of a span, written one after the other.
pub(super) struct Attributes<'o> {
    pub(super) out: Out<'o, Protobuf>,
}

impl TagSink for Attributes<'_> {
    #[inline(always)]
    fn tag(self, key: &'static str, value: Value<'static>) -> Self {
        let out = put_attribute(self.out, field::ATTRIBUTES, key, value, LONGEST);
        Attributes { out }
    }
}
