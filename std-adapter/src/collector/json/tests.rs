//! Files are read back as they were written.

use std::sync::Arc;

use serde_json::Value;

use super::{import, jaeger, otlp};
use crate::collector::{CollectedSpan, DecodeError, Trace};
use crate::model::{Batch, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

/// Numbers that look random, the same at each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn text(&mut self) -> String {
        self.of(&[
            "",
            "a",
            "GET /",
            "\"quoted\\\"",
            "</script><b>",
            "\0\u{1}\n\r\t",
            "\u{2028}ü€😀",
            "null",
            "{\"a\":[",
            "\u{202e}rtl",
            "error",
            "event",
            "p1",
            "NaN",
        ])
        .to_owned()
    }

    fn value(&mut self) -> TagValue {
        match self.below(5) {
            0 => self.text().into(),
            1 => TagValue::Bool(self.below(2) == 1),
            2 => TagValue::Long(self.of(&[
                0,
                1,
                -1,
                i64::MAX,
                i64::MIN,
                (1 << 53) - 1,
                1 << 53,
                -(1 << 53) + 1,
                -(1 << 53),
                1_234_567,
            ])),
            3 => TagValue::Double(self.of(&[
                0.0,
                -0.0,
                0.1,
                1.0,
                -1e300,
                5e-324,
                f64::MAX,
                f64::MIN_POSITIVE,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                1.797_693_134_862_315_7e308,
                123_456_789.123_456_78,
                9_007_199_254_740_993.0,
            ])),
            _ => {
                let length = self.below(5);
                TagValue::Binary((0..length).map(|_| self.next() as u8).collect())
            }
        }
    }

    fn tags(&mut self) -> Vec<Tag> {
        let count = self.below(5);
        (0..count)
            .map(|_| Tag::new(self.text(), self.value()))
            .collect()
    }

    fn span(&mut self, trace: u128, id: u64) -> Span {
        let mut span = Span::new(trace, id, self.text());
        span.parent_span_id = self.of(&[0, 1, u64::MAX]).into();
        span.start_time_us = self.of(&[0, 1, 1_700_000_000_123_456, 9_000_000_000_000_000]);
        span.duration_us = self.of(&[0, 1, 86_400_000_000]);
        span.tags = self.tags();
        for _ in 0..self.below(3) {
            // A log without time and fields is nothing in a file.
            let time = self.of(&[1, 1_700_000_000_123_457]);
            let fields = self.tags();
            span.logs.push(Log::new(time, fields));
        }
        for at in 0..self.below(3) {
            let kind = self.of(&[RefKind::ChildOf, RefKind::FollowsFrom]);
            span.references
                .push(SpanRef::new(kind, u128::MAX - 1, 50 + at as u64));
        }
        span
    }

    fn trace(&mut self, trace: u128) -> Trace {
        let processes: Vec<_> = (0..3)
            .map(|at| {
                let mut process = Process::new(format!("service {at} {}", self.text()));
                process.tags = self.tags();
                Arc::new(process)
            })
            .collect();
        let mut spans = Vec::new();
        for id in 0..self.below(9) as u64 + 1 {
            let span = self.span(trace, (id << 60) | (id + 2));
            spans.push(CollectedSpan::new(self.of(&processes), span));
        }
        Trace::new(trace, spans)
    }
}

/// Spans with their processes, in the order of their ids, as text: NaN is not equal to itself.
fn shown<'t>(spans: impl Iterator<Item = (&'t Process, &'t Span)>) -> Vec<String> {
    let mut spans: Vec<_> = spans.collect();
    spans.sort_by_key(|(_, span)| (span.trace_id, span.span_id));
    spans
        .iter()
        .map(|(process, span)| format!("{process:?} {span:?}"))
        .collect()
}

fn of_traces(traces: &[Trace]) -> Vec<String> {
    let spans = traces.iter().flat_map(Trace::spans);
    shown(spans.map(|it| (&*it.process, &*it.span)))
}

fn of_batches(batches: &[Batch]) -> Vec<String> {
    shown(
        batches
            .iter()
            .flat_map(|it| it.spans.iter().map(move |span| (&it.process, span))),
    )
}

fn traces(seed: u64) -> Vec<Trace> {
    let mut random = Random(seed | 1);
    [1, u128::from(u64::MAX), 1 << 64, u128::MAX]
        .map(|id| random.trace(id))
        .to_vec()
}

/// A copy of the traces with other spans.
fn changed(traces: &[Trace], change: impl Fn(&mut Span)) -> Vec<Trace> {
    let spans = |trace: &Trace| {
        let all = trace.spans().iter().map(|it| {
            let mut span = (*it.span).clone();
            change(&mut span);
            CollectedSpan::new(it.process.clone(), span)
        });
        Trace::new(trace.trace_id(), all.collect())
    };
    traces.iter().map(spans).collect()
}

#[test]
fn jaegers_json_is_read_back_as_it_was() {
    for seed in 0..300 {
        let traces = changed(&traces(seed * 7919 + 1), |span| {
            // Extremes that only this format has.
            match span.duration_us {
                0 => (span.flags, span.start_time_us) = (0, i64::MIN),
                1 => (span.flags, span.start_time_us, span.duration_us) = (u32::MAX, i64::MAX, -1),
                _ => span.flags = 3,
            }
        });
        let file = jaeger(&traces);
        let read = import(file.as_bytes()).unwrap_or_else(|error| panic!("{error}: {file}"));
        assert_eq!(of_batches(&read), of_traces(&traces), "seed {seed}");
    }
}

#[test]
fn otlps_json_is_read_back_as_it_was() {
    for seed in 0..300 {
        // Tags that mean an error are in the next test.
        let traces = changed(&traces(seed * 104_729 + 3), |span| {
            span.tags.retain(|tag| tag.key != "error");
        });
        let file = otlp(&traces);
        let read = import(file.as_bytes()).unwrap_or_else(|error| panic!("{error}: {file}"));
        assert_eq!(of_batches(&read), of_traces(&traces), "seed {seed}");
    }
}

fn one(span: Span) -> Vec<Trace> {
    let process = Arc::new(Process::new("shop"));
    vec![Trace::new(
        span.trace_id,
        vec![CollectedSpan::new(process, span)],
    )]
}

fn read_otlp(traces: &[Trace]) -> Span {
    let mut read = import(otlp(traces).as_bytes()).unwrap();
    read.remove(0).spans.remove(0)
}

#[test]
fn kind_status_scope_and_state_have_their_fields_in_otlp() {
    let mut span = Span::new(1, 2, "GET /");
    span.tags = vec![
        Tag::new("otel.scope.name", "lib"),
        Tag::new("otel.scope.version", "1"),
        Tag::new("http.method", "GET"),
        Tag::new("span.kind", "client"),
        Tag::new("otel.status_code", "ERROR"),
        Tag::new("error", true),
        Tag::new("otel.status_description", "late"),
        Tag::new("w3c.tracestate", "a=b"),
        Tag::new("otel.dropped_links_count", 4),
    ];
    span.logs = vec![Log::new(
        5,
        vec![Tag::new("event", "retry"), Tag::new("n", 1)],
    )];
    let traces = one(span.clone());
    let json: Value = serde_json::from_str(&otlp(&traces)).unwrap();
    let scope = &json["resourceSpans"][0]["scopeSpans"][0];
    assert_eq!(scope["scope"]["name"], "lib");
    let written = &scope["spans"][0];
    assert_eq!(written["traceId"], "00000000000000000000000000000001");
    assert_eq!(written["kind"], 3);
    assert_eq!(written["status"]["code"], 2);
    assert_eq!(written["traceState"], "a=b");
    assert_eq!(written["droppedLinksCount"], 4);
    assert_eq!(
        written["attributes"].as_array().map(Vec::len),
        Some(1),
        "{written}"
    );
    assert_eq!(written["events"][0]["name"], "retry");
    assert_eq!(written["events"][0]["timeUnixNano"], "5000");
    assert_eq!(read_otlp(&traces), span);
}

#[test]
fn an_error_of_jaegers_model_is_one_in_otlp() {
    let mut span = Span::new(1, 2, "GET /");
    span.tags = vec![
        Tag::new("error", true),
        Tag::new("span.kind", "server"),
        Tag::new("n", 1),
    ];
    let traces = one(span.clone());
    let json: Value = serde_json::from_str(&otlp(&traces)).unwrap();
    let written = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (&written["status"]["code"], &written["kind"]),
        (&2.into(), &2.into())
    );
    // As Jaeger shows it.
    span.tags.push(Tag::new("otel.status_code", "ERROR"));
    assert_eq!(read_otlp(&traces), span);
}

#[test]
fn jaegers_json_is_what_its_query_service_writes() {
    let mut span = Span::new(0x2a, 7, "GET /");
    (span.parent_span_id, span.start_time_us, span.duration_us) = (6.into(), 10, 20);
    span.tags = vec![
        Tag::new("s", "x"),
        Tag::new("b", true),
        Tag::new("i", (1_i64 << 53) - 1),
        Tag::new("big", 1_i64 << 53),
        Tag::new("f", 0.5),
        Tag::new("bytes", vec![1, 2]),
        Tag::new("none", Vec::new()),
    ];
    span.logs = vec![Log::new(11, vec![Tag::new("event", "e")])];
    let expected = serde_json::json!({
        "data": [{
            "traceID": "000000000000002a",
            "spans": [{
                "traceID": "000000000000002a", "spanID": "0000000000000007", "flags": 1, "operationName": "GET /",
                "references": [{"refType": "CHILD_OF", "traceID": "000000000000002a", "spanID": "0000000000000006"}],
                "startTime": 10, "duration": 20,
                "tags": [
                    {"key": "s", "type": "string", "value": "x"},
                    {"key": "b", "type": "bool", "value": true},
                    {"key": "i", "type": "int64", "value": 9_007_199_254_740_991_i64},
                    {"key": "big", "type": "int64", "value": "9007199254740992"},
                    {"key": "f", "type": "float64", "value": 0.5},
                    {"key": "bytes", "type": "binary", "value": "AQI="},
                    {"key": "none", "type": "binary", "value": null},
                ],
                "logs": [{"timestamp": 11, "fields": [{"key": "event", "type": "string", "value": "e"}]}],
                "processID": "p1", "warnings": null,
            }],
            "processes": {"p1": {"serviceName": "shop", "tags": []}},
            "warnings": null,
        }],
        "total": 0, "limit": 0, "offset": 0, "errors": null,
    });
    let written: Value = serde_json::from_str(&jaeger(&one(span))).unwrap();
    assert_eq!(written, expected);
}

#[test]
fn a_parent_that_also_follows_is_one_reference_in_jaegers_json() {
    let mut span = Span::new(1, 2, "x");
    span.parent_span_id = 9.into();
    span.references = vec![
        SpanRef::new(RefKind::ChildOf, 5, 6),
        SpanRef::new(RefKind::FollowsFrom, 1, 9),
        SpanRef::new(RefKind::ChildOf, 1, 9),
    ];
    let json: Value = serde_json::from_str(&jaeger(&one(span.clone()))).unwrap();
    let references = json["data"][0]["spans"][0]["references"]
        .as_array()
        .unwrap();
    let kinds: Vec<_> = references
        .iter()
        .map(|it| it["refType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["FOLLOWS_FROM", "CHILD_OF"]);
    let read = import(jaeger(&one(span)).as_bytes()).unwrap();
    assert_eq!(read[0].spans[0].parent(), Some(9.into()));
    assert_eq!(read[0].spans[0].references.len(), 2);
}

#[test]
fn a_trace_alone_and_short_ids_are_read() {
    let file = br#"{"traceID":"1","spans":[{"traceID":"1","spanID":"2","parentSpanID":"3","operationName":"a",
        "processID":"p7","startTime":5,"tags":[{"key":"k","value":1.5}]}],"processes":{"p7":{"serviceName":"shop"}}}"#;
    let read = import(file).unwrap();
    assert_eq!(read[0].process, Process::new("shop"));
    let span = &read[0].spans[0];
    assert_eq!((span.span_id, span.parent_span_id), (2.into(), 3.into()));
    assert_eq!(span.tags, [Tag::new("k", 1.5)]);
}

#[test]
fn a_file_that_is_none_is_refused_with_its_reason() {
    let of = |file: &str| import(file.as_bytes()).unwrap_err();
    assert_eq!(of("{}"), DecodeError::NoTraces);
    assert_eq!(of(r#"{"errors":[]}"#), DecodeError::NoTraces);
    let span =
        |fields: &str| of(&format!(r#"{{"data":[{{"spans":[{{{fields}}}]}}]}}"#)).to_string();
    let missing = span(r#""traceID":"1""#);
    assert!(missing.contains("without its field `spanID`"), "{missing}");
    let id = span(r#""traceID":"0x1""#);
    assert!(id.contains("hex digits"), "{id}");
    let tag = span(r#""traceID":"1","spanID":"1","tags":[{"key":"k","type":"int64","value":"x"}]"#);
    assert!(tag.contains("tag \"k\" does not fit"), "{tag}");
    let flags = span(r#""traceID":"1","spanID":"1","flags":-1"#);
    assert!(flags.contains("flags"), "{flags}");
}
