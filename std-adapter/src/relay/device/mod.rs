//! Devices: the bytes of lines to spans of the model.

mod account;
mod clock;
mod convert;
mod counts;
mod event;
mod frames;
mod line;
mod names;
mod relay;
mod seeds;
mod seen;
mod tracer;
mod tracers;

pub use account::{DeviceAccount, RelayCounts};
pub use clock::Arrival;
pub use event::Event;
pub use names::Image;
pub use relay::Relay;

// For dumps of memory.
#[cfg(feature = "relay")]
pub(super) use {clock::DeviceClock, convert::Meaning, names::Names, tracer::process};

#[cfg(test)]
mod tests;
