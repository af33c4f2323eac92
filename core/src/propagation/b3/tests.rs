//! Tests of both forms through a propagator.

use std::string::String;
use std::vec::Vec;

use crate::baggage::BaggageTable;
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::tests::{Headers, pairs};
use crate::propagation::{ExtractError, Format, ParseContextError, Propagator};

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";

const MALFORMED: Result<Option<SpanContext>, ExtractError> =
    Err(ExtractError::Malformed(ParseContextError::B3));

fn context(flags: Flags) -> SpanContext {
    let flags = flags | Flags::REMOTE;
    SpanContext::new(TRACE.parse().unwrap(), SPAN.parse().unwrap(), flags)
}

/// A context that only decides.
fn decision(flags: Flags) -> Result<Option<SpanContext>, ExtractError> {
    let flags = flags | Flags::REMOTE | Flags::WITHOUT_IDS;
    Ok(Some(SpanContext::new(
        TraceId::new(0),
        SpanId::new(0),
        flags,
    )))
}

fn extract(headers: &[(&str, &str)]) -> Result<Option<SpanContext>, ExtractError> {
    let propagator = Propagator::new(&[Format::B3], &[]);
    propagator.extract(headers, &mut (), &mut []).context
}

fn inject(format: Format, context: SpanContext) -> Vec<(String, String)> {
    let (formats, mut headers) = ([format], Headers::default());
    let propagator = Propagator::new(&[], &formats);
    propagator
        .inject(&context.into(), [], &mut headers, &mut [])
        .unwrap();
    headers.0
}

#[test]
fn the_single_header_is_read_in_all_its_forms() {
    let (sampled, debug) = (Flags::SAMPLED, Flags::SAMPLED | Flags::DEBUG);
    let ids = std::format!("{TRACE}-{SPAN}");
    for (tail, flags) in [
        ("", Flags::DEFERRED),
        ("-0", Flags::NONE),
        ("-1", sampled),
        ("-d", debug),
        ("-1-05e3ac9a4f6e3b90", sampled),
    ] {
        let value = std::format!("{ids}{tail}");
        assert_eq!(
            extract(&[("B3", &value)]),
            Ok(Some(context(flags))),
            "{value}"
        );
    }
    for (value, flags) in [("0", Flags::NONE), ("1", sampled), ("d", debug)] {
        assert_eq!(extract(&[("b3", value)]), decision(flags), "{value}");
    }
    let short = SpanContext::new(TraceId::new(1), SpanId::new(2), sampled | Flags::REMOTE);
    assert_eq!(extract(&[("b3", "1-2-1")]), Ok(Some(short)));
    assert_eq!(extract(&[("b3", "1-2-1, 1-2-1")]), Ok(Some(short)));
    for value in [
        "",
        "x",
        "2",
        "true",
        "1-",
        "-2",
        "1-2-",
        "1-2-x",
        "1-2-1-",
        "1-2-1-x",
        "1-2-1-3-4",
        "0-2-1",
        "1-0-1",
        "00000000000000000000000000000000f-2-1",
        "1-0000000000000000f-1",
    ] {
        assert_eq!(extract(&[("b3", value)]), MALFORMED, "{value:?}");
    }
    assert_eq!(
        extract(&[("b3", "1-2-1,1-3-1")]),
        Err(ExtractError::Conflict)
    );
}

#[test]
fn several_headers_are_read_in_all_their_forms() {
    let (sampled, debug) = (Flags::SAMPLED, Flags::SAMPLED | Flags::DEBUG);
    for (name, value, flags) in [
        ("x-b3-parentspanid", "no id", Flags::DEFERRED),
        ("X-B3-Sampled", "1", sampled),
        ("x-b3-sampled", "true", sampled),
        ("x-b3-sampled", "True", sampled),
        ("x-b3-sampled", "0", Flags::NONE),
        ("x-b3-sampled", "false", Flags::NONE),
        ("x-b3-sampled", "d", debug),
        ("x-b3-sampled", "1, 1", sampled),
        ("x-b3-sampled", "1,0", Flags::DEFERRED),
        ("x-b3-sampled", "perhaps", Flags::DEFERRED),
        ("X-B3-Flags", "1", debug),
        ("x-b3-flags", "1,1", debug),
        ("x-b3-flags", "0", Flags::DEFERRED),
    ] {
        let headers = [
            ("X-B3-TraceId", TRACE),
            ("X-B3-SpanId", SPAN),
            (name, value),
        ];
        let expected = Ok(Some(context(flags)));
        assert_eq!(extract(&headers), expected, "{name}: {value}");
    }
    let ids = |trace, span| extract(&[("x-b3-traceid", trace), ("x-b3-spanid", span)]);
    let joined = std::format!("{TRACE},{TRACE}");
    assert_eq!(ids(&joined, SPAN), Ok(Some(context(Flags::DEFERRED))));
    assert!(ids("1", "2").is_ok_and(|found| found.is_some()));
    assert_eq!(ids(TRACE, "x"), MALFORMED);
    assert_eq!(ids("1,2", SPAN), Err(ExtractError::Conflict));
    assert_eq!(extract(&[("x-b3-traceid", TRACE)]), MALFORMED);
    let zero = Err(ExtractError::Malformed(ParseContextError::ZeroId));
    assert_eq!(ids("0", "1"), zero);
    assert_eq!(ids("0", "0"), Ok(None));
    assert_eq!(extract(&[("x-b3-parentspanid", "1")]), Ok(None));
}

#[test]
fn a_decision_without_ids_is_kept() {
    assert_eq!(extract(&[("x-b3-sampled", "0")]), decision(Flags::NONE));
    assert_eq!(extract(&[("x-b3-sampled", "1")]), decision(Flags::SAMPLED));
    let debug = Flags::SAMPLED | Flags::DEBUG;
    assert_eq!(extract(&[("x-b3-flags", "1")]), decision(debug));
}

#[test]
fn the_single_header_beats_several_unless_it_cannot_be_read() {
    let multi = [("x-b3-traceid", "1"), ("x-b3-spanid", "2")];
    let with = |single| extract(&[multi[0], multi[1], ("b3", single)]);
    let trace = |found: Result<Option<SpanContext>, _>| found.unwrap().unwrap().trace_id();
    assert_eq!(trace(with("7-8-1")), TraceId::new(7));
    assert_eq!(trace(with("garbage")), TraceId::new(1));
}

#[test]
fn both_forms_are_written_without_a_parent() {
    let debug = Flags::SAMPLED | Flags::DEBUG;
    for (flags, single, name, value) in [
        (Flags::NONE, "-0", "x-b3-sampled", "0"),
        (Flags::SAMPLED, "-1", "x-b3-sampled", "1"),
        (debug, "-d", "x-b3-flags", "1"),
        (Flags::DEFERRED, "", "", ""),
    ] {
        let single = std::format!("{TRACE}-{SPAN}{single}");
        assert_eq!(
            inject(Format::B3, context(flags)),
            pairs(&[("b3", &single)])
        );
        let mut multi = pairs(&[
            ("x-b3-traceid", TRACE),
            ("x-b3-spanid", SPAN),
            (name, value),
        ]);
        multi.retain(|(name, _)| !name.is_empty());
        assert_eq!(inject(Format::B3Multi, context(flags)), multi);
    }
    let short = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::SAMPLED);
    assert_eq!(
        inject(Format::B3, short)[0].1,
        "0000000000000001-0000000000000002-1"
    );
    assert_eq!(inject(Format::B3Multi, short)[0].1, "0000000000000001");
}

#[test]
fn baggage_beside_b3_is_read_as_it_is() {
    let read = |formats: &[Format]| {
        let headers = [
            ("b3", "1-2-1"),
            ("Baggage-Tenant", "a%20b, c"),
            ("baggage", "tenant=w3c,Other=x"),
            ("baggage-other", "y"),
        ];
        let mut table = BaggageTable::<4, 16, 32>::new();
        let found = Propagator::new(formats, &[])
            .extract(&headers, &mut table, &mut [0; 64])
            .dropped;
        assert!(found.is_empty());
        let items: Vec<_> = table
            .iter()
            .map(|(key, value)| std::format!("{key}={value}"))
            .collect();
        items.join(" ")
    };
    let (b3, multi, w3c) = (Format::B3, Format::B3Multi, Format::Baggage);
    assert_eq!(read(&[b3]), "tenant=a%20b, c other=y");
    assert_eq!(read(&[multi]), "tenant=a%20b, c other=y");
    assert_eq!(read(&[Format::Jaeger]), "");
    assert_eq!(read(&[w3c, b3]), "tenant=w3c Other=x");
    assert_eq!(read(&[b3, w3c]), "tenant=a%20b, c Other=x");
}

#[test]
fn one_header_of_several_is_enough_for_debug() {
    let ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
    let flags = [("x-b3-flags", "1"), ("x-b3-flags", "0")];
    let found = extract(&[ids, flags].concat());
    assert_eq!(found, Ok(Some(context(Flags::SAMPLED | Flags::DEBUG))));
}
