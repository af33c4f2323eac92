//! Metrics of tracers through the public interface.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::metrics::MetricsSnapshot;
use picojaeger_std::transport::{FaultInjector, Recorder, SendOutcome, Transport};
use picojaeger_std::{ExportCounts, TimeSource, Tracer};

const SOON: Duration = Duration::from_secs(20);

/// A tracer without a worker, whose first packets have these outcomes; the others are accepted.
fn tracer(service: &str, outcomes: &'static [SendOutcome]) -> Tracer {
    let config = Config::new(service)
        .sampler(Sampler::Const(true))
        .background(false);
    let inject = |number, _: &[u8]| outcomes.get(number as usize).copied();
    let transport = move || FaultInjector::new(Recorder::new(), inject);
    config
        .tracer_builder()
        .transport(transport)
        .build()
        .unwrap()
}

/// The value of a series, from the text.
fn value(text: &str, series: &str) -> f64 {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("no {series} in\n{text}"));
    assert_eq!(values.next(), None, "{series} comes once");
    value.parse().unwrap()
}

fn results(text: &str, name: &str, service: &str) -> [f64; 3] {
    ["ok", "err", "dropped"].map(|result| {
        value(
            text,
            &format!("{name}{{result=\"{result}\",service=\"{service}\"}}"),
        )
    })
}

#[test]
fn the_results_add_up_to_the_counts_of_the_tracer() {
    let shop = tracer("shop", &[SendOutcome::Refused, SendOutcome::Accepted]);
    for spans in [3, 2] {
        (0..spans).for_each(|_| shop.start("order").finish());
        let _first_is_refused = shop.flush(SOON);
    }
    (0..4).for_each(|_| shop.start("queued").finish());
    let open = shop.start("open");
    shop.close(SOON).unwrap();
    shop.start("late").finish();
    let stats = shop.stats();
    let text = shop.metrics().to_prometheus();
    let results = results(&text, "jaeger_tracer_reporter_spans_total", "shop");
    assert_eq!(results, [6.0, 3.0, 1.0]);
    let sum = results.iter().sum::<f64>();
    assert_eq!(
        sum,
        (stats.delivered + stats.lost.total()) as f64,
        "{stats}"
    );
    let service = "{service=\"shop\"}";
    assert_eq!(
        value(&text, &format!("jaeger_tracer_open_spans{service}")),
        1.0
    );
    drop(open);
}

#[test]
fn the_queue_is_a_gauge() {
    let shop = tracer("shop", &[]);
    let series = "jaeger_tracer_reporter_queue_length{service=\"shop\"}";
    let queued = || value(&shop.metrics().to_prometheus(), series);
    (0..5).for_each(|_| shop.start("order").finish());
    assert_eq!(queued(), 5.0);
    shop.flush(SOON).unwrap();
    assert_eq!(queued(), 0.0);
}

#[test]
fn sends_are_counted_and_timed() {
    let shop = tracer("shop", &[SendOutcome::Retry, SendOutcome::Failed]);
    for _ in 0..3 {
        shop.start("order").finish();
        let _some_fail = shop.flush(SOON);
    }
    let text = shop.metrics().to_prometheus();
    let of = |name: &str| value(&text, &format!("jaeger_tracer_export_{name}"));
    assert_eq!(of("retries_total{service=\"shop\"}"), 1.0);
    assert_eq!(of("packets_total{result=\"err\",service=\"shop\"}"), 1.0);
    let packets = of("packets_total{result=\"ok\",service=\"shop\"}");
    assert_eq!(packets, 2.0);
    assert!(of("bytes_total{service=\"shop\"}") > 2.0 * 50.0);
    assert_eq!(
        of("duration_seconds_count{service=\"shop\"}"),
        packets + 1.0
    );
    assert_eq!(
        of("duration_seconds_bucket{service=\"shop\",le=\"+Inf\"}"),
        packets + 1.0
    );
    assert!(of("duration_seconds_sum{service=\"shop\"}") > 0.0);
}

/// A transport that counts for itself.
struct Counting;

impl Transport for Counting {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        let mut counts = ExportCounts::default();
        counts.count(SendOutcome::Accepted, 77, Duration::from_secs(2));
        counts.retries = 7;
        Some(counts)
    }
}

#[test]
fn a_transport_may_count_for_itself() {
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .background(false);
    let shop = config
        .tracer_builder()
        .transport(|| Counting)
        .build()
        .unwrap();
    shop.start("order").finish();
    shop.flush(SOON).unwrap();
    let text = shop.metrics().to_prometheus();
    let of = |name: &str| {
        value(
            &text,
            &format!("jaeger_tracer_export_{name}{{service=\"shop\"}}"),
        )
    };
    assert_eq!(of("retries_total"), 7.0);
    assert_eq!(of("bytes_total"), 77.0);
    assert_eq!(of("duration_seconds_sum"), 2.0);
}

/// A transport whose packets have their outcome when they are polled.
struct Slow;

impl Transport for Slow {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Pending
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        SendOutcome::PartlyAccepted { rejected: 1 }
    }
}

#[test]
fn a_pending_packet_is_counted_once_when_it_has_its_outcome() {
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .background(false);
    let shop = config.tracer_builder().transport(|| Slow).build().unwrap();
    (0..2).for_each(|_| shop.start("order").finish());
    let _one_is_rejected = shop.flush(SOON);
    assert_eq!((shop.stats().delivered, shop.stats().lost.refused), (1, 1));
    let text = shop.metrics().to_prometheus();
    let of = |name: &str| value(&text, &format!("jaeger_tracer_export_{name}"));
    assert_eq!(of("packets_total{result=\"ok\",service=\"shop\"}"), 1.0);
    assert_eq!(of("packets_total{result=\"err\",service=\"shop\"}"), 0.0);
    assert_eq!(of("duration_seconds_count{service=\"shop\"}"), 1.0);
}

#[test]
fn several_tracers_share_one_exposition() {
    let tracers = ["shop", "stock", "shop"].map(|service| tracer(service, &[]));
    for tracer in &tracers {
        tracer.start("order").finish();
        tracer.flush(SOON).unwrap();
    }
    let all: MetricsSnapshot = tracers.iter().map(Tracer::metrics).collect();
    let text = all.to_prometheus();
    let name = "jaeger_tracer_reporter_spans_total";
    assert_eq!(results(&text, name, "shop"), [2.0, 0.0, 0.0]);
    assert_eq!(results(&text, name, "stock"), [1.0, 0.0, 0.0]);
    let types = text.lines().filter(|line| line.starts_with("# TYPE "));
    let mut names: Vec<_> = types.collect();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "each is described once");
}

/// A tracer that counts requests, timed by a clock of microseconds that the test sets.
fn counting(sampler: Sampler, clock: &Arc<Micros>) -> Tracer {
    let config = Config::new("shop")
        .sampler(sampler)
        .background(false)
        .agent(false);
    let builder = config.rpc_metrics(true).tracer_builder();
    builder.time_source(clock.clone()).build().unwrap()
}

#[derive(Default)]
struct Micros(AtomicU64);

impl Micros {
    fn pass(&self, micros: u64) {
        self.0.fetch_add(micros, Relaxed);
    }
}

impl TimeSource for Micros {
    fn ticks(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn frequency(&self) -> u64 {
        1_000_000
    }

    fn unix_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000) + Duration::from_micros(self.ticks())
    }
}

/// The labels of all requests to an endpoint, by the tag `error`.
fn requests(tracer: &Tracer, endpoint: &str) -> [f64; 2] {
    let text = tracer.metrics().to_prometheus();
    ["false", "true"].map(|error| {
        let labels = format!("{{endpoint=\"{endpoint}\",error=\"{error}\",service=\"shop\"}}");
        value(&text, &format!("jaeger_rpc_requests_total{labels}"))
    })
}

fn latency(tracer: &Tracer, endpoint: &str) -> f64 {
    let text = tracer.metrics().to_prometheus();
    let labels = format!("{{endpoint=\"{endpoint}\",error=\"false\",service=\"shop\"}}");
    value(&text, &format!("jaeger_rpc_request_latency_sum{labels}"))
}

const DECISIONS: [Sampler; 2] = [Sampler::Const(true), Sampler::Const(false)];

#[test]
fn requests_are_counted_and_timed_whether_sampled_or_not() {
    for sampler in DECISIONS {
        let clock = Arc::default();
        let shop = counting(sampler, &clock);
        let builder = shop.span_builder("by builder").tag("span.kind", "server");
        let span = builder.start();
        clock.pass(2_000);
        drop(span);
        let mut span = shop.start("before");
        clock.pass(3_000);
        span.tag("span.kind", "server")
            .tag("error", true)
            .tag("component", "x");
        span.set_operation_name("by tag");
        span.tag("error", false);
        span.finish();
        clock.pass(1_000);
        drop(span);
        let mut span = shop
            .span_builder("failed")
            .tag("span.kind", "server")
            .start();
        span.tag("error", true)
            .tag("http.status_code", 503)
            .finish();
        shop.span_builder("client")
            .tag("span.kind", "client")
            .start()
            .finish();
        assert_eq!(requests(&shop, "by-builder"), [1.0, 0.0], "{sampler:?}");
        assert_eq!(latency(&shop, "by-builder"), 0.002, "{sampler:?}");
        assert_eq!(requests(&shop, "by-tag"), [1.0, 0.0], "{sampler:?}");
        assert_eq!(latency(&shop, "by-tag"), 0.003, "{sampler:?}");
        assert_eq!(requests(&shop, "failed"), [0.0, 1.0], "{sampler:?}");
        let text = shop.metrics().to_prometheus();
        let series = "jaeger_rpc_http_requests_total{endpoint=\"failed\",service=\"shop\",status_code=\"5xx\"}";
        assert_eq!(value(&text, series), 1.0);
        assert!(!text.contains("client"), "{text}");
        assert!(shop.stats().adds_up(), "{}", shop.stats());
    }
}

#[test]
fn given_times_are_the_times_of_a_request() {
    let at = |micros| UNIX_EPOCH + Duration::from_secs(1_000) + Duration::from_micros(micros);
    for sampler in DECISIONS {
        let clock = Arc::default();
        let shop = counting(sampler, &clock);
        let start = |name| shop.span_builder(name).tag("span.kind", "server");
        start("both").start_time(at(5)).start().finish_at(at(35));
        clock.pass(100);
        start("start").start_time(at(50)).start().finish();
        let mut span = start("end").start();
        clock.pass(100);
        span.finish_at(at(170));
        for (name, micros) in [("both", 30e-6), ("start", 50e-6), ("end", 70e-6)] {
            assert_eq!(latency(&shop, name), micros, "{name} {sampler:?}");
        }
    }
}

#[test]
fn a_request_that_panics_has_failed() {
    for sampler in DECISIONS {
        let shop = counting(sampler, &Arc::default());
        let panicking = AssertUnwindSafe(|| {
            let _span = shop.span_builder("get").tag("span.kind", "server").start();
            panic!("on purpose");
        });
        assert!(catch_unwind(panicking).is_err());
        assert_eq!(requests(&shop, "get"), [0.0, 1.0], "{sampler:?}");
    }
}

#[test]
fn requests_that_are_lost_or_cleared_count_too() {
    let shop = counting(Sampler::Const(true), &Arc::default());
    let start = || shop.span_builder("get").tag("span.kind", "server").start();
    let mut cleared = start();
    cleared.tag("sampling.priority", 0);
    drop(cleared);
    let mut upgraded = start();
    upgraded.tag("sampling.priority", 1);
    upgraded.finish();
    shop.close(SOON).unwrap();
    start().finish();
    assert_eq!(shop.stats().lost.closed, 1);
    assert_eq!(requests(&shop, "get"), [3.0, 0.0]);
}

#[test]
fn traces_are_begun_or_joined() {
    let shop = counting(Sampler::Const(false), &Arc::default());
    let parent = HashMap::from([("uber-trace-id", "4b32888b8fb596e9:2bc6e6f59ded8ad0:0:1")]);
    let joined = shop
        .span_builder("joined")
        .child_of(shop.extract(&parent))
        .start();
    shop.span_builder("child")
        .child_of(&joined)
        .start()
        .finish();
    (0..2).for_each(|_| shop.start("begun").finish());
    let text = shop.metrics().to_prometheus();
    let traces = |state, sampled| {
        let labels = format!("{{sampled=\"{sampled}\",service=\"shop\",state=\"{state}\"}}");
        value(&text, &format!("jaeger_tracer_traces_total{labels}"))
    };
    assert_eq!([traces("joined", "y"), traces("joined", "n")], [1.0, 0.0]);
    assert_eq!([traces("started", "y"), traces("started", "n")], [0.0, 2.0]);
}

#[test]
fn spans_that_finish_are_counted_by_their_decision() {
    let finished = |tracer: &Tracer, sampled: &str| {
        let text = tracer.metrics().to_prometheus();
        let labels = format!("{{sampled=\"{sampled}\",service=\"shop\"}}");
        value(
            &text,
            &format!("jaeger_tracer_finished_spans_total{labels}"),
        )
    };
    let shop = counting(Sampler::Const(false), &Arc::default());
    let open = shop.start("open");
    shop.start("unsampled").finish();
    drop(shop.span_builder("child").child_of(&open).start());
    let mut late = shop.start("late");
    late.tag("sampling.priority", 1);
    late.finish();
    assert_eq!([finished(&shop, "y"), finished(&shop, "n")], [1.0, 2.0]);
    drop(open);
    assert_eq!([finished(&shop, "y"), finished(&shop, "n")], [1.0, 3.0]);
    let shop = counting(Sampler::Const(true), &Arc::default());
    shop.start("cleared").tag("sampling.priority", 0);
    shop.start("sampled").finish();
    assert_eq!([finished(&shop, "y"), finished(&shop, "n")], [2.0, 0.0]);
}

#[test]
fn without_the_setting_no_request_is_counted() {
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent(false);
    let shop = config.background(false).new_tracer().unwrap();
    shop.span_builder("get")
        .tag("span.kind", "server")
        .start()
        .finish();
    assert!(!shop.metrics().to_prometheus().contains("jaeger_rpc"));
}

/// Their shards change places while a span of the one is open in the other's call.
#[test]
fn tracers_with_and_without_the_setting_work_side_by_side() {
    let counting = counting(Sampler::Const(true), &Arc::default());
    let config = Config::new("stock")
        .sampler(Sampler::Const(true))
        .agent(false);
    let plain = config.background(false).new_tracer().unwrap();
    for _ in 0..200 {
        let request = counting
            .span_builder("get")
            .tag("span.kind", "server")
            .start();
        let query = plain.span_builder("query").child_of(&request).start();
        counting
            .span_builder("inner")
            .child_of(&query)
            .start()
            .finish();
        drop(request);
        drop(query);
    }
    for (tracer, delivered) in [(&counting, 400), (&plain, 200)] {
        tracer.flush(SOON).unwrap();
        assert_eq!(tracer.stats().delivered, delivered);
        assert!(tracer.stats().adds_up(), "{}", tracer.stats());
    }
    assert_eq!(requests(&counting, "get"), [200.0, 0.0]);
}
