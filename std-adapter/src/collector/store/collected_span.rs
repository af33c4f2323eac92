//! A span together with its process.

use std::sync::Arc;

use crate::model::{Process, Span};

/// A span with the process that it came from. Cloning is cheap, since both are shared.
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
/// let collected = &received.spans()[0];
/// assert_eq!(collected.service_name(), "shop");
/// assert_eq!(collected.span.operation_name, "query");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CollectedSpan {
    /// The process that made the span.
    pub process: Arc<Process>,
    /// The span.
    pub span: Arc<Span>,
}

impl CollectedSpan {
    /// `span` as it would come from `process`.
    pub fn new(process: Arc<Process>, span: Span) -> Self {
        Self {
            process,
            span: Arc::new(span),
        }
    }

    /// Name of the service that made the span.
    pub fn service_name(&self) -> &str {
        &self.process.service_name
    }
}
