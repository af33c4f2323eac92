//! The hot path: starts, writes and ends of spans.

use crate::context::SpanContext;
use crate::context::baggage::Baggage;
use crate::state::Slot;

#[cfg(feature = "tracing")]
pub(crate) mod deferred;
#[allow(unsafe_code, reason = "borrows the thread's shard")]
pub(crate) mod fast_path;
mod late_decision;
#[cfg(feature = "tracing")]
mod late_parent;
pub(crate) mod logs;
#[cfg(feature = "observers")]
mod observed;
pub(crate) mod requests;
pub(crate) mod sampling_priority;
pub(crate) mod slow_path;
pub(crate) mod unfinished;
mod write;

/// Makes a list of names, and the function that tells whether a key is one of them, so that the two cannot differ.
///
/// The function compares the length first, which is known where the key is: the rest of the test is left out there.
macro_rules! names {
    (
        $(#[$list_doc:meta])* $list:ident;
        $(#[$test_doc:meta])* $test:ident;
        $($name:expr),+ $(,)?
    ) => {
        $(#[$list_doc])*
        #[cfg(feature = "tracing")]
        pub(crate) const $list: &[&str] = &[$($name),+];

        $(#[$test_doc])*
        #[inline(always)]
        pub(crate) fn $test(key: picojaeger_core::Key<'_>) -> bool {
            let key = key.as_str();
            $((key.len() == $name.len() && key == $name))||+
        }
    };
}
use names;

/// Start of a span for which the clock was not read.
pub(crate) const UNREAD: u64 = 0;

impl Slot {
    /// Returns the identity and the baggage of the span.
    #[inline(always)]
    pub(crate) fn context(&self) -> SpanContext {
        if !self.baggage.is_empty() {
            return self.context_with_baggage();
        }
        SpanContext {
            core: self.image.context(),
            baggage: Baggage::EMPTY,
        }
    }
}
