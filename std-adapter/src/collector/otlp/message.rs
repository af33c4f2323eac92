//! The messages of OTLP, borrowed from the body.

use std::borrow::Cow;

use picojaeger_core::{SpanId, TraceId};

use super::id::Id;
#[cfg(feature = "collector")]
use super::rejected::Rejected;
use super::value::Any;

#[cfg(feature = "collector")]
use {super::lenient, serde::Deserialize};

/// Text.
#[derive(Default, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::collector) struct Text<'m>(pub(in crate::collector) Cow<'m, str>);

/// A list.
pub(in crate::collector) struct List<T>(pub(in crate::collector) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

/// An `ExportTraceServiceRequest`, as JSON has it: protobuf is read without it.
#[cfg(feature = "collector")]
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::collector) struct Request<'m> {
    #[serde(borrow)]
    pub(in crate::collector) resource_spans: List<ResourceSpans<'m>>,
}

/// A `ResourceSpans`, as JSON has it: the spans of one process.
#[cfg(feature = "collector")]
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::collector) struct ResourceSpans<'m> {
    #[serde(borrow)]
    pub(in crate::collector) resource: Resource<'m>,
    #[serde(borrow)]
    pub(in crate::collector) scope_spans: List<ScopeSpans<'m>>,
}

/// A `Resource`: what Jaeger calls a process.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(default))]
pub(in crate::collector) struct Resource<'m> {
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) attributes: List<Attribute<'m>>,
}

/// A `ScopeSpans`, as JSON has it: the spans of one library.
#[cfg(feature = "collector")]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::collector) struct ScopeSpans<'m> {
    #[serde(borrow)]
    pub(in crate::collector) scope: Scope<'m>,
    #[serde(borrow)]
    pub(in crate::collector) spans: Spans<'m>,
}

/// The spans of a library that are whole, and those that were rejected as they were read: a list of faulty spans, which may
/// be of two bytes each, takes no memory.
#[cfg(feature = "collector")]
#[derive(Default)]
pub(in crate::collector) struct Spans<'m> {
    pub(in crate::collector) whole: Vec<Span<'m>>,
    pub(in crate::collector) rejected: Rejected,
}

/// An `InstrumentationScope`.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(default))]
pub(in crate::collector) struct Scope<'m> {
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) name: Text<'m>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) version: Text<'m>,
}

/// A `Span`.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(rename_all = "camelCase", default))]
pub(in crate::collector) struct Span<'m> {
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::trace_id"))]
    pub(in crate::collector) trace_id: Id<TraceId>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::span_id"))]
    pub(in crate::collector) span_id: Id<SpanId>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::span_id"))]
    pub(in crate::collector) parent_span_id: Id<SpanId>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) trace_state: Text<'m>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) name: Text<'m>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::kind"))]
    pub(in crate::collector) kind: u64,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) start_time_unix_nano: u64,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) end_time_unix_nano: u64,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) attributes: List<Attribute<'m>>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) dropped_attributes_count: u64,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) events: List<Event<'m>>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) dropped_events_count: u64,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) links: List<Link<'m>>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) dropped_links_count: u64,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) status: Status<'m>,
}

/// An `Event`: what Jaeger calls a log.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(rename_all = "camelCase", default))]
pub(in crate::collector) struct Event<'m> {
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) time_unix_nano: u64,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) name: Text<'m>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) attributes: List<Attribute<'m>>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::unsigned"))]
    pub(in crate::collector) dropped_attributes_count: u64,
}

/// A `Link`: what Jaeger calls a reference.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(rename_all = "camelCase", default))]
pub(in crate::collector) struct Link<'m> {
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::trace_id"))]
    pub(in crate::collector) trace_id: Id<TraceId>,
    #[cfg_attr(feature = "collector", serde(deserialize_with = "lenient::span_id"))]
    pub(in crate::collector) span_id: Id<SpanId>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) attributes: List<Attribute<'m>>,
}

/// A `Status`.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(default))]
pub(in crate::collector) struct Status<'m> {
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) message: Text<'m>,
    #[cfg_attr(
        feature = "collector",
        serde(deserialize_with = "lenient::status_code")
    )]
    pub(in crate::collector) code: u64,
}

/// A `KeyValue`.
#[derive(Default)]
#[cfg_attr(feature = "collector", derive(Deserialize))]
#[cfg_attr(feature = "collector", serde(default))]
pub(in crate::collector) struct Attribute<'m> {
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) key: Text<'m>,
    #[cfg_attr(feature = "collector", serde(borrow))]
    pub(in crate::collector) value: Any<'m>,
}
