//! Spans of futures and closures, and the span that is active where code runs.

mod closures;
mod current;
pub(crate) mod home;
mod in_span;
pub(crate) mod into_span;
mod panic_hook;
#[cfg(feature = "futures")]
mod stream;

pub use closures::in_current_span;
pub use current::{CurrentLog, CurrentSpan, current, current_root};
pub use in_span::{FutureInSpan, InSpan};
pub use into_span::IntoSpan;
pub use panic_hook::install_panic_hook;
#[cfg(feature = "futures")]
pub use stream::{StreamInSpan, StreamSpan};
