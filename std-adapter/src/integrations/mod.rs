//! Instrumentations of other crates, each behind its feature.

#[cfg(feature = "reqwest-013")]
pub mod reqwest;
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
mod semantics;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
