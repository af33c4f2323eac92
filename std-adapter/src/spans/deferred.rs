//! Roots whose start waits for a parent that may yet come.
//!
//! Such a root is a slot that is written to and counts as nothing. Its start is completed later, with a
//! parent or without one: then the decision is made, and the slot is that of the span or goes back.

use std::sync::Arc;

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::{self as core, Flags, Key, SpanId};

use crate::context::{NO_CONTEXT, SpanContext};
use crate::spans::slow_path::Start;
use crate::state::thread_local::with_shard;
use crate::state::{Slot, TracerState};
use crate::worker::is_worker;

/// Bytes of a name that is copied to the stack.
const SHORT: usize = 256;

/// Begins a root; `None` if it has to start at once: out of memory, or by a tracer that makes no spans.
pub(crate) fn defer(state: &Arc<TracerState>, name: Key<'_>) -> Option<Box<Slot>> {
    let state = state.current();
    if is_worker() || state.is_propagation_only() || state.is_closed() {
        return None;
    }
    let mut slot = with_shard(state, |shard| shard.cache.take(state))?;
    slot.clear();
    // The flag makes it writable.
    let context = core::SpanContext::new(NO_CONTEXT.trace_id(), SpanId::default(), Flags::SAMPLED);
    slot.image
        .identify(context, SpanId::default(), state.source.ticks());
    slot.set_operation(name);
    Some(slot)
}

/// Completes the start of a root that was begun with this name or got another one; `None` in a forked child,
/// whose parent began it.
pub(crate) fn complete(
    slot: Box<Slot>,
    name: &'static str,
    parent: SpanContext,
) -> Option<Box<Slot>> {
    let slot = slot.of_this_process()?;
    let present = slot.image.record().operation();
    if present == name {
        return complete_as(slot, Key::Static(name), parent);
    }
    match heapless::String::<SHORT>::try_from(present) {
        Ok(copy) => complete_as(slot, Key::copied(&copy), parent),
        Err(_) => {
            let copy = present.to_owned();
            complete_as(slot, Key::copied(&copy), parent)
        }
    }
}

fn complete_as(slot: Box<Slot>, name: Key<'_>, parent: SpanContext) -> Option<Box<Slot>> {
    let (state, start) = (slot.owner.clone(), slot.image.start());
    let mut started = Start::plain(name, parent).on(&state, Some(slot))?;
    // Requests are timed whether they are sampled or not.
    let is_timed = started.image.is_writable() || started.notes != 0;
    if is_timed && matches!(start, Timestamp::Ticks(_)) {
        started.image.set_start(start);
        started.announce();
    }
    Some(started)
}
