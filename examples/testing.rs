//! A program that traces, and what its tests see of it: a tree of spans, the difference to an expected one, and a
//! backend with faults.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::testing::{Fault, MockBackend, TestTracer, TraceTree};
use picojaeger_std::{Config, traced};

#[traced(err, fields(order.items = items.len()))]
fn order(items: &[u64]) -> Result<u32, String> {
    items.iter().map(|item| price(*item)).sum()
}

#[traced(ret, err, fields(item))]
fn price(item: u64) -> Result<u32, String> {
    match item {
        0..10 => Ok(250),
        _ => Err(format!("no item {item}")),
    }
}

/// Returns the lines that the program prints: the same at each run.
pub fn report() -> Result<String, Box<dyn Error>> {
    let tracer = TestTracer::new();
    tracer.in_scope(|| order(&[7, 12])).unwrap_err();
    let difference = tracer.tree().difference(
        "
        order | order.items=2 error=true
          price | item=7 return=199
          price | item=12 !return
          pack
        ",
    )?;
    let mut lines = tracer.tree().to_string();
    write!(lines, "\n{}", difference.unwrap_or_default())?;

    let backend = MockBackend::start()?;
    backend.fail_next("/v1/traces", Fault::Status(503));
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let tracer = config.otlp(backend.otlp_url()).new_tracer()?;
    tracer.start("request").in_scope(|| order(&[7]))?;
    tracer.flush(Duration::from_secs(20))?;
    let requests = backend.requests().len();
    write!(
        lines,
        "\n{}{requests} requests, {}",
        TraceTree::of(&backend),
        tracer.stats()
    )?;
    Ok(lines)
}

#[allow(dead_code, reason = "a test has this file too")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", report()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use picojaeger_std::assert_trace;
    use picojaeger_std::testing::TestTracer;

    use super::order;

    #[test]
    fn an_unknown_item_is_an_error() {
        let tracer = TestTracer::new();
        tracer.in_scope(|| order(&[7, 12])).unwrap_err();
        assert_trace!(
            tracer,
            "
            order | error=true
              price | item=7 !error
              price | item=12
            "
        );
    }
}
