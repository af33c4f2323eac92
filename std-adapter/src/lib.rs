//! Jaeger tracing for servers.
mod clock;
pub mod collector;
pub mod config;
mod process;
mod sender;
mod tsc;
