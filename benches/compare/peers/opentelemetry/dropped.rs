//! The batch processor's count of lost spans. It reports the count only when it
//! is shut down, by an event of `tracing`.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Subscriber, set_global_default};
use tracing::{Event, Level, Metadata};

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Installs the subscriber for the whole process.
pub(super) fn listen() {
    set_global_default(Listener).expect("nobody else listens");
}

/// Returns the spans that the processor reported as dropped.
pub(super) fn count() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Subscriber of the SDK's warnings only.
struct Listener;

impl Subscriber for Listener {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.is_event()
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Count);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Sums up the field with the count.
struct Count;

impl Visit for Count {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "dropped_span_count" {
            DROPPED.fetch_add(value, Ordering::Relaxed);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
