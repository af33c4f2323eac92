//! A ring that `examples/cortex-m/src/bin/dump.rs` dumps after a fault, read by the relay's `decode`.

use std::fs;
use std::path::Path;

use picojaeger_std::model::{Log, Tag, TagValue};

use crate::answer::spans_of;
use crate::machine;
use crate::model::Way;
use crate::server::Jaeger;

/// The same as in `examples/cortex-m/src/bin/dump.rs`.
const SAMPLES: usize = 10;
const UNIX_MICROS_AT_START: i64 = 1_700_000_000_000_000;

/// Runs the program, and checks what Jaeger gets of its dump; the image of `other` reads none of it.
pub fn run(jaeger: &Jaeger, relay: &Path, program: &Path, other: &Path) -> Result<String, String> {
    let name = format!("dump-{}", std::process::id());
    let dump = &Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    machine::run_into_file(machine::CORTEX_M, program, dump)?;
    let agent = jaeger.receiver(Way::Compact).to_string();
    let refused = machine::decode(relay, other, dump, &agent);
    let printed = machine::decode(relay, program, dump, &agent);
    fs::remove_file(dump).map_err(|error| format!("{}: {error}", dump.display()))?;
    print!("{}", printed?);
    match refused {
        Err(error) if error.contains("another build") => {}
        other => return Err(format!("the image of another build gave {other:?}")),
    }
    let mut spans = spans_of(jaeger, "dump", SAMPLES)?;
    spans.sort_by_key(|found| found.span.start_time_us);
    let mut traces = Vec::new();
    for (found, number) in spans.iter().zip(0i64..) {
        let mut span = found.span.clone();
        let (start, end) = (span.start_time_us, span.start_time_us + span.duration_us);
        assert!((UNIX_MICROS_AT_START..UNIX_MICROS_AT_START + 1_000_000).contains(&start));
        assert_eq!(span.operation_name, "sample");
        span.tags.retain(|tag| tag.key != "clock.uncertainty_us");
        assert_eq!(span.tags, tags(number));
        let logs: Vec<&[Tag]> = span.logs.iter().map(|log: &Log| &log.fields[..]).collect();
        assert_eq!(logs, [[Tag::new("event", TagValue::String("read".into()))]]);
        assert!((start..=end).contains(&span.logs[0].timestamp_us));
        traces.push(span.trace_id);
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!((spans.len(), traces.len()), (SAMPLES, SAMPLES));
    Ok(format!("{SAMPLES} spans of a dump, as made"))
}

fn tags(number: i64) -> [Tag; 6] {
    [
        Tag::new("number", TagValue::Long(number)),
        Tag::new("celsius", TagValue::Double(20.5)),
        Tag::new("sampler.type", TagValue::String("const".into())),
        Tag::new("sampler.param", TagValue::Bool(true)),
        Tag::new("recovered", TagValue::Bool(true)),
        Tag::new("recovered.boot", TagValue::Long(1)),
    ]
}
