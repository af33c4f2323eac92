//! A snapshot of the counts as metrics.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use picojaeger_core::{ExportCounts, LossCause, Stats};

use crate::metrics::names as metric;
use crate::metrics::names::SERVICE;
use crate::metrics::rpc::RpcMetrics;
use crate::metrics::{Metric, MetricValue, MetricsSink};
use crate::propagation::BaggageCounts;
use crate::sampling::PollCounts;
#[cfg(feature = "http")]
use crate::sampling::Throttler;
use crate::stats::TransportStats;
#[cfg(feature = "http")]
use crate::sys::net::answers::AnswerCounts;

/// The metrics of one tracer or several at one moment.
///
/// Made by [`Tracer::metrics`](crate::Tracer::metrics); snapshots are collected or extended into
/// one, in which counts and gauges with equal labels are added up.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::metrics::MetricsSnapshot;
///
/// let mut all = MetricsSnapshot::default();
/// all.extend([Tracer::disabled().metrics()]);
/// assert_eq!(all.to_prometheus(), "", "a disabled tracer counts nothing");
/// ```
#[derive(Clone, Default, Debug)]
pub struct MetricsSnapshot {
    /// Ordered, so that the samples of a metric come together.
    samples: BTreeMap<Series, (&'static Metric, MetricValue)>,
}

/// The name of a metric, and labels in alphabetical order.
type Series = (&'static str, Vec<(&'static str, String)>);

impl MetricsSnapshot {
    /// Takes the counts of one tracer.
    pub(crate) fn new(
        service: &str,
        stats: &Stats,
        exports: &ExportCounts,
        rpc: Option<&RpcMetrics>,
    ) -> Self {
        let mut snapshot = MetricsSnapshot::default();
        let mut writer = Writer {
            service,
            snapshot: &mut snapshot,
        };
        writer.spans(stats);
        writer.losses(stats);
        writer.exports(exports);
        if let Some(rpc) = rpc {
            writer.requests(rpc);
        }
        snapshot
    }

    /// Takes the counts of the sampler's questions.
    pub(crate) fn with_polls(mut self, service: &str, polls: &PollCounts) -> Self {
        let mut writer = Writer {
            service,
            snapshot: &mut self,
        };
        let queries = &metric::SAMPLER_QUERIES;
        writer.updates(queries, polls.answered, polls.unanswered);
        let updates = &metric::SAMPLER_UPDATES;
        writer.updates(updates, polls.applied, polls.unreadable);
        self
    }

    /// Takes the counts of baggage items.
    pub(crate) fn with_baggage(mut self, service: &str, counts: &BaggageCounts) -> Self {
        let mut writer = Writer {
            service,
            snapshot: &mut self,
        };
        writer.updates(&metric::BAGGAGE_UPDATES, counts.set(), counts.refused());
        writer.count(&metric::BAGGAGE_TRUNCATIONS, &[], counts.truncated());
        self
    }

    /// Takes the counts of the throttler.
    #[cfg(feature = "http")]
    pub(crate) fn with_throttler(mut self, service: &str, throttler: &Throttler) -> Self {
        let mut writer = Writer {
            service,
            snapshot: &mut self,
        };
        let answers = throttler.answers();
        writer.updates(&metric::THROTTLER_UPDATES, answers.applied, answers.failed);
        writer.count(&metric::THROTTLED_DEBUG_SPANS, &[], throttler.throttled());
        self
    }

    /// Takes the counts of questions for baggage restrictions.
    #[cfg(feature = "http")]
    pub(crate) fn with_restrictions(mut self, service: &str, answers: AnswerCounts) -> Self {
        let mut writer = Writer {
            service,
            snapshot: &mut self,
        };
        let updates = &metric::BAGGAGE_RESTRICTIONS_UPDATES;
        writer.updates(updates, answers.applied, answers.failed);
        self
    }

    /// Takes the counts of the transports beside the first.
    pub(crate) fn with_further(mut self, service: &str, further: &[TransportStats]) -> Self {
        let mut writer = Writer {
            service,
            snapshot: &mut self,
        };
        further.iter().for_each(|stats| writer.transport(stats));
        self
    }

    /// Passes each sample to the sink, by name and labels in alphabetical order.
    pub fn visit(&self, sink: &mut impl MetricsSink) {
        for ((_, labels), (metric, value)) in &self.samples {
            let labels: Vec<_> = labels
                .iter()
                .map(|(key, text)| (*key, text.as_str()))
                .collect();
            sink.sample(metric, &labels, value);
        }
    }

    fn put(&mut self, series: Series, metric: &'static Metric, value: MetricValue) {
        match self.samples.entry(series) {
            Entry::Vacant(entry) => {
                entry.insert((metric, value));
            }
            Entry::Occupied(mut entry) => entry.get_mut().1.add(&value),
        }
    }
}

impl Extend<MetricsSnapshot> for MetricsSnapshot {
    fn extend<I: IntoIterator<Item = MetricsSnapshot>>(&mut self, snapshots: I) {
        for (series, (metric, value)) in snapshots.into_iter().flat_map(|other| other.samples) {
            self.put(series, metric, value);
        }
    }
}

impl FromIterator<MetricsSnapshot> for MetricsSnapshot {
    fn from_iter<I: IntoIterator<Item = MetricsSnapshot>>(snapshots: I) -> Self {
        let mut all = MetricsSnapshot::default();
        all.extend(snapshots);
        all
    }
}

/// Writes the samples of one service.
struct Writer<'w> {
    service: &'w str,
    snapshot: &'w mut MetricsSnapshot,
}

impl Writer<'_> {
    fn spans(&mut self, stats: &Stats) {
        self.count(&metric::STARTED_SPANS, &[("sampled", "y")], stats.sampled);
        self.count(&metric::STARTED_SPANS, &[("sampled", "n")], stats.unsampled);
        let finished = stats.sampled.saturating_sub(stats.open);
        self.count(&metric::FINISHED_SPANS, &[("sampled", "y")], finished);
        self.count(&metric::CLEARED_SPANS, &[], stats.cleared);
        self.count(&metric::DECODING_ERRORS, &[], stats.decode_errors);
        self.count(&metric::LATE_REFUSALS, &[], stats.late_refusals);
        self.count(&metric::UNFINISHED_SPANS, &[], stats.unfinished);
        self.sample(&metric::OPEN_SPANS, &[], MetricValue::Gauge(stats.open));
        self.sample(&metric::QUEUE_LENGTH, &[], MetricValue::Gauge(stats.queued));
    }

    fn losses(&mut self, stats: &Stats) {
        let result = |result| [("result", result)];
        self.count(&metric::REPORTER_SPANS, &result("ok"), stats.delivered);
        // Present before the first loss, so that a rate sees it.
        self.count(&metric::REPORTER_SPANS, &result("err"), 0);
        self.count(&metric::REPORTER_SPANS, &result("dropped"), 0);
        for (cause, count) in stats.lost.by_cause() {
            self.count(&metric::REPORTER_SPANS, &result(result_of(cause)), count);
            let cause = cause.as_str().replace(' ', "_");
            self.count(&metric::LOST_SPANS, &[("cause", &cause)], count);
        }
    }

    fn exports(&mut self, exports: &ExportCounts) {
        let packets = &metric::EXPORT_PACKETS;
        self.count(packets, &[("result", "ok")], exports.packets);
        self.count(packets, &[("result", "err")], exports.failures);
        self.count(&metric::EXPORT_BYTES, &[], exports.bytes);
        self.count(&metric::EXPORT_RETRIES, &[], exports.retries);
        let durations = MetricValue::Durations(exports.durations);
        self.sample(&metric::EXPORT_DURATION, &[], durations);
    }

    fn transport(&mut self, stats: &TransportStats) {
        let transport = ("transport", stats.name.as_str());
        let result = |result| [transport, ("result", result)];
        let spans = &metric::TRANSPORT_SPANS;
        self.count(spans, &result("ok"), stats.delivered);
        // Present before the first loss, as those of the reporter.
        self.count(spans, &result("err"), 0);
        self.count(spans, &result("dropped"), 0);
        for (cause, count) in stats.lost.by_cause() {
            self.count(spans, &result(result_of(cause)), count);
            if count > 0 {
                let cause = cause.as_str().replace(' ', "_");
                let labels = [transport, ("cause", &cause)];
                self.count(&metric::TRANSPORT_LOST_SPANS, &labels, count);
            }
        }
        let queued = MetricValue::Gauge(stats.queued);
        self.sample(&metric::TRANSPORT_QUEUE_LENGTH, &[transport], queued);
        let (exports, packets) = (&stats.exports, &metric::TRANSPORT_PACKETS);
        self.count(packets, &result("ok"), exports.packets);
        self.count(packets, &result("err"), exports.failures);
        self.count(&metric::TRANSPORT_BYTES, &[transport], exports.bytes);
        self.count(&metric::TRANSPORT_RETRIES, &[transport], exports.retries);
    }

    fn requests(&mut self, rpc: &RpcMetrics) {
        let unsampled = [("sampled", "n")];
        self.count(&metric::FINISHED_SPANS, &unsampled, rpc.unsampled());
        for ([state, sampled], count) in rpc.traces() {
            let labels = [("state", state), ("sampled", sampled)];
            self.count(&metric::TRACES, &labels, count);
        }
        for (endpoint, requests) in rpc.endpoints() {
            let outcomes = [("false", requests.succeeded), ("true", requests.failed)];
            for (error, durations) in outcomes {
                let labels = [("endpoint", endpoint.as_str()), ("error", error)];
                self.count(&metric::REQUESTS, &labels, durations.count());
                let durations = MetricValue::Durations(durations);
                self.sample(&metric::REQUEST_LATENCY, &labels, durations);
            }
            let classes = ["2xx", "3xx", "4xx", "5xx"].into_iter();
            for (class, count) in classes.zip(requests.by_status) {
                let labels = [("endpoint", endpoint.as_str()), ("status_code", class)];
                self.count(&metric::HTTP_REQUESTS, &labels, count);
            }
        }
    }

    /// Adds the counts of both results.
    fn updates(&mut self, metric: &'static Metric, ok: u64, err: u64) {
        self.count(metric, &[("result", "ok")], ok);
        self.count(metric, &[("result", "err")], err);
    }

    fn count(&mut self, metric: &'static Metric, labels: &[(&'static str, &str)], count: u64) {
        self.sample(metric, labels, MetricValue::Count(count));
    }

    /// Adds a sample with the label of the service.
    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[(&'static str, &str)],
        value: MetricValue,
    ) {
        let all = labels.iter().copied().chain([(SERVICE, self.service)]);
        let mut labels: Vec<_> = all.map(|(key, text)| (key, text.to_owned())).collect();
        labels.sort_unstable();
        self.snapshot.put((metric.name, labels), metric, value);
    }
}

/// Returns the `result` under which a lost span counts: whether a transport had it.
fn result_of(cause: LossCause) -> &'static str {
    match cause {
        LossCause::Full
        | LossCause::Blocked
        | LossCause::Evicted
        | LossCause::Reentered
        | LossCause::Memory
        | LossCause::Closed => "dropped",
        _ => "err",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picojaeger_core::{Lost, SendOutcome};

    use super::*;

    /// Counts that differ from each other.
    fn stats() -> Stats {
        let mut stats = Stats::default();
        stats.lost = Lost::default()
            .by_cause()
            .into_iter()
            .zip(1..)
            .fold(Lost::default(), |lost, ((cause, _), count)| {
                lost.with(cause, count)
            });
        (stats.open, stats.queued, stats.delivered, stats.cleared) = (100, 200, 300, 400);
        stats.sampled = 1_000 + stats.lost.total();
        (stats.unsampled, stats.decode_errors, stats.late_refusals) = (500, 600, 700);
        stats.unfinished = 800;
        stats
    }

    /// The samples of a metric: its labels but the service, and its value.
    #[derive(Default)]
    struct Named(&'static str, Vec<(String, u64)>);

    impl MetricsSink for Named {
        fn sample(
            &mut self,
            metric: &'static Metric,
            labels: &[(&'static str, &str)],
            value: &MetricValue,
        ) {
            if metric.name() != self.0 {
                return;
            }
            let labels = labels.iter().filter(|(key, _)| *key != SERVICE);
            let labels: Vec<_> = labels.map(|(key, text)| format!("{key}={text}")).collect();
            let value = match value {
                MetricValue::Count(value) | MetricValue::Gauge(value) => *value,
                MetricValue::Durations(durations) => durations.count(),
            };
            self.1.push((labels.join(","), value));
        }
    }

    fn named(snapshot: &MetricsSnapshot, metric: &Metric) -> Vec<(String, u64)> {
        let mut sink = Named(metric.name(), Vec::new());
        snapshot.visit(&mut sink);
        sink.1
    }

    #[test]
    fn the_results_of_the_reporter_add_up_to_the_counts() {
        let stats = stats();
        assert!(stats.adds_up());
        let snapshot = MetricsSnapshot::new("shop", &stats, &ExportCounts::default(), None);
        let results = named(&snapshot, &metric::REPORTER_SPANS);
        let sum: u64 = results.iter().map(|(_, count)| count).sum();
        assert_eq!(sum, stats.delivered + stats.lost.total());
        let lost = stats.lost;
        let err = lost.too_large + lost.refused + lost.failed + lost.unreachable;
        let dropped = lost.total() - err;
        let expected = [
            ("result=dropped", dropped),
            ("result=err", err),
            ("result=ok", 300),
        ];
        assert_eq!(
            results,
            expected.map(|(label, count)| (label.to_owned(), count))
        );
        let causes: u64 = named(&snapshot, &metric::LOST_SPANS)
            .iter()
            .map(|(_, n)| n)
            .sum();
        assert_eq!(causes, lost.total());
    }

    #[test]
    fn each_count_has_its_metric() {
        let mut exports = ExportCounts::default();
        exports.count(SendOutcome::Accepted, 70, Duration::from_millis(3));
        exports.count(SendOutcome::Failed, 70, Duration::from_millis(3));
        exports.retries = 3;
        let stats = stats();
        let snapshot = MetricsSnapshot::new("shop", &stats, &exports, None);
        let values = |metric| {
            let samples = named(&snapshot, metric).into_iter();
            samples.map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(values(&metric::STARTED_SPANS), [500, stats.sampled]);
        assert_eq!(values(&metric::FINISHED_SPANS), [stats.sampled - 100]);
        assert_eq!(values(&metric::OPEN_SPANS), [100]);
        assert_eq!(values(&metric::QUEUE_LENGTH), [200]);
        assert_eq!(values(&metric::CLEARED_SPANS), [400]);
        assert_eq!(values(&metric::DECODING_ERRORS), [600]);
        assert_eq!(values(&metric::LATE_REFUSALS), [700]);
        assert_eq!(values(&metric::UNFINISHED_SPANS), [800]);
        assert_eq!(values(&metric::EXPORT_PACKETS), [1, 1]);
        assert_eq!(values(&metric::EXPORT_BYTES), [70]);
        assert_eq!(values(&metric::EXPORT_RETRIES), [3]);
        assert_eq!(values(&metric::EXPORT_DURATION), [2]);
    }

    #[test]
    fn equal_series_are_added_up_and_others_stay_apart() {
        let mut exports = ExportCounts::default();
        exports.count(SendOutcome::Accepted, 70, Duration::from_millis(3));
        let of = |service| MetricsSnapshot::new(service, &stats(), &exports, None);
        let all: MetricsSnapshot = ["shop", "stock", "shop"].map(of).into_iter().collect();
        let queued = named(&all, &metric::QUEUE_LENGTH);
        let values: Vec<_> = queued.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [400, 200]);
        let durations = named(&all, &metric::EXPORT_DURATION);
        assert_eq!(
            durations
                .iter()
                .map(|(_, count)| *count)
                .collect::<Vec<_>>(),
            [2, 1]
        );
    }
}
