//! The peers, each in a file of its own.

pub(crate) mod fastrace;
