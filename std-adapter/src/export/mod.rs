//! The consuming side: rings to packets, packets to the transport, losses to the log.

mod agent_encoder;
pub(crate) mod common;
mod diagnosis;
pub(crate) mod exporter;
mod loss_log;
pub(crate) mod process_tags;
mod sends;
mod timekeeper;
mod unfinished;
