//! Copies of open spans, which can be sent before the spans finish.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use picojaeger_core::{Key, Value, tags};

use crate::memory::open_name::ReadName;
use crate::memory::span_slot::SpanOwner as _;
use crate::scope::UnfinishedSpan;
use crate::spans::fast_path::release;
use crate::state::shard::Shard;
use crate::state::thread_local::with_shard;
use crate::state::{Slot, TracerState};

/// A copy of a span, as it was when it became active.
struct OpenCopy(Option<Box<Slot>>);

/// Copies an open span whose decision is made, if its tracer wants that, and memory for open spans is left.
#[cold]
pub(crate) fn copy_of(slot: &Slot) -> Option<Box<dyn UnfinishedSpan>> {
    if !slot.image.is_writable() || slot.is_of_parent() || !slot.is_kept() {
        return None;
    }
    let (state, operation) = (&slot.owner, slot.image.record().operation());
    let mut copy = with_shard(state, |shard| shard.cache.take_for(operation, state))?;
    copy.clear();
    while !slot.image.copy_to(&mut copy.image) {
        if !copy.grow() {
            release(copy);
            return None;
        }
    }
    Some(Box::new(OpenCopy(Some(copy))))
}

impl UnfinishedSpan for OpenCopy {
    fn owner(&self) -> *const () {
        let slot = self.0.as_ref();
        slot.map_or(std::ptr::null(), |slot| Arc::as_ptr(&slot.owner).cast())
    }

    fn send(mut self: Box<Self>) {
        if let Some(slot) = &mut self.0 {
            send(slot);
        }
    }
}

/// Finishes a copy now, as a span of its own in the counts.
fn send(slot: &mut Box<Slot>) {
    slot.tag(Key::Static(tags::UNFINISHED), Value::Bool(true));
    let state = slot.owner.clone();
    state.unfinished.fetch_add(1, Ordering::Relaxed);
    with_shard(&state, |shard| shard.counters.sampled.increment());
    slot.image.finish(state.source.ticks());
    slot.publish();
}

/// Sends what other threads may read of the tracer's open spans, while memory for open spans is left.
#[cold]
pub(crate) fn send_open(state: &Arc<TracerState>) {
    // A statement of its own: the lock ends with it.
    let (names, _) = state.pool().names();
    for (name, details) in names.iter().filter_map(|name| name.read_all()) {
        let Some(details) = details else { return };
        let take = |shard: &mut Shard| shard.cache.take_for(name.as_str(), state);
        let Some(mut slot) = with_shard(state, take) else {
            return;
        };
        slot.begin_from(details);
        slot.set_operation(match &name {
            ReadName::Static(name) => Key::Static(name),
            ReadName::Copied(_) => Key::Copied(name.as_str()),
        });
        send(&mut slot);
        release(slot);
    }
}

impl Drop for OpenCopy {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            release(slot);
        }
    }
}
