//! Prometheus's text format, version 0.0.4, and the parts of it that OpenMetrics shares.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::Write as _;
use std::time::Duration;

use picojaeger_core::Durations;

use crate::metrics::{Metric, MetricValue, MetricsSink, MetricsSnapshot};

/// The `Content-Type` of [`MetricsSnapshot::to_prometheus`].
///
/// ```
/// use picojaeger_std::metrics::PROMETHEUS_CONTENT_TYPE;
///
/// assert!(PROMETHEUS_CONTENT_TYPE.starts_with("text/plain; version=0.0.4"));
/// ```
pub const PROMETHEUS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl MetricsSnapshot {
    /// Returns the metrics as Prometheus text, which may be followed by that of other libraries.
    pub fn to_prometheus(&self) -> String {
        let mut text = Text::default();
        self.visit(&mut text);
        text.written
    }
}

/// The text so far, and the metric that was written last.
#[derive(Default)]
struct Text {
    written: String,
    last: Option<&'static Metric>,
}

impl MetricsSink for Text {
    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[(&'static str, &str)],
        value: &MetricValue,
    ) {
        if self.last != Some(metric) {
            self.describe(metric, value.kind());
        }
        self.last = Some(metric);
        match value {
            MetricValue::Count(value) | MetricValue::Gauge(value) => {
                self.line(metric.name, "", labels, value);
            }
            MetricValue::Durations(durations) => self.histogram(metric.name, labels, durations),
        }
    }
}

impl Text {
    fn describe(&mut self, metric: &Metric, kind: &str) {
        let (name, help) = (metric.name, escaped(metric.help, false));
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn histogram(&mut self, name: &str, labels: &[(&'static str, &str)], durations: &Durations) {
        for (bound, count) in durations.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".into(), seconds);
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.line(name, "_bucket", &labels, count);
        }
        self.line(name, "_sum", labels, seconds(durations.sum()));
        self.line(name, "_count", labels, durations.count());
    }

    fn line(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&'static str, &str)],
        value: impl std::fmt::Display,
    ) {
        self.push(format_args!("{name}{suffix}"));
        let mut separator = '{';
        for (key, text) in labels {
            self.push(format_args!("{separator}{key}=\"{}\"", escaped(text, true)));
            separator = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.push(format_args!("{end} {value}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _written = self.written.write_fmt(text);
    }
}

/// Returns the seconds as a decimal fraction.
fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

/// Escapes a backslash and a line feed, and in the value of a label the quotation mark.
fn escaped(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', r"\\").replace('\n', r"\n");
    match is_label {
        true => text.replace('"', "\\\""),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SPANS: Metric = Metric {
        name: "spans_total",
        help: "A \\ and a\nline, \"quoted\"",
    };
    static TIME: Metric = Metric {
        name: "time_seconds",
        help: "Time",
    };

    #[test]
    fn help_and_type_come_once_and_labels_are_escaped() {
        let mut text = Text::default();
        let shop = [("result", "ok"), ("service", "a\\b\"c\nd é")];
        text.sample(&SPANS, &shop, &MetricValue::Count(1));
        text.sample(
            &SPANS,
            &[("service", "stock")],
            &MetricValue::Count(u64::MAX),
        );
        text.sample(&TIME, &[], &MetricValue::Gauge(3));
        let expected = [
            r#"# HELP spans_total A \\ and a\nline, "quoted""#,
            "# TYPE spans_total counter",
            r#"spans_total{result="ok",service="a\\b\"c\nd é"} 1"#,
            r#"spans_total{service="stock"} 18446744073709551615"#,
            "# HELP time_seconds Time",
            "# TYPE time_seconds gauge",
            "time_seconds 3",
            "",
        ];
        assert_eq!(text.written, expected.join("\n"));
    }

    #[test]
    fn a_histogram_has_cumulative_buckets() {
        let mut durations = Durations::default();
        durations.record(Duration::from_micros(1_500));
        durations.record(Duration::from_millis(60));
        durations.record(Duration::from_secs(31));
        let mut text = Text::default();
        let labels = [("service", "shop")];
        text.sample(&TIME, &labels, &MetricValue::Durations(durations));
        let expected = r#"# HELP time_seconds Time
# TYPE time_seconds histogram
time_seconds_bucket{service="shop",le="0.00001"} 0
time_seconds_bucket{service="shop",le="0.0001"} 0
time_seconds_bucket{service="shop",le="0.001"} 0
time_seconds_bucket{service="shop",le="0.005"} 1
time_seconds_bucket{service="shop",le="0.01"} 1
time_seconds_bucket{service="shop",le="0.025"} 1
time_seconds_bucket{service="shop",le="0.05"} 1
time_seconds_bucket{service="shop",le="0.1"} 2
time_seconds_bucket{service="shop",le="0.25"} 2
time_seconds_bucket{service="shop",le="0.5"} 2
time_seconds_bucket{service="shop",le="1"} 2
time_seconds_bucket{service="shop",le="2.5"} 2
time_seconds_bucket{service="shop",le="5"} 2
time_seconds_bucket{service="shop",le="10"} 2
time_seconds_bucket{service="shop",le="30"} 2
time_seconds_bucket{service="shop",le="+Inf"} 3
time_seconds_sum{service="shop"} 31.0615
time_seconds_count{service="shop"} 3
"#;
        assert_eq!(text.written, expected);
    }
}
