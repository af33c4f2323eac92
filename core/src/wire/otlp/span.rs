//! The `Span` message.

use super::Protobuf;
use super::attribute::put_attribute;
use super::keys::{Keys, Search, occurs};
use super::message::{HEADER, end_message, varint_length};
use super::status::{Status, StatusTags};
use crate::id::{SpanId, TraceId};
use crate::record::{Log, Record, Reference, Tag};
use crate::time::Times;
use crate::value::Value;
use crate::wire::cut::{Cut, LONGEST, cut_text};
use crate::wire::out::Out;
use crate::wire::{EncodeContext, StateTags, TagSink};

/// Fields of a span. Those of ids and times begin with their length or type.
mod field {
    pub(super) const SPAN: u8 = 0x12;
    pub(super) const PARENT: [u8; 2] = [0x22, 8];
    pub(super) const NAME: u8 = 0x2a;
    pub(super) const KIND: u8 = 0x30;
    pub(super) const START: u8 = 0x39;
    pub(super) const END: u8 = 0x41;
    pub(super) const ATTRIBUTES: u8 = 0x4a;
    pub(super) const DROPPED_ATTRIBUTES: u8 = 0x50;
    pub(super) const EVENTS: u8 = 0x5a;
    pub(super) const DROPPED_EVENTS: u8 = 0x60;
    pub(super) const LINKS: u8 = 0x6a;
    pub(super) const STATUS: u8 = 0x7a;
    pub(super) const FLAGS: [u8; 2] = [0x85, 1];
}

/// Fields of an event.
mod event {
    pub(super) const TIME: u8 = 0x09;
    pub(super) const NAME: u8 = 0x12;
    pub(super) const ATTRIBUTES: u8 = 0x1a;
}

/// The field of a log that becomes the event's name.
const EVENT: &str = crate::tags::EVENT;

/// The sources that a span is written from.
struct Source<'s, 'r> {
    record: &'s Record<'r>,
    times: &'s Times<'s>,
    context: &'s EncodeContext<'s>,
    cut: Cut,
}

/// Writes a span; gives how many bytes are left, unless it did not fit.
#[inline(never)]
pub(super) fn put_span(
    mut out: Out<'_, Protobuf>,
    record: &Record<'_>,
    context: &EncodeContext<'_>,
    cut: Cut,
) -> Option<usize> {
    let timeline = context.timeline;
    let source = Source {
        record,
        times: &timeline.times(record.segment(), record.start(), record.finish()),
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

impl<'r> Source<'_, 'r> {
    #[inline(always)]
    fn put_content<'o>(&self, out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        let (mut status, mut keys) = (
            StatusTags::default(),
            self.state_tags().visit(Keys::default()),
        );
        for tag in self.record.tags() {
            keys.add(tag.key);
            status.add(&tag);
        }
        let status = status.status();
        let mut out = self.put_identity(out);
        if status.kind != 0 {
            out = out.put([field::KIND, status.kind]);
        }
        let start = self.times.start_nanos();
        let end = start.saturating_add(self.times.duration_nanos(self.record.finish()));
        let out = out.put([field::START]).put(start.to_le_bytes());
        let out = out.put([field::END]).put(end.to_le_bytes());
        let out = self.put_attributes(out, &keys, &status);
        let out = self.put_rare(out);
        self.put_status(out, &status)
    }

    /// Writes ids and name.
    #[inline(always)]
    fn put_identity<'o>(&self, out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        let context = self.record.context();
        let mut out = put_ids(out, context.trace, context.span);
        let parent = self.parent();
        if !parent.is_zero() {
            out = out.put(field::PARENT).put(parent.get().to_be_bytes());
        }
        put_text(out, field::NAME, self.record.operation(), self.cut)
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

    /// Writes the tags, and those that the record's state stands for; of equal keys the last.
    #[inline(always)]
    fn put_attributes<'o>(
        &self,
        mut out: Out<'o, Protobuf>,
        keys: &Keys,
        status: &Status<'_>,
    ) -> Out<'o, Protobuf> {
        let mut rest = self.record.tags();
        while let Some(Tag { key, value }) = rest.next() {
            let is_last = !keys.may_repeat(key) || self.is_last(key, rest.clone());
            if is_last && !status.omits(key) {
                out = put_attribute(out, field::ATTRIBUTES, key, value, self.cut.longest);
            }
        }
        self.state_tags().visit(Attributes { out }).out
    }

    #[cold]
    #[inline(never)]
    fn is_last(&self, key: &str, rest: impl Iterator<Item = Tag<'r>>) -> bool {
        let search = Search {
            key,
            found: occurs(key, rest),
        };
        !self.state_tags().visit(search).found
    }

    /// The tags that the record's state stands for.
    #[inline(always)]
    fn state_tags(
        &self,
    ) -> StateTags<'_, &dyn Fn(u8) -> Option<crate::sampler_description::Description>> {
        StateTags::new(self.record, self.times, self.context.samplers)
            .cut_by(self.cut.logs, self.cut.is_of_text())
    }

    /// Writes what most spans do not have: references, logs, and counts of what was dropped.
    #[inline(always)]
    fn put_rare<'o>(&self, mut out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        if self.record.has_references() {
            out = put_links(out, self.record, self.parent());
        }
        if self.record.has_logs() {
            out = self.put_events(out);
        }
        if self.record.dropped() > 0 {
            out = out
                .put([field::DROPPED_ATTRIBUTES])
                .varint(self.record.dropped().into());
        }
        if self.cut.logs > 0 {
            out = out
                .put([field::DROPPED_EVENTS])
                .varint(self.cut.logs as u64);
        }
        out
    }

    #[inline(never)]
    fn put_events<'o>(&self, mut out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
        for log in self.record.logs().skip(self.cut.logs) {
            let left = self.put_event(out.behind(HEADER), &log).left();
            out = end_message(out, field::EVENTS, left);
        }
        out
    }

    #[inline(always)]
    fn put_event<'o>(&self, out: Out<'o, Protobuf>, log: &Log<'_>) -> Out<'o, Protobuf> {
        let (mut keys, mut name) = (Keys::default(), None);
        for field in log.fields() {
            keys.add(field.key);
            if field.key == EVENT {
                name = Some(field.value);
            }
        }
        let nanos = self.times.nanos_at(log.time);
        let mut out = out.put([event::TIME]).put(nanos.to_le_bytes());
        let named = if let Some(Value::Str(name)) = name {
            out = put_text(out, event::NAME, name, self.cut);
            true
        } else {
            false
        };
        let mut rest = log.fields();
        while let Some(Tag { key, value }) = rest.next() {
            let is_last = !keys.may_repeat(key) || !occurs(key, rest.clone());
            if is_last && !(named && key == EVENT) {
                out = put_attribute(out, event::ATTRIBUTES, key, value, self.cut.longest);
            }
        }
        out
    }

    #[inline(always)]
    fn put_status<'o>(&self, out: Out<'o, Protobuf>, status: &Status<'_>) -> Out<'o, Protobuf> {
        if status.code == 0 && status.message.is_empty() {
            return out;
        }
        put_status(out, status, self.cut)
    }
}

/// Writes trace and span id.
#[inline(always)]
fn put_ids(out: Out<'_, Protobuf>, trace: TraceId, span: SpanId) -> Out<'_, Protobuf> {
    let out = out.put([0x0a, 16]).put(trace.high().to_be_bytes());
    let out = out.put(trace.low().to_be_bytes());
    out.put([0x12, 8]).put(span.get().to_be_bytes())
}

/// Writes a field that is text.
#[inline(always)]
fn put_text<'o>(out: Out<'o, Protobuf>, field: u8, text: &str, cut: Cut) -> Out<'o, Protobuf> {
    let text = cut_text(text, cut.longest);
    if text.len() > 0x7f {
        return out.put([field]).varint(text.len() as u64).bytes(text);
    }
    out.put([field, text.len() as u8]).few_bytes(text)
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

/// Writes the references other than the parent.
#[cold]
#[inline(never)]
fn put_links<'o>(
    mut out: Out<'o, Protobuf>,
    record: &Record<'_>,
    parent: SpanId,
) -> Out<'o, Protobuf> {
    for reference in record.references() {
        if reference.follows || reference.span != parent {
            out = put_link(out, reference);
        }
    }
    out
}

fn put_link(mut out: Out<'_, Protobuf>, reference: Reference) -> Out<'_, Protobuf> {
    /// The field of a link that its attributes are.
    const ATTRIBUTES: u8 = 0x22;
    let kind = if reference.follows {
        "follows_from"
    } else {
        "child_of"
    };
    let link = put_ids(out.behind(HEADER), reference.trace, reference.span);
    let kind = Value::Str(kind);
    let left = put_attribute(link, ATTRIBUTES, "opentracing.ref_type", kind, LONGEST).left();
    end_message(out, field::LINKS, left)
}

#[inline(never)]
fn put_status<'o>(out: Out<'o, Protobuf>, status: &Status<'_>, cut: Cut) -> Out<'o, Protobuf> {
    const MESSAGE: u8 = 0x12;
    const CODE: u8 = 0x18;
    let message = cut_text(status.message, cut.longest).len();
    let (mut length, mut out) = (0, out);
    if message > 0 {
        length += 1 + varint_length(message as u64) + message;
    }
    if status.code > 0 {
        length += 2;
    }
    out = out.put([field::STATUS]).varint(length as u64);
    if message > 0 {
        out = put_text(out, MESSAGE, status.message, cut);
    }
    if status.code > 0 {
        out = out.put([CODE, status.code]);
    }
    out
}

/// Attributes of a span, written one after the other.
struct Attributes<'o> {
    out: Out<'o, Protobuf>,
}

impl TagSink for Attributes<'_> {
    #[inline(always)]
    fn tag(self, key: &'static str, value: Value<'static>) -> Self {
        let out = put_attribute(self.out, field::ATTRIBUTES, key, value, LONGEST);
        Attributes { out }
    }
}
