//! Jaeger tracing for servers.
pub mod carriers;
mod clock;
pub mod collector;
pub mod config;
mod process;
pub mod reporters;
mod sender;
mod tsc;
