//! What a future or a closure has active whenever it runs.

use std::marker::PhantomData;
use std::sync::Once;

use log::Level;

use super::{ACTIVE, Active, Scopes, Subject, active_context, active_tracer, with_scopes};
use crate::context::SpanContext;
use crate::state::Slot;
use crate::sys::log::log_guarded;

/// What is active whenever a future or a closure runs, and where it lies in between.
#[derive(Default)]
pub(crate) struct Home {
    /// `None` while it is among the active ones.
    entry: Option<Active>,
    /// Scopes that the future's code held as it returned `Pending`.
    held: Vec<Active>,
}

/// The key of an entry that has not been active yet. No thread draws it.
const NO_KEY: u64 = 0;

/// Keeps what a home has active on this thread, and puts it back when it is dropped.
pub(crate) struct Entered<'h> {
    home: &'h mut Home,
    key: Option<u64>,
    /// Makes it `!Send`, as it ends on the thread on which it began.
    _thread: PhantomData<*const ()>,
}

impl Scopes {
    /// Makes active what lies in a home, and the scopes that it held. Returns the key by which it leaves.
    ///
    /// The entry moves as a whole and keeps its key: a part that is written just before the whole is read would make
    /// the processor wait. All that is rare is a call in tail position, so that the rest saves few registers.
    #[inline]
    fn enter_home(&self, home: &mut Home) -> Option<u64> {
        let mut active = self.active.try_borrow_mut().ok()?;
        let key = home.entry.as_ref()?.key;
        if key == NO_KEY || !home.held.is_empty() || active.len() == active.capacity() {
            drop(active);
            return self.enter_otherwise(home);
        }
        active.push(home.entry.take()?);
        ACTIVE.set(true);
        Some(key)
    }

    /// The same at the first time, with scopes that were held, and where there is no room yet.
    #[cold]
    #[inline(never)]
    fn enter_otherwise(&self, home: &mut Home) -> Option<u64> {
        let mut active = self.active.try_borrow_mut().ok()?;
        let mut entry = home.entry.take()?;
        if entry.key == NO_KEY {
            entry.key = self.new_key();
        }
        let key = entry.key;
        active.push(entry);
        if !home.held.is_empty() {
            self.forget_ended(&mut home.held);
            active.append(&mut home.held);
        }
        ACTIVE.set(true);
        Some(key)
    }

    /// Leaves of the scopes that a future held those that have not ended meanwhile, and forgets that any has.
    #[cold]
    fn forget_ended(&self, held: &mut Vec<Active>) {
        let Ok(mut ended) = self.ended.try_borrow_mut() else {
            return;
        };
        held.retain(|scope| {
            let at = ended.iter().position(|key| *key == scope.key);
            at.map(|at| ended.swap_remove(at)).is_none()
        });
    }

    fn append(&self, held: &mut Vec<Active>) {
        if let Ok(mut active) = self.active.try_borrow_mut() {
            active.append(held);
            ACTIVE.set(!active.is_empty());
        }
    }

    /// Puts back into its home what [`Scopes::enter_home`] took there.
    #[inline]
    fn leave_home(&self, key: u64, home: &mut Home) {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        let is_innermost = active.last().is_some_and(|last| last.key == key);
        if !is_innermost || home.entry.is_some() {
            drop(active);
            return self.leave_otherwise(key, home);
        }
        home.entry = active.pop();
        ACTIVE.set(!active.is_empty());
    }

    /// The same where scopes lie above it, which the home keeps.
    #[cold]
    #[inline(never)]
    fn leave_otherwise(&self, key: u64, home: &mut Home) {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        home.take_held(key, &mut active);
        home.entry = active.pop_if(|last| last.key == key);
        ACTIVE.set(!active.is_empty());
    }
}

impl Home {
    /// Makes the home of a span, whose context this is.
    pub(crate) fn of_span(span: Option<Box<Slot>>, context: Option<SpanContext>) -> Self {
        Home::new(context, Subject::Span(span))
    }

    /// Makes the home of the context that is active on this thread, with its tracer.
    pub(crate) fn of_active() -> Self {
        let (tracer, copy) = (active_tracer(), None);
        Home::new(active_context(), Subject::Context { tracer, copy })
    }

    fn new(context: Option<SpanContext>, subject: Subject) -> Self {
        let entry = context.map(|context| Active {
            key: NO_KEY,
            context,
            subject,
        });
        let held = Vec::new();
        Home { entry, held }
    }

    /// Returns the place of the span, if one lies here.
    pub(crate) fn span(&mut self) -> Option<&mut Option<Box<Slot>>> {
        match &mut self.entry.as_mut()?.subject {
            Subject::Span(span) => Some(span),
            _ => None,
        }
    }

    /// Takes the scopes that lie above the entry of this key.
    fn take_held(&mut self, key: u64, active: &mut Vec<Active>) {
        if let Some(at) = active.iter().rposition(|active| active.key == key) {
            self.held = active.split_off(at + 1);
        }
    }

    /// Makes active what lies here, until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        let key = with_scopes(|scopes| scopes.enter_home(self)).flatten();
        Entered {
            home: self,
            key,
            _thread: PhantomData,
        }
    }

    /// Warns once in a process if scopes were held as the code here returned.
    #[inline]
    pub(crate) fn warn_of_held(&self) {
        if !self.held.is_empty() {
            warn_of_held();
        }
    }

    /// Forgets the scopes that the code here held: it does not run again.
    pub(crate) fn forget_held(&mut self) {
        if !self.held.is_empty() {
            with_scopes(|scopes| scopes.forget_ended(&mut self.held));
            self.held.clear();
        }
    }

    /// Makes active again the scopes that the code here left to its caller.
    pub(crate) fn return_held(&mut self) {
        if !self.held.is_empty() {
            with_scopes(|scopes| scopes.append(&mut self.held));
        }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key {
            with_scopes(|scopes| scopes.leave_home(key, self.home));
        }
    }
}

/// A home that is active on this thread until it is told to leave. Apart from [`Entered`], which polls use: owning the
/// home costs them instructions.
#[cfg(feature = "macros")]
pub(crate) struct EnteredHome {
    home: Home,
    key: Option<u64>,
    _thread: PhantomData<*const ()>,
}

#[cfg(feature = "macros")]
impl EnteredHome {
    /// Makes active what lies in a home.
    #[inline]
    pub(crate) fn new(mut home: Home) -> Self {
        let key = with_scopes(|scopes| scopes.enter_home(&mut home)).flatten();
        EnteredHome {
            home,
            key,
            _thread: PhantomData,
        }
    }

    /// Puts back what was made active, and returns its home. A second call only returns it.
    #[inline]
    pub(crate) fn leave(&mut self) -> &mut Home {
        if let Some(key) = self.key.take() {
            with_scopes(|scopes| scopes.leave_home(key, &mut self.home));
        }
        &mut self.home
    }
}

#[cold]
fn warn_of_held() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let line = format_args!(
            "a scope was held across an await; use `in_span` or `in_scope`, and see \"Async\" in the README"
        );
        log_guarded(Level::Warn, line);
    });
}
