//! Logs of servers' spans.

use std::fmt;

use picojaeger_core::{Key, Value};

use crate::state::Slot;

/// A log that is being written to a span, from [`Span::log`](crate::Span::log).
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let mut span = tracer.start("order");
/// span.log().field("event", "retry").field("attempt", 2);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct LogBuilder<'s> {
    /// `None` where the span takes no logs, or this one did not fit.
    pub(super) slot: Option<&'s mut Box<Slot>>,
}

impl LogBuilder<'_> {
    /// Returns whether the span took the log.
    pub(crate) const fn is_begun(&self) -> bool {
        self.slot.is_some()
    }

    /// Appends a field whose value is formatted into the span's memory, like
    /// [`Span::tag_fmt`](crate::Span::tag_fmt).
    pub fn field_fmt<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: fmt::Arguments<'_>,
    ) -> &mut Self {
        if let Some(slot) = &mut self.slot {
            slot.field_fmt(key.into(), value);
        }
        self
    }

    /// Appends a field. One that does not fit is truncated or left out, and the span is marked.
    #[inline]
    pub fn field<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        if let Some(slot) = &mut self.slot {
            slot.field(key.into(), value.into());
        }
        self
    }
}
