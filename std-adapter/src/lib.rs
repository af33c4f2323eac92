//! Jaeger tracing for servers.
pub mod collector;
pub mod config;
