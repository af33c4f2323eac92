//! The pipeline against a real Jaeger, in each of the four protocols: every field that was sent is read
//! back and compared.
//!
//! Run by `.ci/run jaeger`, which builds Jaeger and names it in `PICOJAEGER_JAEGER_BIN`. Without that variable
//! this target prints a note and succeeds, since the workspace's tests need no peer.

#[path = "../common/mod.rs"]
mod common;
mod compare;
mod http;
mod load;
mod model;
mod proof;
mod quickstart;
mod sampling;
mod send;
mod server;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value as Json;

use compare::Report;
use load::Load;
use model::{Expected, Ids, Log, Process, RefKind, Reference, Tag, Value, Way};
use server::Jaeger;

/// Variable with the path of Jaeger's binary.
const BINARY: &str = "PICOJAEGER_JAEGER_BIN";
/// Fewer traces or fields than these mean that the comparison lost some of its work.
const MINIMUM_TRACES: usize = 3_600;
const MINIMUM_FIELDS: usize = 1_200_000;
/// Differences printed; one cause tends to show in many spans.
const SHOWN: usize = 20;

/// A trace, as expected and as the query API returned it.
type Trace = (Vec<Expected>, Json);

fn main() -> ExitCode {
    let Some(binary) = std::env::var_os(BINARY) else {
        println!("not run: {BINARY} names no Jaeger; `.ci/run jaeger` builds one and runs this");
        return ExitCode::SUCCESS;
    };
    match run(PathBuf::from(binary)) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(binary: PathBuf) -> Result<String, String> {
    let jaeger = Jaeger::start(&binary)?;
    let mut traces = vec![golden(&jaeger)?];
    for way in [Way::Compact, Way::Otlp] {
        traces.push(quickstart::run(&jaeger, way)?);
    }
    for way in Way::ALL {
        traces.extend(generated(&jaeger, way)?);
    }

    let mut report = Report::default();
    for (expected, found) in &traces {
        report.compare(expected, found);
    }
    if !report.differences.is_empty() {
        let shown = report.differences.len().min(SHOWN);
        return Err(format!(
            "{} of {} fields differ:\n{}",
            report.differences.len(),
            report.fields,
            report.differences[..shown].join("\n")
        ));
    }
    let altered = proof::prove(&traces)?;
    sampling::follows_the_file(&jaeger)?;
    drop(jaeger);
    sampling::adapts(&binary)?;
    let (traces, fields) = (traces.len(), report.fields);
    if traces < MINIMUM_TRACES || fields < MINIMUM_FIELDS {
        return Err(format!(
            "{traces} traces, {fields} fields compared; at least {MINIMUM_TRACES} and {MINIMUM_FIELDS} must be"
        ));
    }
    Ok(format!(
        "{traces} traces, {fields} fields compared; {altered} alterations of the expectation, each reported"
    ))
}

/// Sends the generated load one way and reads all its traces.
fn generated(jaeger: &Jaeger, way: Way) -> Result<Vec<Trace>, String> {
    let load = Load::generate();
    let sent = send::send(&load, way, jaeger.receiver(way), |ids| {
        jaeger.await_span(ids)
    })
    .map_err(|error| error.to_string())?;
    load.check_ids(&sent)?;
    let mut traces: BTreeMap<u128, Vec<Expected>> = BTreeMap::new();
    for expected in load.expected(&sent) {
        traces
            .entry(expected.ids.trace)
            .or_default()
            .push(expected.as_jaeger_returns(way));
    }
    let read = traces.into_iter().map(|(trace, expected)| {
        let found = jaeger.whole_trace(trace, expected.len())?;
        Ok((expected, found))
    });
    read.collect()
}

/// Sends the golden packet, which Apache Thrift 0.25 wrote.
fn golden(jaeger: &Jaeger) -> Result<Trace, String> {
    let packet = include_bytes!("golden.bin");
    let expected = golden_span().as_jaeger_returns(Way::Compact);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    socket
        .send_to(packet, jaeger.receiver(Way::Compact))
        .map_err(|error| error.to_string())?;
    let found = jaeger.whole_trace(expected.ids.trace, 1)?;
    Ok((vec![expected], found))
}

/// The span of `golden.bin`.
fn golden_span() -> Expected {
    let trace = 2 << 64 | 1;
    Expected {
        ids: Ids { trace, span: 3 },
        process: Process {
            service: "svc".into(),
            tags: vec![Tag::new("p", "q")],
        },
        operation: "op".into(),
        start_us: 1_000_000,
        duration_us: 5,
        references: vec![Reference {
            kind: RefKind::ChildOf,
            to: Ids {
                trace,
                span: u64::MAX,
            },
        }],
        tags: vec![
            Tag::new("s", "v"),
            Tag::new("d", Value::Double(1.5)),
            Tag::new("b", Value::Bool(true)),
            Tag::new("l", Value::Long(-1)),
        ],
        logs: vec![Log {
            time_us: 7,
            fields: vec![Tag::new("event", "e")],
        }],
        warnings: Vec::new(),
    }
}
