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
pub(super) use clock::DeviceClock;
pub(super) use convert::Meaning;
pub use event::Event;
pub use names::Image;
pub(super) use names::Names;
pub use relay::Relay;
pub(super) use tracer::process;

#[cfg(test)]
mod tests;
