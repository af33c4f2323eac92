//! The facade of the `metrics` crate, through which any of its exporters gets the samples.

use std::time::Duration;

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use picojaeger_core::Durations;

use crate::metrics::{Metric, MetricValue, MetricsSink};

/// Passes samples to the recorder of the `metrics` crate that is installed, or to none.
///
/// To be called now and then, as often as the exporter is read: a sample sets its counter or gauge
/// to an absolute value. A histogram becomes counters `…_bucket` (with the label `le`) and `…_count`
/// and a gauge `…_sum`, as Prometheus has them, since the facade takes no counts of buckets.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::metrics::MetricsFacade;
///
/// fn every_few_seconds(tracer: &Tracer) {
///     tracer.metrics().visit(&mut MetricsFacade);
/// }
/// # every_few_seconds(&Tracer::disabled());
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the recorder is the process's, so there is nothing to hold"
)]
pub struct MetricsFacade;

static METADATA: Metadata<'static> = Metadata::new("picojaeger", Level::INFO, Some(module_path!()));

impl MetricsSink for MetricsFacade {
    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[(&'static str, &str)],
        value: &MetricValue,
    ) {
        ::metrics::with_recorder(|recorder| {
            let to = Target {
                recorder,
                metric,
                labels,
            };
            match value {
                MetricValue::Count(total) => to.count("", &[], *total),
                MetricValue::Gauge(level) => to.gauge("", *level as f64, Unit::Count),
                MetricValue::Durations(durations) => to.histogram(durations),
            }
        });
    }
}

/// A series of the recorder.
struct Target<'t> {
    recorder: &'t dyn Recorder,
    metric: &'static Metric,
    labels: &'t [(&'static str, &'t str)],
}

impl Target<'_> {
    fn histogram(&self, durations: &Durations) {
        for (bound, count) in durations.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), seconds);
            self.count("_bucket", &[("le", &bound)], count);
        }
        self.count("_count", &[], durations.count());
        self.gauge("_sum", durations.sum().as_secs_f64(), Unit::Seconds);
    }

    fn count(&self, suffix: &'static str, more: &[(&'static str, &str)], total: u64) {
        let key = self.key(suffix, more);
        let (name, help) = self.description(suffix);
        self.recorder
            .describe_counter(name, Some(Unit::Count), help);
        self.recorder
            .register_counter(&key, &METADATA)
            .absolute(total);
    }

    fn gauge(&self, suffix: &'static str, level: f64, unit: Unit) {
        let key = self.key(suffix, &[]);
        let (name, help) = self.description(suffix);
        self.recorder.describe_gauge(name, Some(unit), help);
        self.recorder.register_gauge(&key, &METADATA).set(level);
    }

    fn key(&self, suffix: &str, more: &[(&'static str, &str)]) -> Key {
        let labels = self.labels.iter().chain(more);
        let labels = labels.map(|(key, text)| Label::new(*key, (*text).to_owned()));
        Key::from_parts(self.name(suffix), labels.collect::<Vec<_>>())
    }

    fn description(&self, suffix: &str) -> (KeyName, SharedString) {
        let help = SharedString::const_str(self.metric.help());
        (KeyName::from(self.name(suffix)), help)
    }

    fn name(&self, suffix: &str) -> String {
        self.metric.name().to_owned() + suffix
    }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram};

    use super::*;

    /// The last value of each series.
    #[derive(Clone, Default)]
    struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

    struct Series(String, Values);

    impl Series {
        fn new(key: &Key, values: &Values) -> Arc<Self> {
            let labels: Vec<_> = key
                .labels()
                .map(|l| format!("{}={}", l.key(), l.value()))
                .collect();
            Arc::new(Series(
                format!("{}{{{}}}", key.name(), labels.join(",")),
                values.clone(),
            ))
        }

        fn put(&self, value: f64) {
            self.1.0.lock().unwrap().insert(self.0.clone(), value);
        }
    }

    impl CounterFn for Series {
        fn increment(&self, _: u64) {
            unreachable!("counts are absolute")
        }
        fn absolute(&self, value: u64) {
            self.put(value as f64);
        }
    }

    impl GaugeFn for Series {
        fn increment(&self, _: f64) {
            unreachable!("levels are absolute")
        }
        fn decrement(&self, _: f64) {
            unreachable!("levels are absolute")
        }
        fn set(&self, value: f64) {
            self.put(value);
        }
    }

    impl Recorder for Values {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(Series::new(key, self))
        }
        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(Series::new(key, self))
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            unreachable!("the facade takes no counts of buckets")
        }
    }

    #[test]
    fn a_recorder_gets_each_sample() {
        static METRIC: Metric = Metric {
            name: "x",
            help: "X",
        };
        let values = Values::default();
        let mut durations = Durations::default();
        durations.record(Duration::from_millis(7));
        ::metrics::with_local_recorder(&values, || {
            let shop = [("service", "shop")];
            MetricsFacade.sample(&METRIC, &shop, &MetricValue::Count(2));
            MetricsFacade.sample(&METRIC, &[], &MetricValue::Gauge(3));
            MetricsFacade.sample(&METRIC, &shop, &MetricValue::Durations(durations));
        });
        let values = values.0.lock().unwrap();
        assert_eq!(values["x{service=shop}"], 2.0);
        assert_eq!(values["x{}"], 3.0);
        assert_eq!(values["x_bucket{service=shop,le=0.005}"], 0.0);
        assert_eq!(values["x_bucket{service=shop,le=0.01}"], 1.0);
        assert_eq!(values["x_bucket{service=shop,le=+Inf}"], 1.0);
        assert_eq!(values["x_count{service=shop}"], 1.0);
        assert_eq!(values["x_sum{service=shop}"], 0.007);
        assert_eq!(values.len(), 2 + Durations::BOUNDS.len() + 1 + 2);
    }
}
