//! The `HeaderMap` of the `http` crate, version 1.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::CarrierMut;
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
use {crate::config::PropagationSettings, picojaeger_core::Format};

/// Replaces headers of this key. Leaves out what no HTTP header can hold: only
/// [`inject_text_map`](crate::Tracer::inject_text_map) writes such baggage.
///
/// ```
/// use http::HeaderMap;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let span = tracer.start("order");
/// let mut headers = HeaderMap::new();
/// tracer.inject(&span, &mut headers)?;
/// assert!(headers.contains_key("traceparent"));
/// assert_eq!(tracer.extract(&headers).unwrap().span_id(), span.context().span_id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl CarrierMut for HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.insert(name, value);
        }
    }
}

/// Removes what another tracer or caller left there, in the formats that are written: of a context that is replaced nothing
/// may stay beside the new one, such as baggage of other keys.
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
pub(crate) fn remove_contexts(headers: &mut HeaderMap, settings: &PropagationSettings) {
    let names = &settings.headers;
    for format in &settings.formats {
        let own: &[&str] = match format {
            Format::TraceContext => &["traceparent", "tracestate"],
            Format::Baggage => &["baggage"],
            Format::Jaeger => &[&names.trace_context, &names.debug_id, &names.baggage],
            _ => &B3,
        };
        own.iter().for_each(|name| drop(headers.remove(*name)));
        if *format == Format::Jaeger {
            remove_prefixed(headers, &names.baggage_prefix);
        }
    }
}

/// The headers of B3 in both forms.
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
const B3: [&str; 6] = [
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
];

#[cfg(any(feature = "tower", feature = "reqwest-013"))]
fn remove_prefixed(headers: &mut HeaderMap, prefix: &str) {
    let is_there = |name: &HeaderName| {
        let start = name.as_str().get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    // Nearly always there is none.
    let found: Vec<_> = headers
        .keys()
        .filter(|name| is_there(name))
        .cloned()
        .collect();
    found.iter().for_each(|name| drop(headers.remove(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "tower", feature = "reqwest-013"))]
    #[test]
    fn of_a_replaced_context_nothing_stays() {
        let config = crate::Config::new("s").propagation([Format::Jaeger, Format::TraceContext]);
        let settings = config.resolve().unwrap().propagation;
        let mut headers = HeaderMap::new();
        let names = [
            "uber-trace-id",
            "Uberctx-User",
            "uberctx-a",
            "jaeger-debug-id",
            "tracestate",
            "accept",
            "b3",
        ];
        for name in names {
            headers.set(name, "1");
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_static("2"),
            );
        }
        remove_contexts(&mut headers, &settings);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "b3"], "formats that are not written pass");
    }
    use crate::propagation::carriers::{Bridge, Carrier};
    use picojaeger_core::{Format, Propagator, SpanContext};

    #[test]
    fn a_map_of_headers_is_written_and_read() {
        let context: SpanContext = "a:b:0:1".parse().unwrap();
        let formats = [Format::Jaeger, Format::TraceContext];
        let propagator = Propagator::new(&formats[1..], &formats);
        let mut headers = HeaderMap::new();
        headers.append("Traceparent", HeaderValue::from_static("stale"));
        headers.append("traceparent", HeaderValue::from_static("stale"));
        let carrier = &mut Bridge(&mut headers);
        propagator
            .inject(&context.into(), [], carrier, &mut [])
            .unwrap();
        assert_eq!(headers.len(), 2);
        let found = propagator.extract(&Bridge(&headers), &mut (), &mut []);
        assert_eq!(found.context, Ok(Some(context)));
    }

    #[test]
    fn values_that_are_not_utf_8_are_read_and_bad_names_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_bytes(b"\xff").unwrap());
        headers.set("no name", "1");
        headers.set("y", "no\nvalue");
        let mut seen = Vec::new();
        (&headers).for_each(&mut |key, value| seen.push((key.to_owned(), value.to_vec())));
        assert_eq!(seen, [("x".to_owned(), vec![0xff])]);
    }
}
