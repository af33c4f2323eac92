//! Parts for other crates, each behind a feature.

#[cfg(feature = "tokio")]
pub(crate) mod tokio;
