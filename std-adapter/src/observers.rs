//! Observers of spans: the user's code, called as a span starts, changes and ends.

use std::fmt;
use std::sync::Arc;

use log::Level;
use picojaeger_core::Value;

use crate::context::SpanContext;
use crate::sys::log::log_guarded;
use crate::sys::unwind::caught;

/// Observes spans as they start, change and end, sampled or not; see
/// [`TracerBuilder::observer`](crate::TracerBuilder::observer).
///
/// Called on the thread that makes the change. A call that starts spans of the same tracer has to end
/// the recursion. A panic is caught and logged.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::{SpanContext, SpanEvent, SpanObserver};
///
/// /// Counts spans that are open now.
/// #[derive(Default)]
/// struct Open(AtomicUsize);
///
/// impl SpanObserver for Open {
///     fn observe(&self, _: &SpanContext, event: SpanEvent<'_>) {
///         match event {
///             SpanEvent::Started { .. } => self.0.fetch_add(1, Ordering::Relaxed),
///             SpanEvent::Finished => self.0.fetch_sub(1, Ordering::Relaxed),
///             _ => 0,
///         };
///     }
/// }
///
/// let open = Arc::new(Open::default());
/// let config = Config::new("shop").sampler(Sampler::Const(false));
/// let tracer = config.tracer_builder().observer(open.clone()).build()?;
/// let span = tracer.start("order");
/// assert_eq!(open.0.load(Ordering::Relaxed), 1);
/// drop(span);
/// assert_eq!(open.0.load(Ordering::Relaxed), 0);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait SpanObserver: Send + Sync {
    /// Takes an event of the span with this context.
    fn observe(&self, span: &SpanContext, event: SpanEvent<'_>);
}

/// An event of a span's life.
///
/// ```
/// use picojaeger_std::SpanEvent;
///
/// fn line(event: SpanEvent<'_>) -> Option<String> {
///     match event {
///         SpanEvent::TagSet { key, value } => Some(format!("{key}={value:?}")),
///         _ => None,
///     }
/// }
/// # assert_eq!(line(SpanEvent::Finished), None);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SpanEvent<'e> {
    /// The span has started; the tags that its builder set follow.
    #[non_exhaustive]
    Started {
        /// The operation's name.
        operation: &'e str,
    },
    /// The span has another name.
    #[non_exhaustive]
    OperationSet {
        /// The new name, whole.
        operation: &'e str,
    },
    /// A tag was set.
    #[non_exhaustive]
    TagSet {
        /// The key.
        key: &'e str,
        /// The value, whole.
        value: Value<'e>,
    },
    /// The span has finished.
    Finished,
}

impl<O: SpanObserver + ?Sized> SpanObserver for Arc<O> {
    fn observe(&self, span: &SpanContext, event: SpanEvent<'_>) {
        (**self).observe(span, event);
    }
}

/// The observers of a tracer.
#[derive(Clone, Default)]
pub(crate) struct Observers(Arc<[Arc<dyn SpanObserver>]>);

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn SpanObserver>>) -> Self {
        Observers(observers.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls each observer. No lock may be held, and no shard in use: an observer may trace.
    pub(crate) fn notify(&self, span: &SpanContext, event: SpanEvent<'_>) {
        for observer in self.0.iter() {
            if caught(|| observer.observe(span, event)).is_none() {
                let line = format_args!("an observer panicked; the span goes on all the same");
                log_guarded(Level::Error, line);
            }
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
