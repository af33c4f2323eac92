//! The spans of `examples/embassy`: names, parents, counts, readiness and times.

use std::collections::{HashMap, HashSet};

use picojaeger_std::model::{Batch, Span, TagValue};
use picojaeger_std::{SpanId, TraceId};

use super::{TIMES, pump};

/// The same as in `examples/embassy/src/main.rs`.
const ROUNDS: i64 = 20;
/// A task waits for its poll at most as long as a tick, in microseconds.
const LONGEST_WAIT: i64 = 80_000;

/// The spans of a run by their names, and their names by their ids.
struct Spans<'a> {
    by_name: HashMap<&'a str, Vec<&'a Span>>,
    by_id: HashMap<SpanId, &'a Span>,
}

/// Panics unless the batches hold the spans that the firmware made.
pub(crate) fn check(batches: &[Batch]) -> String {
    let all: Vec<&Span> = batches.iter().flat_map(|batch| &batch.spans).collect();
    for batch in batches {
        assert_eq!(batch.process.service_name, "pump-8");
    }
    all.iter().for_each(|span| pump::check_times(span, &TIMES));
    let spans = Spans::new(&all);
    assert_eq!(spans.by_id.len(), all.len(), "span ids differ");

    spans.check_polls("sample", 1 + 2 * ROUNDS);
    spans.check_polls("urgent", 1 + ROUNDS);
    spans.check_roots("SysTick", ROUNDS);
    spans.check_roots("PendSV", ROUNDS);
    spans.check_children("wake", "SysTick", ROUNDS);
    spans.check_children("handle", "PendSV", ROUNDS);
    spans.check_children("react", "urgent", ROUNDS);
    spans.check_children("measure", "sample", ROUNDS);
    spans.check_children("read", "measure", ROUNDS);
    spans.check_children("store", "measure", ROUNDS);
    spans.check_interruptions();
    let names = 10;
    assert_eq!(
        spans.by_name.len(),
        names,
        "and no span of the reporter's task"
    );
    format!(
        "{} spans of embassy's tasks in {} packets, as made",
        all.len(),
        batches.len()
    )
}

impl<'a> Spans<'a> {
    fn new(all: &[&'a Span]) -> Self {
        let mut by_name: HashMap<&str, Vec<&Span>> = HashMap::new();
        for span in all {
            by_name.entry(&span.operation_name).or_default().push(span);
        }
        let by_id = all.iter().map(|span| (span.span_id, *span)).collect();
        Spans { by_name, by_id }
    }

    fn named(&self, name: &str, count: i64) -> &[&'a Span] {
        let spans = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        assert_eq!(spans.len() as i64, count, "{name}");
        spans
    }

    fn check_roots(&self, name: &str, count: i64) {
        for span in self.named(name, count) {
            assert_eq!(span.parent_span_id, SpanId::default(), "{span:?}");
            assert_eq!(span.trace_id, TraceId::from_parts(0, span.span_id.get()));
        }
    }

    /// A poll is a root with the time that its task was ready for.
    fn check_polls(&self, name: &str, count: i64) {
        self.check_roots(name, count);
        for span in self.named(name, count) {
            let Some(TagValue::Long(waited)) = span.tag("task.ready_us") else {
                panic!("{span:?}");
            };
            assert!((1..LONGEST_WAIT).contains(waited), "{span:?}");
        }
    }

    /// Children begin within their parent's time, each in one of its own.
    fn check_children(&self, name: &str, parent: &str, count: i64) {
        let mut parents = HashSet::new();
        for span in self.named(name, count) {
            let found = self.by_id[&span.parent_span_id];
            assert_eq!(found.operation_name, parent, "{span:?}");
            assert_eq!(found.trace_id, span.trace_id);
            assert!(found.start_time_us <= span.start_time_us, "{span:?}");
            assert!(span.start_time_us <= found.start_time_us + found.duration_us + 1);
            assert!(parents.insert(found.span_id), "one for each {parent}");
            assert_eq!(span.tag("task.ready_us"), None);
        }
    }

    /// `PendSV` and `urgent` interrupt `read`, and are none of its children.
    fn check_interruptions(&self) {
        for read in self.named("read", ROUNDS) {
            for name in ["PendSV", "urgent"] {
                let within = |span: &&&Span| {
                    let end = span.start_time_us + span.duration_us;
                    read.start_time_us <= span.start_time_us
                        && end <= read.start_time_us + read.duration_us + 1
                };
                let found = self.by_name[name].iter().filter(within).count();
                assert_eq!(found, 1, "{name} within {read:?}");
            }
        }
    }
}
