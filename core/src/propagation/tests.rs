//! Tests of several formats together.

use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::baggage::{BaggageError, BaggageSink, BaggageTable};
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};

const W3C: [Format; 2] = [Format::TraceContext, Format::Baggage];
const DEFAULT: [Format; 3] = [Format::TraceContext, Format::Baggage, Format::Jaeger];
const JAEGER_FIRST: [Format; 3] = [Format::Jaeger, Format::TraceContext, Format::Baggage];

const TRACEPARENT: &str = "00-0000000000000000000000000000000a-000000000000000b-01";

type Table = BaggageTable<8, 16, 32>;

/// Keeps headers in order.
#[derive(Default)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

impl TextMapWriter for Headers {
    fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

fn context(trace: u128, span: u64, flags: Flags) -> SpanContext {
    SpanContext::new(TraceId::new(trace), SpanId::new(span), flags)
}

fn remote(trace: u128, span: u64, flags: Flags) -> Result<Option<SpanContext>, ExtractError> {
    Ok(Some(context(trace, span, flags | Flags::REMOTE)))
}

fn extract(formats: &[Format], headers: &[(&str, &str)]) -> Extracted<'static> {
    let scratch = std::vec![0; 256].leak();
    Propagator::new(formats, &[]).extract(headers, &mut (), scratch)
}

fn baggage(formats: &[Format], headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let (mut table, mut scratch) = (Table::new(), [0; 64]);
    let found = Propagator::new(formats, &[]).extract(headers, &mut table, &mut scratch);
    assert!(found.dropped.is_empty(), "{:?}", found.dropped);
    let items = table.iter();
    items.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

pub(super) fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    let items = items.iter();
    items.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

#[test]
fn the_first_valid_context_wins() {
    let headers = [
        ("uber-trace-id", "1:2:0:0"),
        ("b3", "5-6-1"),
        ("traceparent", TRACEPARENT),
    ];
    let (w3c, b3, jaeger) = (Format::TraceContext, Format::B3, Format::Jaeger);
    let sampled = Flags::SAMPLED;
    for (formats, expected) in [
        (&[w3c, jaeger][..], remote(10, 11, sampled)),
        (&[jaeger, w3c], remote(1, 2, Flags::NONE)),
        (&[b3, jaeger, w3c], remote(5, 6, sampled)),
        (&[Format::Baggage, Format::B3Multi], remote(5, 6, sampled)),
        (&[Format::Baggage], Ok(None)),
        (&[], Ok(None)),
    ] {
        let found = extract(formats, &headers);
        assert_eq!(found.context, expected, "{formats:?}");
        assert_eq!(found.rejected, None);
    }
}

#[test]
fn an_error_does_not_stop_the_next_format() {
    let malformed = ExtractError::Malformed(ParseContextError::Traceparent);
    let headers = [("traceparent", "garbage"), ("uber-trace-id", "1:2:0:1")];
    let found = extract(&DEFAULT, &headers);
    assert_eq!(found.context, remote(1, 2, Flags::SAMPLED));
    assert_eq!(found.rejected, Some((Format::TraceContext, malformed)));
    let found = extract(&DEFAULT, &headers[..1]);
    assert_eq!(found.context, Err(malformed));
    let found = extract(&JAEGER_FIRST, &headers);
    assert_eq!(found.rejected, Some((Format::TraceContext, malformed)));
}

#[test]
fn ids_of_zero_in_traceparent_are_none_and_no_error() {
    let zero = "00-00000000000000000000000000000000-0000000000000000-01";
    let found = extract(&DEFAULT, &[("traceparent", zero)]);
    assert_eq!((found.context, found.rejected), (Ok(None), None));
    let found = extract(
        &DEFAULT,
        &[("traceparent", zero), ("uber-trace-id", "1:2:0:1")],
    );
    assert_eq!(found.context, remote(1, 2, Flags::SAMPLED));
}

#[test]
fn repeated_traceparents_must_agree() {
    let other = TRACEPARENT.replace('b', "c");
    let twice = |second: &str| {
        let headers = [("traceparent", TRACEPARENT), ("Traceparent", second)];
        extract(&W3C, &headers).context
    };
    assert_eq!(twice(TRACEPARENT), remote(10, 11, Flags::SAMPLED));
    assert_eq!(twice(&other), Err(ExtractError::Conflict));
    let joined = std::format!("{TRACEPARENT},{other}");
    let found = extract(&W3C, &[("traceparent", &joined)]);
    assert_eq!(found.context, Err(ExtractError::Conflict));
}

#[test]
fn a_context_with_ids_beats_a_decision_without() {
    let headers = [("x-b3-sampled", "0"), ("uber-trace-id", "1:2:0:1")];
    let found = extract(&[Format::B3, Format::Jaeger], &headers);
    assert_eq!(found.context, remote(1, 2, Flags::SAMPLED));
    let found = extract(&[Format::Jaeger, Format::B3], &headers[..1]);
    assert_eq!(found.context, remote(0, 0, Flags::WITHOUT_IDS));
}

#[test]
fn one_trace_in_both_headers_has_ids_of_the_w3c_and_debug_of_jaeger() {
    let debug = Flags::SAMPLED | Flags::DEBUG;
    for (uber, flags) in [
        ("a:5:0:1", Flags::SAMPLED),
        ("a:5:0:3", debug),
        ("a:5:0:b", debug | Flags::FIREHOSE),
        ("c:5:0:3", Flags::SAMPLED), // another trace
    ] {
        let headers = [
            ("uber-trace-id", uber),
            ("traceparent", TRACEPARENT),
            ("tracestate", "x=1"),
        ];
        let found = extract(&DEFAULT, &headers);
        assert_eq!(found.context, remote(10, 11, flags), "{uber}");
        assert_eq!(found.tracestate, Some("x=1"));
    }
    let headers = [
        ("uber-trace-id", "a:5:0:3"),
        ("traceparent", TRACEPARENT),
        ("tracestate", "x=1"),
    ];
    let found = extract(&JAEGER_FIRST, &headers);
    assert_eq!(found.context, remote(10, 11, debug));
    assert_eq!(found.tracestate, Some("x=1"));
}

#[test]
fn tracestate_belongs_to_traceparent() {
    let both = |formats: &[Format], parent: &str, state: &str| {
        let headers = [("traceparent", parent), ("tracestate", state)];
        extract(formats, &headers)
    };
    let found = both(&W3C, TRACEPARENT, "x=1 , y=2");
    assert_eq!(found.tracestate, Some("x=1,y=2"));
    assert_eq!(found.context, remote(10, 11, Flags::SAMPLED));
    let found = both(&W3C, TRACEPARENT, "x=1,Y=2");
    assert_eq!(found.tracestate, None);
    assert_eq!(found.context, remote(10, 11, Flags::SAMPLED));
    let found = both(&W3C, "garbage", "x=1,jaeger=d");
    assert_eq!(found.tracestate, None);
    assert!(found.context.is_err());
    let other = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "x=1,jaeger=d"),
        ("uber-trace-id", "1:2:0:1"),
    ];
    let found = extract(&JAEGER_FIRST, &other);
    assert_eq!(
        (found.tracestate, found.context),
        (None, remote(1, 2, Flags::SAMPLED))
    );
}

#[test]
fn debug_travels_in_our_member_of_tracestate() {
    let headers = [("traceparent", TRACEPARENT), ("tracestate", "jaeger=d,x=1")];
    let found = extract(&W3C, &headers);
    let debug = Flags::SAMPLED | Flags::DEBUG;
    assert_eq!(found.context, remote(10, 11, debug));
    assert_eq!(found.tracestate, Some("x=1"));
    let outgoing = Outgoing::from(found.context.unwrap().unwrap()).with_tracestate("x=1");
    let mut written = Headers::default();
    let propagator = Propagator::new(&[], &W3C);
    propagator
        .inject(&outgoing, [], &mut written, &mut [])
        .unwrap();
    assert_eq!(written.0, pairs(&headers));
}

/// Such a context is malformed; debug must not make the next process sample it.
#[test]
fn debug_without_the_sampled_flag_does_not_sample() {
    let own = context(1, 2, Flags::DEBUG);
    for format in [Format::TraceContext, Format::B3, Format::B3Multi] {
        let mut headers = Headers::default();
        let formats = [format, Format::Jaeger];
        let propagator = Propagator::new(&[], &formats);
        let written = propagator.inject(&own.into(), [], &mut headers, &mut []);
        assert_eq!(written, Ok(()));
        let headers: Vec<_> = headers.0.iter().map(|(k, v)| (&**k, &**v)).collect();
        let found = extract(&formats, &headers);
        assert_eq!(found.context, remote(1, 2, Flags::NONE), "{format:?}");
    }
}

#[test]
fn tracestate_takes_half_of_the_scratch_buffer() {
    let headers = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1,b=2,c=3"),
        ("jaeger-debug-id", "12345678"),
    ];
    let mut scratch = [0; 16];
    let found = Propagator::new(&W3C, &[]).extract(&headers, &mut (), &mut scratch);
    assert_eq!(found.tracestate, Some("a=1,b=2"));
    assert_eq!(found.debug_id, Ok(Some("12345678")));
}

#[test]
fn the_random_flag_is_read_and_written() {
    let random = TRACEPARENT.replace("-01", "-03");
    let found = extract(&W3C, &[("traceparent", &random)]).context;
    assert_eq!(found, remote(10, 11, Flags::SAMPLED | Flags::RANDOM));
    let mut written = Headers::default();
    let outgoing = Outgoing::from(found.unwrap().unwrap());
    let propagator = Propagator::new(&[], &DEFAULT);
    for outgoing in [outgoing, outgoing.with_random(false)] {
        propagator
            .inject(&outgoing, [], &mut written, &mut [])
            .unwrap();
    }
    let uber = ("uber-trace-id", "000000000000000a:000000000000000b:0:1");
    let expected = [
        ("traceparent", &*random),
        uber,
        ("traceparent", TRACEPARENT),
        uber,
    ];
    assert_eq!(written.0, pairs(&expected));
}

#[test]
fn baggage_of_the_w3c_is_read_as_specified() {
    let expected = pairs(&[("userId", "a b"), ("n", "1+1=2"), ("empty", "")]);
    let value = "userId=a%20b;prop=x;p , n = 1+1=2,,empty=";
    assert_eq!(baggage(&W3C, &[("Baggage", value)]), expected);
    let twice = [
        ("baggage", "userId=a%20b,n=1%2B1%3D2"),
        ("baggage", "empty="),
    ];
    assert_eq!(baggage(&W3C, &twice), expected);
    assert!(baggage(&[Format::Jaeger, Format::TraceContext], &twice).is_empty());
}

#[test]
fn bad_members_of_baggage_are_counted_and_spare_the_others() {
    let (mut table, mut scratch) = (Table::new(), [0; 32]);
    let value = "a=1,b,=2,c d=3,e=%ff,f=6";
    let propagator = Propagator::new(&W3C, &[]);
    let found = propagator.extract(&[("baggage", value)], &mut table, &mut scratch);
    assert!(table.iter().eq([("a", "1"), ("f", "6")]));
    assert_eq!((found.dropped.malformed, found.dropped.illegal_key), (2, 2));
    let many: Vec<_> = (0..66).map(|at| std::format!("k{at}=v")).collect();
    let headers = [("baggage", many.join(","))];
    let found = propagator.extract(&headers, &mut (), &mut scratch);
    assert_eq!(found.dropped.full, 2);
}

#[test]
fn the_first_format_has_precedence_and_case_belongs_to_the_w3c() {
    let headers = [
        ("uberctx-userid", "jaeger"),
        ("uberctx-same", "jaeger"),
        ("uberctx-own", "jaeger"),
        ("baggage", "userId=w3c,same=w3c"),
    ];
    let w3c_first = [("userId", "w3c"), ("same", "w3c"), ("own", "jaeger")];
    assert_eq!(baggage(&DEFAULT, &headers), pairs(&w3c_first));
    let jaeger_first = [("userId", "w3c"), ("same", "jaeger"), ("own", "jaeger")];
    assert_eq!(baggage(&JAEGER_FIRST, &headers), pairs(&jaeger_first));
    let alone = [("uberctx-a", "1"), ("uberctx-a", "2")];
    assert_eq!(baggage(&DEFAULT, &alone), pairs(&[("a", "2")]));
}

#[test]
fn an_item_of_one_format_leaves_the_precedence_of_the_next_ones_alone() {
    const MIXED: [Format; 3] = [Format::Jaeger, Format::Baggage, Format::B3];
    let headers = [
        ("baggage", "a=w3c,b=w3c,c=w3c"),
        ("uberctx-a", "jaeger"),
        ("baggage-b", "b3"),
        ("uberctx-c", "jaeger"),
    ];
    let merged = [("a", "jaeger"), ("b", "w3c"), ("c", "jaeger")];
    assert_eq!(baggage(&MIXED, &headers), pairs(&merged));
}

/// A member's properties are read and not injected: three times the limit is read, and no byte more.
#[test]
fn a_member_is_read_up_to_three_times_the_limit() {
    const LIMIT: usize = 24;
    let codec = TextMapCodec::http().with_baggage_limit(LIMIT);
    let propagator = Propagator::new(&W3C, &[]).with_jaeger(codec);
    let of_lengths = |lengths: &[usize]| {
        let list = lengths.iter().map(|length| {
            let properties = "p".repeat(length - "a=b;".len());
            std::format!("a=b;{properties}")
        });
        let headers = [("baggage", list.collect::<Vec<_>>().join(","))];
        let (mut table, mut scratch) = (Table::new(), [0; 32]);
        let found = propagator.extract(&headers, &mut table, &mut scratch);
        (table.iter().count(), found.dropped.over_limit)
    };
    assert_eq!(of_lengths(&[3 * LIMIT]), (1, 0));
    assert_eq!(of_lengths(&[3 * LIMIT + 1]), (0, 1));
    // One member takes 10 bytes of the limit as it is injected.
    assert_eq!(of_lengths(&[30, 42]), (1, 0));
    assert_eq!(of_lengths(&[30, 43]), (1, 1));
}

#[test]
fn a_sink_that_only_takes_gets_the_winning_items_first() {
    struct Seen(Vec<String>);
    impl BaggageSink for Seen {
        fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
            self.0.push(std::format!("{key}={value}"));
            Ok(())
        }
    }
    let (mut seen, mut scratch) = (Seen(Vec::new()), [0; 32]);
    let headers = [("uberctx-a", "2"), ("baggage", "a=1")];
    let _ = Propagator::new(&DEFAULT, &[]).extract(&headers, &mut seen, &mut scratch);
    assert_eq!(seen.0, ["a=1", "a=2"]);
}

#[test]
fn requests_of_callers_without_a_tracer_are_taken_with_every_format_or_none() {
    let headers = [("jaeger-debug-id", "find me"), ("jaeger-baggage", "a=1")];
    for formats in [&W3C[..], &[Format::B3], &[]] {
        let (mut table, mut scratch) = (Table::new(), [0; 32]);
        let propagator = Propagator::new(formats, &[]);
        let found = propagator.extract(&headers, &mut table, &mut scratch);
        assert_eq!(found.debug_id, Ok(Some("find me")));
        assert!(table.iter().eq([("a", "1")]));

        let (mut table, mut scratch) = (Table::new(), [0; 32]);
        let propagator = propagator.with_requests(false);
        let mut scan = propagator.scan();
        scan.read(&headers);
        assert_eq!(scan.sole_context(), Some(None));
        let found = propagator.extract(&headers, &mut table, &mut scratch);
        assert_eq!(found.debug_id, Ok(None));
        assert!(table.is_empty());
    }
    // The item of a context is no request.
    let (mut table, mut scratch) = (Table::new(), [0; 32]);
    let headers = [headers[0], headers[1], ("uberctx-b", "2")];
    let propagator = Propagator::new(&DEFAULT, &[]).with_requests(false);
    let _ = propagator.extract(&headers, &mut table, &mut scratch);
    assert!(table.iter().eq([("b", "2")]));
}

#[test]
fn every_format_of_the_list_is_written() {
    let context = context(10, 11, Flags::SAMPLED);
    let formats = [&DEFAULT[..], &[Format::B3, Format::B3Multi]].concat();
    let (mut written, mut scratch) = (Headers::default(), [0; 64]);
    let items = [("userId", "a b"), ("n", "1")];
    let propagator = Propagator::new(&[], &formats);
    let outgoing = Outgoing::from(context).with_tracestate("x=1");
    propagator
        .inject(&outgoing, items, &mut written, &mut scratch)
        .unwrap();
    assert_eq!(
        written.0,
        pairs(&[
            ("traceparent", TRACEPARENT),
            ("tracestate", "x=1"),
            ("baggage", "userId=a%20b,n=1"),
            ("uber-trace-id", "000000000000000a:000000000000000b:0:1"),
            ("uberctx-userId", "a%20b"),
            ("uberctx-n", "1"),
            ("b3", "000000000000000a-000000000000000b-1"),
            ("x-b3-traceid", "000000000000000a"),
            ("x-b3-spanid", "000000000000000b"),
            ("x-b3-sampled", "1"),
        ])
    );
    let (mut alone, none) = (Headers::default(), SpanContext::default());
    propagator
        .inject(&none.into(), [("n", "1")], &mut alone, &mut scratch)
        .unwrap();
    assert_eq!(alone.0, pairs(&[("baggage", "n=1"), ("uberctx-n", "1")]));
}

#[test]
fn a_table_of_a_chip_goes_on_in_each_format() {
    let (mut table, mut scratch) = (Table::new(), [0; 64]);
    table.set("k", "v").unwrap();
    let mut headers = TextMap::<4, 16, 64>::new();
    let context = context(10, 11, Flags::SAMPLED);
    Propagator::new(&[], &DEFAULT)
        .inject(&context.into(), table.iter(), &mut headers, &mut scratch)
        .unwrap();
    let names = headers.iter().map(|(name, _)| name);
    assert!(names.eq(["traceparent", "baggage", "uber-trace-id", "uberctx-k"]));
}

#[test]
fn what_no_format_carries_is_counted_once() {
    let context = context(10, 11, Flags::SAMPLED);
    let inject = |formats: &[Format], items: &[(&str, &str)], scratch: usize| {
        let (mut written, mut scratch) = (Headers::default(), std::vec![0; scratch]);
        let items = items.iter().copied();
        let propagator = Propagator::new(&[], formats);
        let injected = propagator.inject(&context.into(), items, &mut written, &mut scratch);
        let drops = match injected {
            Err(InjectError::Baggage(drops)) => drops,
            other => other.map(|()| BaggageDrops::default()).unwrap(),
        };
        (drops, written.0)
    };
    let (drops, written) = inject(&DEFAULT, &[("a b", "1"), ("c", "2")], 32);
    assert_eq!((drops.illegal_key, drops.total()), (1, 1));
    assert!(written.contains(&("baggage".into(), "c=2".into())));
    let many: Vec<_> = (0..65).map(|at| std::format!("k{at}")).collect();
    let items: Vec<_> = many.iter().map(|key| (key.as_str(), "v")).collect();
    let (drops, _) = inject(&W3C, &items, 1_000);
    assert_eq!((drops.full, drops.total()), (1, 1));
    let (drops, written) = inject(&DEFAULT, &items, 1_000);
    assert!(drops.is_empty());
    assert!(written.contains(&("uberctx-k64".into(), "v".into())));
    let long = "x".repeat(4_200);
    let long = [("a", &*long), ("b", &*long)];
    let (drops, _) = inject(&DEFAULT, &long, 9_000);
    assert_eq!((drops.over_limit, drops.total()), (1, 1));
}

#[test]
fn a_carrier_that_is_full_for_one_format_takes_the_next() {
    let mut small = TextMap::<1, 16, 64>::new();
    let formats = [Format::Jaeger, Format::B3Multi, Format::TraceContext];
    let propagator = Propagator::new(&[], &formats[1..]);
    let injected = propagator.inject(
        &context(10, 11, Flags::SAMPLED).into(),
        [],
        &mut small,
        &mut [],
    );
    assert_eq!(injected, Err(InjectError::CarrierFull));
    assert!(small.iter().eq([("x-b3-traceid", "000000000000000a")]));
    let mut none = TextMap::<1, 11, 64>::new();
    let propagator = Propagator::new(&[], &formats);
    let injected = propagator.inject(
        &context(10, 11, Flags::SAMPLED).into(),
        [],
        &mut none,
        &mut [],
    );
    assert_eq!(injected, Err(InjectError::CarrierFull));
    assert!(none.iter().eq([("traceparent", TRACEPARENT)]));
}

#[test]
fn unreadable_headers_conflict_unless_they_are_alike() {
    let error = |values: [&str; 2]| {
        let found = extract(&DEFAULT, &values.map(|value| ("uber-trace-id", value)));
        found.context.unwrap_err()
    };
    let malformed = ExtractError::Malformed(ParseContextError::TraceId);
    assert_eq!(error(["x", "y"]), malformed);
    assert_eq!(error(["x", "1:"]), ExtractError::Conflict);
    assert_eq!(error(["x", "1:2:0:1"]), ExtractError::Conflict);
}

#[test]
fn the_first_unreadable_format_is_named_and_is_no_sole_context() {
    let headers = [("uber-trace-id", "x"), ("traceparent", "x"), ("b3", "1-2")];
    let formats = [DEFAULT.as_slice(), &[Format::B3]].concat();
    let found = extract(&formats, &headers);
    assert_eq!(found.context, remote(1, 2, Flags::DEFERRED));
    let error = ExtractError::Malformed(ParseContextError::Traceparent);
    assert_eq!(found.rejected, Some((Format::TraceContext, error)));
    let sole = |headers: &[(&str, &str)]| {
        let propagator = Propagator::new(&formats, &[]);
        let mut scan = propagator.scan();
        scan.read(headers);
        scan.sole_context()
    };
    assert_eq!(sole(&headers), None);
    assert_eq!(sole(&headers[2..]), Some(found.context.unwrap()));
}

#[test]
fn requests_under_other_names_are_found() {
    let names = HeaderNames::DEFAULT
        .with_debug_id("find")
        .with_baggage("list");
    let propagator = Propagator::new(&W3C, &[]).with_jaeger(TextMapCodec::http().with_names(names));
    let (mut table, mut scratch) = (Table::new(), [0; 64]);
    let found = propagator.extract(&[("Find", "me")], &mut table, &mut scratch);
    assert_eq!(found.debug_id, Ok(Some("me")));
    let found = propagator.extract(&[("List", "a=b")], &mut table, &mut scratch);
    assert!(found.dropped.is_empty() && table.get("a") == Some("b"));
}

#[test]
fn later_versions_of_traceparent_that_were_joined_must_agree() {
    let version = |value: &str| value.replacen("00", "cc", 1);
    let other = TRACEPARENT.replace("000b", "000c");
    let joined = [version(TRACEPARENT), "-x,".into(), version(&other)].concat();
    let found = extract(&W3C, &[("traceparent", &joined)]);
    assert_eq!(found.context, Err(ExtractError::Conflict));
    let joined = joined.replace("000c", "000b");
    let found = extract(&W3C, &[("traceparent", &joined)]);
    assert_eq!(found.context, remote(10, 11, Flags::SAMPLED));
}
