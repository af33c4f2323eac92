//! One trace of a program and of the command that it runs: the context goes along in the environment.
//!
//! `cargo run --example command` starts a collector, and itself once more as the command.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use picojaeger_std::carriers::{ChildEnvironment, Environment};
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};

const PATIENCE: Duration = Duration::from_secs(5);
/// The argument that makes the program the command.
const COMMAND: &str = "pack";

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    match std::env::args().nth(1).as_deref() {
        Some(COMMAND) => pack(),
        _ => order(),
    }
}

/// The program: runs the command within a span.
fn order() -> Outcome {
    let collector = Collector::bind("127.0.0.1:0")?;
    let agent = collector.local_addr();
    let (host, port) = (agent.ip().to_string(), agent.port());
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let tracer = config.agent_host(&host).agent_port(port).new_tracer()?;

    let root = tracer.start("order");
    let trace = root.context().trace_id();
    let mut span = tracer.span_builder("run pack").child_of(&root).start();
    span.tag("span.kind", "client")
        .tag("process.executable.name", COMMAND);
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(COMMAND)
        .env("JAEGER_AGENT_HOST", host)
        .env("JAEGER_AGENT_PORT", port.to_string());
    tracer.inject(&span, &mut ChildEnvironment::of(&mut command))?;
    let status = command.status()?;
    span.tag("process.exit.code", status.code());
    drop((span, root));

    tracer.close(PATIENCE)?;
    collector.wait_for_spans(3, PATIENCE);
    print!("{}", collector.trace(trace).ok_or("no span arrived")?);
    Ok(())
}

/// The command: goes on with the trace that the environment has.
fn pack() -> Outcome {
    let config = Config::new(COMMAND).sampler(Sampler::Const(true));
    let tracer = config.with_env()?.new_tracer()?;
    let caller = tracer.extract(&Environment::of_process());
    let mut span = tracer.span_builder("pack").child_of(caller).start();
    span.tag("span.kind", "server").tag("items", 3);
    drop(span);
    tracer.close(PATIENCE)?;
    Ok(())
}
