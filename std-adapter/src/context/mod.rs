//! Span contexts on servers: the core's, with baggage.

pub(crate) mod baggage;
pub(crate) mod pending;

use std::fmt;
use std::str::FromStr;

use picojaeger_core::{self as core, Flags, ParseContextError, SpanId, TraceId, ZipkinSpan};

use crate::context::baggage::Baggage;

/// The identity of a span and its baggage, which its children and other processes continue.
///
/// A clone costs one atomic increment if there is baggage, and a copy if not.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let mut span = tracer.start("order");
/// span.set_baggage_item("customer", "7")?;
/// let context = span.context();
/// assert_eq!(context.baggage_item("customer"), Some("7"));
/// assert!(context.is_sampled());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, Debug, PartialEq, Eq, Hash)]
pub struct SpanContext {
    pub(crate) core: core::SpanContext,
    pub(crate) baggage: Baggage,
}

/// The ids and flags of a parent, as words: these stay in registers, where a copied context goes through memory.
#[derive(Clone, Copy)]
pub(crate) struct ParentIds {
    pub(crate) high: u64,
    pub(crate) low: u64,
    pub(crate) span: SpanId,
    pub(crate) flags: Flags,
}

impl From<&core::SpanContext> for ParentIds {
    #[inline(always)]
    fn from(context: &core::SpanContext) -> Self {
        ParentIds {
            high: context.trace_id().high(),
            low: context.trace_id().low(),
            span: context.span_id(),
            flags: context.flags(),
        }
    }
}

/// Argument of [`SpanBuilder::child_of`](crate::SpanBuilder::child_of) and
/// [`SpanBuilder::follows_from`](crate::SpanBuilder::follows_from): a span, a context, or an
/// option of either; `None` is no parent.
///
/// ```
/// use picojaeger_std::{ToContext, SpanContext};
///
/// let remote: Option<SpanContext> = None;
/// assert!(remote.to_context().is_none());
/// ```
pub trait ToContext {
    /// Returns the context, if there is one.
    fn to_context(&self) -> Option<SpanContext>;
}

/// A context of no span.
pub(crate) const NO_CONTEXT: core::SpanContext = core::SpanContext::new(
    TraceId::from_parts(0, 0),
    SpanId::new(0),
    Flags::from_wire(0),
);

impl SpanContext {
    /// Returns the id of the span's trace; zero if the context carries only baggage or a debug
    /// id.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        self.core.trace_id()
    }

    /// Returns the span's own id.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        self.core.span_id()
    }

    /// Returns the flags: sampled, debug, firehose.
    #[inline]
    pub fn flags(&self) -> Flags {
        self.core.flags()
    }

    /// Returns whether the span is recorded and sent.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        self.core.is_sampled()
    }

    /// Returns the short binary form, for small links: version 1, trace id, span id and flags, all
    /// big-endian. Baggage is not part of it.
    ///
    /// ```
    /// use picojaeger_std::SpanContext;
    ///
    /// let context: SpanContext = "1:2:0:1".parse()?;
    /// assert_eq!(SpanContext::from_binary(&context.to_binary()), Ok(context));
    /// # Ok::<(), picojaeger_std::ParseContextError>(())
    /// ```
    pub fn to_binary(&self) -> [u8; core::SpanContext::BINARY_LEN] {
        self.core.to_binary()
    }

    /// Reads the short binary form; a context of another process.
    ///
    /// # Errors
    /// The length or the version is another, or an id is zero.
    pub fn from_binary(bytes: &[u8]) -> Result<Self, ParseContextError> {
        core::SpanContext::from_binary(bytes).map(SpanContext::from)
    }

    /// Returns an item of the baggage.
    pub fn baggage_item(&self, key: &str) -> Option<&str> {
        self.baggage.get(key)
    }

    /// Iterates over the baggage, in the order in which it was set.
    pub fn baggage(&self) -> impl Iterator<Item = (&str, &str)> {
        self.baggage.iter()
    }
}

/// Writes the identity as an `uber-trace-id` header has it; baggage is not part of it.
impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

/// Reads the text of an `uber-trace-id` header; a context of another process.
impl FromStr for SpanContext {
    type Err = ParseContextError;

    fn from_str(text: &str) -> Result<Self, ParseContextError> {
        text.parse::<core::SpanContext>().map(SpanContext::from)
    }
}

impl From<core::SpanContext> for SpanContext {
    fn from(core: core::SpanContext) -> Self {
        SpanContext {
            core,
            baggage: Baggage::EMPTY,
        }
    }
}

/// Takes the identity as a TChannel frame has it; the upper half of the trace id is left out.
impl From<&SpanContext> for ZipkinSpan {
    fn from(context: &SpanContext) -> Self {
        ZipkinSpan::from(context.core)
    }
}

impl ToContext for SpanContext {
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        Some(self.clone())
    }
}

impl ToContext for core::SpanContext {
    /// Makes a context without ids from one that lacks a trace id or a span id: it is no parent.
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        Some(SpanContext {
            core: if self.is_valid() { *self } else { NO_CONTEXT },
            baggage: Baggage::EMPTY,
        })
    }
}

impl<T: ToContext> ToContext for Option<T> {
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        self.as_ref().and_then(T::to_context)
    }
}

impl<T: ToContext + ?Sized> ToContext for &T {
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        (**self).to_context()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn contexts_are_keys_of_maps_without_a_warning() {
        let context: SpanContext = "1:2:0:1".parse().unwrap();
        let mut waiting = context.clone();
        waiting.baggage.set_pending();
        let map = HashMap::from([(context.clone(), 1), (SpanContext::default(), 2)]);
        assert_eq!(map.get(&context), Some(&1));
        assert_eq!(map.get(&waiting), None);
    }
}
