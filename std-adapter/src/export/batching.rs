//! When a batch to a collector is due.

use crate::config::Settings;

/// Holds records back until they fill a batch, or one has waited for the interval of flushes.
///
/// A request costs its sender and the collector as much as the encoding of hundreds of spans.
#[derive(Debug)]
pub(super) struct Batching {
    /// Spans of a full batch.
    spans: u64,
    /// Bytes of records that fill one in any case.
    bytes: usize,
    /// In nanoseconds.
    interval: u64,
    /// No record that waits came before, or was seen before; `None` while none waits.
    since: Option<u64>,
}

impl Batching {
    /// Makes the rule for the collector of the settings; `None` without one.
    pub(super) fn new(settings: &Settings, bytes: usize) -> Option<Self> {
        let collector = settings.collector.as_ref()?;
        Some(Batching {
            spans: collector.max_batch_spans as u64,
            bytes,
            interval: settings.reporter.flush_interval.as_nanos() as u64,
            since: None,
        })
    }

    /// Returns whether a batch of this many waiting spans and bytes of records is due.
    pub(super) fn is_due(&mut self, spans: u64, bytes: usize, now: u64) -> bool {
        let since = *self.since.get_or_insert(now);
        spans >= self.spans || bytes >= self.bytes || now.wrapping_sub(since) >= self.interval
    }

    /// Notes that all records were packed that came before now.
    ///
    /// A full batch alone changes nothing: records of other rings may be left, and must not wait for
    /// the interval once more.
    pub(super) fn packed_all(&mut self, now: u64) {
        self.since = Some(now);
    }

    /// Notes that no record waits.
    pub(super) fn emptied(&mut self) {
        self.since = None;
    }

    #[cfg(test)]
    /// Makes the records that wait older.
    pub(super) fn make_older(&mut self, nanos: u64) {
        self.since = self.since.map(|since| since.wrapping_sub(nanos));
    }
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Config, Sampler};

    const INTERVAL: Duration = Duration::from_secs(1);

    fn batching() -> Batching {
        let config = Config::new("batching").sampler(Sampler::Const(true));
        let config = config.otlp("http://c:1").flush_interval(INTERVAL);
        Batching::new(&config.max_batch_spans(10).resolve().unwrap(), 1_000).unwrap()
    }

    #[test]
    fn a_full_batch_is_due_by_spans_or_bytes() {
        let mut batching = batching();
        let due =
            [(9, 999), (10, 1), (1, 1_000)].map(|(spans, bytes)| batching.is_due(spans, bytes, 7));
        assert_eq!(due, [false, true, true]);
    }

    #[test]
    fn fewer_spans_are_due_once_one_has_waited_for_the_interval() {
        let (mut batching, interval) = (batching(), INTERVAL.as_nanos() as u64);
        assert!(!batching.is_due(1, 1, 7));
        assert!(!batching.is_due(2, 2, 6 + interval));
        assert!(batching.is_due(2, 2, 7 + interval));
        batching.packed_all(9);
        assert!(!batching.is_due(1, 1, 8 + interval));
        assert!(batching.is_due(1, 1, 9 + interval));
        batching.emptied();
        assert!(!batching.is_due(1, 1, 9 + interval), "it came later");
    }

    #[test]
    fn packets_to_an_agent_have_no_such_rule() {
        let config = Config::new("batching").sampler(Sampler::Const(true));
        assert!(Batching::new(&config.resolve().unwrap(), 1_000).is_none());
    }
}
