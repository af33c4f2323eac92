//! The remote sampler against Jaeger's two sources of strategies: its file, changed while we run, and
//! adaptive sampling.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use picojaeger_std::Tracer;
use picojaeger_std::config::Config;
use serde_json::Value as Json;

use crate::http;
use crate::model::Way;
use crate::server::{Jaeger, Sampling};

const SERVICE: &str = "sampling";
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the tracer asks.
const REFRESH: Duration = Duration::from_millis(100);
/// How often the tracer sends: so often that each of Jaeger's calculations, which look at 2 s here and
/// at a minute by default, sees the same load. A collector would otherwise get a batch every 5 s.
const FLUSH: Duration = Duration::from_millis(100);
/// Roots by which a share is measured: enough that the share of a tenth is off by 1 % at most times.
const ROOTS: u32 = 100_000;

/// A tracer without a sampler of its own.
fn tracer(jaeger: &Jaeger, service: &str, way: Way) -> Result<Tracer, String> {
    let (config, receiver) = (Config::new(service), jaeger.receiver(way));
    let config = match way {
        Way::Otlp => config.otlp(format!("http://{receiver}")),
        _ => config
            .agent_host(receiver.ip().to_string())
            .agent_port(receiver.port()),
    };
    let config = config
        .flush_interval(FLUSH)
        .sampling_endpoint(&jaeger.sampling().to_string())
        .sampling_refresh_interval(REFRESH);
    config.new_tracer().map_err(|error| error.to_string())
}

/// The share of roots of this operation that are sampled.
fn share(tracer: &Tracer, operation: &'static str, roots: u32) -> f64 {
    let sampled = (0..roots).filter(|_| tracer.start(operation).is_sampled());
    sampled.count() as f64 / f64::from(roots)
}

/// Changes Jaeger's file, and waits for the tracer to do as each version says.
pub fn follows_the_file(jaeger: &Jaeger) -> Result<(), String> {
    let tracer = tracer(jaeger, SERVICE, Way::Compact)?;
    for (strategies, expected) in [
        (
            r#"{"type": "probabilistic", "param": 0.25}"#,
            [("a", 0.25), ("b", 0.25)],
        ),
        (
            r#"{"type": "probabilistic", "param": 0.5, "operation_strategies": [
                {"operation": "a", "type": "probabilistic", "param": 0.125}]}"#,
            [("a", 0.125), ("b", 0.5)],
        ),
        (
            r#"{"type": "ratelimiting", "param": 0}"#,
            [("a", 0.0), ("b", 0.0)],
        ),
        (
            r#"{"type": "probabilistic", "param": 1}"#,
            [("a", 1.0), ("b", 1.0)],
        ),
    ] {
        jaeger.set_strategies(&format!(r#"{{"default_strategy": {strategies}}}"#))?;
        jaeger.poll(&format!("the strategy {strategies}"), || {
            let follows = |(operation, wanted): &(&'static str, f64)| {
                let found = share(&tracer, operation, 2_000);
                (found - wanted).abs() <= 0.05
            };
            Ok(expected.iter().all(follows).then_some(()))
        })?;
    }
    let _ = tracer.close(PATIENCE);
    println!("remote sampling: 4 versions of the file followed");
    Ok(())
}

/// Names and roots a second of the operations under adaptive sampling.
const LOAD: [(&str, u64); 3] = [("fast", 800), ("medium", 240), ("slow", 80)];
/// Time under load: several calculations of Jaeger's, each 2 s.
const LOADED: Duration = Duration::from_secs(30);

/// Shows that adaptive sampling works over UDP and over OTLP, each with a Jaeger of its own.
pub fn adapts(binary: &Path) -> Result<(), String> {
    let ways = [("UDP", Way::Compact), ("OTLP", Way::Otlp)];
    thread::scope(|scope| {
        let runs = ways.map(|(name, way)| (name, scope.spawn(move || adapts_over(binary, way))));
        runs.into_iter().try_for_each(|(name, run)| {
            let table = run.join().map_err(|_| format!("{name}: panicked"))?;
            let table = table.map_err(|error| format!("{name}: {error}"))?;
            println!("adaptive sampling, over {name}:\n{table}");
            Ok(())
        })
    })
}

/// Lets Jaeger calculate the rates of three operations, and compares what the tracer then samples;
/// returns a table.
///
/// A single process of Jaeger reads the rates when it starts, so it is restarted.
fn adapts_over(binary: &Path, way: Way) -> Result<String, String> {
    let mut jaeger = Jaeger::start_with(binary, Sampling::Adaptive)?;
    let tracer = tracer(&jaeger, "adaptive", way)?;
    load(&tracer)?;
    jaeger.restart(binary)?;
    let answer = jaeger.poll("a strategy for each operation", || {
        let answer = answer(&jaeger, "adaptive")?;
        let all = LOAD.iter().all(|(name, _)| rate(&answer, name).is_some());
        Ok(all.then_some(answer))
    })?;
    // Twice, so that one question was asked after the answer above.
    thread::sleep(4 * REFRESH);
    let mut table = String::from("operation  roots/s  answer   sampled");
    let mut rates = Vec::new();
    for (name, per_second) in LOAD {
        let rate = rate(&answer, name).ok_or(format!("no rate for {name}"))?;
        let found = share(&tracer, name, ROOTS);
        table += &format!("\n{name:9}  {per_second:7}  {rate:.5}  {found:.5}");
        if (found - rate).abs() > 0.2 * rate {
            return Err(format!("{name} is sampled at {found}, not at {rate}"));
        }
        rates.push(rate);
    }
    if !rates.is_sorted() || rates.first() == rates.last() {
        return Err(format!("the rates {rates:?} do not grow as the load falls"));
    }
    let _ = tracer.close(PATIENCE);
    Ok(table)
}

/// Starts roots at their rates.
fn load(tracer: &Tracer) -> Result<(), String> {
    let (begun, mut started) = (Instant::now(), [0; LOAD.len()]);
    while begun.elapsed() < LOADED {
        let micros = begun.elapsed().as_micros() as u64;
        for ((name, per_second), started) in LOAD.iter().zip(&mut started) {
            while *started < micros * per_second / 1_000_000 {
                tracer.start(*name).finish();
                *started += 1;
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    tracer.flush(PATIENCE).map_err(|error| error.to_string())
}

/// Jaeger's answer to a question for strategies.
fn answer(jaeger: &Jaeger, service: &str) -> Result<Json, String> {
    let path = format!("/sampling?service={service}");
    let (status, body) = http::get(jaeger.sampling(), &path).map_err(|error| error.to_string())?;
    match (status, serde_json::from_slice(&body)) {
        (200, Ok(answer)) => Ok(answer),
        _ => Err(format!("{path} answered {status}: {body:?}")),
    }
}

/// The rate of one operation in an answer.
fn rate(answer: &Json, operation: &str) -> Option<f64> {
    let listed = answer["operationSampling"]["perOperationStrategies"].as_array()?;
    let found = listed.iter().find(|it| it["operation"] == operation)?;
    found["probabilisticSampling"]["samplingRate"].as_f64()
}
