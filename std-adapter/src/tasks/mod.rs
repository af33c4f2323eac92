//! Spans of futures and closures, and the span that is active where code runs.

mod closures;
mod current;
mod in_span;
mod into_span;

pub use closures::in_current_span;
pub use current::{CurrentLog, CurrentSpan, current, current_root};
pub use in_span::{FutureInSpan, InSpan};
pub use into_span::IntoSpan;
