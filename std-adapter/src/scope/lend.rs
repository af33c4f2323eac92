//! Writes to the spans that lie among the active ones.

#[cfg(feature = "tracing")]
use super::table::{NotLent, SpanNumber};
use super::{Active, Scopes, Subject, has_active_context, with_scopes};
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

/// Where a span was lent from, and the key of its scope.
#[derive(Clone, Copy)]
enum Place {
    Scopes(u64),
    #[cfg(feature = "tracing")]
    Table(u64, SpanNumber),
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
    fn lend(&self, which: Which) -> Found<(Box<Slot>, Place)> {
        #[cfg(feature = "tracing")]
        if which == Which::Innermost
            && let Some(found) = self.lend_innermost_numbered()
        {
            return found;
        }
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return Found::NoSpan;
        };
        let place = match which {
            Which::Innermost => active.iter_mut().rev().find_map(Active::if_there),
            Which::Root => {
                let mut there = active.iter_mut().filter_map(Active::if_there);
                there.find(|active| active.has_ids())
            }
            Which::Key(key) => active.iter_mut().rfind(|active| active.key == key),
        };
        let Some(place) = place else {
            return Found::NothingActive;
        };
        let (key, has_ids) = (place.key, place.has_ids());
        match &mut place.subject {
            Subject::Context { .. } if has_ids => Found::NoSpan,
            Subject::Context { .. } => Found::NothingActive,
            Subject::Span(span) => match span.take() {
                Some(span) => Found::Written((span, Place::Scopes(key))),
                None if has_ids => Found::NoSpan,
                None => Found::NothingActive,
            },
            #[cfg(feature = "tracing")]
            Subject::Numbered(numbered) => {
                let number = numbered.number;
                // Lending may wait, for code that enters scopes.
                drop(active);
                let found = |span| Found::Written((span, Place::Table(key, number)));
                number.lend().map_or(Found::NoSpan, found)
            }
        }
    }

    /// Takes the span of the innermost scope, if it lies in the table: there is no need to know its context for that.
    #[cfg(feature = "tracing")]
    #[inline]
    fn lend_innermost_numbered(&self) -> Option<Found<(Box<Slot>, Place)>> {
        let active = self.active.try_borrow().ok()?;
        let last = active.last()?;
        let Subject::Numbered(numbered) = &last.subject else {
            return None;
        };
        let (key, number) = (last.key, numbered.number);
        // As above.
        drop(active);
        match number.lend() {
            Ok(span) => Some(Found::Written((span, Place::Table(key, number)))),
            Err(NotLent::Missing) => None,
            Err(_) => Some(Found::NoSpan),
        }
    }

    /// Puts a span back to where it was lent from.
    fn put_back(&self, span: Box<Slot>, key: u64) {
        if let Ok(mut active) = self.active.try_borrow_mut()
            && let Some(active) = active.iter_mut().rfind(|active| active.key == key)
        {
            active.subject = Subject::Span(Some(span));
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
        Some(Found::Written((span, place))) => {
            let mut lent = Lent {
                span: Some(span),
                place,
            };
            Found::Written(write(&mut lent.span, place.key()))
        }
        Some(Found::NoSpan) => Found::NoSpan,
        Some(Found::NothingActive) | None => Found::NothingActive,
    }
}

/// A span that goes back among the active ones when this is dropped.
struct Lent {
    span: Option<Box<Slot>>,
    place: Place,
}

impl Place {
    const fn key(self) -> u64 {
        match self {
            Place::Scopes(key) => key,
            #[cfg(feature = "tracing")]
            Place::Table(key, _) => key,
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(span) = self.span.take() else {
            return;
        };
        match self.place {
            Place::Scopes(key) => {
                with_scopes(|scopes| scopes.put_back(span, key));
            }
            #[cfg(feature = "tracing")]
            Place::Table(_, number) => number.put_back(span),
        }
    }
}
