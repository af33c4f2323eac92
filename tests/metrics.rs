//! Metrics of tracers through the public interface.

use std::time::Duration;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::metrics::MetricsSnapshot;
use picojaeger_std::transport::{FaultInjector, Recorder, SendOutcome, Transport};
use picojaeger_std::{ExportCounts, Tracer};

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
    // The first is lost, since it fits no packet of half its size.
    let shop = tracer("shop", &[SendOutcome::TooLarge, SendOutcome::Failed]);
    for _ in 0..4 {
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
