//! The end of a server: `cargo run --example drain`.
//!
//! One request ends while the tracer drains, another one does not.

use std::error::Error;
use std::thread;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};

fn main() -> Result<(), Box<dyn Error>> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let tracer = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        .agent_port(collector.local_addr().port())
        .unfinished_at_close(true)
        .new_tracer()?;

    let order = tracer.start("GET /orders/{id}");
    let events = tracer.start("GET /events");
    let request = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        drop(order);
    });

    let report = tracer.drain_blocking(Duration::from_millis(300));
    println!("{report}");

    request.join().expect("the request does not panic");
    drop(events); // lost, since the tracer is closed: what was sent of it is marked as unfinished
    println!("{}", tracer.stats());
    collector.wait_for_spans(2, Duration::from_secs(5));
    for trace in collector.traces() {
        print!("{trace}");
    }
    Ok(())
}
