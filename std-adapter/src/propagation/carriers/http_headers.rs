//! The `HeaderMap` of the `http` crate, version 1.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::CarrierMut;

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

#[cfg(test)]
mod tests {
    use super::*;
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
