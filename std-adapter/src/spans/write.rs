//! Writes to an open span: into its slot, or into a larger one to which the span moves.

use std::fmt;

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::{Reference, boundary};
use picojaeger_core::{Key, Value};

use crate::spans::UNREAD;
use crate::state::Slot;
use crate::state::thread_local::with_shard;

impl Slot {
    /// Appends a tag, in a larger slot if needed.
    #[inline(always)]
    pub(crate) fn tag(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        // Inlined, the match on the value is folded where its type is known. The functions called
        // take plain words, so that the enum is never built in memory.
        let Key::Static(key) = key else {
            return self.tag_any(key, value);
        };
        let is_long = matches!(value, Value::Str(text) if text.len() > self.value_limit as usize);
        let is_plain = !matches!(value, Value::Bytes(_));
        if is_plain && !is_long && self.try_tag(key, value) {
            return;
        }
        match value {
            Value::Str(text) => self.tag_text(key, text),
            Value::I64(number) => {
                self.tag_word(key, |word| Value::I64(word as i64), number as u64);
            }
            Value::U64(number) => self.tag_word(key, Value::U64, number),
            Value::F64(number) => {
                let bits = number.to_bits();
                self.tag_word(key, |word| Value::F64(f64::from_bits(word)), bits);
            }
            Value::Bool(on) => self.tag_word(key, |word| Value::Bool(word != 0), on as u64),
            value => self.tag_any(Key::Static(key), value),
        }
    }

    #[inline(always)]
    fn try_tag(&mut self, key: &'static str, value: Value<'_>) -> bool {
        self.image.try_tag(Key::Static(key), value)
    }

    /// Appends a text that is too long or does not fit the slot.
    #[cold]
    #[inline(never)]
    fn tag_text(self: &mut Box<Self>, key: &'static str, text: &str) {
        self.tag_any(Key::Static(key), Value::Str(text));
    }

    /// Appends a value of one word that does not fit the slot.
    #[cold]
    #[inline(never)]
    fn tag_word(
        self: &mut Box<Self>,
        key: &'static str,
        value: fn(u64) -> Value<'static>,
        word: u64,
    ) {
        self.tag_any(Key::Static(key), value(word));
    }

    #[inline(never)]
    fn tag_any(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        let value = self.limited(value);
        while !self.image.try_tag(key, value) {
            if !self.grow() {
                return self.image.tag(key, value);
            }
        }
    }

    /// Appends a tag whose value is formatted into the area, in a larger slot if need be: then the
    /// value is formatted again.
    pub(crate) fn tag_fmt(self: &mut Box<Self>, key: Key<'_>, value: fmt::Arguments<'_>) {
        while !self
            .image
            .try_tag_fmt(key, value, self.value_limit as usize)
        {
            if !self.grow() {
                return self.image.tag_fmt(key, value);
            }
        }
    }

    pub(crate) fn field_fmt(self: &mut Box<Self>, key: Key<'_>, value: fmt::Arguments<'_>) {
        while !self
            .image
            .try_field_fmt(key, value, self.value_limit as usize)
        {
            if !self.grow() {
                return self.image.field_fmt(key, value);
            }
        }
    }

    /// Appends a field to the log that was begun last, in a larger slot if needed.
    #[inline]
    pub(crate) fn field(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        // As for a tag.
        let is_long = matches!(value, Value::Str(text) if text.len() > self.value_limit as usize);
        let is_plain = matches!(key, Key::Static(_)) && !matches!(value, Value::Bytes(_));
        if is_plain && !is_long && self.image.try_field(key, value) {
            return;
        }
        self.field_limited(key, value);
    }

    #[inline(never)]
    fn field_limited(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        let value = self.limited(value);
        self.field_any(key, value);
    }

    /// Appends a text that has a limit of its own.
    pub(super) fn field_within(
        self: &mut Box<Self>,
        key: &'static str,
        text: &str,
        longest: usize,
    ) {
        let text = self.cut(text, longest);
        self.field_any(Key::Static(key), Value::Str(text));
    }

    fn field_any(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        while !self.image.try_field(key, value) {
            if !self.grow() {
                return self.image.field(key, value);
            }
        }
    }

    /// Begins a log, whatever the number of logs.
    pub(super) fn log_any(self: &mut Box<Self>, time: Timestamp) -> Option<&mut Box<Self>> {
        while !self.image.try_log(time) {
            if !self.grow() {
                self.image.mark_dropped();
                return None;
            }
        }
        Some(self)
    }

    /// Renames the span, sampled or not: an unsampled span may become sampled later.
    pub(crate) fn rename(self: &mut Box<Self>, name: Key<'_>) {
        if self.is_context_only() && matches!(name, Key::Copied(_)) {
            if self.is_of_parent() {
                return;
            }
            let state = self.owner.clone();
            with_shard(&state, |shard| self.ensure_name_area(&mut shard.cache));
        }
        if self.is_for_name() {
            self.forget_name();
        }
        #[cfg(feature = "observers")]
        self.notify_watched(crate::observers::SpanEvent::OperationSet {
            operation: name.as_str(),
        });
        self.set_operation(name);
        self.announce();
    }

    /// Empties the area of an unsampled span, where a former name may leave no room for another.
    fn forget_name(&mut self) {
        let (context, start) = (self.image.context(), self.image.start());
        self.image
            .restart("", context, self.image.parent(), UNREAD, 0);
        self.image.set_start(start);
    }

    pub(crate) fn set_operation(self: &mut Box<Self>, name: Key<'_>) {
        match name {
            Key::Static(name) => self.image.set_operation(name),
            Key::Copied(name) => {
                let name = self.limited_text(name);
                while !self.image.try_copy_operation(name) {
                    if !self.grow() {
                        return self.image.copy_operation(name);
                    }
                }
            }
        }
    }

    pub(crate) fn reference(self: &mut Box<Self>, reference: Reference) {
        while !self.image.try_reference(reference) {
            if !self.grow() {
                return self.image.mark_dropped();
            }
        }
    }

    /// Returns the value, truncated to the configured length.
    fn limited<'v>(&mut self, value: Value<'v>) -> Value<'v> {
        match value {
            Value::Str(text) => Value::Str(self.limited_text(text)),
            Value::Bytes(bytes) if bytes.len() > self.value_limit as usize => {
                self.image.mark_cut();
                Value::Bytes(bytes.get(..self.value_limit as usize).unwrap_or(bytes))
            }
            other => other,
        }
    }

    /// Returns the text, truncated to the configured length at a character boundary.
    fn limited_text<'v>(&mut self, text: &'v str) -> &'v str {
        self.cut(text, self.value_limit as usize)
    }

    /// Returns the text, truncated to the limit at a character boundary.
    fn cut<'v>(&mut self, text: &'v str, limit: usize) -> &'v str {
        if text.len() <= limit {
            return text;
        }
        self.image.mark_cut();
        text.get(..boundary(text.as_bytes(), limit)).unwrap_or("")
    }
}
