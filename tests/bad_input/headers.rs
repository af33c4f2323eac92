//! Headers from peers that are broken or hostile.

use picojaeger_std::model::TagValue;
use picojaeger_std::{SpanContext, SpanId, TraceId};

use crate::{MIB, Pair, text};

const TRACE: &str = "uber-trace-id";

/// Extracts these headers and starts a span of the result: a new root, which arrives.
#[track_caller]
fn gives_a_new_root(headers: &[(&str, &[u8])], errors: u64) -> SpanContext {
    let pair = Pair::new();
    let parent = pair.tracer.extract(headers.iter().copied());
    assert_eq!(pair.tracer.stats().decode_errors, errors);
    let mut span = pair.tracer.span_builder("request").child_of(parent).start();
    span.finish();
    let spans = pair.arrived();
    assert!(spans[0].parent_span_id.is_zero() && spans[0].references.is_empty());
    assert_eq!(
        spans[0].tag("sampler.type").is_some(),
        spans[0].tag("jaeger-debug-id").is_none()
    );
    span.context()
}

#[test]
fn trace_headers_of_garbage() {
    let mebibyte = vec![b'1'; MIB];
    let colons = vec![b':'; MIB];
    let headers: [&[u8]; 16] = [
        b"",
        b"garbage",
        b"1:2:0",
        b"1:2:0:1:",
        b"0:2:0:1",
        b"1:0:0:1",
        b"1:2:0:x",
        b"1:2:0:100",
        b" 1:2:0:1",
        b"-1:2:0:1",
        b"1:2:0:\xf0\x9f\xa6",
        b"\0\0\0\0",
        b"\xff\xfe",
        b"111111111111111111111111111111111:2:0:1",
        &mebibyte,
        &colons,
    ];
    for header in headers {
        gives_a_new_root(&[(TRACE, header)], 1);
    }
}

#[test]
fn every_byte_in_every_place() {
    let pair = Pair::new();
    let good = *b"1a:2b:0:1";
    for place in 0..good.len() {
        for byte in 0..=u8::MAX {
            let mut header = good;
            header[place] = byte;
            let parent = pair.tracer.extract([(TRACE, header)]);
            pair.tracer
                .span_builder("request")
                .child_of(parent)
                .start()
                .finish();
        }
        pair.arrived();
    }
    let stats = pair.tracer.stats();
    assert_eq!(stats.sampled + stats.unsampled, good.len() as u64 * 256);
    assert!(
        stats.decode_errors > good.len() as u64 * 200,
        "{}",
        stats.decode_errors
    );
}

#[test]
fn conflicting_repeats() {
    gives_a_new_root(&[(TRACE, b"1:2:0:1"), (TRACE, b"3:4:0:1")], 1);
    gives_a_new_root(&[(TRACE, b"1:2:0:1"), (TRACE, b"garbage")], 1);
    gives_a_new_root(&[(TRACE, b"1:2:0:1"), ("Uber-Trace-Id", b"1:2:0:0")], 1);
    gives_a_new_root(&[("jaeger-debug-id", b"a"), ("jaeger-debug-id", b"b")], 1);
}

#[test]
fn identical_repeats_are_no_conflict() {
    let pair = Pair::new();
    let parent = pair
        .tracer
        .extract([(TRACE, "1:2:0:1"), (TRACE, "1:2:0:1")]);
    assert_eq!(parent.unwrap().span_id().get(), 2);
    assert_eq!(pair.tracer.stats().decode_errors, 0);
}

#[test]
fn garbage_leaves_baggage_and_debug_id_intact() {
    let context = gives_a_new_root(&[(TRACE, b"garbage"), ("uberctx-customer", b"7")], 1);
    assert_eq!(context.baggage_item("customer"), Some("7"));

    let pair = Pair::new();
    let headers = [(TRACE, "garbage"), ("jaeger-debug-id", "find-me")];
    let parent = pair.tracer.extract(headers);
    pair.tracer
        .span_builder("request")
        .child_of(parent)
        .start()
        .finish();
    let spans = pair.arrived();
    assert_eq!(spans[0].tag("jaeger-debug-id"), Some(&text("find-me")));
    assert_eq!(spans[0].flags, 3);
}

#[test]
fn a_mebibyte_of_baggage_leaves_other_headers_intact() {
    let long = vec![b'x'; MIB];
    let names = "x".repeat(MIB);
    let long_key = format!("uberctx-{names}");
    let many = "customer=7".to_owned() + &",k=v".repeat(MIB / 4);
    let pair = Pair::new();
    let headers: [(&str, &[u8]); 7] = [
        ("uberctx-long", &long),
        (&long_key, b"1"),
        ("uberctx-broken", b"%ff"),
        ("uberctx-first", b"1"),
        (TRACE, b"1:2:0:1"),
        ("jaeger-baggage", many.as_bytes()),
        (&names, &long),
    ];
    let parent = pair.tracer.extract(headers).unwrap();
    assert_eq!(pair.tracer.stats().decode_errors, 1);
    let mut baggage: Vec<_> = parent.baggage().collect();
    baggage.sort_unstable();
    assert_eq!(baggage, [("customer", "7"), ("first", "1"), ("k", "v")]);
    pair.tracer
        .span_builder("request")
        .child_of(&parent)
        .start()
        .finish();
    let spans = pair.arrived();
    let ids = (TraceId::from_parts(0, 1), SpanId::new(2));
    assert_eq!((spans[0].trace_id, spans[0].parent_span_id), ids);
}

#[test]
fn baggage_has_a_limit_in_both_directions() {
    let size_of = |headers: &[(String, String)]| {
        let items = headers
            .iter()
            .filter(|(name, _)| name.starts_with("uberctx-"));
        items
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
    };
    let value = "/".repeat(20); // 60 bytes when injected
    let list: Vec<_> = (0..24_000)
        .map(|item| format!("key{item}={value}"))
        .collect();
    let list = list.join(",");
    assert!(list.len() > 700_000);
    for (limit, pair) in [
        (8_192, Pair::new()),
        (400, Pair::with(|config| config.max_baggage_size(400))),
    ] {
        let parent = pair.tracer.extract([("jaeger-baggage", &list)]);
        assert_eq!(pair.tracer.stats().decode_errors, 1);
        let mut span = pair.tracer.span_builder("request").child_of(parent).start();
        let mut headers = Vec::new();
        pair.tracer.inject(&span, &mut headers).unwrap();
        let size = size_of(&headers);
        assert!((limit - 80..=limit).contains(&size), "{size} of {limit}");

        let name = "uberctx-rest".len();
        let longest = "x".repeat(limit - size - name.min(limit - size));
        if size + name + longest.len() == limit {
            span.set_baggage_item("rest", &longest).unwrap();
        }
        let error = span.set_baggage_item("rest", &format!("{longest}x"));
        assert!(error.unwrap_err().to_string().contains("limit"));
    }
}

#[test]
fn a_mebibyte_of_debug_id_is_no_debug_id() {
    let long = vec![b'x'; MIB];
    gives_a_new_root(&[("jaeger-debug-id", &long)], 1);
    gives_a_new_root(&[("jaeger-debug-id", b"\xff")], 1);
}

#[test]
fn baggage_that_cannot_travel_is_refused_or_reported() {
    let pair = Pair::with(|config| config.max_baggage_size(9_000));
    let mut span = pair.tracer.start("request");
    for key in ["", "two words", "new\nline", "ключ", "a:b"] {
        let error = span.set_baggage_item(key, "value").unwrap_err();
        assert!(error.to_string().contains(&format!("{key:?}")), "{error}");
        assert_eq!(span.baggage_item(key), None);
    }
    let error = span
        .set_baggage_item("long", &"x".repeat(8_989))
        .unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
    span.set_baggage_item("long", &"x".repeat(8_192)).unwrap();
    span.set_baggage_item("short", "7").unwrap();
    let mut headers = std::collections::BTreeMap::new();
    let error = pair.tracer.inject(&span, &mut headers).unwrap_err();
    assert!(error.to_string().contains("1 over the limit"), "{error}");
    let keys: Vec<&String> = headers.keys().collect();
    assert_eq!(keys, ["baggage", "traceparent", TRACE, "uberctx-short"]);
    assert_eq!(headers["baggage"], "short=7");
    span.finish();
    let spans = pair.arrived();
    let logs = spans[0].logs.iter();
    let (refused, set): (Vec<_>, Vec<_>) = logs.partition(|log| log.field("invalid").is_some());
    assert_eq!((refused.len(), set.len()), (6, 2));
    assert_eq!(set[1].field("value"), Some(&TagValue::String("7".into())));
}
