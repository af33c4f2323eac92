//! Batches to a collector, which wait until they are full.

use super::*;

const HALF: u64 = 400;

/// Spans of which 400 fill half of a ring, and what a worker's pass leaves of them.
struct Spans(Arc<TracerState>);

impl Spans {
    fn new(change: impl FnOnce(Config) -> Config) -> Self {
        let interval = Duration::from_secs(3_600);
        Spans(TracerState::of_test(TickSource::System, |config| {
            change(config.flush_interval(interval))
        }))
    }

    /// Finishes spans, and returns what is delivered behind a pass, and the worker's next step.
    fn finish(&self, spans: u64) -> (u64, Rest) {
        for _ in 0..spans {
            let mut span = start_root(&self.0, "in a batch");
            span.tag("component", "exporter");
            span.finish();
        }
        let pass = self.0.exporter().pass(&self.0.common, false);
        let stats = self.0.stats();
        assert!(stats.adds_up() && stats.lost.total() == 0, "{stats}");
        (stats.delivered, pass.rest)
    }
}

#[test]
fn a_half_full_ring_is_sent_to_an_agent_at_once() {
    let spans = Spans::new(|config| config);
    assert_eq!(spans.finish(HALF), (HALF, Rest::Nothing));
}

#[test]
fn a_collector_gets_full_batches_and_the_rest_at_a_flush() {
    let config = |config: Config| config.otlp("http://c:1").max_batch_spans(512);
    let spans = Spans::new(config);
    let filling = Rest::Filling(LONGEST);
    assert_eq!(spans.finish(HALF), (0, filling));
    assert_eq!(spans.finish(HALF), (512, filling));
    assert_eq!(spans.finish(3 * 512), (4 * 512, filling));
    spans.0.exporter().pass(&spans.0.common, true);
    assert_eq!(spans.0.stats().queued, 0);
}

#[test]
fn a_batch_that_is_full_by_its_bytes_does_not_wait() {
    let spans = Spans::new(|config| {
        let config = config.otlp("http://c:1").max_batch_spans(65_535);
        config.max_batch_bytes(20_000)
    });
    let (delivered, rest) = spans.finish(HALF);
    assert!((100..HALF).contains(&delivered), "{delivered}");
    assert_eq!(rest, Rest::Filling(LONGEST));
}

#[test]
fn spans_that_a_full_batch_leaves_do_not_wait_for_the_interval_once_more() {
    let spans = Spans::new(|config| config.otlp("http://c:1").max_batch_spans(512));
    let half_an_hour = || {
        let mut exporter = spans.0.exporter();
        let batching = exporter.batching.as_mut().unwrap();
        batching.make_older(1_800_000_000_000);
    };
    assert_eq!(spans.finish(1).0, 0);
    half_an_hour();
    assert_eq!(spans.finish(519), (512, Rest::Filling(LONGEST)));
    half_an_hour();
    assert_eq!(spans.finish(0), (520, Rest::Nothing));
    assert_eq!(spans.finish(1).0, 520, "it waits for its own interval");
}

#[test]
fn a_batch_does_not_wait_beyond_the_interval() {
    let spans = Spans::new(|config| {
        let config = config.otlp("http://c:1");
        config.flush_interval(Duration::from_millis(1))
    });
    while spans.finish(1).0 == 0 {
        thread::yield_now();
    }
}

#[test]
fn with_further_transports_a_half_full_ring_is_sent_at_once() {
    let transport = crate::transport::Recorder::new();
    let config = config().background(false).otlp("http://127.0.0.1:1");
    let config = config.retry_time(Duration::ZERO);
    let builder = config.tracer_builder();
    let tracer = builder
        .also_transport("second", move || transport.clone())
        .build()
        .unwrap();
    let state = tracer.state().unwrap();
    for _ in 0..HALF {
        let mut span = tracer.start("in two batches");
        span.tag("component", "exporter");
        span.finish();
    }
    let pass = as_worker(|| state.exporter().pass(&state.common, false));
    assert_eq!(pass.rest, Rest::Stuck(LONGEST), "it waits for the answer");
}
