//! Requests: what is noted of each span where requests are counted, and the count at its end.
//!
//! A span that is not sampled keeps no tags, so those that matter are noted in its slot. Nothing is
//! noted, and no clock read, for a tracer that counts no requests.

use std::time::Duration;

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::{Flags, Key, Value, tags};

use crate::context::SpanContext;
use crate::metrics::rpc::Request;
use crate::spans::{UNREAD, names};
use crate::state::{Slot, TracerState};
use crate::sys::clock::unix_micros;

/// The name of the HTTP status in OpenTelemetry's conventions.
pub(crate) const RESPONSE_STATUS_CODE: &str = "http.response.status_code";

/// The bits of a slot's notes.
mod note {
    /// The span has started and not ended.
    pub(super) const OPEN: u16 = 1;
    pub(super) const SERVER: u16 = 1 << 1;
    pub(super) const ERROR: u16 = 1 << 2;
    /// The span was not sampled when it started.
    pub(super) const UNSAMPLED: u16 = 1 << 3;
    /// The first digit of the HTTP status.
    pub(super) const STATUS: u16 = 0xf << STATUS_SHIFT;
    pub(super) const STATUS_SHIFT: u16 = 4;
}

names! {
    /// Keys of tags that are noted.
    NOTED;
    /// Returns whether a tag with this key is noted.
    is_noted;
    tags::ERROR, tags::SPAN_KIND, tags::HTTP_STATUS_CODE, RESPONSE_STATUS_CODE,
}

/// Returns the notes of a span that starts with the tags that its builder has written.
pub(crate) fn notes_at_start(written: Option<&Slot>) -> u16 {
    let tags = written
        .into_iter()
        .flat_map(|slot| slot.image.record().tags());
    tags.fold(note::OPEN, |notes, tag| noted(notes, tag.key, tag.value))
}

/// Returns the notes with one more tag.
fn noted(notes: u16, key: &str, value: Value<'_>) -> u16 {
    let with = |bit: u16, is_set: bool| if is_set { notes | bit } else { notes & !bit };
    match (key, value) {
        (tags::SPAN_KIND, Value::Str(kind)) => with(note::SERVER, kind == tags::SPAN_KIND_SERVER),
        (tags::ERROR, Value::Bool(is_error)) => with(note::ERROR, is_error),
        (tags::ERROR, Value::Str(text)) => with(note::ERROR, text == "true"),
        (tags::HTTP_STATUS_CODE | RESPONSE_STATUS_CODE, value) => {
            let class = status_class(value);
            notes & !note::STATUS | class << note::STATUS_SHIFT
        }
        _ => notes,
    }
}

/// Returns the first digit of an HTTP status; 0 if the value is none.
fn status_class(value: Value<'_>) -> u16 {
    let status = match value {
        Value::I64(status) => u64::try_from(status).ok(),
        Value::U64(status) => Some(status),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    };
    match status {
        Some(status @ 100..=599) => (status / 100) as u16,
        _ => 0,
    }
}

impl Slot {
    /// Begins to watch a span that has started: counts the trace of a root, and reads the clock for
    /// a local root, which may be a request, and for a request.
    pub(crate) fn watch(&mut self, parent: &SpanContext, notes: u16) {
        let is_sampled = self.image.flags().contains(Flags::SAMPLED);
        self.notes = match is_sampled {
            true => notes,
            false => notes | note::UNSAMPLED,
        };
        let is_root = !parent.core.is_valid();
        if is_root && let Some(rpc) = &self.owner.rpc {
            rpc.count_trace(false, is_sampled);
        }
        if self.owner.rpc.is_none() {
            return;
        }
        let is_local_root = is_root || parent.flags().contains(Flags::REMOTE);
        if is_local_root || notes & note::SERVER != 0 {
            self.ensure_start();
        }
    }

    /// Notes a tag, if the span is watched.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_tag(&mut self, key: Key<'_>, value: Value<'_>) {
        if self.notes & note::OPEN != 0 {
            self.notes = noted(self.notes, key.as_str(), value);
            if self.notes & note::SERVER != 0 && self.owner.rpc.is_some() {
                self.ensure_start();
            }
        }
    }

    /// Counts the request that ends, if the span is watched and has not ended before.
    pub(crate) fn unwatch(&mut self, end: Timestamp) {
        #[cfg(feature = "observers")]
        self.notify_watched(crate::observers::SpanEvent::Finished);
        let notes = std::mem::take(&mut self.notes);
        if notes & (note::SERVER | note::UNSAMPLED) == 0 || self.is_of_parent() {
            return;
        }
        let Some(rpc) = &self.owner.rpc else {
            return;
        };
        let is_sampled = self.image.flags().contains(Flags::SAMPLED);
        if notes & note::UNSAMPLED != 0 && !is_sampled {
            rpc.count_unsampled();
        }
        if notes & note::SERVER != 0 {
            let record = self.image.record();
            rpc.count(Request {
                operation: record.operation(),
                is_error: notes & note::ERROR != 0,
                status_class: ((notes & note::STATUS) >> note::STATUS_SHIFT) as u8,
                duration: self.owner.duration(record.start(), end),
            });
        }
    }

    /// Ends a span that is not recorded.
    #[inline(never)]
    pub(crate) fn finish_unrecorded(&mut self) {
        self.image.discard();
        if self.notes != 0 {
            self.unwatch(Timestamp::Ticks(self.owner.source.ticks()));
        }
    }

    /// Ends a span that is dropped without a finish, if it is watched and not recorded.
    pub(crate) fn finish_dropped(&mut self) {
        if std::thread::panicking() {
            self.note_tag(Key::Static(tags::ERROR), Value::Bool(true));
        }
        self.finish_unrecorded();
    }

    /// Sets the start to now, unless the span has one.
    fn ensure_start(&mut self) {
        if self.image.start() == Timestamp::Ticks(UNREAD) {
            let now = self.owner.source.ticks();
            self.image.set_start(Timestamp::Ticks(now));
        }
    }
}

impl TracerState {
    /// Returns the time from a start to an end, which is now if it is given in ticks.
    fn duration(&self, start: Timestamp, end: Timestamp) -> Duration {
        use Timestamp::{Ticks, UnixMicros};
        let micros = match (start, end) {
            (Ticks(start), Ticks(end)) => self.micros(start, end),
            (UnixMicros(start), UnixMicros(end)) => end.saturating_sub(start),
            (UnixMicros(start), Ticks(_)) => self.unix_now().saturating_sub(start),
            (Ticks(start), UnixMicros(end)) => {
                let since = self.micros(start, self.source.ticks());
                let start = self.unix_now().saturating_sub(since);
                end.saturating_sub(start)
            }
        };
        Duration::from_micros(micros)
    }

    fn micros(&self, start: u64, end: u64) -> u64 {
        self.rate.micros(end.saturating_sub(start))
    }

    fn unix_now(&self) -> u64 {
        unix_micros(self.source.unix_time())
    }
}
