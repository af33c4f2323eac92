//! Spans of tasks: which span is current where, futures that have a span, polls of an executor's tasks.

mod current;
mod execution;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod in_span;
mod suppression;

pub use current::{CurrentSpans, CurrentTable, Entered};
#[cfg(all(target_arch = "arm", target_os = "none"))]
pub use execution::CortexM;
pub use execution::Execution;
pub use in_span::{FutureInSpan, InSpan};
pub use suppression::{Suppressed, Suppressible, Suppressing, Suppression};

#[cfg(test)]
mod suppression_tests;
#[cfg(test)]
mod tests;
