//! Requests written by hand, in protobuf and, with the feature `collector`, in JSON.

use super::Decoded;
use crate::collector::DecodeError;
use crate::model::{Batch, RefKind, Tag, TagValue};

/// The batches of a request whose spans are all whole.
fn decode_protobuf(body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    super::decode_protobuf(body).and_then(Decoded::whole)
}

/// Appends a field of bytes, text or a message.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push((length % 0x80) as u8 | 0x80);
        length /= 0x80;
    }
    field.push(length as u8);
    [&field, content].concat()
}

fn varint(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1], &value.to_le_bytes()[..]].concat()
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    [bytes(1, key.as_bytes()), bytes(2, value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    bytes(1, text.as_bytes())
}

const TRACE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const TRACE_ID: u128 = u128::from_be_bytes(TRACE);
const SPAN: [u8; 8] = [0xa1, 2, 3, 4, 5, 6, 7, 8];
const SPAN_ID: u64 = u64::from_be_bytes(SPAN);

fn span(fields: &[Vec<u8>]) -> Vec<u8> {
    [bytes(1, &TRACE), bytes(2, &SPAN), fields.concat()].concat()
}

fn request(resource: &[Vec<u8>], scope: &[u8], spans: &[Vec<u8>]) -> Vec<u8> {
    let attributes: Vec<u8> = resource.iter().flat_map(|it| bytes(1, it)).collect();
    let spans: Vec<u8> = spans.iter().flat_map(|it| bytes(2, it)).collect();
    // The scope behind the spans, as no order is promised.
    let scope_spans = [spans, bytes(1, scope)].concat();
    bytes(1, &[bytes(2, &scope_spans), bytes(1, &attributes)].concat())
}

/// A request with an entry of every kind.
fn everything() -> Vec<u8> {
    let list = [bytes(1, &text("a\"b")), bytes(1, &varint(3, 7))].concat();
    let map = [
        bytes(1, &attribute("z", &varint(2, 1))),
        bytes(1, &attribute("a", &bytes(7, b"foob"))),
    ]
    .concat();
    let event = [
        fixed(1, 1_700_000_000_000_001_999),
        bytes(2, b"retry"),
        bytes(3, &attribute("attempt", &varint(3, 2))),
        varint(4, 1),
    ];
    let link = |kind: &str| {
        let kind = attribute("opentracing.ref_type", &text(kind));
        [bytes(1, &TRACE), bytes(2, &[7; 8]), bytes(4, &kind)].concat()
    };
    let fields = [
        bytes(3, b"vendor=x"),
        bytes(4, &[9; 8]),
        bytes(5, b"GET /"),
        varint(6, 2),
        fixed(7, 1_700_000_000_000_001_000),
        fixed(8, 1_700_000_000_000_003_999),
        bytes(9, &attribute("list", &bytes(5, &list))),
        bytes(9, &attribute("map", &bytes(6, &map))),
        bytes(9, &attribute("half", &fixed(4, 0.5_f64.to_bits()))),
        bytes(9, &attribute("picojaeger.unfinished", &varint(2, 1))),
        bytes(9, &attribute("nothing", &[])),
        bytes(11, &event.concat()),
        varint(12, 3),
        bytes(13, &link("child_of")),
        bytes(13, &link("other")),
        bytes(15, &[bytes(2, b"no route"), varint(3, 2)].concat()),
        // Of number 60, whose tag takes two bytes.
        [&[0xe2, 3, 9], &b"not known"[..]].concat(),
    ];
    let resource = [
        attribute("host.name", &text("h1")),
        attribute("service.name", &text("shop")),
    ];
    let scope = [bytes(1, b"lib"), bytes(2, b"1.2")].concat();
    request(&resource, &scope, &[span(&fields)])
}

fn assert_everything(batches: &[Batch]) {
    let [batch] = batches else {
        panic!("{batches:?}");
    };
    assert_eq!(batch.process.service_name, "shop");
    assert_eq!(batch.process.tags, [Tag::new("host.name", "h1")]);
    let [span] = batch.spans.as_slice() else {
        panic!("{batch:?}");
    };
    assert_eq!(
        (span.trace_id, span.span_id),
        (TRACE_ID.into(), SPAN_ID.into())
    );
    assert_eq!(span.parent_span_id, 0x0909_0909_0909_0909.into());
    assert_eq!(span.operation_name, "GET /");
    assert_eq!(
        (span.start_time_us, span.duration_us),
        (1_700_000_000_000_001, 2)
    );
    let expected = [
        Tag::new("otel.scope.name", "lib"),
        Tag::new("otel.scope.version", "1.2"),
        Tag::new("list", r#"["a\"b",7]"#),
        Tag::new("map", r#"{"a":"Zm9vYg==","z":true}"#),
        Tag::new("half", 0.5),
        Tag::new("picojaeger.unfinished", true),
        Tag::new("nothing", ""),
        Tag::new("span.kind", "server"),
        Tag::new("otel.status_code", "ERROR"),
        Tag::new("error", true),
        Tag::new("otel.status_description", "no route"),
        Tag::new("w3c.tracestate", "vendor=x"),
        Tag::new("otel.dropped_events_count", 3),
    ];
    assert_eq!(span.tags, expected);
    let fields = [
        Tag::new("event", "retry"),
        Tag::new("attempt", 2),
        Tag::new("otel.dropped_attributes_count", 1),
    ];
    assert_eq!(span.logs.len(), 1);
    assert_eq!(
        (span.logs[0].timestamp_us, &span.logs[0].fields[..]),
        (1_700_000_000_000_001, &fields[..])
    );
    let kinds: Vec<_> = span.references.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [RefKind::ChildOf, RefKind::FollowsFrom]);
    assert!(
        span.references
            .iter()
            .all(|it| it.trace_id == TRACE_ID.into())
    );
}

#[test]
fn everything_that_protobuf_has_is_read_as_jaeger_reads_it() {
    assert_everything(&decode_protobuf(&everything()).unwrap());
}

#[test]
fn an_ok_status_is_no_error_and_an_attribute_event_is_the_name() {
    let event = [
        bytes(2, b"name"),
        bytes(3, &attribute("event", &text("mine"))),
    ]
    .concat();
    let fields = [bytes(11, &event), bytes(15, &varint(3, 1)), varint(6, 1)];
    let batches = decode_protobuf(&request(&[], &[], &[span(&fields)])).unwrap();
    assert_eq!(batches[0].process.service_name, "missing-service-name");
    let read = &batches[0].spans[0];
    let expected = [
        Tag::new("span.kind", "internal"),
        Tag::new("otel.status_code", "OK"),
    ];
    assert_eq!(read.tags, expected);
    assert_eq!(read.logs[0].fields, [Tag::new("event", "mine")]);
    assert_eq!(read.duration_us, 0);
}

/// The batch of one span of these fields, of a process of these attributes.
fn read(resource: &[Vec<u8>], fields: &[Vec<u8>]) -> Batch {
    let mut batches = decode_protobuf(&request(resource, &[], &[span(fields)])).unwrap();
    batches.remove(0)
}

#[test]
fn a_service_has_the_first_name_or_one_that_tells_what_is_wrong() {
    let name = |value: &[u8]| attribute("service.name", value);
    let list = bytes(5, &bytes(1, &text("in a list")));
    for (names, expected) in [
        (vec![], "missing-service-name"),
        (vec![name(&text(""))], "empty-service-name"),
        (vec![name(&varint(3, 7))], "service-name-wrong-type"),
        (vec![name(&[])], "service-name-wrong-type"),
        (vec![name(&list)], "service-name-wrong-type"),
        (vec![name(&text("one")), name(&text("two"))], "one"),
    ] {
        let batch = read(&names, &[]);
        assert_eq!(batch.process.service_name, expected);
        assert_eq!(batch.process.tags, []);
    }
}

#[test]
fn a_span_that_ends_before_it_starts_lasts_a_negative_time() {
    for (start, end, expected) in [
        (9_000_000, 4_000_999, -4_999),
        (4_000_000, 9_000_999, 5_000),
        (4_000_000, 0, 0),
        (0, u64::MAX, 18_446_744_073_709_551),
        (u64::MAX, 1, -18_446_744_073_709_551),
    ] {
        let batch = read(&[], &[fixed(7, start), fixed(8, end)]);
        assert_eq!(batch.spans[0].duration_us, expected, "{start} to {end}");
    }
}

#[test]
fn numbers_within_lists_are_written_as_go_and_javascript_do() {
    for (number, expected) in [
        (0.5, "0.5"),
        (3.0, "3"),
        (-0.0, "-0"),
        (1e-6, "0.000001"),
        (-1.5e-7, "-1.5e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (5e-324, "5e-324"),
        (f64::NAN, r#""NaN""#),
        (f64::NEG_INFINITY, r#""-Infinity""#),
    ] {
        let list = bytes(5, &bytes(1, &fixed(4, number.to_bits())));
        let batch = read(&[], &[bytes(9, &attribute("list", &list))]);
        let expected = Tag::new("list", format!("[{expected}]"));
        assert_eq!(batch.spans[0].tags, [expected]);
    }
}

#[test]
fn text_that_is_no_utf_8_is_kept_with_replacements() {
    let fields = [bytes(5, b"caf\xc3")];
    let batches = decode_protobuf(&request(&[], &[], &[span(&fields)])).unwrap();
    assert_eq!(batches[0].spans[0].operation_name, "caf\u{fffd}");
}

/// A span of any fields.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let fields = fields
        .iter()
        .map(|(number, content)| bytes(*number, content));
    fields.collect::<Vec<_>>().concat()
}

/// Spans with a fault each, and that.
fn faulty() -> Vec<(Vec<u8>, DecodeError)> {
    let missing = |field| DecodeError::MissingField("Span", field);
    let link = |number: u8, id: &[u8]| span(&[bytes(13, &bytes(number, id))]);
    vec![
        (message(&[(2, &SPAN)]), missing("traceId")),
        (message(&[(1, &[]), (2, &SPAN)]), missing("traceId")),
        (message(&[(1, &TRACE)]), missing("spanId")),
        (message(&[(1, &TRACE), (2, &[])]), missing("spanId")),
        (
            message(&[(1, &[1; 7]), (2, &SPAN)]),
            DecodeError::InvalidId("a trace id", 7),
        ),
        (
            message(&[(1, &TRACE), (2, &[1; 9])]),
            DecodeError::InvalidId("a span id", 9),
        ),
        (
            span(&[bytes(4, &[1; 16])]),
            DecodeError::InvalidId("a span id", 16),
        ),
        (link(1, &[1; 17]), DecodeError::InvalidId("a trace id", 17)),
        (link(2, &[1]), DecodeError::InvalidId("a span id", 1)),
    ]
}

#[test]
fn a_span_with_a_wrong_id_is_rejected_alone() {
    for (fault, expected) in faulty() {
        let spans = [span(&[bytes(5, b"before")]), fault, span(&[])];
        let decoded = super::decode_protobuf(&request(&[], &[], &spans)).unwrap();
        assert_eq!(decoded.rejected.spans, 1, "{expected}");
        assert_eq!(decoded.rejected.reason, Some(expected));
        let names = decoded.batches[0].spans.iter();
        let names: Vec<_> = names.map(|it| it.operation_name.as_str()).collect();
        assert_eq!(names, ["before", ""]);
    }
    let (faults, reasons): (Vec<_>, Vec<_>) = faulty().into_iter().unzip();
    let two = [request(&[], &[], &faults), request(&[], &[], &faults)].concat();
    let decoded = super::decode_protobuf(&two).unwrap();
    assert_eq!(decoded.rejected.spans, 18);
    assert_eq!(decoded.rejected.reason, reasons.into_iter().next());
    assert!(decoded.batches.iter().all(|it| it.spans.is_empty()));
}

#[test]
fn parents_and_links_of_zeros_or_nothing_are_none() {
    let zeros = [bytes(4, &[0; 8]), bytes(13, &bytes(1, &[0; 16]))];
    let nothing = [bytes(4, &[]), bytes(13, &[])];
    for fields in [zeros, nothing] {
        let batch = read(&[], &fields);
        assert_eq!(batch.spans[0].parent(), None);
        assert_eq!(batch.spans[0].references.len(), 1);
    }
}

#[test]
fn damage_behind_a_wrong_id_refuses_the_whole() {
    let of = |spans: &[Vec<u8>]| super::decode_protobuf(&request(&[], &[], spans)).unwrap_err();
    for id in [&[1; 7][..], &TRACE] {
        for damage in [bytes(5, &[1])[..2].to_vec(), varint(5, 1)] {
            let damaged = [bytes(1, id), damage].concat();
            let error = of(&[span(&[]), damaged]);
            assert_eq!(error, DecodeError::MalformedProtobuf("Span"));
        }
    }
    let wrong = super::decode_protobuf(b"{}").unwrap_err();
    assert!(wrong.to_string().contains("OTLP"), "{wrong}");
}

#[test]
fn lists_within_lists_end_somewhere() {
    let nested = |levels: usize| {
        let value = (0..levels).fold(text("x"), |inner, _| bytes(5, &bytes(1, &inner)));
        let fields = [bytes(9, &attribute("deep", &value))];
        decode_protobuf(&request(&[], &[], &[span(&fields)]))
    };
    let read = nested(32).unwrap();
    let TagValue::String(json) = &read[0].spans[0].tags[0].value else {
        panic!("{read:?}");
    };
    assert_eq!(*json, format!("{}\"x\"{}", "[".repeat(32), "]".repeat(32)));
    let error = nested(5_000).unwrap_err();
    assert!(error.to_string().contains("32 levels"), "{error}");
}

#[test]
fn a_flood_of_empty_elements_is_refused() {
    let empty = |number, count| bytes(number, &[]).repeat(count);
    const COUNT: usize = 200_000;
    let floods = [
        empty(1, COUNT),
        request(&[], &[], &[span(&[empty(9, COUNT)])]),
        request(&[], &[], &[span(&[empty(11, COUNT)])]),
        request(
            &[],
            &[],
            &[span(&[bytes(
                9,
                &attribute("l", &bytes(5, &empty(1, 5 * COUNT))),
            )])],
        ),
    ];
    for flood in &floods[..3] {
        assert_eq!(decode_protobuf(flood), Err(DecodeError::BodyTooExpensive));
    }
    assert!(
        decode_protobuf(&floods[3]).is_ok()
            || decode_protobuf(&floods[3]) == Err(DecodeError::BodyTooExpensive)
    );
    // Each span would get a copy of the scope's name.
    let scope = bytes(1, &[b'x'; 100_000]);
    let long = request(&[], &scope, &vec![span(&[]); 2_000]);
    assert_eq!(decode_protobuf(&long), Err(DecodeError::BodyTooExpensive));
    // As small as spans of clients are, each with a short attribute.
    let small = [
        bytes(5, b"a"),
        fixed(7, 1),
        fixed(8, 2),
        bytes(9, &attribute("k", &varint(3, 1))),
    ];
    let small = request(&[], &bytes(1, b"lib"), &vec![span(&small); 20_000]);
    assert_eq!(decode_protobuf(&small).unwrap()[0].spans.len(), 20_000);
}

#[test]
fn a_request_that_is_cut_or_changed_never_panics() {
    let whole = everything();
    let mut refused = 0;
    for length in 0..whole.len() {
        refused += usize::from(decode_protobuf(&whole[..length]).is_err());
    }
    assert!(refused > whole.len() / 2, "{refused}");
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            let _either = decode_protobuf(&changed);
        }
    }
}

#[cfg(feature = "collector")]
mod json {
    use super::*;

    fn decode_json(body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
        super::super::decode_json(body).and_then(Decoded::whole)
    }

    const EVERYTHING: &str = r#"{"resourceSpans":[{"resource":{"attributes":[
        {"key":"host.name","value":{"stringValue":"h1"}},{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeSpans":[{"spans":[{"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"a102030405060708",
        "parentSpanId":"0909090909090909","traceState":"vendor=x","name":"GET /","kind":2,
        "startTimeUnixNano":"1700000000000001000","endTimeUnixNano":1700000000000003999,"unknown":[{}],
        "attributes":[{"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a\"b"},{"intValue":"7"}]}}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"z","value":{"boolValue":true}},
          {"key":"a","value":{"bytesValue":"Zm9vYg=="}}]}}},
        {"key":"half","value":{"doubleValue":0.5}},{"key":"picojaeger.unfinished","value":{"boolValue":true}},
        {"key":"nothing","value":{}}],
        "events":[{"timeUnixNano":"1700000000000001999","name":"retry","droppedAttributesCount":1,
          "attributes":[{"key":"attempt","value":{"intValue":2}}]}],"droppedEventsCount":3,
        "links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0707070707070707",
          "attributes":[{"key":"opentracing.ref_type","value":{"stringValue":"child_of"}}]},
          {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0707070707070707"}],
        "status":{"code":"STATUS_CODE_ERROR","message":"no route"}}],
        "scope":{"name":"lib","version":"1.2"}}]}]}"#;

    #[test]
    fn everything_that_json_has_is_read_as_protobuf_is() {
        assert_everything(&decode_json(EVERYTHING.as_bytes()).unwrap());
    }

    #[test]
    fn what_holds_nothing_is_left_out_and_null_is_nothing() {
        let body = br#"{"resourceSpans":[{},{"scopeSpans":[{},{"spans":null},{"spans":[
            {"traceId":"000000000000000000000000000000ff","spanId":"00000000000000fe","name":null,"events":[{},{"name":"e"}]}]}]}]}"#;
        let read = decode_json(body).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].spans[0].logs.len(), 1);
        assert_eq!(decode_json(b"{}"), Ok(Vec::new()));
        assert_eq!(decode_json(br#"{"resourceSpans":[]}"#), Ok(Vec::new()));
    }

    #[test]
    fn errors_in_json_name_what_is_wrong() {
        let of = |body: &str| decode_json(body.as_bytes()).unwrap_err().to_string();
        let span = |fields: &str| {
            let begin = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"#;
            of(&format!("{begin}{fields}}}]}}]}}]}}"))
        };
        assert!(of("").contains("EOF"), "{}", of(""));
        assert!(of("[").contains("malformed JSON"));
        let time = span(r#""startTimeUnixNano":"-1""#);
        assert!(time.contains("not negative"), "{time}");
        let long = of(&format!("{{\"resourceSpans\":\"{}\"}}", "x".repeat(10_000)));
        assert!(long.len() < 1_000, "{}", long.len());
        let deep = of(&format!("{{\"resourceSpans\":{}", "[".repeat(100_000)));
        assert!(deep.contains("malformed JSON"), "{deep}");
    }

    #[test]
    fn a_span_of_json_with_a_wrong_id_is_rejected_alone() {
        const IDS: &str =
            r#""traceId":"000000000000000000000000000000ff","spanId":"00000000000000fe""#;
        let missing = |field| DecodeError::MissingField("Span", field);
        let hex = DecodeError::InvalidHexId;
        for (fault, expected) in [
            ("".to_owned(), missing("traceId")),
            (
                r#""traceId":"","spanId":"00000000000000fe""#.to_owned(),
                missing("traceId"),
            ),
            (IDS.replace("spanId", "other"), missing("spanId")),
            (IDS.replace("ff", "zz"), hex("a trace id")),
            (IDS.replace("ff", "fff"), hex("a trace id")),
            // As protobuf's own JSON would have bytes.
            (
                r#""traceId":"AQIDBAUGBwgJCgsMDQ4PEA==""#.to_owned(),
                hex("a trace id"),
            ),
            (IDS.replace("fe", "f"), hex("a span id")),
            (format!(r#"{IDS},"parentSpanId":"x""#), hex("a span id")),
            (
                format!(r#"{IDS},"links":[{{"traceId":"x"}}]"#),
                hex("a trace id"),
            ),
        ] {
            let body = format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{IDS}}},{{{fault}}}]}}]}},
                {{"scopeSpans":[{{"spans":[{{{fault}}}]}}]}}]}}"#
            );
            let decoded = super::super::decode_json(body.as_bytes()).unwrap();
            assert_eq!(decoded.rejected.spans, 2, "{body}");
            assert_eq!(decoded.rejected.reason, Some(expected));
            let counts: Vec<_> = decoded.batches.iter().map(|it| it.spans.len()).collect();
            assert_eq!(counts, [1, 0]);
        }
        let flood = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{{}}]}}]}}]}}"#,
            "{},".repeat(100_000)
        );
        let decoded = super::super::decode_json(flood.as_bytes()).unwrap();
        assert_eq!(decoded.rejected.spans, 100_001);
    }

    #[test]
    fn json_that_is_cut_or_changed_never_panics() {
        for length in 0..EVERYTHING.len() {
            assert!(decode_json(&EVERYTHING.as_bytes()[..length]).is_err());
        }
        for at in 0..EVERYTHING.len() {
            for byte in *b"\"{}[]:,0-\xff" {
                let mut changed = EVERYTHING.as_bytes().to_vec();
                changed[at] = byte;
                let _either = decode_json(&changed);
            }
        }
    }
}
