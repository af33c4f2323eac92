//! Contexts between processes.

pub mod carriers;
