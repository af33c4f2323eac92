//! What `examples/kernel-aarch64` records.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picojaeger_std::SpanId;
use picojaeger_std::model::{Span, Tag, TagValue};

use crate::answer::{Found, spans_of};
use crate::machine;
use crate::model::Way;
use crate::server::Jaeger;

/// The same as in `examples/kernel-aarch64/src/traced.rs`: rounds of each processor.
const ROUNDS: i64 = 200;
const PROCESSORS: i64 = 2;
/// `boot`, and two spans of each round.
const SPANS: usize = 1 + (2 * PROCESSORS * ROUNDS) as usize;

/// Runs the kernel, whose agent is Jaeger, and checks the one trace that it makes.
pub fn run(jaeger: &Jaeger, kernel: &Path) -> Result<String, String> {
    let begun = SystemTime::now();
    let printed = machine::run_kernel(kernel, jaeger.receiver(Way::Compact).port())?;
    print!("{printed}");
    let found = spans_of(jaeger, "kernel", SPANS)?;
    check(&found, begun)
}

/// Runs the kernel behind the relay, which sends OTLP to Jaeger, and checks the same.
pub fn run_behind_relay(jaeger: &Jaeger, relay: &Path, kernel: &Path) -> Result<String, String> {
    let begun = SystemTime::now();
    let url = format!("http://{}", jaeger.receiver(Way::Otlp));
    let printed = machine::run_behind_relay(relay, ["--otlp", &url], machine::KERNEL, kernel)?;
    print!("{printed}");
    let found = spans_of(jaeger, "kernel", SPANS)?;
    check(&found, begun)
}

fn check(found: &[Found], begun: SystemTime) -> Result<String, String> {
    let spans: HashMap<SpanId, &Span> =
        found.iter().map(|it| (it.span.span_id, &it.span)).collect();
    same("spans with ids of their own", spans.len(), SPANS)?;
    same("spans", found.len(), SPANS)?;
    let boot = found
        .iter()
        .find(|it| it.span.operation_name == "boot")
        .ok_or("no span `boot`")?;
    let trace = boot.span.trace_id;
    same("the id of the trace has 128 bits", trace.high() != 0, true)?;
    same(
        "`boot` has no parent",
        boot.span.parent_span_id,
        SpanId::default(),
    )?;
    let mut rounds: HashMap<(i64, i64), usize> = HashMap::new();
    let mut samples = HashSet::new();
    let now = micros(SystemTime::now());
    for Found { span, process, .. } in found {
        let machine = Tag::new("machine", TagValue::String("virt".into()));
        same("the process's tags", process.contains(&machine), true)?;
        same("the trace", span.trace_id, trace)?;
        let in_time =
            span.start_time_us >= micros(begun) && span.start_time_us + span.duration_us <= now;
        same("the time is that of the run", in_time, true)?;
        match span.operation_name.as_str() {
            "boot" => same(
                "processors",
                span.tag("processors"),
                Some(&TagValue::Long(PROCESSORS)),
            )?,
            "round" => {
                same(
                    "the parent of a round",
                    span.parent_span_id,
                    boot.span.span_id,
                )?;
                let (Some(TagValue::Long(processor)), Some(TagValue::Long(number))) =
                    (span.tag("processor"), span.tag("number"))
                else {
                    return Err(format!("a round without numbers: {span:?}"));
                };
                *rounds.entry((*processor, *number)).or_default() += 1;
            }
            "sample" => {
                let parent = spans
                    .get(&span.parent_span_id)
                    .ok_or("a sample without a round")?;
                same(
                    "the parent of a sample",
                    parent.operation_name.as_str(),
                    "round",
                )?;
                same(
                    "a sample's round has no other",
                    samples.insert(parent.span_id),
                    true,
                )?;
                same(
                    "mode",
                    span.tag("mode"),
                    Some(&TagValue::String("fast".into())),
                )?;
                let within = parent.start_time_us <= span.start_time_us
                    && span.start_time_us + span.duration_us
                        <= parent.start_time_us + parent.duration_us + 1;
                same("a sample lies within its round", within, true)?;
            }
            other => return Err(format!("an unexpected span: {other}")),
        }
    }
    let expected = (0..PROCESSORS)
        .flat_map(|processor| (0..ROUNDS).map(move |number| ((processor, number), 1)));
    same("rounds", rounds, expected.collect())?;
    Ok(format!(
        "{SPANS} spans of {PROCESSORS} processors in one trace, as made"
    ))
}

pub fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_micros() as i64
}

fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(
    what: &str,
    found: T,
    expected: U,
) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, not {expected:?}"))
    }
}
