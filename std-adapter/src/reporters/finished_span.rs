//! The view of a finished span, as passed to reporters.

use std::fmt;
use std::time::Duration;

use picojaeger_core::adapter::Times;
use picojaeger_core::adapter::record::{Log, Record, Reference, Tag};
use picojaeger_core::wire::{EncodeContext, StateTags};
use picojaeger_core::{Description, SpanContext, SpanId, Value};

use crate::model;

/// A finished span, read in place, with the contents that the agent gets.
///
/// Each iteration over tags, logs or references costs a walk over the span's memory.
/// [`FinishedSpan::to_span`] makes a copy that can be kept. `Display` writes one line: operation,
/// trace id and span id, duration, tags.
///
/// ```
/// use picojaeger_core::adapter::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::wire::EncodeContext;
/// use picojaeger_core::adapter::{ClockSegment, Rate, Timeline};
/// use picojaeger_core::{Anchor, Flags, SpanContext, SpanId, TraceId};
/// use picojaeger_std::reporters::FinishedSpan;
///
/// let context = SpanContext::new(TraceId::from_parts(0, 0x2a), SpanId::new(7), Flags::SAMPLED);
/// let mut span = Open::<[Word; 32]>::new("query", context, SpanId::default(), 1_000);
/// span.tag("rows".into(), 3.into());
/// span.finish(1_250);
///
/// let anchors = [Anchor::new(1_000, 1_700_000_000_000_000)];
/// let segments = [ClockSegment::new(Rate::new(1_000_000), &anchors)];
/// let context = EncodeContext::new(Timeline::new(&segments), &|_| None);
///
/// let finished = FinishedSpan::new("shop", span.record(), &context);
/// assert_eq!(finished.start_micros(), 1_700_000_000_000_000);
/// assert_eq!(
///     finished.to_string(),
///     "query 000000000000002a:0000000000000007 250µs rows=3",
/// );
/// ```
#[derive(Clone, Copy)]
pub struct FinishedSpan<'s> {
    service: &'s str,
    record: Record<'s>,
    times: Times<'s>,
    sampler: Option<Description>,
}

/// A log of a finished span.
///
/// ```
/// use picojaeger_std::reporters::FinishedSpan;
///
/// /// Microseconds from the span's start to its first log.
/// fn first_log(span: &FinishedSpan<'_>) -> Option<u64> {
///     let log = span.logs().next()?;
///     log.micros().checked_sub(span.start_micros())
/// }
/// ```
#[derive(Clone, Copy)]
pub struct FinishedLog<'s> {
    micros: u64,
    log: Log<'s>,
}

impl<'s> FinishedSpan<'s> {
    /// Makes the view of a record; `context` converts its ticks and sampler code.
    pub fn new(service: &'s str, record: Record<'s>, context: &EncodeContext<'s>) -> Self {
        let (start, finish) = (record.start(), record.finish());
        let sampler = Some(record.sampler()).filter(|code| *code != 0);
        FinishedSpan {
            service,
            record,
            times: context.timeline.times(record.segment(), start, finish),
            sampler: sampler.and_then(|code| (context.samplers)(code)),
        }
    }

    /// Returns the service that the span belongs to.
    pub fn service(&self) -> &'s str {
        self.service
    }

    /// Returns the span's identity.
    pub fn context(&self) -> SpanContext {
        self.record.context()
    }

    /// Returns the parent in the same trace; `None` for a root.
    pub fn parent(&self) -> Option<SpanId> {
        Some(self.record.parent()).filter(|parent| !parent.is_zero())
    }

    /// Returns the operation name.
    pub fn operation(&self) -> &'s str {
        self.record.operation()
    }

    /// Returns the start in microseconds since 1970-01-01 UTC.
    pub fn start_micros(&self) -> u64 {
        self.times.start_micros
    }

    /// Returns the time from start to finish, in whole microseconds.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.times.duration_micros)
    }

    /// Iterates over the tags in order, then those that the tracer adds when it sends the span:
    /// `sampler.type` and `sampler.param` of a sampled root, `picojaeger.truncated` and
    /// `picojaeger.dropped` if a part did not fit, `clock.unsynced` and `clock.uncertainty_us` if
    /// the time is uncertain.
    pub fn tags(&self) -> impl Iterator<Item = Tag<'s>> + use<'s> {
        let own = StateTags::new(&self.record, &self.times, |_| self.sampler).visit(Vec::new());
        self.record.tags().chain(own)
    }

    /// Iterates over the logs in order.
    pub fn logs(&self) -> impl Iterator<Item = FinishedLog<'s>> + use<'s> {
        let times = self.times;
        self.record.logs().map(move |log| FinishedLog {
            micros: times.micros_at(log.time),
            log,
        })
    }

    /// Iterates over the references in order; the parent in the same trace is not among them
    /// unless the span follows from it.
    pub fn references(&self) -> impl Iterator<Item = Reference> + use<'s> {
        self.record.references()
    }

    /// Copies the span into the owned type that the collector returns too.
    pub fn to_span(&self) -> model::Span {
        let context = self.context();
        model::Span {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            parent_span_id: self.record.parent(),
            operation_name: self.operation().to_owned(),
            references: self.references().map(owned_reference).collect(),
            flags: context.flags().wire().into(),
            start_time_us: self.start_micros() as i64,
            duration_us: self.times.duration_micros as i64,
            tags: self.tags().map(owned_tag).collect(),
            logs: self.logs().map(|log| log.to_log()).collect(),
        }
    }
}

impl<'s> FinishedLog<'s> {
    /// Returns the time of the log, in microseconds since 1970-01-01 UTC.
    pub fn micros(&self) -> u64 {
        self.micros
    }

    /// Iterates over the fields in order.
    pub fn fields(&self) -> impl Iterator<Item = Tag<'s>> + use<'s> {
        self.log.fields()
    }

    fn to_log(self) -> model::Log {
        let fields = self.fields().map(owned_tag).collect();
        model::Log::new(self.micros as i64, fields)
    }
}

impl fmt::Display for FinishedSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.context();
        let operation = self.operation().escape_debug();
        let (trace, span) = (context.trace_id(), context.span_id());
        write!(f, "{operation} {trace}:{span} {:?}", self.duration())?;
        for tag in self.tags() {
            write!(f, " {}=", tag.key.escape_debug())?;
            match tag.value {
                Value::Str(text) => write!(f, "{text:?}")?,
                Value::Bool(value) => write!(f, "{value}")?,
                Value::I64(value) => write!(f, "{value}")?,
                Value::U64(value) => write!(f, "{value}")?,
                Value::F64(value) => write!(f, "{value}")?,
                Value::Bytes(bytes) => write!(f, "<{} bytes>", bytes.len())?,
                other => write!(f, "{other:?}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FinishedSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_span().fmt(f)
    }
}

impl fmt::Debug for FinishedLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_log().fmt(f)
    }
}

fn owned_reference(reference: Reference) -> model::SpanRef {
    let kind = match reference.follows {
        true => model::RefKind::FollowsFrom,
        false => model::RefKind::ChildOf,
    };
    model::SpanRef::new(kind, reference.trace, reference.span)
}

fn owned_tag(tag: Tag<'_>) -> model::Tag {
    model::Tag::new(tag.key, tag.value)
}
