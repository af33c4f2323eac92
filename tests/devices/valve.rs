//! Traces across a server, `examples/valve.rs`, and a firmware, `examples/cortex-m/src/bin/valve.rs`.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use picojaeger_std::SpanId;
use picojaeger_std::model::{Span, TagValue};

use crate::answer::{Found, spans_of};
use crate::machine;
use crate::model::Way;
use crate::server::Jaeger;

/// All spans, each by its path from the root, with the percentages that the commands have.
const EXPECTED: [&str; 10] = [
    "plant: set valve 40",
    "plant: set valve 40 > valve: open 40",
    "plant: set valve 40 > valve: open 40 > valve: motor",
    "plant: set valve 90",
    "plant: set valve 90 > valve: open 90",
    "plant: set valve 90 > valve: open 90 > valve: motor",
    "valve: pressure",
    "valve: pressure > plant: alarm",
    "valve: pressure > plant: alarm > valve: open 10",
    "valve: pressure > plant: alarm > valve: open 10 > valve: motor",
];
/// The most microseconds by which a time may be off: more than 250 ms are no answer of the relay.
const LONGEST: i64 = 250_000;
/// The tag of a span whose time is not exact.
const UNCERTAINTY: &str = "clock.uncertainty_us";

/// Runs the server and the firmware, which both send to Jaeger, and checks the three traces.
pub fn run(jaeger: &Jaeger, relay: &Path, server: &Path, valve: &Path) -> Result<String, String> {
    let agent = jaeger.receiver(Way::Compact);
    let mut server = Command::new(server);
    server.env("JAEGER_AGENT_HOST", agent.ip().to_string());
    server.env("JAEGER_AGENT_PORT", agent.port().to_string());
    let printed = machine::run_with_server(relay, &agent.to_string(), valve, server)?;
    print!("{printed}");
    let mut found = spans_of(jaeger, "plant", EXPECTED.len())?;
    let by_id: HashMap<SpanId, &Found> = found.iter().map(|it| (it.span.span_id, it)).collect();
    let mut paths = found
        .iter()
        .map(|it| path(it, &by_id))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort_unstable();
    if paths != EXPECTED {
        return Err(format!("the spans are {paths:#?}"));
    }
    for child in &found {
        check_times(child, by_id.get(&child.span.parent_span_id).copied())?;
    }
    found.dedup_by_key(|it| it.span.trace_id);
    match found.len() {
        3 => Ok("3 traces across server and firmware, as made".into()),
        other => Err(format!("{other} traces")),
    }
}

/// Returns services and names from the root to a span.
fn path(found: &Found, by_id: &HashMap<SpanId, &Found>) -> Result<String, String> {
    let Found { span, service, .. } = found;
    let own = match span.tag("percent") {
        Some(TagValue::Long(percent)) => format!("{service}: {} {percent}", span.operation_name),
        _ => format!("{service}: {}", span.operation_name),
    };
    if span.parent_span_id == SpanId::default() {
        return Ok(own);
    }
    let parent = by_id.get(&span.parent_span_id);
    let parent = parent.filter(|parent| parent.span.trace_id == span.trace_id);
    let parent = parent.ok_or_else(|| format!("the parent of {own} is missing"))?;
    Ok(format!("{} > {own}", path(parent, by_id)?))
}

/// Checks that a span does not begin before its parent, and that a device's span lies within its parent, as far as the
/// device's clock is known.
fn check_times(child: &Found, parent: Option<&Found>) -> Result<(), String> {
    let off = uncertainty(child)? + parent.map_or(Ok(0), uncertainty)?;
    let Some(parent) = parent else { return Ok(()) };
    let ((start, end), (from, to)) = (times(&child.span), times(&parent.span));
    // Each time is rounded.
    let ends_within = child.service != "valve" || end <= to + off + 1;
    match from <= start + off && ends_within {
        true => Ok(()),
        false => Err(format!("{:?} is not within {:?}", child.span, parent.span)),
    }
}

/// Returns by how many microseconds a span's time may be off: a device's is what the relay's answer left.
fn uncertainty(found: &Found) -> Result<i64, String> {
    match (found.service.as_str(), found.span.tag(UNCERTAINTY)) {
        ("plant", None) => Ok(0),
        ("valve", Some(TagValue::Long(off @ 0..=LONGEST))) => Ok(*off),
        (_, other) => Err(format!("{:?} has {UNCERTAINTY} {other:?}", found.span)),
    }
}

/// Returns start and end.
fn times(span: &Span) -> (i64, i64) {
    (span.start_time_us, span.start_time_us + span.duration_us)
}
