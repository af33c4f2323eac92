//! Active spans: the implicit parents of a thread.

mod home;
mod lend;
#[cfg(feature = "tracing")]
mod numbered;
#[cfg(feature = "tracing")]
mod table;
#[cfg(all(test, feature = "tracing"))]
mod table_tests;

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use log::Level;

use crate::context::{ParentIds, SpanContext};
use crate::state::{Slot, TracerState};
use crate::sys::log::log_guarded;

#[cfg(feature = "macros")]
pub(crate) use home::EnteredHome;
pub(crate) use home::Home;
pub(crate) use lend::{Found, Which, with_active_span};
#[cfg(feature = "tracing")]
pub(crate) use numbered::{enter_numbered, is_used, leave_numbered, replace_numbered};
#[cfg(feature = "tracing")]
pub(crate) use table::{Completion, Owner, SpanNumber, begun};

/// The active contexts of a thread, innermost last.
pub(crate) struct Scopes {
    active: RefCell<Vec<Active>>,
    /// The next key; the lower half is 0 when the thread needs more.
    next: Cell<u64>,
    /// Keys of scopes that ended while their future had them set aside.
    ended: RefCell<Vec<u64>>,
}

/// The keys that a thread takes at once. Each is one of a kind in the process, since what a future holds may
/// get to another thread.
const KEYS: u64 = 1 << 32;

/// An active span.
struct Active {
    key: u64,
    context: SpanContext,
    subject: Subject,
}

/// The span that is active, or what stands for it.
enum Subject {
    /// Its context only.
    Context {
        /// The tracer of the span, if it is known.
        tracer: Option<Arc<TracerState>>,
        /// A copy to be sent before the span finishes, if its tracer wants such.
        copy: Option<Box<dyn UnfinishedSpan>>,
    },
    /// The span itself lies here while it is active; `None` while it is written to.
    Span(Option<Box<Slot>>),
    /// The span lies in the table.
    #[cfg(feature = "tracing")]
    Numbered(numbered::Numbered),
}

/// A copy of a span, as it was when it became active.
pub(crate) trait UnfinishedSpan: Send + Sync {
    /// Returns the address of the tracer's state.
    fn owner(&self) -> *const ();

    /// Sends the copy.
    fn send(self: Box<Self>);
}

thread_local! {
    /// Whether a scope is active on this thread. Separate from the scopes and without a
    /// destructor, so that a start reads it without a check for initialisation.
    static ACTIVE: Cell<bool> = const { Cell::new(false) };

    static SCOPES: Scopes = const { Scopes::new() };
}

/// Guard that keeps a span active on this thread until it is dropped.
///
/// Made by [`Span::activate`](crate::Span::activate); holds a copy of the span's context and
/// borrows nothing. Scopes may end in any order, though the first that ends before an inner one is logged. For
/// futures, which may move to other threads, see [`InSpan`](crate::InSpan).
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let request = tracer.start("request");
/// let active = request.activate();
/// let query = tracer.start("query");
/// assert_eq!(query.context().trace_id(), request.context().trace_id());
/// drop(active);
/// let other = tracer.start("other");
/// assert_ne!(other.context().trace_id(), request.context().trace_id());
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[must_use = "the span is active only as long as this is kept"]
#[derive(Debug)]
pub struct Scope {
    /// `None` if the scope could not be entered.
    key: Option<u64>,
    /// Makes it `!Send`: a scope ends on the thread on which it began.
    _thread: PhantomData<*const ()>,
}

impl Scopes {
    const fn new() -> Self {
        Scopes {
            active: RefCell::new(Vec::new()),
            next: Cell::new(0),
            ended: RefCell::new(Vec::new()),
        }
    }

    /// Replaces the context of a span in its scopes.
    fn refresh(&self, context: &SpanContext) {
        // Borrowed only inside another call here, which a global allocator that traces could make.
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        for Active { context: entry, .. } in active.iter_mut() {
            if entry.span_id() == context.span_id() && entry.trace_id() == context.trace_id() {
                *entry = context.clone();
            }
        }
    }

    /// Returns the innermost active context.
    #[inline]
    fn innermost(&self) -> Option<SpanContext> {
        let mut active = self.active.try_borrow_mut().ok()?;
        let found = active.iter_mut().rev().find_map(Active::if_there);
        found.map(|active| active.use_context())
    }

    /// Returns what a start needs of the innermost active context.
    #[inline(always)]
    fn parent(&self) -> Parent {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return Parent::None;
        };
        let Some(found) = active.iter_mut().rev().find_map(Active::if_there) else {
            return Parent::None;
        };
        let context = found.parent();
        if !context.baggage.is_empty() {
            return Parent::WithBaggage;
        }
        Parent::Plain(ParentIds::from(&context.core))
    }

    /// Returns the outermost active context.
    fn outermost(&self) -> Option<SpanContext> {
        let mut active = self.active.try_borrow_mut().ok()?;
        let mut there = active.iter_mut().filter_map(Active::if_there);
        let found = there.find(|active| active.has_ids());
        found.map(|active| active.use_context())
    }

    /// Returns the tracer of the innermost active span that has one: a context alone has none.
    fn tracer(&self) -> Option<Arc<TracerState>> {
        let active = self.active.try_borrow().ok()?;
        active
            .iter()
            .rev()
            .find_map(|active| match &active.subject {
                Subject::Context { tracer, .. } => tracer.clone(),
                Subject::Span(span) => Some(span.as_ref()?.owner.clone()),
                #[cfg(feature = "tracing")]
                Subject::Numbered(numbered) => numbered.tracer(),
            })
    }

    #[inline]
    fn new_key(&self) -> u64 {
        let mut key = self.next.get();
        if key as u32 == 0 {
            key = more_keys();
        }
        self.next.set(key + 1);
        key
    }

    /// Pushes what `make` makes of a new key, and returns the key, by which [`Scopes::leave`] finds it.
    #[inline]
    fn enter(&self, make: impl FnOnce(u64) -> Active) -> Option<u64> {
        let mut active = self.active.try_borrow_mut().ok()?;
        let key = self.new_key();
        active.push(make(key));
        ACTIVE.set(true);
        Some(key)
    }

    fn leave(&self, key: u64) {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return;
        };
        let at = active.iter().rposition(|active| active.key == key);
        let is_innermost = at.is_none_or(|at| at + 1 == active.len());
        if at.is_none()
            && let Ok(mut ended) = self.ended.try_borrow_mut()
        {
            ended.push(key);
        }
        let left = at.map(|at| active.remove(at));
        ACTIVE.set(!active.is_empty());
        // In this order: the drop of a copy may log, and a logger may activate a span.
        drop(active);
        drop(left);
        if !is_innermost {
            warn_of_order();
        }
    }

    /// Takes the copies of this tracer's active spans, outermost first; `copy` makes those of spans that lie here.
    fn take_unfinished(
        &self,
        owner: *const (),
        copy: impl Fn(&Slot) -> Option<Box<dyn UnfinishedSpan>>,
    ) -> Vec<Box<dyn UnfinishedSpan>> {
        let Ok(mut active) = self.active.try_borrow_mut() else {
            return Vec::new();
        };
        let of_owner = |copy: &mut Box<dyn UnfinishedSpan>| copy.owner() == owner;
        let taken = active
            .iter_mut()
            .filter_map(|active| match &mut active.subject {
                Subject::Context { copy, .. } => copy.take_if(of_owner),
                Subject::Span(Some(span)) if Arc::as_ptr(&span.owner).cast() == owner => copy(span),
                Subject::Span(_) => None,
                #[cfg(feature = "tracing")]
                Subject::Numbered(numbered) => numbered.copy(owner, &copy),
            });
        taken.collect()
    }
}

impl Active {
    /// Returns whether this is a span or the context of one, and not of a tracer alone.
    fn has_ids(&self) -> bool {
        matches!(self.subject, Subject::Span(Some(_))) || self.context.core.is_valid()
    }

    /// Returns the scope, unless it is that of a span which is not recorded.
    #[inline]
    fn if_there(&mut self) -> Option<&mut Self> {
        #[cfg(feature = "tracing")]
        if !self.is_there() {
            return None;
        }
        Some(self)
    }

    /// Returns the context, which becomes a parent by it.
    #[inline(always)]
    fn parent(&self) -> &SpanContext {
        #[cfg(feature = "tracing")]
        if let Subject::Numbered(numbered) = &self.subject {
            numbered.set_used();
        }
        &self.context
    }

    /// The same as a copy.
    #[inline]
    fn use_context(&self) -> SpanContext {
        self.parent().clone()
    }
}

/// Returns whether a scope is active on this thread.
#[inline(always)]
pub(crate) fn has_active_context() -> bool {
    ACTIVE.get()
}

/// Returns the innermost active context of this thread.
#[inline]
pub(crate) fn active_context() -> Option<SpanContext> {
    if has_active_context() {
        return with_scopes(Scopes::innermost).flatten();
    }
    None
}

/// What a start needs of the context that is active.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    /// No span is active.
    None,
    /// A context without baggage.
    Plain(ParentIds),
    /// A context with baggage, of which [`active_context`] has the whole.
    WithBaggage,
}

/// Returns what a start needs of the innermost active context of this thread, which becomes a parent by it.
#[inline(always)]
pub(crate) fn active_parent() -> Parent {
    if has_active_context() {
        return with_scopes(Scopes::parent).unwrap_or(Parent::None);
    }
    Parent::None
}

/// Takes the copies of the spans of a tracer that are active on this thread, outermost first.
pub(crate) fn take_unfinished(
    owner: *const (),
    copy: impl Fn(&Slot) -> Option<Box<dyn UnfinishedSpan>>,
) -> Vec<Box<dyn UnfinishedSpan>> {
    with_scopes(|scopes| scopes.take_unfinished(owner, copy)).unwrap_or_default()
}

/// Replaces the context of a span in this thread's scopes.
pub(crate) fn refresh(context: &SpanContext) {
    with_scopes(|scopes| scopes.refresh(context));
}

/// Returns the outermost active context of this thread.
pub(crate) fn root_context() -> Option<SpanContext> {
    with_scopes(Scopes::outermost).flatten()
}

#[cold]
fn more_keys() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(KEYS, Ordering::Relaxed)
}

/// Returns the tracer of the innermost active span of this thread.
pub(crate) fn active_tracer() -> Option<Arc<TracerState>> {
    if has_active_context() {
        return with_scopes(Scopes::tracer).flatten();
    }
    None
}

/// Runs `f` on the calling thread's scopes; `None` while the thread ends.
#[inline(always)]
fn with_scopes<R>(f: impl FnOnce(&Scopes) -> R) -> Option<R> {
    SCOPES.try_with(f).ok()
}

impl Scope {
    pub(crate) fn enter(
        context: Option<SpanContext>,
        tracer: Option<Arc<TracerState>>,
        copy: Option<Box<dyn UnfinishedSpan>>,
    ) -> Self {
        let enter = |context| {
            with_scopes(|scopes| {
                scopes.enter(|key| Active {
                    key,
                    context,
                    subject: Subject::Context { tracer, copy },
                })
            })
        };
        let key = context.and_then(enter);
        Scope {
            key: key.flatten(),
            _thread: PhantomData,
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            with_scopes(|scopes| scopes.leave(key));
        }
    }
}

#[cold]
fn warn_of_order() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let line =
            format_args!("a scope ended before one that began later: drop the inner one first");
        log_guarded(Level::Warn, line);
    });
}

impl SpanContext {
    /// Makes the span of this context the implicit parent of those that this thread starts, until the scope is
    /// dropped: for work that another thread or process handed over. A context has no tracer: spans that are
    /// started by a [name](crate::IntoSpan) are those of the next active span's tracer.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    /// use picojaeger_std::SpanContext;
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let handed_over: SpanContext = "1f:2f:0:1".parse().unwrap();
    /// let _active = handed_over.activate();
    /// assert_eq!(tracer.start("pack").context().trace_id(), handed_over.trace_id());
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn activate(&self) -> Scope {
        Scope::enter(Some(self.clone()), None, None)
    }
}
