//! The layer allocates nothing beyond what the registry does, by a count of all allocations.
//!
//! One test in a binary of its own, since the allocations of other threads would count too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::tracing::layer;
use picojaeger_std::{Config, current};
use tracing::{Subscriber, error, info, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;

static COUNT: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: all calls are forwarded to the system's allocator unchanged, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A layer that does nothing.
struct NoOp;

impl<S: Subscriber> Layer<S> for NoOp {}

/// A request of some spans, with all kinds of fields and events.
fn request(number: u64) {
    let request = info_span!(
        "request",
        number,
        path = "/orders",
        late = tracing::field::Empty
    );
    let _entered = request.enter();
    request.record("late", 7);
    for index in 0..4 {
        let query = info_span!("query", index, debug = ?Some(index), otel.kind = "client");
        query.follows_from(&request);
        let _entered = query.enter();
        current().tag("rows", index);
        info!(index, "packed {index}");
        error!("lost");
    }
    let named = info_span!("step", otel.name = %format_args!("step {number}"));
    black_box(&named);
}

/// Rounds of requests, whose spans fit a thread's ring.
const ROUNDS: u64 = 20;
const REQUESTS: u64 = 20;
const SPANS: u64 = 6;

/// The allocations of all requests; what follows each round is not counted.
fn allocations(after_round: impl Fn()) -> u64 {
    (0..ROUNDS)
        .map(|_| {
            let before = COUNT.load(Relaxed);
            (0..REQUESTS).for_each(request);
            let allocations = COUNT.load(Relaxed) - before;
            after_round();
            allocations
        })
        .sum()
}

#[test]
fn nothing_is_allocated_beyond_the_registry() {
    let tracer = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent(false)
        .background(false)
        .memory_limit(16 << 20)
        .new_tracer()
        .unwrap();
    let no_op = tracing_subscriber::registry().with(NoOp);
    let floor = tracing::subscriber::with_default(no_op, || {
        allocations(|| {});
        allocations(|| {})
    });
    let ours = tracing_subscriber::registry().with(layer(&tracer));
    let cost = tracing::subscriber::with_default(ours, || {
        let flush = || tracer.flush(Duration::from_secs(20)).unwrap();
        // Slots, rings, and the table grow to what they need.
        assert!(allocations(flush) > 0);
        allocations(flush)
    });
    assert_eq!(cost, floor);
    let stats = tracer.stats();
    assert_eq!(stats.delivered, 2 * ROUNDS * REQUESTS * SPANS, "{stats}");
    assert!(stats.adds_up() && stats.lost.total() == 0, "{stats}");
    let before = COUNT.load(Relaxed);
    black_box(Box::new(1));
    assert_eq!(COUNT.load(Relaxed) - before, 1, "it counts");
}
