//! The proof that a service makes the spans that it is measured with: two traces, seen by a backend.

use std::time::Duration;

use picojaeger_std::testing::{FinishedSpans, MockBackend, TraceTree};

use crate::Result;
use crate::load;
use crate::service::{Sends, Service};
use crate::sink::SPANS;

/// The second has a parent (see `load`).
const REQUESTS: u64 = 2;

/// Fails unless a service makes the expected spans, with the expected tags, log and parents. It may add tags.
pub(crate) fn check(service: &Service) -> Result<()> {
    let backend = MockBackend::start()?;
    let sink = match service.sends {
        Sends::Nothing => return Ok(()),
        Sends::Thrift => backend.agent_addr(),
        Sends::Otlp => backend.http_addr(),
    };
    let running = service.start(sink)?;
    load::drive(running.address, REQUESTS, 1)?;
    running.end()?;
    backend.wait_for_spans(REQUESTS * SPANS, Duration::from_secs(5));

    let expected: String = (0..REQUESTS)
        .map(|id| expected(id, service.scheme))
        .collect();
    if let Some(difference) = TraceTree::of(&backend).difference(&expected)? {
        return Err(format!("{} makes other spans:\n{difference}", service.name).into());
    }
    if backend
        .spans()
        .iter()
        .any(|span| span.service_name() != "shop")
    {
        return Err(format!("{} is not the service \"shop\"", service.name).into());
    }
    match has_logs_and_parent(&backend) {
        true => Ok(()),
        false => Err(format!("{} misses a log, or the caller's trace", service.name).into()),
    }
}

/// Returns a request's spans. Values that some libraries have as text are not compared.
fn expected(id: u64, scheme: Option<&str>) -> String {
    let scheme = scheme.map_or(String::new(), |scheme| format!(" url.scheme={scheme}"));
    format!(
        "GET /orders/{{id}} | http.request.method=GET http.route=\"/orders/{{id}}\" url.path=\"/orders/{id}\" http.response.status_code{scheme}\n  \
           order | order.id\n    \
             stock | stock.id\n"
    )
}

fn has_logs_and_parent(backend: &MockBackend) -> bool {
    let spans = backend.finished_spans();
    let mut stocks = spans.iter().filter(|span| span.operation_name == "stock");
    let (trace, parent) = load::caller(1);
    let continued = spans.iter().filter(|span| span.trace_id == trace.into());
    let mut below = spans
        .iter()
        .filter(|span| span.parent() == Some(parent.into()));
    stocks.all(|span| span.logs.len() == 1)
        && continued.count() as u64 == SPANS
        && below.any(|span| span.trace_id == trace.into())
}
