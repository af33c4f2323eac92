//! Appending to an open span: its name, tags, logs and references.

use super::fixed::{bits, name_length};
use super::layout::{NO_KEY, header, kind};
use super::{Area, Open, Reference};
use crate::arch::stored_bits;
use crate::time::Timestamp;
use crate::value::{Key, Value};

impl<A: Area + ?Sized> Open<A> {
    /// Replaces the operation name by static text, of which 65,535 bytes are kept.
    #[inline]
    pub fn set_operation(&mut self, name: &'static str) {
        self.fixed.operation = name.as_ptr();
        self.fixed.operation_length = name_length(name);
    }

    /// Replaces the operation name by a copy in the area if it fits whole.
    pub fn try_copy_operation(&mut self, name: &str) -> bool {
        let copied = A::erase(self).try_named(kind::OPERATION, NO_KEY, name.as_bytes());
        if copied {
            self.fixed.operation = core::ptr::null();
        }
        copied
    }

    /// Replaces the operation name by a copy in the area, cut to its room; if
    /// there is none the old name stays, and the change is counted.
    pub fn copy_operation(&mut self, name: &str) {
        if self.try_copy_operation(name) {
            return;
        }
        if A::erase(self).cut_named(kind::OPERATION, NO_KEY, name.as_bytes()) {
            self.fixed.operation = core::ptr::null();
        } else {
            self.mark_dropped();
        }
    }

    /// Appends a tag. What does not fit is cut or refused, and marked.
    #[inline(always)]
    pub fn tag(&mut self, key: Key<'_>, value: Value<'_>) {
        A::erase(self).append(0, key, value);
    }

    /// Appends a tag if it fits whole.
    #[inline(always)]
    pub fn try_tag(&mut self, key: Key<'_>, value: Value<'_>) -> bool {
        A::erase(self).try_append(0, key, value)
    }

    /// Begins a log; its fields follow. `false` if there is no room, which the
    /// caller counts.
    pub fn try_log(&mut self, time: Timestamp) -> bool {
        let (time, explicit) = match time {
            Timestamp::Ticks(ticks) => (ticks, 0),
            Timestamp::UnixMicros(micros) => (micros, header::EXPLICIT),
        };
        let begun = A::erase(self).try_named(kind::LOG | explicit, NO_KEY, time);
        if begun {
            self.fixed.bits |= bits::LOGS;
        }
        begun
    }

    /// Appends a field to the log that was begun last. What does not fit is cut
    /// or refused, and marked.
    #[inline]
    pub fn field(&mut self, key: Key<'_>, value: Value<'_>) {
        A::erase(self).append(header::FIELD, key, value);
    }

    /// Appends a field if it fits whole.
    #[inline]
    pub fn try_field(&mut self, key: Key<'_>, value: Value<'_>) -> bool {
        A::erase(self).try_append(header::FIELD, key, value)
    }

    /// Appends a reference if it fits.
    pub fn try_reference(&mut self, reference: Reference) -> bool {
        let kind = kind::REFERENCE
            | if reference.follows {
                header::FOLLOWS
            } else {
                0
            };
        let ids = [
            reference.trace.low(),
            reference.trace.high(),
            reference.span.get(),
        ];
        let bytes = ids.map(stored_bits);
        let written = A::erase(self).try_named(kind, NO_KEY, bytes.as_flattened());
        if written {
            self.fixed.bits |= bits::REFERENCES;
        }
        written
    }
}
