//! Spans of futures and closures, and the span that is active where code runs.

#[cfg(feature = "macros")]
#[allow(
    missing_docs,
    clippy::exhaustive_structs,
    reason = "only generated code calls it"
)]
#[path = "traced/mod.rs"]
pub mod __traced;
#[cfg(feature = "macros")]
mod attribute;
mod closures;
mod current;
pub(crate) mod home;
mod in_span;
pub(crate) mod into_span;
mod panic_hook;
#[cfg(feature = "futures")]
mod stream;

#[cfg(feature = "macros")]
pub use attribute::traced;
pub use closures::in_current_span;
#[cfg(feature = "tracing")]
pub(crate) use current::with_current;
pub use current::{CurrentLog, CurrentSpan, current, current_root};
pub use in_span::{FutureInSpan, InSpan};
pub use into_span::IntoSpan;
pub use panic_hook::install_panic_hook;
#[cfg(feature = "futures")]
pub use stream::{StreamInSpan, StreamSpan};
