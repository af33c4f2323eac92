//! Writes to the spans that lie among the active ones.

use super::{Scopes, has_active_context, with_scopes};
use crate::state::Slot;

/// Where among the active spans of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    Innermost,
    /// The outermost one: that of the request.
    Root,
    /// The one that was entered under this key.
    Key(u64),
}

/// A span that is active, and its key.
pub(crate) enum Found<R> {
    Written(R),
    /// The active one is a context only, or is written to at present.
    NoSpan,
    NothingActive,
}

impl Scopes {
    /// Takes the span at a place among the active ones, with its key.
    fn lend(&self, which: Which) -> Found<(Box<Slot>, u64)> {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return Found::NoSpan;
        };
        let place = match which {
            Which::Innermost => active.last_mut(),
            Which::Root => active.iter_mut().find(|active| active.has_ids()),
            Which::Key(key) => active.iter_mut().rfind(|active| active.key == key),
        };
        let Some(active) = place else {
            return Found::NothingActive;
        };
        match active.span.take() {
            Some(span) => Found::Written((span, active.key)),
            None if active.has_ids() => Found::NoSpan,
            None => Found::NothingActive,
        }
    }

    /// Puts a span back to where it was lent from.
    fn put_back(&self, span: Box<Slot>, key: u64) {
        if let Ok(mut active) = self.active.try_borrow_mut()
            && let Some(active) = active.iter_mut().rfind(|active| active.key == key)
        {
            active.span = Some(span);
        }
    }
}

/// Writes to an active span of this thread. It is nowhere among the active ones meanwhile, though its
/// context is: `write` may run the user's code, which may come back here.
pub(crate) fn with_active_span<R>(
    which: Which,
    write: impl FnOnce(&mut Option<Box<Slot>>, u64) -> R,
) -> Found<R> {
    if !has_active_context() {
        return Found::NothingActive;
    }
    match with_scopes(|scopes| scopes.lend(which)) {
        Some(Found::Written((span, key))) => {
            let mut lent = Lent {
                span: Some(span),
                key,
            };
            Found::Written(write(&mut lent.span, key))
        }
        Some(Found::NoSpan) => Found::NoSpan,
        Some(Found::NothingActive) | None => Found::NothingActive,
    }
}

/// A span that goes back among the active ones when this is dropped.
struct Lent {
    span: Option<Box<Slot>>,
    key: u64,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            with_scopes(|scopes| scopes.put_back(span, self.key));
        }
    }
}
