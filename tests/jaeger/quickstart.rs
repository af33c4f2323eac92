//! The quickstart example, as a process of its own, against Jaeger.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;

use crate::common;
use crate::model::{Expected, Ids, Log, Process, RefKind, Reference, Tag, Value, Way};
use crate::server::Jaeger;

/// Service name in the example's file.
const SERVICE: &str = "your-app-name";
/// Microseconds of tolerance: start and duration are rounded separately.
const ROUNDING_US: u64 = 1;
/// Tolerance between the system's clock and the tracer's, which reads the system's seldom.
const CLOCKS_US: u64 = 1_000;

/// Runs the example and reads its trace back.
///
/// Values that the example draws are taken from the trace found, and checked for plausibility: times within the run
/// and within each other, distinct ids, an address, a random number.
pub fn run(jaeger: &Jaeger, way: Way) -> Result<(Vec<Expected>, Json), String> {
    let before = now_us();
    let trace = printed_trace(jaeger, way)?;
    let after = now_us();
    let found = jaeger.whole_trace(trace, 2)?;

    let mut root = drawn(&found, "TestSpan")?;
    root.ids = Ids {
        trace,
        span: trace as u64,
    };
    root.tags = vec![
        Tag::new("sampler.type", "const"),
        Tag::new("sampler.param", Value::Bool(true)),
    ];
    root.logs[0].fields = vec![
        Tag::new("event", "test message"),
        Tag::new("life", Value::Long(42)),
    ];
    lies_within(&root, before - CLOCKS_US, after + CLOCKS_US)?;

    let mut child = drawn(&found, "ChildSpan")?;
    child.ids.trace = trace;
    child.references = vec![Reference {
        kind: RefKind::ChildOf,
        to: root.ids,
    }];
    child.logs[0].fields = vec![Tag::new("event", "down below")];
    lies_within(&child, root.start_us, end_us(&root) + ROUNDING_US)?;
    if child.ids.span == 0 || child.ids.span == root.ids.span {
        return Err(format!("ChildSpan has the id {:016x}", child.ids.span));
    }

    let expected = [root, child].map(|span| {
        let mut returned = span.as_jaeger_returns(way);
        if way == Way::Otlp {
            // A duration of some nanoseconds reads as 0 µs, and is one to Jaeger.
            returned.warnings.clear();
        }
        returned
    });
    Ok((expected.into(), found))
}

/// Runs the example to its end, sending to Jaeger's agent or as OTLP; returns the trace id that it prints.
fn printed_trace(jaeger: &Jaeger, way: Way) -> Result<u128, String> {
    let receiver = jaeger.receiver(way);
    let mut command = common::quickstart();
    match way {
        Way::Otlp => command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}")),
        _ => command
            .env("JAEGER_AGENT_HOST", receiver.ip().to_string())
            .env("JAEGER_AGENT_PORT", receiver.port().to_string()),
    };
    let output = command
        .output()
        .map_err(|error| format!("quickstart does not run: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let whole = format!("quickstart ({}) printed:\n{printed}{errors}", output.status);
    if !output.status.success() || !errors.is_empty() || !printed.contains("2 delivered, 0 lost") {
        return Err(whole);
    }
    let id = printed.lines().find_map(|line| line.strip_prefix("trace "));
    id.and_then(|id| u128::from_str_radix(id, 16).ok())
        .ok_or(whole)
}

/// The span of this operation, with the values that the example drew for it.
fn drawn(trace: &Json, operation: &str) -> Result<Expected, String> {
    let mut spans = trace["spans"].as_array().into_iter().flatten();
    let read = |span: &Json| {
        Some(Expected {
            ids: Ids {
                trace: u128::from_str_radix(span["traceID"].as_str()?, 16).ok()?,
                span: u64::from_str_radix(span["spanID"].as_str()?, 16).ok()?,
            },
            process: process(&trace["processes"][span["processID"].as_str()?])?,
            operation: operation.into(),
            start_us: span["startTime"].as_u64()?,
            duration_us: span["duration"].as_u64()?,
            references: Vec::new(),
            tags: Vec::new(),
            logs: vec![Log {
                time_us: span["logs"][0]["timestamp"].as_u64()?,
                fields: Vec::new(),
            }],
            warnings: Vec::new(),
        })
    };
    spans
        .find(|span| span["operationName"] == operation)
        .and_then(read)
        .ok_or(format!("no {operation} as it should be in {trace}"))
}

/// The example's process, as the tracer sends it.
fn process(found: &Json) -> Option<Process> {
    let text = |key: &str| {
        let mut tags = found["tags"].as_array()?.iter();
        tags.find(|tag| tag["key"] == key)?["value"].as_str()
    };
    let (ip, uuid) = (text("ip")?, text("client-uuid")?);
    ip.parse::<IpAddr>().ok()?;
    u64::from_str_radix(uuid, 16).ok()?;
    let mut tags = found["tags"].as_array()?.iter();
    let pid = tags.find(|tag| tag["key"] == "process.pid")?["value"].as_i64()?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(Process {
        service: SERVICE.into(),
        tags: vec![
            Tag::new(
                "jaeger.version",
                concat!("Rust-", env!("CARGO_PKG_VERSION")),
            ),
            Tag::new("hostname", host.trim()),
            Tag::new("ip", ip),
            Tag::new("client-uuid", uuid),
            Tag::new("service.instance.id", uuid),
            Tag {
                key: "process.pid".into(),
                value: Value::Long(pid),
            },
        ],
    })
}

fn lies_within(span: &Expected, from: u64, to: u64) -> Result<(), String> {
    let (start, log, end) = (span.start_us, span.logs[0].time_us, end_us(span));
    let within = from <= start && start <= log && log <= end + ROUNDING_US && end <= to;
    within.then_some(()).ok_or(format!(
        "{}: {start} to {end} µs with a log at {log} does not lie within {from} to {to}",
        span.operation
    ))
}

fn end_us(span: &Expected) -> u64 {
    span.start_us + span.duration_us
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as u64
}
