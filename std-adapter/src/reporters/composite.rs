//! Reporters that forward or discard spans.

use std::fmt;
use std::sync::Arc;

use super::{FinishedSpan, Reporter};

/// Reporter that discards spans.
///
/// ```
/// use picojaeger_std::reporters::{NullReporter, Reporter};
///
/// let reporter: Box<dyn Reporter> = Box::new(NullReporter);
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "has nothing to hold")]
pub struct NullReporter;

/// Reporter that forwards each span to several others, in order.
///
/// ```
/// use std::sync::Arc;
/// use picojaeger_std::reporters::{CompositeReporter, InMemoryReporter, LoggingReporter};
///
/// let kept = InMemoryReporter::new();
/// let both = CompositeReporter::new(vec![Arc::new(LoggingReporter), Arc::new(kept.clone())]);
/// ```
#[derive(Clone, Default)]
pub struct CompositeReporter {
    reporters: Vec<Arc<dyn Reporter>>,
}

impl CompositeReporter {
    /// Makes a reporter that forwards each span to these, in this order.
    pub fn new(reporters: Vec<Arc<dyn Reporter>>) -> Self {
        CompositeReporter { reporters }
    }
}

impl Reporter for NullReporter {
    fn report(&self, _: &FinishedSpan<'_>) {}
}

impl Reporter for CompositeReporter {
    fn report(&self, span: &FinishedSpan<'_>) {
        for reporter in &self.reporters {
            reporter.report(span);
        }
    }
}

impl fmt::Debug for CompositeReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompositeReporter({})", self.reporters.len())
    }
}
