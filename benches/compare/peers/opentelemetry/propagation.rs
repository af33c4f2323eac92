//! OpenTelemetry's propagator of W3C's trace context.

use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use picojaeger_workloads::propagation::request;
use picojaeger_workloads::{Direction, Drained, Format, Library, Workload};

/// The propagator as a library under measure.
pub(crate) struct W3c {
    propagator: TraceContextPropagator,
    nothing: Context,
    context: Context,
    request: Headers,
    written: Written,
}

/// The headers of a request.
struct Headers(Vec<(&'static str, &'static str)>);

/// Keeps the value that was set last.
#[derive(Default)]
struct Written(String);

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        let mut headers = self.0.iter();
        headers
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| *value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }
}

impl Injector for Written {
    fn set(&mut self, _key: &str, value: String) {
        self.0 = value;
    }
}

impl W3c {
    const WORKLOADS: [Workload; 2] = [
        Workload::Propagation(Direction::Inject, Format::W3c),
        Workload::Propagation(Direction::Extract, Format::W3c),
    ];

    pub(crate) fn new() -> Self {
        let propagator = TraceContextPropagator::new();
        let (nothing, request) = (Context::new(), Headers(request(Format::W3c)));
        let context = propagator.extract_with_context(&nothing, &request);
        Self {
            propagator,
            nothing,
            context,
            request,
            written: Written::default(),
        }
    }
}

impl Library for W3c {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    fn package(&self) -> &'static str {
        "opentelemetry_sdk"
    }

    fn workloads(&self) -> &'static [Workload] {
        &Self::WORKLOADS
    }

    fn burst(&mut self, workload: Workload) {
        let Workload::Propagation(direction, _) = workload else {
            return;
        };
        for _ in 0..workload.spans() {
            match direction {
                Direction::Inject => {
                    let context = black_box(&self.context);
                    self.propagator.inject_context(context, &mut self.written);
                    black_box(&self.written);
                }
                Direction::Extract => {
                    let request = black_box(&self.request);
                    let nothing = &self.nothing;
                    black_box(self.propagator.extract_with_context(nothing, request));
                }
            }
        }
    }

    fn drain(&mut self) -> Drained {
        Drained::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_is_written_as_it_was_read() {
        let mut library = W3c::new();
        W3c::WORKLOADS
            .into_iter()
            .for_each(|workload| library.burst(workload));
        // Before the flags come version and ids; headers without `tracestate` get an empty one.
        let traceparent = library.request.get("traceparent").expect("it is there");
        let mut headers = std::collections::HashMap::new();
        library
            .propagator
            .inject_context(&library.context, &mut headers);
        assert_eq!(headers["traceparent"], traceparent);
    }
}
