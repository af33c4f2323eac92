//! Files of either format.

use serde::Deserialize;

use super::import_jaeger::{self, ProcessMap, SpanIn, TraceIn};
use crate::collector::DecodeError;
use crate::collector::memory_budget::Budget;
use crate::collector::otlp::message::{List, Request, ResourceSpans};
use crate::collector::otlp::{self, lenient};
use crate::model::Batch;

/// Reads a file of either format: what [`jaeger`](super::jaeger) and [`otlp`](super::otlp) write, and one trace of Jaeger's
/// alone.
///
/// # Errors
/// [`DecodeError`] names what is wrong; nothing of the file is returned then.
pub(crate) fn import(file: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    let budget = Budget::of_body(file);
    match lenient::parse(file)? {
        File {
            resource_spans: Some(resource_spans),
            ..
        } => otlp::batches(Request { resource_spans }, &budget)?.whole(),
        File {
            data: Some(traces), ..
        } => import_jaeger::batches(traces.0, &budget),
        File {
            spans: Some(spans),
            processes,
            ..
        } => import_jaeger::batches(vec![TraceIn { spans, processes }], &budget),
        _ => Err(DecodeError::NoTraces),
    }
}

/// The members of all forms.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File<'m> {
    #[serde(borrow)]
    data: Option<List<TraceIn<'m>>>,
    #[serde(borrow)]
    resource_spans: Option<List<ResourceSpans<'m>>>,
    #[serde(borrow)]
    spans: Option<List<SpanIn<'m>>>,
    #[serde(borrow)]
    processes: ProcessMap<'m>,
}
