//! Tests of formats through a tracer: what a context keeps besides its ids.

use crate::config::{Config, Sampler};
use crate::{Flags, Format, SpanContext, Tracer};

const TRACEPARENT: &str = "00-0000000000000000000000000000000a-000000000000000b-01";

fn tracer(config: impl FnOnce(Config) -> Config) -> Tracer {
    let base = Config::new("test").sampler(Sampler::Const(true));
    config(base.agent(false)).new_tracer().unwrap()
}

fn default() -> Tracer {
    tracer(|config| config)
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// Returns the headers that a child of what these headers hold sends on.
fn passed_on(tracer: &Tracer, headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let parent = tracer.extract(headers);
    let child = tracer.span_builder("child").child_of(parent).start();
    let grandchild = tracer.span_builder("grandchild").child_of(&child).start();
    let mut passed = Vec::new();
    tracer.inject(&grandchild, &mut passed).unwrap();
    passed
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let mut headers = headers.iter();
    headers
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn both_formats_are_written_unless_set() {
    let tracer = default();
    let mut span = tracer.start("root");
    span.set_baggage_item("userId", "a b").unwrap();
    let mut headers = Vec::new();
    tracer.inject(&span, &mut headers).unwrap();
    let context = span.context();
    let (trace, id) = (context.trace_id(), context.span_id());
    assert!(trace.high() != 0);
    assert_eq!(
        headers,
        [
            pair("traceparent", &format!("00-{trace}-{id}-01")),
            pair("baggage", "userId=a%20b"),
            pair("uber-trace-id", &format!("{trace}:{id}:0:1")),
            pair("uberctx-userId", "a%20b"),
        ]
    );
    let read = tracer.extract(&headers).unwrap();
    assert!(read.baggage().eq([("userId", "a b")]));
    assert_eq!((read.trace_id(), read.span_id()), (trace, id));
}

#[test]
fn tracestate_and_the_random_flag_go_on_with_the_trace() {
    let tracer = default();
    let random = TRACEPARENT.replace("-01", "-03");
    let headers = [("traceparent", &*random), ("tracestate", "a=1 , b=2")];
    let passed = passed_on(&tracer, &headers);
    assert_eq!(value(&passed, "tracestate"), Some("a=1,b=2"));
    assert!(value(&passed, "traceparent").unwrap().ends_with("-03"));
    let uber = value(&passed, "uber-trace-id").unwrap();
    assert!(uber.starts_with("000000000000000a:") && uber.ends_with(":0:1"));

    let passed = passed_on(&tracer, &[("traceparent", TRACEPARENT)]);
    assert_eq!(value(&passed, "tracestate"), None);
    assert!(value(&passed, "traceparent").unwrap().ends_with("-01"));
}

#[test]
fn a_trace_without_them_needs_no_block() {
    let tracer = default();
    for end in ["-00", "-01", "-02", "-03"] {
        let header = TRACEPARENT.replace("-01", end);
        let parent = tracer.extract([("traceparent", &*header)]).unwrap();
        assert!(parent.baggage.is_empty(), "{end}");
    }
}

#[test]
fn the_random_flag_goes_on_from_parent_to_child_and_to_no_other_span() {
    let tracer = default();
    for end in ["-00", "-01", "-02", "-03"] {
        let header = TRACEPARENT.replace("-01", end);
        let parent = tracer.extract([("traceparent", &*header)]);
        let child = || tracer.span_builder("child").child_of(&parent);
        let (plain, slow) = (child().start(), child().tag("a", 1).start());
        let forced = child().tag("sampling.priority", 0).start();
        let _active = plain.activate();
        let nested = tracer.start("under the active one");
        for (span, end) in [
            (&plain, end),
            (&nested, end),
            (&slow, end),
            (&forced, &*end.replace('3', "2").replace('1', "0")),
        ] {
            let mut headers = Vec::new();
            tracer.inject(span, &mut headers).unwrap();
            let sent = value(&headers, "traceparent").unwrap();
            assert!(sent.ends_with(end), "{sent} for {end}");
        }
        let root = tracer
            .span_builder("root")
            .child_of(None::<SpanContext>)
            .start();
        assert!(!root.context().flags().contains(Flags::RANDOM));
    }
}

#[test]
fn the_random_flag_of_own_traces_has_a_key_and_others_keep_theirs() {
    let tracer = tracer(|config| config.w3c_random_flag(true));
    let own = passed_on(&tracer, &[]);
    assert!(value(&own, "traceparent").unwrap().ends_with("-03"));
    let passed = passed_on(&tracer, &[("traceparent", TRACEPARENT)]);
    assert!(value(&passed, "traceparent").unwrap().ends_with("-01"));
    let passed = passed_on(&tracer, &[("uber-trace-id", "1:2:0:1")]);
    assert!(value(&passed, "traceparent").unwrap().ends_with("-01"));
}

#[test]
fn debug_goes_on_in_both_formats() {
    let tracer = default();
    let passed = passed_on(&tracer, &[("uber-trace-id", "a:b:0:3")]);
    assert_eq!(value(&passed, "tracestate"), Some("jaeger=d"));
    assert!(value(&passed, "uber-trace-id").unwrap().ends_with(":0:3"));
    let only = tracer.extract([("traceparent", TRACEPARENT), ("tracestate", "jaeger=d")]);
    assert!(only.unwrap().flags().contains(Flags::DEBUG));
}

#[test]
fn a_debug_id_and_a_list_of_baggage_come_with_every_format_unless_public() {
    let headers = [("jaeger-debug-id", "find-me"), ("jaeger-baggage", "a=1")];
    let with = |public| tracer(|config| config.propagation([Format::B3]).public_entrance(public));
    let span = |tracer: &Tracer| {
        let parent = tracer.extract(headers);
        tracer
            .span_builder("root")
            .child_of(parent)
            .start()
            .context()
    };
    let context = span(&with(false));
    assert!(context.flags().contains(Flags::DEBUG));
    assert_eq!(context.baggage_item("a"), Some("1"));
    let public = with(true);
    assert!(public.extract(headers).is_none());
    assert!(!span(&public).flags().contains(Flags::DEBUG));
}

#[test]
fn a_decision_of_b3_without_ids_holds_for_the_root() {
    let b3 = |sampler| {
        let config = Config::new("test").sampler(Sampler::Const(sampler));
        let config = config.agent(false).propagation([Format::B3]);
        config.new_tracer().unwrap()
    };
    for (value, sampled) in [("0", false), ("1", true), ("d", true)] {
        let tracer = b3(!sampled);
        let parent = tracer.extract([("b3", value)]);
        for span in [
            tracer.span_builder("root").child_of(&parent).start(),
            tracer
                .span_builder("root")
                .child_of(&parent)
                .tag("a", 1)
                .start(),
        ] {
            assert_eq!(span.is_sampled(), sampled, "{value}");
            let context = span.context();
            assert_eq!(context.trace_id().low(), u64::from(context.span_id()));
            assert!(!context.trace_id().is_zero());
            assert_eq!(context.flags().contains(Flags::DEBUG), value == "d");
            let child = tracer.span_builder("child").child_of(&span).start();
            assert_eq!(child.context().trace_id(), context.trace_id());
        }
    }
}

#[test]
fn b3_that_defers_asks_the_sampler_and_keeps_the_ids() {
    for sampler in [true, false] {
        let config = Config::new("test").sampler(Sampler::Const(sampler));
        let config = config.agent(false).propagation([Format::B3Multi]);
        let tracer = config.new_tracer().unwrap();
        let headers = [("x-b3-traceid", "a"), ("x-b3-spanid", "b")];
        let parent = tracer.extract(headers);
        let span = tracer.span_builder("child").child_of(&parent).start();
        assert_eq!(span.is_sampled(), sampler);
        assert_eq!(u128::from(span.context().trace_id()), 10);
        let mut passed = Vec::new();
        tracer.inject(&parent, &mut passed).unwrap();
        assert_eq!(value(&passed, "x-b3-sampled"), None);
    }
}

#[test]
fn an_unreadable_header_is_counted_though_another_format_has_the_context() {
    let tracer = default();
    let headers = [("traceparent", "garbage"), ("uber-trace-id", "1:2:0:1")];
    assert!(tracer.extract(headers).is_some());
    assert_eq!(tracer.stats().decode_errors, 1);
    assert!(tracer.extract_binary(&[1, 2, 3]).is_none());
    assert_eq!(tracer.stats().decode_errors, 2);
}

#[test]
fn the_binary_form_has_exactly_the_bytes_of_context_and_baggage() {
    let tracer = tracer(|config| config.max_baggage_size(8));
    let mut span = tracer.start("root");
    span.set_baggage_item("a", "1").ok();
    let headers = [("uber-trace-id", "a:b:0:1")];
    let parent = tracer.extract(headers).unwrap();
    let mut bytes = vec![7];
    tracer.inject_binary(&parent, &mut bytes).unwrap();
    assert_eq!((bytes[0], bytes.len()), (7, 1 + 37));
    assert_eq!(tracer.extract_binary(&bytes[1..]), Some(parent));
    let wide: SpanContext = "1:2:0:1".parse().unwrap();
    assert_eq!(SpanContext::from_binary(&wide.to_binary()), Ok(wide));
}

#[test]
fn the_text_form_leaves_values_of_jaeger_as_they_are() {
    let tracer = default();
    let mut span = tracer.start("root");
    span.set_baggage_item("k", "a b").unwrap();
    let mut carrier = Vec::new();
    tracer.inject_text_map(&span, &mut carrier).unwrap();
    assert_eq!(value(&carrier, "uberctx-k"), Some("a b"));
    assert_eq!(value(&carrier, "baggage"), Some("k=a%20b"));
    let read = tracer.extract_text_map(&carrier).unwrap();
    assert!(read.baggage().eq([("k", "a b")]));
}
