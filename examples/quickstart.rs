//! From a YAML file to a trace: `cargo run --example quickstart [-- FILE]`.
//!
//! Sends two spans to a collector in this process and prints the trace that arrived. With a variable
//! set that chooses where spans go, such as `JAEGER_AGENT_HOST`, it sends there instead. The
//! environment overrides the file, which is `quickstart.yaml` in this folder unless an argument names
//! another.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::{Config, SpanContext, Tracer};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart.yaml");
/// The variables that choose where spans go.
const DESTINATIONS: [&str; 9] = [
    "JAEGER_AGENT_HOST",
    "JAEGER_AGENT_PORT",
    "JAEGER_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    "OTEL_EXPORTER_JAEGER_AGENT_PORT",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If this fails too, the exit status still reports the error.
            let _ = writeln!(stderr(), "quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let file = env::args_os().nth(1).unwrap_or(FILE.into());
    let config = Config::from_yaml_file(file)?.with_env()?;
    for warning in config.warnings() {
        writeln!(stderr(), "quickstart: warning: {warning}")
            .map_err(|error| format!("cannot write to standard error: {error}"))?;
    }
    let is_set = |name| env::var(name).is_ok_and(|value| !value.trim().is_empty());
    if DESTINATIONS.into_iter().any(is_set) {
        send(&config.initialize_tracer()?)?;
        return Ok(());
    }
    let collector = Collector::bind("127.0.0.1:0")
        .map_err(|error| format!("cannot receive on 127.0.0.1: {error}"))?;
    let config = config
        .agent_host(collector.local_addr().ip().to_string())
        .agent_port(collector.local_addr().port());
    let Some(root) = send(&config.initialize_tracer()?)? else {
        return Ok(());
    };
    show(&collector, &root)
}

/// Makes the spans and sends them; returns the root's context if it was sampled.
fn send(tracer: &Tracer) -> Result<Option<SpanContext>, Box<dyn Error>> {
    if !tracer.is_enabled() {
        print("Nothing was sent: tracing is disabled by the configuration.\n")?;
        return Ok(None);
    }
    let mut span = tracer.start("TestSpan");
    let context = span.context();
    span.log().field("event", "test message").field("life", 42);
    {
        let mut child = tracer.span_builder("ChildSpan").child_of(&span).start();
        child.log().field("event", "down below");
    }
    span.finish();
    let closed = tracer.close(PATIENCE);
    let stats = tracer.stats();
    print(format_args!(
        "trace {}\nspans {stats}\n",
        context.trace_id()
    ))?;
    closed?;
    if stats.lost.total() > 0 {
        return Err(format!("{} spans lost{}", stats.lost.total(), stats.lost).into());
    }
    if !context.is_sampled() {
        print("Nothing was sent: the sampler did not choose this trace.\n")?;
        return Ok(None);
    }
    Ok(Some(context))
}

/// Prints the trace that arrived.
fn show(collector: &Collector, root: &SpanContext) -> Result<(), Box<dyn Error>> {
    let id = root.trace_id();
    if !collector.wait_for_spans(2, PATIENCE) {
        return Err(format!("only {} of 2 spans arrived", collector.spans().len()).into());
    }
    let trace = collector.trace(id).ok_or("the trace did not arrive")?;
    print(trace)
}

fn print(text: impl Display) -> Result<(), Box<dyn Error>> {
    write!(stdout(), "{text}")
        .map_err(|error| format!("cannot write to standard output: {error}").into())
}
