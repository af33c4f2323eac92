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
    /// `None` where the span takes no logs, or had no room for this one.
    pub(super) slot: Option<&'s mut Box<Slot>>,
}

impl LogBuilder<'_> {
    /// Appends a field whose value is formatted into the span's memory, as
    /// [`Span::tag_fmt`](crate::Span::tag_fmt) does a tag.
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

    /// Appends a field. What does not fit is cut or refused, and marked.
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
