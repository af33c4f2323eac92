//! The heap that the attribute `traced` takes: none, once a thread has its slots.

#[path = "common/heap.rs"]
mod heap;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, current, traced};

#[traced(err, fields(id))]
fn order(id: u64) -> Result<u64, String> {
    current().tag("within", id);
    Ok(id)
}

#[traced(err, ret, fields(id))]
async fn later(id: u64) -> Result<u64, String> {
    current().tag("within", id);
    order(id)
}

#[test]
fn a_call_allocates_nothing() {
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let tracer = config.agent(false).background(false).new_tracer().unwrap();
    let work = || {
        for id in 0..50 {
            let mut future = pin!(later(id));
            let polled = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(Ok(id)));
        }
    };
    let mut root = tracer.start("root");
    // The first rounds fill the thread's cache of slots and grow its ring.
    for _ in 0..20 {
        root.in_scope(work);
    }
    let started = tracer.stats().sampled;
    let (peak, ()) = heap::peak_of(|| root.in_scope(work));
    assert_eq!((tracer.stats().sampled - started, peak), (100, 0));
}
