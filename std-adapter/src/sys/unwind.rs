//! Panics of the user's code, which must not end a thread of the adapter or leave a lock poisoned.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code; `None` if it panicked. The panic's message went to the panic hook.
///
/// What the code changed before its panic stays changed: callers use nothing of it that could be
/// half done.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}
