//! The choice between the contexts of several formats.

use crate::context::{Flags, SpanContext};
use crate::propagation::error::{BaggageDrops, ExtractError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::Extracted;

/// The context that one format's headers hold.
pub(super) type Found<'a> = Result<Option<&'a SpanContext>, ExtractError>;

/// The context that wins, and the first header that could not be read.
pub(super) struct Choice<'a> {
    context: Option<&'a SpanContext>,
    format: Format,
    /// Flags that another header adds.
    flags: Flags,
    rejected: Option<(Format, ExtractError)>,
}

impl<'a> Choice<'a> {
    /// Chooses the first valid context of the list, else the first decision without ids.
    #[inline]
    pub(super) fn new(formats: &[Format], found: impl Fn(Format) -> Found<'a>) -> Self {
        let mut choice = Choice {
            context: None,
            format: Format::Baggage,
            flags: Flags::NONE,
            rejected: None,
        };
        for format in formats {
            match found(*format) {
                Ok(Some(context)) => choice.offer(*format, context),
                Ok(None) => {}
                Err(error) => choice.reject(*format, error),
            }
        }
        choice
    }

    #[inline]
    fn offer(&mut self, format: Format, context: &'a SpanContext) {
        let is_better = |held: &SpanContext| !held.is_valid() && context.is_valid();
        if self.context.is_none_or(is_better) {
            (self.context, self.format) = (Some(context), format);
        }
    }

    #[inline]
    fn reject(&mut self, format: Format, error: ExtractError) {
        self.rejected = self.rejected.or(Some((format, error)));
    }

    /// Takes the ids of the W3C's header and the flags that only Jaeger's has, where both name the
    /// trace that was chosen.
    #[inline]
    pub(super) fn join(&mut self, w3c: &'a SpanContext, jaeger: &SpanContext) {
        let is_chosen = |context: &SpanContext| context.trace == w3c.trace;
        if jaeger.trace != w3c.trace || !self.context.is_some_and(is_chosen) {
            return;
        }
        (self.context, self.format) = (Some(w3c), Format::TraceContext);
        self.add(jaeger.flags & Flags::FIREHOSE);
        if jaeger.flags.contains(Flags::SAMPLED | Flags::DEBUG) {
            self.add(Flags::SAMPLED | Flags::DEBUG);
        }
    }

    /// Adds flags to the context.
    #[inline]
    pub(super) fn add(&mut self, flags: Flags) {
        self.flags = self.flags | flags;
    }

    /// Returns whether the context is that of `traceparent`.
    #[inline]
    pub(super) fn is_w3c(&self) -> bool {
        self.format == Format::TraceContext
    }

    /// Returns whether a header could not be read.
    #[inline]
    pub(super) fn has_rejected(&self) -> bool {
        self.rejected.is_some()
    }

    /// Returns the context.
    #[inline]
    pub(super) fn context(&self) -> Option<SpanContext> {
        let context = self.context?;
        let flags = context.flags | self.flags;
        Some(SpanContext::new(context.trace, context.span, flags))
    }

    /// Returns the result if there is nothing but a context.
    pub(super) fn extracted(&self) -> Extracted<'static> {
        Extracted {
            context: match (self.context(), self.rejected) {
                (None, Some((_, error))) => Err(error),
                (context, _) => Ok(context),
            },
            debug_id: Ok(None),
            dropped: BaggageDrops::default(),
            tracestate: None,
            rejected: self.rejected,
        }
    }
}
