//! Instrumentations of other crates, each behind its feature.

#[cfg(feature = "tower")]
mod semantics;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
