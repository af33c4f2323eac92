//! Spans of the wire as spans of the model.

use picojaeger_core::{Flags, SpanId, TraceId, tags};

use super::clock::{DeviceClock, Offset};
use super::names::Names;
use crate::model::{Log, RefKind, Span, SpanRef, Tag, TagValue};
use crate::relay::payload::{Entry, Head, Name, WireSpan};

/// The meaning of a span's fields on its device.
pub(in crate::relay) struct Meaning<'m> {
    pub(in crate::relay) clock: &'m DeviceClock,
    pub(in crate::relay) names: &'m Names<'m>,
    pub(in crate::relay) samplers: &'m [(u8, String, TagValue)],
}

/// A converter of one span's instants.
struct Times<'t> {
    clock: &'t DeviceClock,
    /// Of the start, which the other ticks are converted with.
    offset: Offset,
    start: i64,
}

impl Meaning<'_> {
    /// Converts a span.
    pub(in crate::relay) fn span(&self, wire: &WireSpan<'_>) -> Span {
        let head = &wire.head;
        let times = Times::new(self.clock, head);
        let finish = head.start.wrapping_add_signed(head.finish);
        let end = times.at(finish, head.has_unix_finish());
        let mut span = Span::new(head.trace(), head.span(), self.names.text(head.operation));
        span.parent_span_id = head.parent();
        span.flags = u32::from(head.flags & Flags::WIRE.wire());
        span.start_time_us = times.start;
        span.duration_us = end.saturating_sub(times.start).max(0);
        let mut dropped = 0;
        for entry in &wire.entries {
            self.entry(*entry, &times, &mut span, &mut dropped);
        }
        self.state_tags(head, &times, dropped, &mut span.tags);
        span
    }

    fn entry(
        &self,
        entry: Entry<'_, Name<'_>>,
        times: &Times<'_>,
        span: &mut Span,
        dropped: &mut u16,
    ) {
        match entry {
            Entry::Reference(follows, high, low, id) => span.references.push(SpanRef::new(
                if follows {
                    RefKind::FollowsFrom
                } else {
                    RefKind::ChildOf
                },
                TraceId::from_parts(high, u64::from_le_bytes(low)),
                SpanId::new(u64::from_le_bytes(id)),
            )),
            Entry::Log(time, unix) => span.logs.push(Log::new(times.at(time, unix), Vec::new())),
            Entry::Dropped(count) => *dropped = count,
            other => {
                if let Some((key, value)) = other.value(false) {
                    span.tags.push(Tag::new(self.names.text(key), value));
                } else if let Some((key, value)) = other.value(true)
                    && let Some(log) = span.logs.last_mut()
                {
                    log.fields.push(Tag::new(self.names.text(key), value));
                }
            }
        }
    }

    /// Appends the tags that encoders of other formats write on the device.
    fn state_tags(
        &self,
        head: &Head<Name<'_>>,
        times: &Times<'_>,
        dropped: u16,
        to: &mut Vec<Tag>,
    ) {
        let mut samplers = self.samplers.iter();
        if let Some((_, kind, param)) = samplers.find(|(code, ..)| *code == head.sampler()) {
            to.push(Tag::new(tags::SAMPLER_TYPE, kind.as_str()));
            to.push(Tag::new(tags::SAMPLER_PARAM, param.clone()));
        }
        if head.is_cut() || dropped > 0 {
            to.push(Tag::new("picojaeger.truncated", true));
            to.push(Tag::new("picojaeger.dropped", dropped));
        }
        if head.has_unix_start() && head.has_unix_finish() {
            return;
        }
        match times.offset.uncertainty {
            None => to.push(Tag::new("clock.unsynced", true)),
            Some(uncertainty) => to.push(Tag::new("clock.uncertainty_us", uncertainty)),
        }
    }
}

impl<'t> Times<'t> {
    fn new<K>(clock: &'t DeviceClock, head: &Head<K>) -> Self {
        // The end of a span whose start is given in Unix time.
        let ticks = match head.has_unix_start() {
            true => head.start.wrapping_add_signed(head.finish),
            false => head.start,
        };
        let mut times = Times {
            clock,
            offset: clock.offset(clock.micros(ticks)),
            start: 0,
        };
        times.start = times.at(head.start, head.has_unix_start());
        times
    }

    /// Returns Unix microseconds of ticks, or of Unix time.
    fn at(&self, time: u64, is_unix: bool) -> i64 {
        match is_unix {
            true => i64::try_from(time).unwrap_or(i64::MAX),
            false => self.clock.micros(time).saturating_add(self.offset.micros),
        }
    }
}
