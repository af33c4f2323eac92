//! A span together with its process.

use std::ops::Deref;
use std::sync::Arc;

use crate::model::{Process, Span};

/// A span with the process that it came from; dereferences to the [`Span`]. Cloning is cheap.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, Received, encode};
/// use picojaeger_std::model::{Batch, Process, Span};
///
/// let mut batch = Batch::new(Process::new("shop"));
/// batch.spans.push(Span::new(0x2a, 7, "query"));
/// let mut received = Received::default();
/// received.accept(&encode(&batch, Encoding::default())?);
///
/// let span = &received.spans()[0];
/// assert_eq!((span.service_name(), span.operation_name.as_str()), ("shop", "query"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CollectedSpan {
    pub(super) process: Arc<Process>,
    pub(super) span: Arc<Span>,
}

impl CollectedSpan {
    /// `span` as it would come from `process`.
    pub fn new(process: Arc<Process>, span: Span) -> Self {
        Self {
            process,
            span: Arc::new(span),
        }
    }

    /// The process that made the span.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Name of the service that made the span.
    pub fn service_name(&self) -> &str {
        &self.process.service_name
    }
}

impl Deref for CollectedSpan {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}
