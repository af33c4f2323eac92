//! The consuming side: rings to packets, packets to the transport, losses to the log.

pub(crate) mod common;
mod diagnosis;
pub(crate) mod exporter;
mod loss_log;
mod packet_encoder;
pub(crate) mod process_tags;
mod sends;
mod timekeeper;
mod unfinished;
