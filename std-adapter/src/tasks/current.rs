//! The span that is active where code runs.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use log::Level;
use picojaeger_core::{Key, Value};

use crate::context::{SpanContext, ToContext};
use crate::scope::{Found, Which, active_context, root_context, with_active_span};
use crate::state::Slot;
use crate::sys::log::log_guarded;
use crate::tracer::errors::SetBaggageError;
use crate::tracer::span::Span;

/// Returns the innermost active span of this thread, looked up at each write.
///
/// Code writes to it without having the span: one that is active by [`InSpan`](crate::InSpan) or
/// [`Span::in_scope`]. Where none is, a write does nothing. [`Span::activate`] copies a context
/// and leaves the span to its owner: a write there does nothing, is
/// [counted](CurrentSpan::missed_writes), and the first one is logged. So is a write within the formatting of a
/// value for the same span.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::current;
///
/// fn price(item: u64) {
///     current().tag("item", item);
/// }
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// tracer.start("order").in_scope(|| price(7));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[inline]
pub fn current() -> CurrentSpan {
    CurrentSpan::at(Which::Innermost)
}

/// Returns the outermost active span of this thread: that of the request, unless a runtime itself runs in a span. In
/// a task that was spawned `in_current_span` the outermost is a context, to which nothing can be written.
///
/// ```
/// use picojaeger_std::{current_root, Tracer};
///
/// let tracer = Tracer::disabled();
/// tracer.start("request").in_scope(|| {
///     tracer.start("query").in_scope(|| {
///         current_root().tag("customer", 7); // of `request`
///     });
/// });
/// ```
#[inline]
pub fn current_root() -> CurrentSpan {
    CurrentSpan::at(Which::Root)
}

/// An active span of this thread, from [`current`] or [`current_root`].
#[derive(Clone, Copy)]
pub struct CurrentSpan {
    which: Which,
    /// Makes it `!Send`: it is the span of the thread that asks.
    _thread: PhantomData<*const ()>,
}

/// A log that is being written to an active span, from [`CurrentSpan::log`].
///
/// ```
/// picojaeger_std::current().log().field("event", "retry").field("attempt", 2);
/// ```
pub struct CurrentLog {
    /// The key of the span; `None` if it takes no logs.
    key: Option<u64>,
    _thread: PhantomData<*const ()>,
}

/// Writes that met a context in place of a span.
static MISSED: AtomicU64 = AtomicU64::new(0);

impl CurrentSpan {
    const fn at(which: Which) -> Self {
        CurrentSpan {
            which,
            _thread: PhantomData,
        }
    }

    /// Sets a tag, like [`Span::tag`].
    #[inline]
    pub fn tag<'k, 'v>(&self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Self {
        self.write(|span| {
            span.tag(key, value);
        })
    }

    /// Sets a tag whose value is formatted, like [`Span::tag_fmt`].
    pub fn tag_fmt<'k>(&self, key: impl Into<Key<'k>>, value: fmt::Arguments<'_>) -> Self {
        self.write(|span| {
            span.tag_fmt(key, value);
        })
    }

    /// Begins a log at the present time; its fields follow, before another log of this span begins, and before an await.
    pub fn log(&self) -> CurrentLog {
        let begun = written(self.which, |span, key| {
            let log = span.log();
            log.is_begun().then_some(key)
        });
        CurrentLog {
            key: begun.flatten(),
            _thread: PhantomData,
        }
    }

    /// Renames the span, like [`Span::set_operation_name`].
    pub fn set_operation_name<'n>(&self, name: impl Into<Key<'n>>) -> Self {
        self.write(|span| {
            span.set_operation_name(name);
        })
    }

    /// Tags the span as an error and logs it, like [`Span::record_error`].
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) -> Self {
        self.write(|span| {
            span.record_error(error);
        })
    }

    /// Sets an item of baggage that all later children get, like [`Span::set_baggage_item`]; nothing where no span
    /// is active.
    ///
    /// # Errors
    /// As for [`Span::set_baggage_item`].
    pub fn set_baggage_item(&self, key: &str, value: &str) -> Result<Self, SetBaggageError> {
        let set = written(self.which, |span, _| {
            span.set_baggage_item(key, value).map(|_| ())
        });
        set.transpose().map(|_| *self)
    }

    /// Returns the identity and baggage; those of a context that is active, too.
    pub fn context(&self) -> Option<SpanContext> {
        self.to_context()
    }

    /// Returns how many writes of this process met a context in place of a span, as under
    /// [`Span::activate`].
    pub fn missed_writes() -> u64 {
        MISSED.load(Ordering::Relaxed)
    }

    #[inline]
    fn write(&self, write: impl FnOnce(&mut Span)) -> Self {
        written(self.which, |span, _| write(span));
        *self
    }
}

impl CurrentLog {
    /// Appends a field, like [`LogBuilder::field`](crate::LogBuilder::field).
    pub fn field<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        self.write(|slot| slot.field(key.into(), value.into()))
    }

    /// Appends a field whose value is formatted, like [`LogBuilder::field_fmt`](crate::LogBuilder::field_fmt).
    pub fn field_fmt<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: fmt::Arguments<'_>,
    ) -> &mut Self {
        self.write(|slot| slot.field_fmt(key.into(), value))
    }

    fn write<R>(&mut self, write: impl FnOnce(&mut Box<Slot>) -> R) -> &mut Self {
        if let Some(at) = self.key {
            with_active_span(Which::Key(at), |slot, _| slot.as_mut().map(write));
        }
        self
    }
}

/// Runs `write` on the innermost active span of this thread, if there is one; counts it if there is a context only.
#[cfg(feature = "tracing")]
pub(crate) fn with_current(write: impl FnOnce(&mut Span)) {
    written(Which::Innermost, |span, _| write(span));
}

/// Writes to an active span; counts it if there is a context only.
#[inline]
fn written<R>(which: Which, write: impl FnOnce(&mut Span, u64) -> R) -> Option<R> {
    let found = with_active_span(which, |slot, key| {
        Span::in_home(slot, |span| write(span, key))
    });
    match found {
        Found::Written(result) => Some(result),
        Found::NothingActive => None,
        Found::NoSpan => {
            count_missed();
            None
        }
    }
}

#[cold]
fn count_missed() {
    static ONCE: Once = Once::new();
    MISSED.fetch_add(1, Ordering::Relaxed);
    ONCE.call_once(|| {
        let line = format_args!(
            "`current` found a context in place of a span: use `in_span` or `in_scope` instead of `activate`"
        );
        log_guarded(Level::Warn, line);
    });
}

impl ToContext for CurrentSpan {
    /// Returns the context of the span, also of one that is active by its context.
    fn to_context(&self) -> Option<SpanContext> {
        let context = match self.which {
            Which::Root => root_context(),
            _ => active_context(),
        };
        // Else what is active is a tracer alone.
        context.filter(|context| context.core.is_valid() || !context.baggage.is_empty())
    }
}

impl fmt::Debug for CurrentSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentSpan").finish_non_exhaustive()
    }
}

impl fmt::Debug for CurrentLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentLog").finish_non_exhaustive()
    }
}
