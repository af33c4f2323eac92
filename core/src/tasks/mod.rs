//! Spans of tasks: which span is current where, futures that have a span, polls of an executor's tasks.

mod current;
#[cfg(feature = "embassy-executor-010")]
mod embassy_010;
mod execution;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod in_span;
mod suppression;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod task_spans;

pub use current::{CurrentSpans, CurrentTable, Entered};
#[cfg(all(target_arch = "arm", target_os = "none"))]
pub use execution::CortexM;
pub use execution::Execution;
pub use in_span::{FutureInSpan, InSpan};
pub use suppression::{Suppressed, Suppressible, Suppressing, Suppression};
pub use task_spans::TaskSpans;

#[cfg(test)]
mod suppression_tests;
#[cfg(test)]
mod tests;
