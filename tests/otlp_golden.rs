//! The core's OTLP encoder makes what `prost` reads as the messages that Jaeger's receiver makes of
//! the same batch in Thrift. Batches are drawn from fixed seeds.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use picojaeger_core::adapter::Timeline;
use picojaeger_core::adapter::record::{Area, Open, Timestamp};
use picojaeger_core::ring::Word;
use picojaeger_core::wire::{ClientStats, EncodeContext, Encoder, Otlp, Process, Push};
use picojaeger_core::{Flags, SpanContext, SpanId, TraceId, tags, wire};
use picojaeger_std::model;
use picojaeger_std::model::{Batch, RefKind, SpanRef, Tag, TagValue};
use prost::Message;

mod common;

use common::SplitMix64;
use common::draw::{Draw, FLOATS};
use common::encode::{DROPPED, TRUNCATED, packets};

/// Bytes of a message that `prost` saves: of the length, and of an empty name.
const LARGEST_PADDING: usize = 3 + 2;

type Tags<'c> = &'c [(&'c str, TagValue)];
/// Tags; kind, status code, message, and the keys that stay attributes.
type StatusCase<'c> = (Tags<'c>, i32, i32, &'c str, &'c [&'c str]);
/// The service and its tags; the resource's attributes.
type ProcessCase<'c> = (&'c str, Tags<'c>, &'c [(&'c str, &'c str)]);

#[test]
fn generated_batches_are_the_messages_of_prost() {
    let (mut spans, mut mapped) = (0, Mapped::default());
    for seed in 0..600 {
        let batch = special_batch(&mut Draw(SplitMix64(seed)));
        spans += batch.spans.len();
        let expected = translated(&batch);
        mapped.count(&expected);
        assert_same(&batch, &expected, &format!("seed {seed}"));
    }
    assert!(spans > 800, "{spans} spans");
    mapped.assert_all_seen();
}

#[test]
fn extreme_values_are_the_messages_of_prost() {
    let mut numbers = vec![0, 1, -1, i64::MIN, i64::MAX];
    for bit in 0..63 {
        numbers.extend([1 << bit, (1 << bit) - 1, -(1 << bit), -(1 << bit) - 1]);
    }
    let mut values: Vec<TagValue> = numbers.into_iter().map(TagValue::Long).collect();
    values.extend(FLOATS.map(TagValue::Double));
    values.extend([true, false].map(TagValue::Bool));
    values.extend([1 << 63, u64::MAX].map(|n: u64| TagValue::String(n.to_string())));
    for length in (100..140).chain([0, 1, 16, 17, 16_383, 16_384, 20_000]) {
        values.push(TagValue::String("x".repeat(length)));
        values.push(TagValue::Binary(vec![0xff; length].into()));
    }
    for value in values {
        for key in [1, 100, 127, 128, 255].map(|length| "k".repeat(length)) {
            let mut draw = Draw(SplitMix64(1));
            let (mut span, mut batch) = (draw.bare_span(), draw.empty_batch());
            span.tags = vec![Tag::new(key.as_str(), value.clone())];
            span.logs = vec![model::Log::new(7, span.tags.clone())];
            batch.process.tags = span.tags.clone();
            batch.spans.push(span);
            assert_same(&batch, &translated(&batch), "one value");
        }
    }
}

/// Each rule by name, with values that are not drawn.
#[test]
fn kind_and_status_follow_the_receiver() {
    let text = |text: &str| TagValue::String(text.into());
    let (yes, no) = (TagValue::Bool(true), TagValue::Bool(false));
    let kind = |name| ("span.kind", text(name));
    let error = |on: &TagValue| ("error", on.clone());
    let code = |name| ("otel.status_code", text(name));
    let described = ("otel.status_description", text("why"));
    let reason = ("http.status_message", text("Gone"));
    let http = |code| ("http.status_code", TagValue::Long(code));
    let cases: &[StatusCase<'_>] = &[
        (&[kind("server")], 2, 0, "", &[]),
        (&[kind("broker")], 0, 0, "", &["span.kind"]),
        (&[("span.kind", yes.clone())], 0, 0, "", &["span.kind"]),
        (&[error(&yes)], 0, 2, "", &[]),
        (&[error(&no)], 0, 0, "", &["error"]),
        (&[("error", text("true"))], 0, 0, "", &["error"]),
        (&[error(&yes), described.clone()], 0, 2, "why", &[]),
        (
            &[error(&yes), reason.clone()],
            0,
            2,
            "Gone",
            &["http.status_message"],
        ),
        (&[error(&yes), code("OK")], 0, 2, "", &[]),
        (
            &[error(&no), code("error"), described.clone()],
            0,
            2,
            "why",
            &["error"],
        ),
        (&[code("Ok")], 0, 1, "", &[]),
        (&[code("?"), described.clone()], 0, 0, "why", &[]),
        (
            std::slice::from_ref(&described),
            0,
            0,
            "",
            &["otel.status_description"],
        ),
        (&[http(200)], 0, 0, "", &["http.status_code"]),
        (&[http(399)], 0, 2, "", &["http.status_code"]),
        (&[http(404)], 0, 2, "", &["http.status_code"]),
        (
            &[http(404), kind("server")],
            2,
            0,
            "",
            &["http.status_code"],
        ),
        (
            &[http(404), kind("client")],
            3,
            2,
            "",
            &["http.status_code"],
        ),
        (
            &[http(503), kind("server")],
            2,
            2,
            "",
            &["http.status_code"],
        ),
        (
            &[http(410), reason.clone()],
            0,
            2,
            "Gone",
            &["http.status_code", "http.status_message"],
        ),
        (
            &[("http.status_code", text("+503"))],
            0,
            2,
            "",
            &["http.status_code"],
        ),
        (
            &[("http.status_code", text("503!"))],
            0,
            0,
            "",
            &["http.status_code"],
        ),
        (&[error(&yes), error(&no)], 0, 0, "", &["error"]),
        (&[kind("client"), kind("server")], 2, 0, "", &[]),
    ];
    for (tags, kind, code, message, kept) in cases {
        let mut draw = Draw(SplitMix64(1));
        let (mut span, mut batch) = (draw.bare_span(), draw.empty_batch());
        span.tags = tags
            .iter()
            .map(|(key, value)| Tag::new(*key, value.clone()))
            .collect();
        batch.spans.push(span);
        let request = encoded(&batch, usize::MAX);
        let found = &request.resource_spans[0].scope_spans[0].spans[0];
        let status = found.status.clone().unwrap_or_default();
        let keys: Vec<_> = found
            .attributes
            .iter()
            .map(|one| one.key.as_str())
            .collect();
        let all = (found.kind, status.code, status.message.as_str(), &keys[..]);
        assert_eq!(all, (*kind, *code, *message, *kept), "{tags:?}");
        assert_eq!(request, translated(&batch), "{tags:?}");
    }
}

#[test]
fn the_process_becomes_the_resource() {
    let text = |text: &str| TagValue::String(text.into());
    let cases: &[ProcessCase<'_>] = &[
        ("shop", &[], &[("service.name", "shop")]),
        ("", &[], &[]),
        (
            "shop",
            &[("service.name", text("other"))],
            &[("service.name", "other")],
        ),
        ("", &[("hostname", text("h"))], &[("host.name", "h")]),
        (
            "",
            &[("hostname", text("h")), ("host.name", text("n"))],
            &[("hostname", "h"), ("host.name", "n")],
        ),
        (
            "",
            &[("jaeger.version", text("Rust-1"))],
            &[("opencensus.exporterversion", "Jaeger-Rust-1")],
        ),
        (
            "",
            &[("a", text("1")), ("b", text("2")), ("a", text("3"))],
            &[("b", "2"), ("a", "3")],
        ),
    ];
    for (service, tags, expected) in cases {
        let mut batch = Draw(SplitMix64(1)).empty_batch();
        batch.process = model::Process::new(*service);
        batch.process.tags = tags
            .iter()
            .map(|(key, value)| Tag::new(*key, value.clone()))
            .collect();
        let request = encoded(&batch, usize::MAX);
        let attributes = request.resource_spans[0]
            .resource
            .clone()
            .expect("a resource")
            .attributes;
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, value)| attribute(key, &text(value)))
            .collect();
        assert_eq!(attributes, expected);
    }
}

#[test]
fn small_packets_hold_every_span_whole_or_marked() {
    let (mut whole, mut cut, mut too_large) = (0, 0, 0);
    for seed in 0..800 {
        let mut draw = Draw(SplitMix64(seed));
        let batch = draw.batch();
        let limit = 500 + draw.below(3_000);
        let (packets, lost) = packets::<Otlp>(&batch, limit);
        too_large += lost.iter().filter(|lost| **lost).count();
        let expected = translated(&batch)
            .resource_spans
            .remove(0)
            .scope_spans
            .remove(0)
            .spans;
        let mut made = expected.iter().zip(&lost).filter(|(_, lost)| !**lost);
        for packet in packets {
            assert!(packet.len() <= limit);
            for found in decoded(&packet).resource_spans[0].scope_spans[0]
                .spans
                .iter()
            {
                let (made, _) = made.next().expect("no more spans than were made");
                if found.attributes.iter().any(|one| one.key == TRUNCATED) {
                    assert_cut(found, made);
                    cut += 1;
                } else {
                    assert_eq!(format!("{found:?}"), format!("{made:?}"), "seed {seed}");
                    whole += 1;
                }
            }
        }
        assert!(made.next().is_none(), "each span that was taken arrived");
    }
    assert!(
        whole > 50 && cut > 50 && too_large > 0,
        "{whole} {cut} {too_large}"
    );
}

/// A span whose area was too small counts what it refused, one that is cut its logs.
#[test]
fn what_was_dropped_is_counted() {
    let context = SpanContext::new(TraceId::from_parts(2, 1), SpanId::new(3), Flags::SAMPLED);
    let mut small = Open::<[Word; 4]>::new("op", context, SpanId::default(), 0);
    for number in 0..5 {
        small.tag("number".into(), number.into());
    }
    small.finish(1);
    let found = only_span(&small, 1 << 10);
    let counts = |span: &Span| (span.dropped_attributes_count, span.dropped_events_count);
    assert_eq!(counts(&found), (4, 0));
    let of_state = found.attributes.iter().find(|one| one.key == DROPPED);
    let value = of_state.and_then(|one| one.value.clone()?.value);
    assert_eq!(value, Some(Any::IntValue(4)));

    let mut large = Open::<[Word; 256]>::new("op", context, SpanId::default(), 0);
    for number in 0..9 {
        assert!(large.try_log(Timestamp::Ticks(number)));
        large.field("event".into(), "a log of some length".into());
    }
    large.finish(9);
    let whole = only_span(&large, 1 << 10);
    assert_eq!((counts(&whole), whole.events.len()), ((0, 0), 9));
    let cut = only_span(&large, 350);
    let (_, dropped) = counts(&cut);
    assert_eq!(
        (
            cut.dropped_attributes_count,
            cut.events.len() + dropped as usize
        ),
        (0, 9)
    );
    assert!(dropped > 0 && dropped < 9, "{dropped}");
}

/// The log that stands for those that a limit dropped is an event, and they are counted.
#[test]
fn logs_beyond_a_limit_are_counted() {
    let context = SpanContext::new(TraceId::from_parts(2, 1), SpanId::new(3), Flags::SAMPLED);
    let mut span = Open::<[Word; 256]>::new("op", context, SpanId::default(), 0);
    for count in [2_u64, 7] {
        assert!(span.try_log(Timestamp::Ticks(count)));
        span.field(tags::EVENT.into(), tags::DROPPED_LOGS.into());
        span.field(tags::DROPPED_LOG_COUNT.into(), count.into());
    }
    span.finish(9);
    let found = only_span(&span, 1 << 10);
    assert_eq!((found.events.len(), found.dropped_events_count), (2, 9));
    assert_eq!(found.events[0].name, tags::DROPPED_LOGS);
}

/// A tag with the key of one that the record's state stands for gives way to that one.
#[test]
fn tags_of_the_state_come_once() {
    let context = SpanContext::new(TraceId::from_parts(2, 1), SpanId::new(3), Flags::SAMPLED);
    let mut span = Open::<[Word; 64]>::new("op", context, SpanId::default(), 0);
    span.tag("clock.unsynced".into(), "mine".into());
    span.finish(9);
    let expected = attribute("clock.unsynced", &TagValue::Bool(true));
    assert_eq!(only_span(&span, 1 << 10).attributes, [expected]);
}

/// Encodes a record into a packet of its own, at most so long, and decodes it.
fn only_span<A: Area + ?Sized>(image: &Open<A>, limit: usize) -> Span {
    let process = Process::new("shop");
    let batch = wire::Batch::new(&process, 1, ClientStats::NONE);
    let context = EncodeContext::new(Timeline::new(&[]), &|_| None);
    let (mut encoder, mut out) = (Otlp::new(), vec![0; limit]);
    assert!(encoder.begin(&mut out, &batch));
    assert_eq!(
        encoder.push(&mut out, &image.record(), &context),
        Push::Taken
    );
    let place = encoder.finish(&mut out);
    let mut request = decoded(&out[place]);
    request.resource_spans[0].scope_spans[0].spans.remove(0)
}

/// A span that is cut loses its oldest events and then text.
fn assert_cut(found: &Span, made: &Span) {
    let dropped = found.dropped_events_count as usize;
    assert_eq!(found.events.len() + dropped, made.events.len());
    assert_eq!(
        (&found.trace_id, &found.span_id),
        (&made.trace_id, &made.span_id)
    );
    assert_eq!(found.links, made.links);
    assert!(made.name.starts_with(&found.name));
    for (found, made) in found.events.iter().zip(&made.events[dropped..]) {
        assert_eq!(found.time_unix_nano, made.time_unix_nano);
        assert_eq!(
            format!("{:?}", found.attributes),
            format!("{:?}", made.attributes)
        );
    }
    let own = found.attributes.len() - 2;
    for (found, made) in found.attributes[..own].iter().zip(&made.attributes) {
        assert_eq!(found.key, made.key);
        let value = |one: &KeyValue| one.value.clone().and_then(|value| value.value);
        match (value(found), value(made)) {
            (Some(Any::StringValue(found)), Some(Any::StringValue(made))) => {
                assert!(made.starts_with(&found));
            }
            (Some(Any::BytesValue(found)), Some(Any::BytesValue(made))) => {
                assert!(made.starts_with(&found));
            }
            (found, made) => assert_eq!(format!("{found:?}"), format!("{made:?}")),
        }
    }
}

/// Checks that the request is read as expected, that it just fits its length, and that it is hardly
/// longer than the one of `prost`.
fn assert_same(batch: &Batch, expected: &ExportTraceServiceRequest, which: &str) {
    let (packets, lost) = packets::<Otlp>(batch, 1 << 20);
    assert!(packets.len() == 1 && !lost.contains(&true), "{which}");
    // Compared as text, since NaN is not equal to itself.
    let found = decoded(&packets[0]);
    assert_same_text(&format!("{found:?}"), &format!("{expected:?}"), which);

    let spans = &expected.resource_spans[0].scope_spans[0].spans;
    let inner: usize = spans
        .iter()
        .map(|span| span.events.len() + span.links.len())
        .sum();
    let most = expected.encoded_len() + LARGEST_PADDING * (3 + spans.len() + inner);
    assert!(
        packets[0].len() <= most,
        "{which}: {} of {most}",
        packets[0].len()
    );

    let exactly = common::encode::packets::<Otlp>(batch, packets[0].len());
    assert!(
        exactly.0 == packets,
        "{which}: fits where there is just room for it"
    );
    if !batch.spans.is_empty() {
        let (fewer, lost) = common::encode::packets::<Otlp>(batch, packets[0].len() - 1);
        let cut = fewer
            .concat()
            .windows(TRUNCATED.len())
            .any(|at| at == TRUNCATED.as_bytes());
        assert!(
            fewer.len() > 1 || cut || lost.contains(&true),
            "{which}: a byte too few"
        );
    }
}

/// Shows where the texts part instead of the whole of them.
#[track_caller]
fn assert_same_text(found: &str, expected: &str, which: &str) {
    let same = found
        .chars()
        .zip(expected.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let rest = |text: &str| {
        text.chars()
            .skip(same.saturating_sub(80))
            .take(160)
            .collect::<String>()
    };
    assert!(
        found == expected,
        "{which}: …{}… instead of …{}…",
        rest(found),
        rest(expected)
    );
}

fn encoded(batch: &Batch, limit: usize) -> ExportTraceServiceRequest {
    let (packets, lost) = packets::<Otlp>(batch, limit.min(1 << 20));
    assert!(packets.len() == 1 && !lost.contains(&true));
    decoded(&packets[0])
}

fn decoded(packet: &[u8]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(packet).expect("a request")
}

/// A batch with tags and fields that OTLP has places for, and with equal keys.
fn special_batch(draw: &mut Draw) -> Batch {
    let mut batch = draw.batch();
    for _ in 0..draw.below(4) {
        let tag = special_tag(
            draw,
            &["service.name", "hostname", "host.name", "jaeger.version"],
        );
        batch.process.tags.push(tag);
    }
    for span in &mut batch.spans {
        for _ in 0..draw.below(5) {
            let keys = [
                "error",
                "span.kind",
                "otel.status_code",
                "otel.status_description",
                "http.status_code",
                "http.status_message",
                "component",
            ];
            let tag = special_tag(draw, &keys);
            span.tags.insert(draw.below(span.tags.len() + 1), tag);
        }
        for log in &mut span.logs {
            let tag = special_tag(draw, &["event", "message"]);
            log.fields.insert(draw.below(log.fields.len() + 1), tag);
        }
        for reference in &mut span.references {
            if draw.below(2) == 0 {
                reference.trace_id = span.trace_id;
            }
        }
    }
    batch
}

fn special_tag(draw: &mut Draw, keys: &[&str]) -> Tag {
    let words = [
        "client", "server", "internal", "ERROR", "ok", "404", "-1", "", "503", "true",
    ];
    let value = match draw.below(8) {
        0 => TagValue::Bool(draw.below(2) == 0),
        1 => TagValue::Bool(true),
        2 => TagValue::Long([200, 399, 404, 500, 99][draw.below(5)]),
        3 => TagValue::Binary(vec![1, 2].into()),
        4 => TagValue::Double(1.5),
        _ => TagValue::String(words[draw.below(words.len())].into()),
    };
    Tag::new(keys[draw.below(keys.len())], value)
}

/// The rules that the drawn batches made use of.
#[derive(Default, Debug)]
struct Mapped {
    kinds: HashSet<i32>,
    codes: HashSet<i32>,
    messages: usize,
    names: usize,
    links: usize,
}

impl Mapped {
    fn count(&mut self, request: &ExportTraceServiceRequest) {
        for span in &request.resource_spans[0].scope_spans[0].spans {
            self.kinds.insert(span.kind);
            let status = span.status.clone().unwrap_or_default();
            self.codes.insert(status.code);
            self.messages += usize::from(!status.message.is_empty());
            self.names += span
                .events
                .iter()
                .filter(|one| !one.name.is_empty())
                .count();
            self.links += span.links.len();
        }
    }

    fn assert_all_seen(&self) {
        let seen = (self.kinds.len(), self.codes.len());
        assert_eq!(
            seen,
            (4, 3),
            "unspecified, internal, server, client; unset, ok, error"
        );
        assert!(
            self.messages > 20 && self.names > 100 && self.links > 100,
            "{self:?}"
        );
    }
}

/// What Jaeger's receiver makes of the batch in Thrift (`jaegerthrift_to_traces.go`), but that an
/// unknown kind and an event that is no text stay attributes.
fn translated(batch: &Batch) -> ExportTraceServiceRequest {
    let mut attributes = Vec::new();
    if !batch.process.service_name.is_empty() {
        attributes.push(Tag::new(
            "service.name",
            batch.process.service_name.as_str(),
        ));
    }
    attributes.extend(batch.process.tags.iter().cloned());
    let mut attributes = last_of_each(attributes);
    rename(&mut attributes, "hostname", "host.name", Clone::clone);
    rename(
        &mut attributes,
        "jaeger.version",
        "opencensus.exporterversion",
        |value| TagValue::String(format!("Jaeger-{}", text_of(Some(value)))),
    );
    let scope = ScopeSpans {
        spans: batch.spans.iter().map(span).collect(),
        ..ScopeSpans::default()
    };
    let resource = Resource {
        attributes: attributes
            .iter()
            .map(|tag| attribute(&tag.key, &tag.value))
            .collect(),
        ..Resource::default()
    };
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }
}

fn rename(tags: &mut [Tag], from: &str, to: &str, change: impl Fn(&TagValue) -> TagValue) {
    if !tags.iter().any(|tag| tag.key == to)
        && let Some(tag) = tags.iter_mut().find(|tag| tag.key == from)
    {
        *tag = Tag::new(to, change(&tag.value));
    }
}

fn span(span: &model::Span) -> Span {
    let mut tags = last_of_each(span.tags.clone());
    let kind = kind(&mut tags);
    let status = status(&mut tags, kind);
    let parent = parent(span);
    let links = span
        .references
        .iter()
        .filter(|one| one.kind != RefKind::ChildOf || one.span_id.get() != parent);
    let nanos = |micros: i64| micros.cast_unsigned().saturating_mul(1_000);
    let start = nanos(span.start_time_us);
    Span {
        trace_id: trace_id(span.trace_id),
        span_id: span.span_id.get().to_be_bytes().into(),
        parent_span_id: if parent == 0 {
            Vec::new()
        } else {
            parent.to_be_bytes().into()
        },
        flags: u32::from(span.flags as u8 & 1),
        name: span.operation_name.clone(),
        kind: kind.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(nanos(span.duration_us)),
        attributes: tags
            .iter()
            .map(|tag| attribute(&tag.key, &tag.value))
            .collect(),
        events: span.logs.iter().map(event).collect(),
        links: links.map(link).collect(),
        status,
        ..Span::default()
    }
}

fn kind(tags: &mut Vec<Tag>) -> SpanKind {
    let kind = match text_of(find(tags, "span.kind")).as_str() {
        "client" => SpanKind::Client,
        "server" => SpanKind::Server,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        "internal" => SpanKind::Internal,
        _ => return SpanKind::Unspecified,
    };
    take(tags, "span.kind");
    kind
}

fn status(tags: &mut Vec<Tag>, kind: SpanKind) -> Option<Status> {
    let (mut code, mut message, mut exists) = (StatusCode::Unset, String::new(), false);
    if matches!(find(tags, "error"), Some(TagValue::Bool(true))) {
        take(tags, "error");
        (code, exists) = (StatusCode::Error, true);
        message = match take(tags, "otel.status_description") {
            Some(value) => text_of(Some(&value)),
            None => text_of(find(tags, "http.status_message")),
        };
    }
    if let Some(value) = take(tags, "otel.status_code") {
        if !exists {
            exists = true;
            code = match text_of(Some(&value)).to_uppercase().as_str() {
                "OK" => StatusCode::Ok,
                "ERROR" => StatusCode::Error,
                _ => StatusCode::Unset,
            };
            message = text_of(take(tags, "otel.status_description").as_ref());
        }
    } else if !exists && is_http_error(find(tags, "http.status_code"), kind) {
        (code, exists) = (StatusCode::Error, true);
        message = text_of(find(tags, "http.status_message"));
    }
    let code = code.into();
    (exists && (code != 0 || !message.is_empty())).then_some(Status { code, message })
}

fn is_http_error(value: Option<&TagValue>, kind: SpanKind) -> bool {
    let code: i64 = match value {
        Some(TagValue::Long(code)) => *code,
        Some(TagValue::String(text)) => match text.parse() {
            Ok(code) => code,
            Err(_) => return false,
        },
        _ => return false,
    };
    if (400..500).contains(&code) && kind == SpanKind::Server {
        return false;
    }
    !(100..399).contains(&code)
}

fn parent(span: &model::Span) -> u64 {
    let near = |one: &&SpanRef| one.trace_id == span.trace_id;
    let of = |kind| {
        span.references
            .iter()
            .filter(near)
            .find(move |one| one.kind == kind)
    };
    match (
        span.parent_span_id.get(),
        of(RefKind::ChildOf),
        of(RefKind::FollowsFrom),
    ) {
        (0, Some(one), _) | (0, None, Some(one)) => one.span_id.get(),
        (parent, ..) => parent,
    }
}

fn link(reference: &SpanRef) -> Link {
    let kind = if reference.kind == RefKind::ChildOf {
        "child_of"
    } else {
        "follows_from"
    };
    Link {
        trace_id: trace_id(reference.trace_id),
        span_id: reference.span_id.get().to_be_bytes().into(),
        attributes: vec![attribute(
            "opentracing.ref_type",
            &TagValue::String(kind.into()),
        )],
        ..Link::default()
    }
}

fn event(log: &model::Log) -> Event {
    let mut fields = last_of_each(log.fields.clone());
    let mut name = String::new();
    if let Some(TagValue::String(text)) = find(&fields, "event") {
        name = text.clone();
        take(&mut fields, "event");
    }
    Event {
        time_unix_nano: log.timestamp_us.cast_unsigned().saturating_mul(1_000),
        name,
        attributes: fields
            .iter()
            .map(|tag| attribute(&tag.key, &tag.value))
            .collect(),
        ..Event::default()
    }
}

fn trace_id(id: picojaeger_core::TraceId) -> Vec<u8> {
    [id.high().to_be_bytes(), id.low().to_be_bytes()].concat()
}

fn last_of_each(tags: Vec<Tag>) -> Vec<Tag> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Tag> = tags
        .into_iter()
        .rev()
        .filter(|tag| seen.insert(tag.key.clone()))
        .collect();
    kept.reverse();
    kept
}

fn find<'t>(tags: &'t [Tag], key: &str) -> Option<&'t TagValue> {
    tags.iter().find(|tag| tag.key == key).map(|tag| &tag.value)
}

fn take(tags: &mut Vec<Tag>, key: &str) -> Option<TagValue> {
    let place = tags.iter().position(|tag| tag.key == key)?;
    Some(tags.remove(place).value)
}

fn text_of(value: Option<&TagValue>) -> String {
    match value {
        Some(TagValue::String(text)) => text.to_string(),
        _ => String::new(),
    }
}

fn attribute(key: &str, value: &TagValue) -> KeyValue {
    let value = match value {
        TagValue::String(text) => Any::StringValue(text.to_string()),
        TagValue::Double(number) => Any::DoubleValue(*number),
        TagValue::Bool(on) => Any::BoolValue(*on),
        TagValue::Long(number) => Any::IntValue(*number),
        TagValue::Binary(bytes) => Any::BytesValue(bytes.to_vec()),
    };
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
