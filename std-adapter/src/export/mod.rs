//! The consuming side: rings to packets, packets to the transport, losses to the log.

mod batching;
pub(crate) mod common;
mod diagnosis;
pub(crate) mod exporter;
pub(crate) mod further;
mod loss_log;
mod packet_encoder;
pub(crate) mod process_tags;
mod sends;
mod steps;
mod timekeeper;
mod unfinished;
