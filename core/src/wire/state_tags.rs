//! The tags that a record's state stands for.

use crate::record::{Record, Tag};
use crate::sampler_description::Description;
use crate::tags;
use crate::time::Times;
use crate::value::Value;

/// The keys of all tags that a record's state may stand for.
pub(super) const KEYS: [&str; 6] = [
    tags::SAMPLER_TYPE,
    tags::SAMPLER_PARAM,
    TRUNCATED,
    DROPPED,
    UNSYNCED,
    UNCERTAINTY,
];
const TRUNCATED: &str = "picojaeger.truncated";
const DROPPED: &str = "picojaeger.dropped";
pub(crate) const UNSYNCED: &str = "clock.unsynced";
pub(crate) const UNCERTAINTY: &str = "clock.uncertainty_us";

/// The tags that a record's state stands for, which every format appends to those of the span.
///
/// In this order, each where it applies: `sampler.type` and `sampler.param` of a sampled root,
/// `picojaeger.truncated` and `picojaeger.dropped` where something did not fit,
/// `clock.unsynced` and `clock.uncertainty_us` where the time is not sure.
///
/// ```
/// use picojaeger_core::adapter::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::wire::StateTags;
/// use picojaeger_core::adapter::Timeline;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
///
/// let record = span.record();
/// let times = Timeline::new(&[]).times(0, record.start(), record.finish());
/// let tags = StateTags::new(&record, &times, |_| None).visit(Vec::new());
/// assert_eq!((tags.len(), tags[0].key), (1, "clock.unsynced"));
/// ```
#[derive(Clone, Copy)]
pub struct StateTags<'s, F> {
    record: &'s Record<'s>,
    times: &'s Times<'s>,
    samplers: F,
    /// Logs that the encoder leaves out.
    cut_logs: usize,
    /// Whether it leaves out some text.
    cut_text: bool,
}

/// Takes tags one by one: a collection, or an encoder.
///
/// An encoder implements it by a method that is always in line, so that the value's type is
/// known at each tag: with an iterator in its place encoding takes 4 to 8 % more instructions.
///
/// ```
/// use picojaeger_core::Value;
/// use picojaeger_core::wire::TagSink;
///
/// let tags = Vec::new().tag("clock.unsynced", Value::Bool(true));
/// assert_eq!(tags[0].value, Value::Bool(true));
/// ```
pub trait TagSink: Sized {
    /// Takes a tag.
    #[must_use]
    fn tag(self, key: &'static str, value: Value<'static>) -> Self;
}

impl<E: Extend<Tag<'static>>> TagSink for E {
    fn tag(mut self, key: &'static str, value: Value<'static>) -> Self {
        self.extend([Tag { key, value }]);
        self
    }
}

impl<'s, F: Fn(u8) -> Option<Description>> StateTags<'s, F> {
    /// The tags of a record and its times, with what the codes of samplers stand for.
    #[inline(always)]
    pub const fn new(record: &'s Record<'s>, times: &'s Times<'s>, samplers: F) -> Self {
        StateTags {
            record,
            times,
            samplers,
            cut_logs: 0,
            cut_text: false,
        }
    }

    /// The tags where the encoder leaves out so many logs, and perhaps some text.
    #[inline(always)]
    pub fn cut_by(self, logs: usize, text: bool) -> Self {
        StateTags {
            cut_logs: logs,
            cut_text: text,
            ..self
        }
    }

    /// Hands the tags to `sink` and returns it.
    #[inline(always)]
    pub fn visit<T: TagSink>(&self, sink: T) -> T {
        let mut sink = sink;
        if self.record.sampler() != 0
            && let Some(sampler) = &(self.samplers)(self.record.sampler())
        {
            sink = sink.tag(tags::SAMPLER_TYPE, Value::Str(sampler.kind));
            sink = sink.tag(tags::SAMPLER_PARAM, sampler.param.into());
        }
        if self.record.is_cut() || self.cut_logs > 0 || self.cut_text {
            let dropped = i64::from(self.record.dropped()) + self.cut_logs as i64;
            sink = sink.tag(TRUNCATED, Value::Bool(true));
            sink = sink.tag(DROPPED, Value::I64(dropped));
        }
        if !self.times.synced {
            sink = sink.tag(UNSYNCED, Value::Bool(true));
        }
        if self.times.uncertainty_micros != 0 {
            let micros = self.times.uncertainty_micros.into();
            sink = sink.tag(UNCERTAINTY, Value::I64(micros));
        }
        sink
    }
}
