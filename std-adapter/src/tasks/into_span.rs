//! What a future's span is made of.

use std::borrow::Cow;

use picojaeger_core::Key;

use crate::scope::active_tracer;
use crate::tracer::builder::global_tracer;
use crate::tracer::span::Span;
use crate::tracer::span_builder::{SpanBuilder, start_implicit};

/// Argument of [`InSpan::in_span`](crate::InSpan::in_span): a span, a builder, or a name.
///
/// A name starts a child of the span that is active at the call, by that one's tracer; a root of the
/// [global tracer](global_tracer) if none is.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::{IntoSpan, Span};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let span: Span = tracer.span_builder("audit").tag("order", 7).into_span();
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait IntoSpan {
    /// Starts the span, unless it is one.
    fn into_span(self) -> Span;
}

impl IntoSpan for Span {
    #[inline]
    fn into_span(self) -> Span {
        self
    }
}

impl IntoSpan for SpanBuilder<'_> {
    #[inline]
    fn into_span(self) -> Span {
        self.start()
    }
}

impl IntoSpan for &'static str {
    fn into_span(self) -> Span {
        started(Key::Static(self))
    }
}

impl IntoSpan for String {
    fn into_span(self) -> Span {
        started(Key::copied(&self))
    }
}

impl IntoSpan for Cow<'static, str> {
    fn into_span(self) -> Span {
        match self {
            Cow::Borrowed(name) => name.into_span(),
            Cow::Owned(name) => name.into_span(),
        }
    }
}

/// Starts a span by the tracer of the active one.
pub(crate) fn started(name: Key<'_>) -> Span {
    match active_tracer() {
        Some(state) => start_implicit(&state, name),
        None => global_tracer().start(name),
    }
}
