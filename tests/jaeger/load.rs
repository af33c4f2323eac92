//! The generated load: a fixed description of spans, independent of their transport.

use std::collections::HashSet;

use crate::common::SplitMix64;
use crate::model::{Expected, Ids, Log, Process, RefKind, Reference, Tag, Value};

/// Number of spans of the load.
const SPANS: usize = 10_000;
/// Start of the first span, in microseconds since 1970. Look-ups by trace id ignore the age.
const EPOCH_US: u64 = 1_700_000_000_000_000;

/// Three services and their spans.
pub struct Load {
    pub services: Vec<Service>,
    /// A reference points to an earlier span, so sending them in order works.
    pub spans: Vec<Planned>,
}

/// A service, which is a tracer of its own.
pub struct Service {
    pub process: Process,
    /// Its root spans have 128-bit trace ids.
    pub wide_ids: bool,
}

/// Description of a span.
pub struct Planned {
    /// Index in [`Load::services`].
    pub service: usize,
    pub operation: String,
    pub start_us: u64,
    pub duration_us: u64,
    /// Kind and index in [`Load::spans`]. The trace is that of the first CHILD_OF, else of the first FOLLOWS_FROM.
    pub references: Vec<(RefKind, usize)>,
    pub tags: Vec<Tag>,
    pub logs: Vec<Log>,
}

/// Ids and tags that the tracers gave to a load.
pub struct Sent {
    /// Of each span, in the load's order.
    pub ids: Vec<Ids>,
    /// Tags that a tracer adds to its process unless the user set them; one list for each service.
    pub process_tags: Vec<Vec<Tag>>,
    /// Tags that a tracer adds to each sampled root span.
    pub root_tags: Vec<Tag>,
}

impl Load {
    /// The load, the same on every call.
    pub fn generate() -> Load {
        let mut random = SplitMix64(0x9e37_79b9);
        let mut spans = Vec::with_capacity(SPANS);
        while spans.len() < SPANS {
            let first = spans.len();
            let size = (1 + random.below(20)).min(SPANS - first);
            for index in first..first + size {
                spans.push(plan(&mut random, first, index));
            }
        }
        Load {
            services: services(),
            spans,
        }
    }

    /// Checks the ids: distinct, a child's trace its parent's, a root's as wide as its service's setting.
    pub fn check_ids(&self, sent: &Sent) -> Result<(), String> {
        let mut seen = HashSet::new();
        for (span, ids) in self.spans.iter().zip(&sent.ids) {
            let right = match span.parent() {
                Some(parent) => ids.trace == sent.ids[parent].trace,
                None => (ids.trace >> 64 != 0) == self.services[span.service].wide_ids,
            };
            if !right || ids.trace == 0 || ids.span == 0 || !seen.insert(ids.span) {
                return Err(format!(
                    "{:032x}:{:016x} is no right id for its span",
                    ids.trace, ids.span
                ));
            }
        }
        Ok(())
    }

    /// Returns the number of spans of each service.
    pub fn spans_of_services(&self) -> Vec<u64> {
        let mut counts = vec![0; self.services.len()];
        self.spans.iter().for_each(|span| counts[span.service] += 1);
        counts
    }

    /// Returns the expected spans, with the ids and tags that the tracers added.
    pub fn expected(&self, sent: &Sent) -> Vec<Expected> {
        let processes: Vec<_> = self
            .services
            .iter()
            .zip(&sent.process_tags)
            .map(joined)
            .collect();
        let expected = self
            .spans
            .iter()
            .zip(&sent.ids)
            .map(|(span, &ids)| Expected {
                ids,
                process: processes[span.service].clone(),
                operation: span.operation.clone(),
                start_us: span.start_us,
                duration_us: span.duration_us,
                references: span
                    .references
                    .iter()
                    .map(|&(kind, to)| Reference {
                        kind,
                        to: sent.ids[to],
                    })
                    .collect(),
                tags: if span.references.is_empty() {
                    sent.root_tags.iter().chain(&span.tags).cloned().collect()
                } else {
                    span.tags.clone()
                },
                logs: span.logs.clone(),
                warnings: Vec::new(),
            });
        expected.collect()
    }
}

impl Planned {
    /// The index of the span whose trace this one continues.
    pub fn parent(&self) -> Option<usize> {
        let find = |kind| self.references.iter().find(|(k, _)| *k == kind);
        let parent = find(RefKind::ChildOf).or(find(RefKind::FollowsFrom));
        parent.map(|&(_, to)| to)
    }
}

/// The user's tags win over the tracer's own.
fn joined((service, own): (&Service, &Vec<Tag>)) -> Process {
    let mut process = service.process.clone();
    for tag in own {
        if !process.tags.iter().any(|user| user.key == tag.key) {
            process.tags.push(tag.clone());
        }
    }
    process
}

fn services() -> Vec<Service> {
    let service = |name: &str, wide_ids, tags| Service {
        process: Process {
            service: name.into(),
            tags,
        },
        wide_ids,
    };
    vec![
        service("shop", false, vec![Tag::new("region", "eu-1")]),
        service(
            "pokladna-ž",
            true,
            vec![Tag::new("hostname", "own-name"), Tag::new("město", "Plzeň")],
        ),
        service("倉庫 🏬", true, vec![]),
    ]
}

/// Span `index` of the trace that begins at `first`.
fn plan(random: &mut SplitMix64, first: usize, index: usize) -> Planned {
    const OPERATIONS: [&str; 5] = ["GET /orders/{id}", "charge", "čtení", "在庫確認", "🦀 🚢"];
    let start_us = EPOCH_US + index as u64 * 1_000 + random.next() % 1_000;
    let duration_us = match random.below(16) {
        0 => 0,
        1 => 1,
        2 => 86_400_000_000 + random.next() % 1_000,
        _ => 1 + random.next() % 1_000_000,
    };
    Planned {
        service: random.below(3),
        operation: OPERATIONS[random.below(OPERATIONS.len())].into(),
        start_us,
        duration_us,
        references: references(random, first, index),
        tags: (0..random.below(8)).map(|_| tag(random)).collect(),
        logs: (0..random.below(4))
            .map(|n| log(random, start_us + n as u64))
            .collect(),
    }
}

/// References of both kinds, alone and together, to this trace and to others.
fn references(random: &mut SplitMix64, first: usize, index: usize) -> Vec<(RefKind, usize)> {
    use RefKind::{ChildOf, FollowsFrom};
    if index == first {
        return Vec::new();
    }
    let a = first + random.below(index - first);
    let b = first + random.below(index - first);
    // No span precedes those of the first trace.
    let other = if first == 0 { a } else { random.below(first) };
    match random.below(12) {
        0 => vec![(FollowsFrom, a)],
        1 => vec![(ChildOf, a), (FollowsFrom, b)],
        2 => vec![(FollowsFrom, a), (ChildOf, b)],
        3 => vec![(FollowsFrom, a), (FollowsFrom, b)],
        4 => vec![(ChildOf, a), (ChildOf, b)],
        5 => vec![(ChildOf, a), (FollowsFrom, other)],
        6 => vec![(ChildOf, a), (ChildOf, other)],
        7 => vec![(FollowsFrom, a), (FollowsFrom, other)],
        8 => vec![(FollowsFrom, other), (ChildOf, a), (ChildOf, other)],
        _ => vec![(ChildOf, a)],
    }
}

/// A tag of any type, sometimes one that Jaeger treats apart, sometimes a key again.
fn tag(random: &mut SplitMix64) -> Tag {
    const KINDS: [&str; 6] = [
        "client", "server", "producer", "consumer", "internal", "broker",
    ];
    const CODES: [i64; 7] = [200, 204, 302, 399, 404, 429, 503];
    const NAMES: [&str; 4] = ["OK", "ERROR", "error", "unclear"];
    match random.below(16) {
        0 => Tag::new("error", Value::Bool(true)),
        1 | 2 => Tag::new("span.kind", KINDS[random.below(KINDS.len())]),
        3 => Tag::new(
            "http.status_code",
            Value::Long(CODES[random.below(CODES.len())]),
        ),
        4 => Tag::new("otel.status_code", NAMES[random.below(NAMES.len())]),
        5 => Tag::new("otel.status_description", "nedostatek místa"),
        _ => field(random),
    }
}

fn log(random: &mut SplitMix64, time_us: u64) -> Log {
    let mut fields: Vec<_> = (0..random.below(5)).map(|_| field(random)).collect();
    match random.below(4) {
        0 => {}
        1 => fields.push(Tag::new("event", Value::Long(7))),
        _ => fields.insert(0, Tag::new("event", "událost 🎉")),
    }
    Log { time_us, fields }
}

fn field(random: &mut SplitMix64) -> Tag {
    const KEYS: [&str; 8] = [
        "db.statement",
        "peer.port",
        "klíč",
        "鍵",
        "a b",
        "x",
        "ratio",
        "payload",
    ];
    Tag::new(KEYS[random.below(KEYS.len())], value(random))
}

/// Values of every type with their extremes. NaN and infinities cannot be read back.
fn value(random: &mut SplitMix64) -> Value {
    const TEXTS: [&str; 6] = [
        "",
        "žluťoučký kůň",
        "日本語",
        "\u{1f980}\u{200d}",
        "<a href=\"&\">\\\n\t\u{1}",
        "plain",
    ];
    const LONGS: [i64; 8] = [
        0,
        -1,
        i64::MAX,
        i64::MIN,
        (1 << 53) - 1,
        1 << 53,
        -(1 << 53),
        42,
    ];
    const DOUBLES: [f64; 8] = [
        0.0,
        -0.5,
        2.0,
        1e21,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        0.1 + 0.2,
    ];
    match random.below(12) {
        0 | 1 => TEXTS[random.below(TEXTS.len())].into(),
        2 => Value::Text("š".repeat(random.below(100))),
        3 => Value::Bool(random.below(2) == 0),
        4 => Value::Long(LONGS[random.below(LONGS.len())]),
        5 => Value::Long(random.next() as i64),
        6 => Value::Unsigned(random.next()),
        7 => Value::Unsigned(random.next() % 1_000),
        8 => Value::Double(DOUBLES[random.below(DOUBLES.len())]),
        9 => Value::Double(random.next() as f64 / 3.0),
        _ => Value::Binary((0..random.below(20)).map(|_| random.next() as u8).collect()),
    }
}
