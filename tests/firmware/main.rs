//! A firmware's UART output, decoded and compared with the spans that the firmware made.
//!
//! Run by `.ci/run firmware`, which names the bytes of each run in `PICOJAEGER_UART`, separated by colons, of
//! those with OTLP in `PICOJAEGER_UART_OTLP`, of those that end in a fault in `PICOJAEGER_UART_CRASH`, and of
//! embassy's tasks in `PICOJAEGER_UART_EMBASSY`. Without these variables this target prints a note and succeeds,
//! since the workspace's tests need no emulator.

mod crash;
mod embassy;
mod otlp;

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use picojaeger_std::collector::decode;
use picojaeger_std::model::{Batch, Span, Tag, TagValue};
use picojaeger_std::{SpanId, TraceId};

/// Variables with the paths of the files: packets of Thrift compact, and requests of OTLP; packets of other programs.
const UART: &str = "PICOJAEGER_UART";
const UART_OTLP: &str = "PICOJAEGER_UART_OTLP";
const UART_CRASH: &str = "PICOJAEGER_UART_CRASH";
const UART_EMBASSY: &str = "PICOJAEGER_UART_EMBASSY";
/// The same as in `examples/cortex-m/src/main.rs`.
const ROUNDS: i64 = 40;
const BEATS: i64 = 25;
const UNIX_MICROS_AT_START: i64 = 1_700_000_000_000_000;
/// No firmware runs for three seconds.
const LATEST: i64 = UNIX_MICROS_AT_START + 3_000_000;

fn main() -> ExitCode {
    let (thrift, otlp) = (files(UART), files(UART_OTLP));
    if thrift.is_empty() && otlp.is_empty() {
        println!("not run: {UART} names no bytes; `.ci/run firmware` makes them and runs this");
    }
    for (file, packets) in thrift {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        check_numbers(&batches);
        println!("{file}: {}", check(&batches));
    }
    for (file, packets) in otlp {
        let batches: Vec<Batch> = packets.iter().map(|packet| otlp::decode(packet)).collect();
        println!("{file}: {} in OTLP", check(&batches));
    }
    for (file, packets) in files(UART_CRASH) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        println!("{file}: {} after a fault", crash::check(&batches));
    }
    for (file, packets) in files(UART_EMBASSY) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        check_numbers(&batches);
        println!("{file}: {}", embassy::check(&batches));
    }
    ExitCode::SUCCESS
}

/// Returns the packets of each file that a variable names.
fn files(variable: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let names = std::env::var(variable).unwrap_or_default();
    let names = names.split(':').filter(|name| !name.is_empty());
    let read = |name: &str| {
        let bytes = std::fs::read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name.to_owned(), frames(&bytes))
    };
    names.map(read).collect()
}

fn from_thrift(packet: &[u8]) -> Batch {
    decode(packet).unwrap_or_else(|error| panic!("{error}"))
}

/// Panics unless the packets are numbered and nothing was lost, for which OTLP has no place.
fn check_numbers(batches: &[Batch]) {
    for (batch, number) in batches.iter().zip(1..) {
        assert_eq!(batch.seq_no, Some(number));
        assert_eq!(batch.stats, Some(Default::default()));
    }
}

/// Panics unless the batches hold the spans that the firmware made.
fn check(batches: &[Batch]) -> String {
    for batch in batches {
        assert_eq!(batch.process.service_name, "pump-7");
        let board = TagValue::String("mps2-an386".into());
        assert_eq!(batch.process.tags, [Tag::new("board", board)]);
    }
    let spans: Vec<&Span> = batches.iter().flat_map(|batch| &batch.spans).collect();
    assert_eq!(spans.len() as i64, BEATS + 2 * ROUNDS);
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "span ids differ");
    for span in &spans {
        check_times(span);
    }

    let named = |name: &str| -> Vec<&Span> {
        let spans = spans.iter().copied();
        spans.filter(|span| span.operation_name == name).collect()
    };
    let (rounds, samples, beats) = (named("round"), named("sample"), named("beat"));
    check_roots(
        &rounds,
        ROUNDS,
        &[("mode", TagValue::String("fast".into()))],
    );
    check_roots(&beats, BEATS, &[]);
    check_samples(&samples, &rounds);
    format!(
        "{} spans in {} packets, as made",
        spans.len(),
        batches.len()
    )
}

fn check_times(span: &Span) {
    let end = span.start_time_us + span.duration_us;
    assert!(
        span.start_time_us >= UNIX_MICROS_AT_START && end <= LATEST,
        "{span:?}"
    );
    assert!(span.duration_us >= 0 && span.flags == 1, "{span:?}");
    assert!(span.tag("clock.unsynced").is_none() && span.tag("picojaeger.truncated").is_none());
}

/// Returns the roots, numbered from 0, with these tags and the sampler's.
fn check_roots(spans: &[&Span], count: i64, tags: &[(&str, TagValue)]) {
    assert_eq!(spans.len() as i64, count);
    for (span, number) in spans.iter().zip(0..) {
        assert_eq!(
            (span.trace_id, span.parent_span_id),
            (
                TraceId::from_parts(0, span.span_id.get()),
                SpanId::default()
            )
        );
        assert_eq!(span.tag("number"), Some(&TagValue::Long(number)));
        for (key, value) in tags {
            assert_eq!(span.tag(key), Some(value));
        }
        assert_eq!(
            span.tag("sampler.type"),
            Some(&TagValue::String("const".into()))
        );
        assert_eq!(span.tag("sampler.param"), Some(&TagValue::Bool(true)));
        assert_eq!(span.tags.len(), 3 + tags.len());
        assert!(span.references.is_empty() && span.logs.is_empty());
    }
    let order = spans.is_sorted_by_key(|span| span.start_time_us);
    assert!(order, "in the order of their starts");
}

/// A child for each round, within its time.
fn check_samples(samples: &[&Span], rounds: &[&Span]) {
    let rounds: HashMap<SpanId, &Span> =
        rounds.iter().map(|round| (round.span_id, *round)).collect();
    let mut parents = HashSet::new();
    for sample in samples {
        let round = rounds[&sample.parent_span_id];
        assert!(parents.insert(round.span_id), "one for each round");
        assert_eq!(sample.trace_id, round.trace_id);
        let Some(TagValue::Long(number)) = round.tag("number") else {
            panic!("{round:?}");
        };
        let celsius = TagValue::Double(20.5 + *number as f64);
        let failed = TagValue::Bool(number % 10 == 9);
        assert_eq!(
            sample.tags,
            [Tag::new("celsius", celsius), Tag::new("error", failed)]
        );
        let fields = [
            Tag::new("event", TagValue::String("read".into())),
            Tag::new("channel", TagValue::Long(3)),
        ];
        assert_eq!(
            (sample.logs.len(), &sample.logs[0].fields[..]),
            (1, &fields[..])
        );
        let logged = sample.logs[0].timestamp_us;
        assert!(round.start_time_us <= sample.start_time_us && sample.start_time_us <= logged);
        // Each time is rounded down separately.
        let (end, parents_end) = (
            sample.start_time_us + sample.duration_us,
            round.start_time_us + round.duration_us,
        );
        assert!(logged <= end + 1 && end <= parents_end + 1);
    }
    assert_eq!(parents.len(), rounds.len());
}

/// The packets in frames as of RFC 1055.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    const END: u8 = 0xc0;
    const ESCAPE: u8 = 0xdb;
    let mut packets = vec![Vec::new()];
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let byte = match *byte {
            END => {
                packets.push(Vec::new());
                continue;
            }
            ESCAPE => match rest.next() {
                Some(0xdc) => END,
                Some(0xdd) => ESCAPE,
                other => panic!("{other:?} behind an escape"),
            },
            byte => byte,
        };
        packets.last_mut().expect("begun above").push(byte);
    }
    assert_eq!(packets.pop(), Some(Vec::new()), "the last frame is ended");
    packets
}
