//! The limit of a span's logs, and errors as logs.

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::{Log, Tag};
use picojaeger_core::{Key, Value, tags};

use crate::state::Slot;

/// The component of a log that stands for dropped ones, as Go's client writes it.
const CLIENT: &str = "jaeger-client";

impl Slot {
    /// Begins a log, after room was made for it within the limit of logs.
    pub(crate) fn log(self: &mut Box<Self>, time: Timestamp) -> Option<&mut Box<Self>> {
        if let Some(most) = self.owner.common.settings.limits.logs_per_span
            && self.image.record().logs().count() >= most
        {
            self.drop_log(most);
        }
        self.log_any(time)
    }

    /// Drops a log from the middle: the first ones stay, and one counts those dropped. Of `most`
    /// logs, one place is free then.
    fn drop_log(self: &mut Box<Self>, most: usize) {
        let first = (most - 1) / 2;
        let Some((dropped, time)) = next_drop(self.image.record().logs().skip(first)) else {
            return;
        };
        self.image.remove_logs(first..first + 2);
        if let Some(slot) = self.log_any(time) {
            slot.field(Key::Static(tags::EVENT), Value::Str(tags::DROPPED_LOGS));
            slot.field(Key::Static(tags::DROPPED_LOG_COUNT), Value::U64(dropped));
            slot.field(Key::Static(tags::COMPONENT), Value::Str(CLIENT));
            slot.image.move_last_log(first);
        }
    }

    /// Tags the span `error=true`, unless it is.
    pub(crate) fn mark_error(self: &mut Box<Self>) {
        let is_mark = |tag: Tag<'_>| tag.key == tags::ERROR && tag.value == Value::Bool(true);
        if !self.image.record().tags().any(is_mark) {
            self.tag(Key::Static(tags::ERROR), Value::Bool(true));
        }
    }

    /// Logs an error and its causes, these in no more than `longest` bytes, and tags the span.
    pub(crate) fn record_error(self: &mut Box<Self>, error: &ErrorText<'_>, longest: usize) {
        self.mark_error();
        let now = Timestamp::Ticks(self.owner.source.ticks());
        let Some(slot) = self.log(now) else {
            return;
        };
        slot.field(Key::Static(tags::EVENT), Value::Str(tags::ERROR));
        if let Some(kind) = error.kind {
            slot.field(Key::Static(tags::ERROR_KIND), Value::Str(kind));
        }
        slot.field(Key::Static(tags::MESSAGE), Value::Str(error.message));
        if !error.causes.is_empty() {
            slot.field_within(tags::STACK, error.causes, longest);
        }
    }
}

/// An error as text.
pub(crate) struct ErrorText<'e> {
    pub(crate) kind: Option<&'e str>,
    pub(crate) message: &'e str,
    /// The error and its causes, a line each; empty without a cause.
    pub(crate) causes: &'e str,
}

/// Returns the count of logs that will have been dropped, and the time of the last of them: of the
/// log behind the count, or without a count of the second of two that make place for one.
fn next_drop<'r>(mut middle: impl Iterator<Item = Log<'r>>) -> Option<(u64, Timestamp)> {
    let counted = middle.next().and_then(|log| log.dropped());
    let time = middle.next()?.time;
    Some((counted.map_or(2, |before| before + 1), time))
}
