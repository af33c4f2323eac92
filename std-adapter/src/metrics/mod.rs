//! Metrics of tracers, under the names of Jaeger's Go client.
//!
//! [`Tracer::metrics`](crate::Tracer::metrics) returns a [`MetricsSnapshot`]. It prints as Prometheus
//! text, and passes its samples to any [`MetricsSink`]. Snapshots of several tracers are collected
//! into one, in which equal series are added up.
//!
//! ```
//! use picojaeger_std::config::{Config, Sampler};
//! use picojaeger_std::metrics::MetricsSnapshot;
//!
//! let tracer = |service| Config::new(service).sampler(Sampler::Const(true)).agent(false).new_tracer();
//! let (shop, stock) = (tracer("shop")?, tracer("stock")?);
//! shop.start("order").finish();
//!
//! let both: MetricsSnapshot = [&shop, &stock].map(|tracer| tracer.metrics()).into_iter().collect();
//! let text = both.to_prometheus();
//! assert!(text.contains("jaeger_tracer_started_spans_total{sampled=\"y\",service=\"shop\"} 1\n"));
//! assert!(text.contains("jaeger_tracer_started_spans_total{sampled=\"y\",service=\"stock\"} 0\n"));
//! # Ok::<(), picojaeger_std::config::ConfigError>(())
//! ```
//!
//! # The names
//! Each sample has the label `service`. `result` is `ok` for delivered spans, `err` for those that
//! could not be sent, `dropped` for those that never reached the transport; their sum is
//! [`Stats::delivered`](crate::Stats::delivered) and [`Lost::total`](crate::Lost::total).
//!
//! | Name | Labels | Counts |
//! |---|---|---|
//! | `jaeger_tracer_started_spans_total` | `sampled` = `y`, `n` | spans that started; one that is sampled late counts as `y` too |
//! | `jaeger_tracer_finished_spans_total` | `sampled` = `y`, with [requests](#requests) `n` too | spans that finished; the end of an unsampled one counts nothing by itself, so `n` needs the setting that watches every span |
//! | `jaeger_tracer_reporter_spans_total` | `result` = `ok`, `err`, `dropped` | finished spans by their fate |
//! | `jaeger_tracer_reporter_queue_length` | | gauge: finished spans that wait |
//! | `jaeger_tracer_span_context_decoding_errors_total` | | extractions that met a malformed header |
//! | `jaeger_tracer_open_spans` | | gauge: sampled spans that have not finished |
//! | `jaeger_tracer_cleared_spans_total` | | spans whose `sampling.priority` was set to 0 |
//! | `jaeger_tracer_unfinished_spans_total` | | copies that [`Tracer::flush_open`](crate::Tracer::flush_open) or a [close](crate::Config::unfinished_at_close) sent |
//! | `jaeger_tracer_lost_spans_total` | `cause` | lost spans by the causes of [`LossCause`](crate::LossCause) |
//! | `jaeger_tracer_late_refusals_total` | | packets that were refused after they counted as sent |
//! | `jaeger_tracer_export_packets_total` | `result` = `ok`, `err` | packets by their outcome |
//! | `jaeger_tracer_export_bytes_total` | | bytes of accepted packets |
//! | `jaeger_tracer_export_retries_total` | | packets that were, or are, to be sent again |
//! | `jaeger_tracer_export_duration_seconds` | | histogram: time to the outcome of a packet |
//! | `jaeger_tracer_baggage_updates_total` | `result` = `ok`, `err` | baggage items that were set, or refused |
//! | `jaeger_tracer_baggage_truncations_total` | | baggage items whose value was too long for its restriction |
//!
//! With the remote sampler, a throttler or baggage restrictions:
//!
//! | Name | Labels | Counts |
//! |---|---|---|
//! | `jaeger_tracer_sampler_queries_total` | `result` | questions to the sampling server, answered or not |
//! | `jaeger_tracer_sampler_updates_total` | `result` | its answers, applied or no strategy |
//! | `jaeger_tracer_throttler_updates_total` | `result` | questions for credits, answered or not |
//! | `jaeger_tracer_throttled_debug_spans_total` | | demands for a forced trace that had no credit |
//! | `jaeger_tracer_baggage_restrictions_updates_total` | `result` | questions for restrictions, answered or not |
//!
//! # Further transports
//! The counts above are those of the first transport. Each [further one](crate::Tracer::further_transports)
//! has its own, with its name as the label `transport`.
//!
//! | Name | Labels | Counts |
//! |---|---|---|
//! | `jaeger_tracer_transport_spans_total` | `transport`, `result` = `ok`, `err`, `dropped` | spans by their fate |
//! | `jaeger_tracer_transport_lost_spans_total` | `transport`, `cause` | lost spans by cause, once there are any |
//! | `jaeger_tracer_transport_queue_length` | `transport` | gauge: spans that wait |
//! | `jaeger_tracer_transport_packets_total` | `transport`, `result` = `ok`, `err` | packets by their outcome |
//! | `jaeger_tracer_transport_bytes_total` | `transport` | bytes of accepted packets |
//! | `jaeger_tracer_transport_retries_total` | `transport` | packets that were, or are, to be sent again |
//!
//! # Requests
//! With [`Config::rpc_metrics`](crate::Config::rpc_metrics) each span with the tag `span.kind` =
//! `server` counts as a request when it finishes, whether it is sampled or not. It has failed if its
//! tag `error` is `true`. `endpoint` is its operation name, with `-` in place of characters other than
//! letters, digits, `-`, `_`, `/` and `.`; beyond 200 names it is `other`.
//!
//! | Name | Labels | Counts |
//! |---|---|---|
//! | `jaeger_rpc_requests_total` | `endpoint`, `error` = `true`, `false` | requests |
//! | `jaeger_rpc_request_latency` | `endpoint`, `error` | histogram: seconds from start to finish |
//! | `jaeger_rpc_http_requests_total` | `endpoint`, `status_code` = `2xx` to `5xx` | requests by the tag `http.response.status_code` or `http.status_code` |
//! | `jaeger_tracer_traces_total` | `state` = `started`, `joined`, `sampled` = `y`, `n` | roots that started, contexts that were extracted |
//!
//! The tags count when they are given to the builder, or set with these keys by
//! [`Span::tag`](crate::Span::tag) before the finish.

#[cfg(feature = "metrics")]
mod facade;
mod names;
mod prometheus;
pub(crate) mod rpc;
mod snapshot;

#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use facade::MetricsFacade;
pub use prometheus::PROMETHEUS_CONTENT_TYPE;
pub use snapshot::MetricsSnapshot;

use picojaeger_core::Durations;

/// Receives the samples of a [`MetricsSnapshot`]: an exporter of metrics.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::metrics::{Metric, MetricValue, MetricsSink};
///
/// /// Lines for statsd.
/// #[derive(Default)]
/// struct Statsd(Vec<String>);
///
/// impl MetricsSink for Statsd {
///     fn sample(&mut self, metric: &'static Metric, labels: &[(&'static str, &str)], value: &MetricValue) {
///         let tags: Vec<_> = labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
///         let name = metric.name();
///         match value {
///             MetricValue::Count(total) => self.0.push(format!("{name}:{total}|g|#{}", tags.join(","))),
///             MetricValue::Gauge(level) => self.0.push(format!("{name}:{level}|g|#{}", tags.join(","))),
///             _ => {}
///         }
///     }
/// }
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent(false).new_tracer()?;
/// let _open = tracer.start("order");
/// let mut statsd = Statsd::default();
/// tracer.metrics().visit(&mut statsd);
/// assert!(statsd.0.contains(&"jaeger_tracer_open_spans:1|g|#service:shop".to_owned()));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait MetricsSink {
    /// Takes one sample. All samples of a metric come one after another; labels come in
    /// alphabetical order.
    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[(&'static str, &str)],
        value: &MetricValue,
    );
}

/// Name and description of a metric.
///
/// ```
/// use picojaeger_std::metrics::{Metric, MetricsSnapshot};
///
/// fn describe(metric: &Metric) -> String {
///     format!("{}: {}", metric.name(), metric.help())
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    name: &'static str,
    help: &'static str,
}

impl Metric {
    /// Returns the name, which is valid in Prometheus.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the description: one line without a full stop.
    pub const fn help(&self) -> &'static str {
        self.help
    }
}

/// The value of a sample.
///
/// ```
/// use picojaeger_std::metrics::MetricValue;
///
/// assert_eq!(MetricValue::Count(2).kind(), "counter");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetricValue {
    /// A count since the tracer was made.
    Count(u64),
    /// A level that goes up and down.
    Gauge(u64),
    /// A histogram of durations since the tracer was made.
    Durations(Durations),
}

impl MetricValue {
    /// Returns the kind of the metric as Prometheus names it: `counter`, `gauge` or `histogram`.
    pub const fn kind(&self) -> &'static str {
        match self {
            MetricValue::Count(_) => "counter",
            MetricValue::Gauge(_) => "gauge",
            MetricValue::Durations(_) => "histogram",
        }
    }

    /// Adds the value of an equal series of another tracer.
    fn add(&mut self, other: &MetricValue) {
        use MetricValue::{Count, Durations, Gauge};
        match (self, other) {
            (Count(sum), Count(more)) | (Gauge(sum), Gauge(more)) => *sum += more,
            (Durations(sum), Durations(more)) => sum.add(more),
            _ => debug_assert!(false, "a metric has one kind"),
        }
    }
}
