//! Changes of open spans that other libraries' spans allow.

use picojaeger_core::adapter::record::Reference;
use picojaeger_core::{Key, Value};

use crate::context::SpanContext;
use crate::state::Slot;
use crate::tracer::span::Span;

impl Span {
    /// Takes the slot, and with it the duty to end the span.
    pub(crate) fn take_slot(&mut self) -> Option<Box<Slot>> {
        self.slot.take()
    }

    /// Sets a tag whose key has no meaning for the tracer.
    #[inline(always)]
    pub(crate) fn tag_plain(&mut self, key: &'static str, value: Value<'_>) {
        if let Some(slot) = &mut self.slot {
            #[cfg(feature = "observers")]
            slot.notify_tag(Key::Static(key), value);
            if slot.image.is_writable() {
                slot.tag(Key::Static(key), value);
            }
        }
    }

    /// Tags the span as an error, unless it is.
    pub(crate) fn tag_error_once(&mut self) {
        self.note_error();
        if let Some(slot) = self.writable() {
            slot.mark_error();
        }
    }

    /// Adds a reference. A context without ids changes nothing.
    pub(crate) fn add_reference(&mut self, follows: bool, context: &SpanContext) {
        if let Some(slot) = self.writable().filter(|_| context.core.is_valid()) {
            let (trace, span) = (context.trace_id(), context.span_id());
            slot.reference(Reference::new(follows, trace, span));
        }
    }

    /// Makes the span the child of another one.
    pub(crate) fn set_parent(&mut self, parent: &SpanContext) {
        if let Some(slot) = self.unfinished() {
            slot.set_parent(parent);
        }
    }
}
