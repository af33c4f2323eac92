use std::sync::Mutex;

use picojaeger_core::adapter::record::{Open, Reference};
use picojaeger_core::adapter::{ClockSegment, Rate, Timeline, Timestamp};
use picojaeger_core::ring::Word;
use picojaeger_core::wire::EncodeContext;
use picojaeger_core::{
    Anchor, Const, Description, Flags, Key, Sampler, SpanContext, SpanId, TraceId, Value,
};

use super::*;

const UNIX: u64 = 1_700_000_000_000_000;
const ANCHORS: [Anchor; 1] = [Anchor::new(1_000, UNIX).with_uncertainty(3)];

fn samplers(code: u8) -> Option<Description> {
    Const(true).description(code)
}

fn known() -> [ClockSegment<'static>; 1] {
    [ClockSegment::new(Rate::new(1_000_000), &ANCHORS)]
}

fn context<'l>(segments: &'l [ClockSegment<'l>]) -> EncodeContext<'l> {
    EncodeContext::new(Timeline::new(segments), &samplers)
}

fn open(operation: &'static str) -> Open<[Word; 128]> {
    let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
    Open::new(operation, context, SpanId::default(), 1_500)
}

/// A span with entries of every kind.
fn rich() -> Open<[Word; 128]> {
    let mut span = open("a \"b\"\n");
    span.set_sampler(1);
    span.tag("text".into(), "tea\nfor two".into());
    span.tag(Key::copied("yes"), true.into());
    span.tag("number".into(), (-7).into());
    span.tag("small".into(), Value::U64(7));
    span.tag("large".into(), Value::U64(u64::MAX));
    span.tag("half".into(), 0.5.into());
    span.tag("bytes".into(), b"\x00\xff".into());
    for follows in [false, true] {
        assert!(span.try_reference(Reference::new(
            follows,
            TraceId::from_parts(9, 8),
            SpanId::new(u64::MAX)
        )));
    }
    assert!(span.try_log(Timestamp::Ticks(1_600)));
    span.field("event".into(), "early".into());
    span.field("life".into(), 42.into());
    assert!(span.try_log(Timestamp::UnixMicros(77)));
    span.field("event".into(), "explicit".into());
    span.mark_dropped();
    span.finish(2_750);
    span
}

/// Copies compared with spans that the collector decodes from a packet.
#[cfg(feature = "receiver")]
mod by_wire {
    use picojaeger_core::adapter::record::Record;
    use picojaeger_core::wire::{Batch, ClientStats, Encoder, Process, Push, ThriftCompact};

    use super::*;
    use crate::model::Span;

    /// Encodes a record into a packet, and decodes the span.
    fn by_wire(record: &Record<'_>, context: &EncodeContext<'_>) -> Span {
        let process = Process::new("shop");
        let batch = Batch::new(&process, 1, ClientStats::NONE);
        let (mut encoder, mut packet) = (ThriftCompact::new(), [0; 4_096]);
        assert!(encoder.begin(&mut packet, &batch));
        assert_eq!(encoder.push(&mut packet, record, context), Push::Taken);
        let place = encoder.finish(&mut packet);
        let mut decoded = crate::collector::decode(&packet[place]).unwrap();
        decoded.spans.remove(0)
    }

    #[test]
    fn a_copy_equals_the_span_that_the_agent_gets() {
        for segments in [&known()[..], &[]] {
            let context = context(segments);
            let span = rich();
            let finished = FinishedSpan::new("shop", span.record(), &context);
            assert_eq!(finished.to_span(), by_wire(&span.record(), &context));
        }
    }
}

#[test]
fn a_view_has_the_contents_of_the_span() {
    let segments = known();
    let mut span = open("query");
    span.set_parent(SpanId::new(5));
    assert!(span.try_log(Timestamp::Ticks(1_600)));
    span.field("life".into(), 42.into());
    span.finish(1_750);
    let finished = FinishedSpan::new("shop", span.record(), &context(&segments));
    assert_eq!(finished.service(), "shop");
    assert_eq!(finished.operation(), "query");
    assert_eq!(finished.context(), span.context());
    assert_eq!(finished.parent(), Some(SpanId::new(5)));
    assert_eq!(finished.start_micros(), UNIX + 500);
    assert_eq!(finished.duration().as_micros(), 250);
    let log = finished.logs().next().unwrap();
    assert_eq!(log.micros(), UNIX + 600);
    assert_eq!(log.fields().next().unwrap().value, Value::I64(42));
    assert_eq!(finished.references().count(), 0);
}

#[test]
fn a_root_has_no_parent() {
    let span = open("root");
    let finished = FinishedSpan::new("shop", span.record(), &context(&[]));
    assert_eq!(finished.parent(), None);
}

const LINE: &str = "a \\\"b\\\"\\n 00000000000000010000000000000002:0000000000000003 1.25ms \
    text=\"tea\\nfor two\" yes=true number=-7 small=7 large=18446744073709551615 half=0.5 \
    bytes=<2 bytes> sampler.type=\"const\" sampler.param=true picojaeger.truncated=true \
    picojaeger.dropped=1 clock.uncertainty_us=3";

#[test]
fn a_line_has_operation_ids_duration_and_tags() {
    let (span, segments) = (rich(), known());
    let finished = FinishedSpan::new("shop", span.record(), &context(&segments));
    assert_eq!(finished.to_string(), LINE);
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The logger of this test binary.
struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[test]
fn the_logging_reporter_writes_a_line_of_level_info() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let (span, segments) = (rich(), known());
    LoggingReporter.report(&FinishedSpan::new(
        "shop",
        span.record(),
        &context(&segments),
    ));
    let expected = format!("INFO picojaeger finished span: {LINE}");
    assert!(LINES.lock().unwrap().contains(&expected));
}

#[test]
fn memory_is_bounded_shared_and_cleared() {
    let reporter = InMemoryReporter::with_limit(2);
    let handle = reporter.clone();
    for operation in ["one", "two", "three"] {
        let span = open(operation);
        reporter.report(&FinishedSpan::new("shop", span.record(), &context(&[])));
    }
    let names = |reporter: &InMemoryReporter| {
        let spans = reporter.spans().into_iter();
        spans.map(|span| span.operation_name).collect::<Vec<_>>()
    };
    assert_eq!(names(&handle), ["one", "two"]);
    assert_eq!((handle.len(), handle.missed()), (2, 1));
    handle.clear();
    assert!(reporter.is_empty());
    assert_eq!(reporter.missed(), 0);
}

#[test]
fn a_composite_forwards_a_span_to_each() {
    let (first, second) = (InMemoryReporter::new(), InMemoryReporter::new());
    let both = CompositeReporter::new(vec![
        Arc::new(first.clone()),
        Arc::new(NullReporter),
        Arc::new(second.clone()),
    ]);
    let span = open("seen");
    both.report(&FinishedSpan::new("shop", span.record(), &context(&[])));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(format!("{both:?}"), "CompositeReporter(3)");
}
