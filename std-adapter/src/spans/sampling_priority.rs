//! The tag `sampling.priority`, which changes the sampling decision of a span.

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::{PriorityChange, sampling_priority};
use picojaeger_core::{Flags, Key, Value, tags};

use crate::spans::{UNREAD, names};
use crate::state::Slot;
use crate::state::thread_local::with_shard;

names! {
    /// The key of the tag.
    PRIORITY;
    /// Returns whether the key is that of the tag.
    is_priority;
    tags::SAMPLING_PRIORITY,
}

impl Slot {
    /// Applies a value of `sampling.priority`.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_priority(self: &mut Box<Self>, value: Value<'_>) {
        let Some(wanted) = value.is_positive() else {
            return;
        };
        if self.image.is_finished() || self.is_of_parent() {
            return;
        }
        #[cfg(feature = "http")]
        if wanted && !self.is_debug_allowed() {
            return;
        }
        self.settle_as(wanted);
        let (flags, change) = sampling_priority(self.image.flags(), wanted);
        match change {
            PriorityChange::Unchanged => {}
            PriorityChange::DebugSet => self.image.set_flags(flags),
            PriorityChange::Upgraded => self.upgrade(flags),
            PriorityChange::Cleared => {
                self.image.set_flags(flags);
                self.name.close();
                with_shard(&self.owner, |shard| shard.counters.cleared.increment());
            }
        }
        self.refresh_scopes();
    }

    /// Returns whether the span may get the debug flag, or has it already.
    #[cfg(feature = "http")]
    fn is_debug_allowed(&self) -> bool {
        let is_debug = self.image.flags().contains(Flags::DEBUG);
        is_debug || self.owner.is_debug_allowed(self.image.record().operation())
    }

    /// Makes an unsampled span a sampled one.
    pub(super) fn upgrade(self: &mut Box<Self>, flags: Flags) {
        let state = self.owner.clone();
        with_shard(&state, |shard| {
            shard.counters.sampled.increment();
            // A span that was sampled before still has its area.
            let has_area = self.ensure_area(&mut shard.cache);
            self.image.set_flags(flags);
            if state.is_closed() || !has_area {
                let lost = if has_area {
                    &shard.counters.closed
                } else {
                    &shard.counters.memory
                };
                lost.increment();
                shard.counters.finished.increment();
                self.image.discard();
            }
        });
        if !self.image.is_writable() {
            state.after_loss();
        } else if self.image.start() == Timestamp::Ticks(UNREAD) {
            self.image.set_start(Timestamp::Ticks(state.source.ticks()));
            self.tag(Key::Static(tags::SAMPLED_LATE), Value::Bool(true));
        }
        self.announce();
    }
}
