//! The tag `sampling.priority`: whether a span is sampled, decided anew.

use picojaeger_core::{Flags, Instant, Key, Value, tags};

use crate::memory::span_pool::Slot;
use crate::state::thread_local::{with_desk, with_scopes};
use crate::tracer::span::UNREAD;

impl Slot {
    /// Takes `sampling.priority` into account.
    #[cold]
    #[inline(never)]
    pub(crate) fn set_priority(self: &mut Box<Self>, value: Value<'_>) {
        let Some(wanted) = value.is_positive() else {
            return;
        };
        if self.image.is_finished() || self.is_of_parent() {
            return;
        }
        let flags = self.image.flags();
        let forced = Flags::SAMPLED | Flags::DEBUG;
        match (wanted, flags.contains(Flags::SAMPLED)) {
            (true, true) => self.image.set_flags(flags | forced),
            (true, false) => self.upgrade(flags | forced),
            (false, true) => {
                self.image.set_flags(flags.without(forced));
                with_desk(&self.shared, |desk| desk.counts.cleared.increment());
            }
            (false, false) => {}
        }
        let context = self.context();
        with_scopes(|scopes| scopes.refresh(&context));
    }

    /// Makes an unsampled span a sampled one.
    fn upgrade(self: &mut Box<Self>, flags: Flags) {
        let shared = self.shared.clone();
        with_desk(&shared, |desk| {
            desk.counts.began.increment();
            // A span that was sampled before has its area still.
            let has_area = self.furnish(desk);
            self.image.set_flags(flags);
            if shared.is_closed() || !has_area {
                let lost = if has_area {
                    &desk.counts.closed
                } else {
                    &desk.counts.memory
                };
                lost.increment();
                desk.counts.ended.increment();
                self.image.discard();
            }
        });
        if self.image.is_writable() && self.image.start() == Instant::Ticks(UNREAD) {
            self.image.set_start(Instant::Ticks(shared.source.ticks()));
            self.tag(Key::Static(tags::SAMPLED_LATE), Value::Bool(true));
        }
    }
}
