//! OpenTelemetry's propagators of W3C's headers: trace context, and both that and baggage.

use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::propagation::{
    Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use picojaeger_workloads::propagation::request;
use picojaeger_workloads::{Direction, Drained, Format, Library, Workload};

/// The propagators as a library under measure.
pub(crate) struct W3c {
    nothing: Context,
    trace_context: One,
    with_baggage: One,
    written: Written,
}

/// One propagator, the headers that it reads, and their context.
struct One {
    propagator: Box<dyn TextMapPropagator>,
    request: Headers,
    context: Context,
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

impl One {
    fn new(propagator: impl TextMapPropagator + 'static, format: Format) -> Self {
        let request = Headers(request(format));
        let context = propagator.extract_with_context(&Context::new(), &request);
        Self {
            propagator: Box::new(propagator),
            request,
            context,
        }
    }
}

impl W3c {
    const WORKLOADS: [Workload; 4] = [
        Workload::Propagation(Direction::Inject, Format::W3c),
        Workload::Propagation(Direction::Extract, Format::W3c),
        Workload::Propagation(Direction::Inject, Format::Both),
        Workload::Propagation(Direction::Extract, Format::Both),
    ];

    pub(crate) fn new() -> Self {
        let both = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        Self {
            nothing: Context::new(),
            trace_context: One::new(TraceContextPropagator::new(), Format::W3c),
            with_baggage: One::new(both, Format::Both),
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
        let Workload::Propagation(direction, format) = workload else {
            return;
        };
        let one = match format {
            Format::Both => &self.with_baggage,
            _ => &self.trace_context,
        };
        for _ in 0..workload.spans() {
            match direction {
                Direction::Inject => {
                    let context = black_box(&one.context);
                    one.propagator.inject_context(context, &mut self.written);
                    black_box(&self.written);
                }
                Direction::Extract => {
                    let request = black_box(&one.request);
                    let nothing = &self.nothing;
                    black_box(one.propagator.extract_with_context(nothing, request));
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
        for one in [&library.trace_context, &library.with_baggage] {
            let traceparent = one.request.get("traceparent").expect("it is there");
            let mut headers = std::collections::HashMap::new();
            one.propagator.inject_context(&one.context, &mut headers);
            assert_eq!(headers["traceparent"], traceparent);
        }
    }
}
