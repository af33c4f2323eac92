//! The consuming side: rings to packets, packets to the transport, losses to the log.

pub(crate) mod common;
mod diagnosis;
mod encoder;
pub(crate) mod exporter;
mod loss_log;
pub(crate) mod process_tags;
mod report;
mod timekeeper;
