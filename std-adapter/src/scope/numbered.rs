//! Active spans that lie in the table.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;

use super::table::SpanNumber;
use super::{ACTIVE, Active, Scopes, Subject, UnfinishedSpan, with_scopes};
use crate::context::baggage::Baggage;
use crate::context::{NO_CONTEXT, SpanContext};
use crate::state::{Slot, TracerState};

/// A span of the table that is active on this thread.
pub(super) struct Numbered {
    pub(super) number: SpanNumber,
    /// Whether its context has become a parent since it was entered.
    is_used: Cell<bool>,
    state: State,
}

/// What is known of a span that was entered. Nothing at first: most spans have no child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// It is in the table, and the scope has its context.
    Known,
    /// It is not in the table, as if it had not been entered.
    Missing,
}

impl Active {
    /// Returns whether this counts as active: whether it is known, or is found in the table now.
    #[inline(always)]
    pub(super) fn is_there(&mut self) -> bool {
        match &self.subject {
            Subject::Numbered(numbered) if numbered.state == State::Unknown => self.look_up(),
            Subject::Numbered(numbered) => numbered.state == State::Known,
            _ => true,
        }
    }

    #[inline(never)]
    fn look_up(&mut self) -> bool {
        let Subject::Numbered(numbered) = &mut self.subject else {
            return true;
        };
        let context = numbered.number.context();
        let is_there = context.is_some();
        numbered.state = match is_there {
            true => State::Known,
            false => State::Missing,
        };
        self.context = context.unwrap_or_default();
        is_there
    }
}

#[cold]
#[inline(never)]
fn reserve(active: &mut Vec<Active>) {
    active.reserve(1);
}

impl Numbered {
    pub(super) fn set_used(&self) {
        self.is_used.set(true);
    }

    pub(super) fn tracer(&self) -> Option<Arc<TracerState>> {
        self.number.tracer()
    }

    /// Returns a copy of the span as it is now, if it is of this tracer.
    pub(super) fn copy(
        &self,
        owner: *const (),
        copy: impl Fn(&Slot) -> Option<Box<dyn UnfinishedSpan>>,
    ) -> Option<Box<dyn UnfinishedSpan>> {
        let of_owner = |span: &&Slot| Arc::as_ptr(&span.owner).cast() == owner;
        let copied = self
            .number
            .with(|span| span.as_deref().filter(of_owner).and_then(copy));
        copied.flatten()
    }
}

impl Scopes {
    /// The usual entry is written where it lies: there is no call behind its parts that would need it as a whole.
    #[inline]
    fn enter_numbered(&self, number: SpanNumber) {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        if active.len() == active.capacity() {
            reserve(&mut active);
        }
        let key = self.new_key();
        if active.len() < active.capacity() {
            active.push(Active {
                key,
                context: SpanContext {
                    core: NO_CONTEXT,
                    baggage: Baggage::EMPTY,
                },
                subject: Subject::Numbered(Numbered {
                    number,
                    is_used: Cell::new(false),
                    state: State::Unknown,
                }),
            });
            ACTIVE.set(true);
        }
    }

    /// Takes away the innermost scope of a number; returns whether its context has become a parent.
    #[inline]
    fn leave_numbered(&self, number: SpanNumber) -> bool {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return false;
        };
        if let Some(Active {
            subject: Subject::Numbered(numbered),
            context,
            ..
        }) = active.last_mut()
            && numbered.number == number
        {
            let is_used = numbered.is_used.get();
            let baggage = mem::take(&mut context.baggage);
            // Nothing is left in it to be dropped, and the drop would look at each part.
            mem::forget(active.pop());
            ACTIVE.set(!active.is_empty());
            drop(active);
            drop(baggage);
            return is_used;
        }
        drop(active);
        self.leave_below(number)
    }

    /// The same where scopes that began later lie above it, or where it is not among them.
    #[cold]
    #[inline(never)]
    fn leave_below(&self, number: SpanNumber) -> bool {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return false;
        };
        let at = active.iter().rposition(|active| active.has(number));
        let left = at.map(|at| active.remove(at));
        ACTIVE.set(!active.is_empty());
        left.is_some_and(|left| left.is_used())
    }

    fn is_used(&self, number: SpanNumber) -> bool {
        let Ok(active) = self.active.try_borrow() else {
            return true;
        };
        let mut scopes = active.iter().filter(|active| active.has(number));
        scopes.any(Active::is_used)
    }

    fn replace_numbered(&self, number: SpanNumber, context: &SpanContext) {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        for active in active.iter_mut().filter(|active| active.has(number)) {
            if active.is_there() {
                active.context = context.clone();
            }
        }
    }
}

impl Active {
    #[inline]
    fn has(&self, number: SpanNumber) -> bool {
        matches!(&self.subject, Subject::Numbered(it) if it.number == number)
    }

    fn is_used(&self) -> bool {
        matches!(&self.subject, Subject::Numbered(it) if it.is_used.get())
    }
}

/// Makes a span of the table active on this thread. One that is not there changes nothing.
#[inline]
pub(crate) fn enter_numbered(number: SpanNumber) {
    with_scopes(|scopes| scopes.enter_numbered(number));
}

/// Ends the innermost scope of a span of the table on this thread, if there is one.
#[inline]
pub(crate) fn leave_numbered(number: SpanNumber) {
    if with_scopes(|scopes| scopes.leave_numbered(number)) == Some(true) {
        number.set_used();
    }
}

/// Returns whether the context of a span has become a parent, here or in a scope that has ended.
pub(crate) fn is_used(number: SpanNumber) -> bool {
    with_scopes(|scopes| scopes.is_used(number)).unwrap_or(true) || number.is_used()
}

/// Replaces the context of a span in this thread's scopes.
pub(crate) fn replace_numbered(number: SpanNumber, context: &SpanContext) {
    with_scopes(|scopes| scopes.replace_numbered(number, context));
}
