//! Bad input of every kind gives a typed error or the documented fallback, and loses nothing else.

#[path = "../common/mod.rs"]
mod common;

mod agent;
mod capacity;
mod headers;
mod settings;
mod tags;

use std::sync::Arc;
use std::time::Duration;

use picojaeger_std::Tracer;
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::model::{Span, TagValue};

const MIB: usize = 1 << 20;
/// Longest wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tracer without a worker, and the collector to which a flush sends.
struct Pair {
    tracer: Tracer,
    collector: Collector,
}

impl Pair {
    fn new() -> Self {
        Self::with(|config| config)
    }

    fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        let collector = Collector::bind("127.0.0.1:0").unwrap();
        let config = Config::new("shop")
            .sampler(Sampler::Const(true))
            .background(false)
            .agent_host("127.0.0.1")
            .agent_port(collector.local_addr().port());
        let tracer = adjust(config).new_tracer().unwrap();
        Pair { tracer, collector }
    }

    /// Flushes, and returns the spans that arrived: all that were ever delivered.
    #[track_caller]
    fn arrived(&self) -> Vec<Arc<Span>> {
        self.tracer.flush(PATIENCE).unwrap();
        let stats = self.tracer.stats();
        assert!(stats.adds_up(), "{stats}");
        assert_eq!(stats.queued, 0, "{stats}");
        assert!(
            self.collector.wait_for_spans(stats.delivered, PATIENCE),
            "{stats}"
        );
        let spans = self.collector.spans();
        assert_eq!(spans.len() as u64, stats.delivered, "{stats}");
        spans.into_iter().map(|collected| collected.span).collect()
    }
}

fn text(text: impl Into<String>) -> TagValue {
    TagValue::String(text.into())
}
