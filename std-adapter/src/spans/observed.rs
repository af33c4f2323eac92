//! Calls of the user's observers.

use picojaeger_core::{Key, Value};

use crate::config::TagValue;
use crate::context::SpanContext;
use crate::observers::SpanEvent;
use crate::state::Slot;

/// Tags that a builder has written; a span that is not sampled keeps none.
pub(super) type BuilderTags = Vec<(String, TagValue)>;

/// Returns the tags that a span starts with.
pub(super) fn builder_tags(written: Option<&Slot>) -> BuilderTags {
    let tags = written
        .into_iter()
        .flat_map(|slot| slot.image.record().tags());
    tags.map(|tag| (tag.key.to_owned(), TagValue::from(tag.value)))
        .collect()
}

impl Slot {
    /// Tells the observers of the start.
    pub(super) fn notify_start(&self, tags: &BuilderTags) {
        let operation = self.image.record().operation();
        self.notify(SpanEvent::Started { operation });
        for (key, value) in tags {
            let value = value.as_value();
            self.notify(SpanEvent::TagSet { key, value });
        }
    }

    /// Tells the observers of a tag, if the span is watched.
    pub(crate) fn notify_tag(&self, key: Key<'_>, value: Value<'_>) {
        let key = key.as_str();
        self.notify_watched(SpanEvent::TagSet { key, value });
    }

    /// Tells the observers of an event, if the span is watched.
    pub(super) fn notify_watched(&self, event: SpanEvent<'_>) {
        if self.notes != 0 && !self.is_of_parent() {
            self.notify(event);
        }
    }

    fn notify(&self, event: SpanEvent<'_>) {
        let observers = &self.owner.observers;
        if !observers.is_empty() {
            // Not `context`, which would make a decision that waits.
            let span = SpanContext {
                core: self.image.context(),
                baggage: self.baggage.clone().without_pending(),
            };
            observers.notify(&span, event);
        }
    }
}
