//! Tests of both forms over carriers.

use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::baggage::BaggageTable;
use crate::context::Flags;
use crate::id::{SpanId, TraceId};
use crate::propagation::carrier::TextMap;

type Items = Vec<(String, String)>;

/// Keeps items in order of arrival.
#[derive(Default)]
struct Seen(Items);

impl BaggageSink for Seen {
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        self.0.push((key.into(), value.into()));
        Ok(())
    }
}

fn context(low: u64, span: u64, flags: Flags) -> SpanContext {
    SpanContext::new(TraceId::from_parts(0, low), SpanId::new(span), flags)
}

fn remote() -> SpanContext {
    context(1, 2, Flags::SAMPLED | Flags::REMOTE)
}

fn items(pairs: &[(&str, &str)]) -> Items {
    pairs
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect()
}

/// Returns the baggage and the counts of dropped items.
fn baggage_of(codec: &TextMapCodec<'_>, headers: &[(&str, &[u8])]) -> (Items, BaggageDrops) {
    let (mut seen, mut scratch) = (Seen::default(), [0; 64]);
    let dropped = codec.extract(headers, &mut seen, &mut scratch).dropped;
    (seen.0, dropped)
}

#[test]
fn header_names_match_in_any_case() {
    for name in ["uber-trace-id", "Uber-Trace-Id", "UBER-TRACE-ID"] {
        for codec in [TextMapCodec::http(), TextMapCodec::text_map()] {
            let headers = [("host", "x"), (name, "1:2:0:1")];
            let found = codec.extract(&headers, &mut (), &mut []);
            assert_eq!(found.context, Ok(Some(remote())));
            assert_eq!(found.debug_id, Ok(None));
            assert!(found.dropped.is_empty());
        }
    }
}

#[test]
fn nothing_found_is_no_error() {
    let headers: [(&str, &str); 1] = [("uber-trace", "1:2:0:1")];
    let found = TextMapCodec::http().extract(&headers, &mut (), &mut []);
    assert_eq!((found.context, found.debug_id), (Ok(None), Ok(None)));
}

#[test]
fn a_malformed_context_loses_nothing_else() {
    let headers: [(&str, &[u8]); 3] = [
        ("uberctx-k", b"v"),
        ("uber-trace-id", b"\xff\xfe:2:0:1"),
        ("jaeger-debug-id", b"find me"),
    ];
    let (mut seen, mut scratch) = (Seen::default(), [0; 64]);
    let found = TextMapCodec::http().extract(&headers, &mut seen, &mut scratch);
    let malformed = ExtractError::Malformed(ParseContextError::TraceId);
    assert_eq!(found.context, Err(malformed));
    assert_eq!(found.debug_id, Ok(Some("find me")));
    assert_eq!(seen.0, items(&[("k", "v")]));
}

#[test]
fn repeated_headers_must_agree() {
    let malformed = Err(ExtractError::Malformed(ParseContextError::TraceId));
    let conflict = Err(ExtractError::Conflict);
    for (first, second, expected) in [
        ("1:2:0:1", "1:2:0:1", Ok(Some(remote()))),
        ("1:2:0:1", "01%3A02:0:1", Ok(Some(remote()))),
        ("1:2:0:1", "1:3:0:1", conflict),
        ("1:2:0:1", "1:2:0:0", conflict),
        ("1:2:0:1", "x", conflict),
        ("x", "1:2:0:1", conflict),
        ("x", "x", malformed),
    ] {
        let headers = [("uber-trace-id", first), ("Uber-Trace-Id", second)];
        let found = TextMapCodec::http().extract(&headers, &mut (), &mut []);
        assert_eq!(found.context, expected, "{first}, {second}");
    }
    let headers = [
        ("uber-trace-id", "1:2:0:1"),
        ("uber-trace-id", "x"),
        ("uber-trace-id", "1:2:0:1"),
    ];
    let found = TextMapCodec::http().extract(&headers, &mut (), &mut []);
    assert_eq!(found.context, conflict);
}

#[test]
fn debug_ids_are_decoded_and_bounded() {
    let extract = |codec: TextMapCodec<'_>, values: &[&[u8]]| {
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("Jaeger-Debug-Id", *value))
            .collect();
        let mut scratch = [0; 8];
        let found = codec.extract(headers.as_slice(), &mut (), &mut scratch);
        found.debug_id.map(|id| id.map(ToString::to_string))
    };
    let (http, text) = (TextMapCodec::http(), TextMapCodec::text_map());
    assert_eq!(extract(http, &[b"a%20b"]), Ok(Some("a b".into())));
    assert_eq!(extract(text, &[b"a%20b"]), Ok(Some("a%20b".into())));
    assert_eq!(extract(http, &[b""]), Ok(None));
    assert_eq!(extract(http, &[b"12345678"]), Ok(Some("12345678".into())));
    assert_eq!(extract(http, &[b"123456789"]), Err(ExtractError::TooLong));
    assert_eq!(extract(http, &[b"%ff"]), Err(ExtractError::NotUtf8));
    assert_eq!(extract(http, &[b"a b", b"a+b"]), Ok(Some("a b".into())));
    assert_eq!(extract(http, &[b"a", b"b"]), Err(ExtractError::Conflict));
}

#[test]
fn a_bad_debug_id_takes_no_scratch_space() {
    let headers: [(&str, &[u8]); 2] = [
        ("jaeger-debug-id", b"\xff234567"),
        ("uberctx-key", b"value"),
    ];
    let (mut seen, mut scratch) = (Seen::default(), [0; 8]);
    let found = TextMapCodec::http().extract(&headers, &mut seen, &mut scratch);
    assert_eq!(found.debug_id, Err(ExtractError::NotUtf8));
    assert_eq!(seen.0, items(&[("key", "value")]));
}

#[test]
fn baggage_is_read_from_its_headers() {
    let headers: [(&str, &[u8]); 4] = [
        ("UberCtx-Key", b"a+b%2F%C3%A9"),
        ("uberctx-empty", b""),
        ("uberctx", b"no item"),
        ("uberct\u{e9}-x", b"no item"),
    ];
    let (http, dropped) = baggage_of(&TextMapCodec::http(), &headers);
    assert_eq!(http, items(&[("key", "a b/\u{e9}"), ("empty", "")]));
    assert!(dropped.is_empty());
    let (text, _) = baggage_of(&TextMapCodec::text_map(), &headers);
    assert_eq!(text, items(&[("Key", "a+b%2F%C3%A9"), ("empty", "")]));
}

#[test]
fn baggage_lists_are_joined_in_order() {
    let headers: [(&str, &[u8]); 3] = [
        ("jaeger-baggage", b"k1=v1, k2 = a+b ,K3=%C3%A9"),
        ("Jaeger-Baggage", b"k4="),
        ("jaeger-baggage", b"k5=a%2Cb%3D,,k6=v=6"),
    ];
    let (http, dropped) = baggage_of(&TextMapCodec::http(), &headers);
    let expected = [
        ("k1", "v1"),
        ("k2", "a b"),
        ("K3", "\u{e9}"),
        ("k4", ""),
        ("k5", "a,b="),
        ("k6", "v=6"),
    ];
    assert_eq!(http, items(&expected));
    assert!(dropped.is_empty());
    let (text, dropped) = baggage_of(&TextMapCodec::text_map(), &headers);
    let expected = [
        ("k1", "v1"),
        ("k2", "a+b"),
        ("K3", "%C3%A9"),
        ("k4", ""),
        ("k5", "a%2Cb%3D"),
        ("k6", "v=6"),
    ];
    assert_eq!(text, items(&expected));
    assert!(dropped.is_empty());
}

#[test]
fn a_list_without_a_bare_equals_sign_is_decoded_first() {
    let list: [(&str, &[u8]); 1] = [("jaeger-baggage", b"k1%3Dv1%2C+k2+%3D+v%3D2,k3%3D")];
    let (http, dropped) = baggage_of(&TextMapCodec::http(), &list);
    assert_eq!(http, items(&[("k1", "v1"), ("k2", "v=2"), ("k3", "")]));
    assert!(dropped.is_empty());
    let (text, dropped) = baggage_of(&TextMapCodec::text_map(), &list);
    assert_eq!((text.len(), dropped.malformed), (0, 2));
}

#[test]
fn equal_values_that_a_proxy_joined_count_as_one() {
    let trace = |value| {
        let headers = [("uber-trace-id", value)];
        TextMapCodec::http()
            .extract(&headers, &mut (), &mut [])
            .context
    };
    assert_eq!(trace("1:2:0:1, 1:2:0:1"), Ok(Some(remote())));
    assert_eq!(trace("1:2:0:1,01%3A2:0:1 ,1:2:0:1"), Ok(Some(remote())));
    assert_eq!(trace("1:2:0:1,1:3:0:1"), Err(ExtractError::Conflict));
    assert_eq!(trace("1:2:0:1,"), Err(ExtractError::Conflict));
    let malformed = ExtractError::Malformed(ParseContextError::TraceId);
    assert_eq!(trace("x,1:2:0:1"), Err(malformed));
    assert_eq!(trace(" 1:2:0:1"), Err(malformed));
    let text_map = [("uber-trace-id", "1:2:0:1,1:2:0:1")];
    let found = TextMapCodec::text_map().extract(&text_map, &mut (), &mut []);
    assert!(found.context.is_err(), "a comma joins HTTP headers only");

    let headers: [(&str, &[u8]); 3] = [
        ("uberctx-a", b"v%20, v%20"),
        ("uberctx-b", b"v,w"),
        ("uberctx-c", b" v"),
    ];
    let (kept, _) = baggage_of(&TextMapCodec::http(), &headers);
    assert_eq!(kept, items(&[("a", "v "), ("b", "v,w"), ("c", " v")]));
    let mut scratch = [0; 8];
    let headers = [("jaeger-debug-id", "id, id"), ("jaeger-debug-id", "id")];
    let found = TextMapCodec::http().extract(&headers, &mut (), &mut scratch);
    assert_eq!(found.debug_id, Ok(Some("id")));
}

/// Of five items of 12 bytes each as injected, a limit keeps as many as fit, whatever their form.
#[test]
fn baggage_is_limited_as_it_is_injected() {
    let headers: [(&str, &[u8]); 4] = [
        ("uberctx-a", b"+"),        // %20
        ("uberctx-b", b"%41bc"),    // Abc
        ("jaeger-baggage", b"c=/"), // %2F
        ("jaeger-baggage", b"d%3D%2F,e%3Dxyz"),
    ];
    for limit in 0..=60 {
        let codec = TextMapCodec::http().with_baggage_limit(limit);
        let (kept, dropped) = baggage_of(&codec, &headers);
        assert_eq!(kept.len(), limit / 12, "{limit}");
        assert!(dropped.over_limit >= 1 || limit == 60, "{limit}: {dropped}");
        assert_eq!(dropped.over_limit, dropped.total());

        let mut carrier = TextMap::<8, 24, 64>::new();
        let kept = kept
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let injected = codec.inject(&remote(), kept, &mut carrier, &mut [0; 64]);
        assert_eq!(injected, Ok(()), "{limit}: extracted, so it can go on");
    }
    let codec = TextMapCodec::http().with_baggage_limit(23);
    let mut carrier = TextMap::<8, 24, 64>::new();
    let baggage = [("a", " "), ("b", "/"), ("c", "1")];
    let error = codec.inject(&remote(), baggage, &mut carrier, &mut [0; 64]);
    let Err(InjectError::Baggage(drops)) = error else {
        panic!("{error:?}");
    };
    assert_eq!((drops.over_limit, drops.total()), (1, 1));
    assert_eq!(
        carrier.iter().count(),
        3,
        "the trace, a, and c that still fits"
    );
}

#[test]
fn what_cannot_fit_is_not_decoded() {
    let long = [b'\xff'; 25_000];
    let mut list = b"k=v".to_vec();
    for item in 0..100_000 {
        list.extend_from_slice(std::format!(",k{item}=%ff").as_bytes());
    }
    let headers: [(&str, &[u8]); 3] = [
        ("uberctx-long", &long),
        ("jaeger-baggage", &list),
        ("uberctx-last", b"not read"),
    ];
    let (kept, dropped) = baggage_of(&TextMapCodec::http(), &headers);
    assert_eq!(kept, items(&[("k", "v")]));
    assert_eq!(dropped.total(), 100_002);
    // Three times the limit is decoded, and turns out to be no text.
    assert!((2_000..4_000).contains(&dropped.malformed), "{dropped}");
}

#[test]
fn bad_items_are_counted_and_skipped() {
    let long = [b'x'; 80];
    let headers: [(&str, &[u8]); 7] = [
        ("uberctx-", b"v"),
        ("uberctx-a b", b"v"),
        ("uberctx-bytes", b"\xff"),
        ("uberctx-escaped", b"%ff"),
        ("uberctx-long", &long),
        ("jaeger-baggage", b"a, b=%ff, =e, f=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, g=h"),
        ("uberctx-last", b"kept"),
    ];
    let (kept, dropped) = baggage_of(&TextMapCodec::http(), &headers);
    assert_eq!(kept, items(&[("g", "h"), ("last", "kept")]));
    let expected = BaggageDrops {
        illegal_key: 3,
        malformed: 4,
        too_long: 2,
        full: 0,
        over_limit: 0,
    };
    assert_eq!(dropped, expected);
    assert_eq!(dropped.total(), 9);
}

#[test]
fn a_full_table_is_counted() {
    let headers = [
        ("uberctx-a", "1"),
        ("uberctx-b", "2"),
        ("uberctx-a", "123456"),
    ];
    let mut table = BaggageTable::<1, 4, 4>::new();
    let mut scratch = [0; 16];
    let found = TextMapCodec::http().extract(&headers, &mut table, &mut scratch);
    assert_eq!((found.dropped.full, found.dropped.too_long), (1, 1));
    assert_eq!(table.dropped(), 2);
    assert!(table.iter().eq([("a", "1")]));
}

#[test]
fn both_forms_are_written() {
    let context = context(1, 2, Flags::SAMPLED | Flags::DEBUG | Flags::REMOTE);
    let baggage = [("Key", "a b/\u{e9}+~"), ("empty", "")];
    let header = ("uber-trace-id", "0000000000000001:0000000000000002:0:3");
    for (codec, value) in [
        (TextMapCodec::http(), "a%20b%2F%C3%A9%2B~"),
        (TextMapCodec::text_map(), "a b/\u{e9}+~"),
    ] {
        let mut carrier = TextMap::<4, 24, 64>::new();
        codec
            .inject(&context, baggage, &mut carrier, &mut [0; 64])
            .unwrap();
        assert!(
            carrier
                .iter()
                .eq([header, ("uberctx-Key", value), ("uberctx-empty", "")])
        );
    }
}

#[test]
fn items_that_cannot_be_written_are_counted_in_the_error() {
    let mut scratch = [0; 24];
    let mut carrier = TextMap::<2, 16, 64>::new();
    let baggage = [
        ("a b", "illegal"),
        ("key", "\u{e9}\u{e9}\u{e9}"), // 18 bytes when encoded
        ("k", "kept"),
        ("l", "too many"),
    ];
    let result = TextMapCodec::http().inject(&remote(), baggage, &mut carrier, &mut scratch);
    let drops = BaggageDrops {
        illegal_key: 1,
        malformed: 0,
        too_long: 1,
        full: 1,
        over_limit: 0,
    };
    assert_eq!(result, Err(InjectError::Baggage(drops)));
    assert_eq!(carrier.iter().count(), 2);
    assert_eq!(
        result.unwrap_err().to_string(),
        "baggage items left out (1 with an illegal key, 0 malformed, 1 too long, 1 too many, 0 over the limit): rename or shorten them"
    );
}

#[test]
fn a_carrier_that_is_too_small_stays_empty() {
    let mut carrier = TextMap::<2, 16, 36>::new();
    let result = TextMapCodec::http().inject(&remote(), [("k", "v")], &mut carrier, &mut [0; 24]);
    assert_eq!(result, Err(InjectError::CarrierFull));
    assert_eq!(carrier.iter().count(), 0);
}

#[test]
fn baggage_travels_without_a_context() {
    let mut carrier = TextMap::<2, 16, 36>::new();
    let none = SpanContext::default();
    TextMapCodec::http()
        .inject(&none, [("k", "v")], &mut carrier, &mut [0; 24])
        .unwrap();
    assert!(carrier.iter().eq([("uberctx-k", "v")]));
}

#[test]
fn all_four_names_can_be_chosen() {
    let codec = TextMapCodec::http().with_names(HeaderNames {
        trace_context: "X-Trace",
        baggage_prefix: "X-Bag-",
        debug_id: "X-Debug",
        baggage: "X-List",
    });
    let mut carrier = TextMap::<2, 16, 64>::new();
    codec
        .inject(&remote(), [("k", "v")], &mut carrier, &mut [0; 24])
        .unwrap();
    let (key, value) = carrier.iter().nth(1).unwrap();
    assert_eq!((key, value), ("X-Bag-k", "v"));

    let headers = [
        ("x-trace", "1:2:0:1"),
        ("x-bag-k", "v"),
        ("x-debug", "d"),
        ("x-list", "l=m"),
        ("uber-trace-id", "3:4:0:1"),
        ("uberctx-no", "n"),
    ];
    let (mut seen, mut scratch) = (Seen::default(), [0; 64]);
    let found = codec.extract(&headers, &mut seen, &mut scratch);
    assert_eq!(found.context, Ok(Some(remote())));
    assert_eq!(found.debug_id, Ok(Some("d")));
    assert_eq!(seen.0, items(&[("k", "v"), ("l", "m")]));
}

/// A fixed sequence of numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    fn bytes(&mut self, alphabet: &[u8], most: usize) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }
}

#[test]
fn random_headers_give_only_valid_results() {
    let mut numbers = Numbers(0x5eed);
    let all: Vec<u8> = (0..=255).collect();
    let names = [
        "uber-trace-id",
        "uberctx-k",
        "uberctx-",
        "jaeger-baggage",
        "jaeger-debug-id",
    ];
    let mut contexts = 0;
    for _ in 0..20_000 {
        let headers: Vec<_> = (0..numbers.below(4))
            .map(|_| {
                let name = names[numbers.below(names.len())];
                let mut value = match numbers.below(4) {
                    0 => numbers.bytes(&all, 24),
                    1 => b"1f%3A2:0:1".to_vec(),
                    _ => numbers.bytes(b"0123:%3A=,+ k\xc3\xa9", 24),
                };
                if let Some(end) = value.len().checked_sub(1) {
                    value[numbers.below(end + 1)] = b"0:%=,\xff"[numbers.below(6)];
                }
                (name, value)
            })
            .collect();
        let mut scratch = [0; 32];
        let scratch = &mut scratch[..numbers.below(33)];
        let (mut seen, codec) = (
            Seen::default(),
            [TextMapCodec::http(), TextMapCodec::text_map()],
        );
        let found = codec[numbers.below(2)].extract(headers.as_slice(), &mut seen, scratch);
        if let Ok(Some(context)) = found.context {
            contexts += 1;
            assert!(context.is_valid());
            assert!(context.flags().contains(Flags::REMOTE));
        }
        assert!(seen.0.iter().all(|(key, _)| check_baggage_key(key).is_ok()));
        assert_ne!(found.debug_id, Ok(Some("")));
    }
    assert!(contexts > 10, "only {contexts} headers held a context");
}

#[test]
fn random_contexts_and_baggage_come_back() {
    let mut numbers = Numbers(0xba66a6e);
    for round in 0..2_000 {
        let high = if round % 2 == 0 { 0 } else { numbers.next() };
        let sent = SpanContext::new(
            TraceId::from_parts(high, numbers.next()),
            SpanId::new(numbers.next()),
            Flags::from_wire(numbers.next() as u8),
        );
        let value: String = (0..numbers.below(8))
            .map(|_| ['a', '+', ' ', '%', '\u{e9}', '\u{1f980}', '\n', '='][numbers.below(8)])
            .collect();
        for codec in [TextMapCodec::http(), TextMapCodec::text_map()] {
            let mut carrier = TextMap::<2, 16, 128>::new();
            codec
                .inject(
                    &sent,
                    [("key", value.as_str())],
                    &mut carrier,
                    &mut [0; 128],
                )
                .unwrap();
            let mut table = BaggageTable::<1, 8, 64>::new();
            let found = codec
                .extract(&carrier, &mut table, &mut [0; 128])
                .context
                .unwrap()
                .unwrap();
            assert_eq!(found.trace_id(), sent.trace_id());
            assert_eq!(found.span_id(), sent.span_id());
            assert_eq!(found.flags(), sent.flags() | Flags::REMOTE);
            assert_eq!(table.get("key"), Some(value.as_str()));
        }
    }
}

#[test]
fn a_mebibyte_of_garbage_is_refused() {
    for garbage in [b'1', b':', b'%', b'=', b'\xff'] {
        let value = std::vec![garbage; 1 << 20];
        let headers = [
            ("uber-trace-id", value.as_slice()),
            ("jaeger-debug-id", value.as_slice()),
            ("jaeger-baggage", value.as_slice()),
            ("uberctx-k", value.as_slice()),
            ("uberctx-last", b"kept"),
        ];
        let (mut seen, mut scratch) = (Seen::default(), [0; 64]);
        let found = TextMapCodec::http().extract(&headers, &mut seen, &mut scratch);
        assert_eq!(
            found.context,
            Err(ExtractError::Malformed(ParseContextError::TraceId))
        );
        assert_eq!(found.debug_id, Err(ExtractError::TooLong));
        assert_eq!(found.dropped.over_limit, 2);
        assert_eq!(seen.0, items(&[("last", "kept")]));
    }
}
