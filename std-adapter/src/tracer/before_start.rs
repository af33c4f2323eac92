//! Tags and references that a builder takes before its span starts.

use std::sync::Arc;

use picojaeger_core::adapter::record::Reference;
use picojaeger_core::{Key, Value};

use crate::context::SpanContext;
use crate::spans::fast_path::release;
use crate::state::Slot;
use crate::state::thread_local::with_shard;
use crate::tracer::Handle;

/// The slot with the tags and references from before the start.
#[derive(Debug)]
pub(super) struct Written(pub(super) Option<Box<Slot>>);

/// Methods take and return it by value, so that a builder need not lie in memory.
impl Written {
    /// Forgets a value that is known to be `None`, which saves the check of a drop.
    #[inline(always)]
    pub(super) fn forget_none(self) {
        debug_assert!(self.0.is_none());
        std::mem::forget(self);
    }

    #[inline(never)]
    pub(super) fn with_tag(
        mut self,
        handle: &Option<Arc<Handle>>,
        key: Key<'_>,
        value: Value<'_>,
    ) -> Self {
        if let Some(slot) = self.slot(handle) {
            slot.tag(key, value);
        }
        self
    }

    #[inline(never)]
    pub(super) fn with_reference(
        mut self,
        handle: &Option<Arc<Handle>>,
        follows: bool,
        context: &SpanContext,
    ) -> Self {
        if !context.core.is_valid() {
            return self;
        }
        if let Some(slot) = self.slot(handle) {
            slot.reference(Reference::new(
                follows,
                context.trace_id(),
                context.span_id(),
            ));
        }
        self
    }

    /// Returns the slot to write to; `None` if the tracer makes no spans, or if no memory is left,
    /// which the start counts.
    #[inline]
    fn slot(&mut self, handle: &Option<Arc<Handle>>) -> Option<&mut Box<Slot>> {
        if self.0.is_none() {
            let state = handle.as_deref()?.0.current();
            if state.is_propagation_only() {
                return None;
            }
            self.0 = with_shard(state, |shard| shard.cache.take(state));
            if let Some(slot) = &mut self.0 {
                slot.clear();
            }
        }
        self.0.as_mut()
    }
}

impl Drop for Written {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            release(slot);
        }
    }
}
