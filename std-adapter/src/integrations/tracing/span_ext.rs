//! Contexts of spans of `tracing`.

use std::error::Error;
use std::fmt;

use ::tracing::{Dispatch, Span};
use tracing_core::span::Id;

use super::layer::JaegerLayer;
use crate::context::{SpanContext, ToContext};
use crate::scope::{is_used, replace_numbered};
use crate::tracer;

/// Extends spans of `tracing` by contexts.
///
/// ```
/// use std::collections::HashMap;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::tracing::SpanExt as _;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let subscriber = tracing_subscriber::registry().with(picojaeger_std::tracing::layer(&tracer));
/// tracing::subscriber::with_default(subscriber, || {
///     let headers = HashMap::from([("uber-trace-id", "1f:2f:0:1")]);
///     let request = tracing::info_span!("request");
///     request.set_parent(tracer.extract(&headers)).unwrap();
///     assert_eq!(request.context().trace_id().low(), 0x1f);
///
///     let mut outgoing = HashMap::<String, String>::new();
///     tracer.inject(request.context(), &mut outgoing).unwrap();
///     assert!(outgoing["uber-trace-id"].starts_with("1f:") || outgoing["uber-trace-id"].contains("1f:"));
/// });
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait SpanExt {
    /// Makes a span the child of a context, as of a request's headers; `None` changes nothing.
    ///
    /// The trace, the sampling decision and the baggage become the parent's; the fields stay. After an event or a late field
    /// the span has a decision of its own already: if it was not sampled and the
    /// parent is, what came before is not recorded, and it gets the tag `picojaeger.sampled_late`.
    ///
    /// # Errors
    /// The span has a child already, its [context](SpanExt::context) was read, or no layer records it; then nothing
    /// changes.
    fn set_parent(&self, parent: impl ToContext) -> Result<(), SetParentError>;

    /// Returns the context of a span, for inject and for parents elsewhere. All zero if no layer records it.
    fn context(&self) -> SpanContext;

    /// Adds a reference to another span, which this one follows from. A context without ids changes nothing.
    fn add_link(&self, other: impl ToContext);
}

/// Error of [`SpanExt::set_parent`].
///
/// ```
/// use picojaeger_std::tracing::{SetParentError, SpanExt as _};
///
/// let parent: picojaeger_std::SpanContext = "1f:2f:0:1".parse()?;
/// let error = tracing::info_span!("order").set_parent(parent).unwrap_err();
/// assert_eq!(error, SetParentError::NotRecorded); // there is no subscriber
/// # Ok::<(), picojaeger_std::ParseContextError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetParentError {
    /// No [`JaegerLayer`] records the span: none is there, a filter left it out, or the tracer is disabled.
    NotRecorded,
    /// The span has a child, or its context has been read: its trace can no longer change.
    AlreadyUsed,
}

impl fmt::Display for SetParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetParentError::NotRecorded => "no Jaeger layer records this span",
            SetParentError::AlreadyUsed => {
                "the span has a child or its context was read; set the parent first"
            }
        })
    }
}

impl Error for SetParentError {}

impl SpanExt for Span {
    fn set_parent(&self, parent: impl ToContext) -> Result<(), SetParentError> {
        let Some(parent) = parent.to_context() else {
            return Ok(());
        };
        let set = with_layer(self, |layer, id| layer.set_parent(id, &parent));
        set.unwrap_or(Err(SetParentError::NotRecorded))
    }

    fn context(&self) -> SpanContext {
        let context = with_layer(self, |layer, id| layer.number(id).use_context());
        context.flatten().unwrap_or_default()
    }

    fn add_link(&self, other: impl ToContext) {
        if let Some(context) = other.to_context() {
            with_layer(self, |layer, id| layer.add_reference(id, &context));
        }
    }
}

impl JaegerLayer {
    fn set_parent(&self, id: &Id, parent: &SpanContext) -> Result<(), SetParentError> {
        let number = self.number(id);
        if is_used(number) {
            return Err(SetParentError::AlreadyUsed);
        }
        if number.complete(parent.clone()) {
            return Ok(());
        }
        let changed = number.with(|slot| {
            tracer::span::Span::in_home(slot, |span| {
                span.set_parent(parent);
                span.context()
            })
        });
        let context = changed.ok_or(SetParentError::NotRecorded)?;
        replace_numbered(number, &context);
        Ok(())
    }
}

/// Runs `f` on the layer of a span's subscriber.
fn with_layer<R>(span: &Span, f: impl FnOnce(&JaegerLayer, &Id) -> R) -> Option<R> {
    span.with_subscriber(|(id, dispatch): (&Id, &Dispatch)| {
        dispatch
            .downcast_ref::<JaegerLayer>()
            .map(|layer| f(layer, id))
    })
    .flatten()
}
