//! Devices: the bytes of lines to spans of the model.

mod account;
mod clock;
mod convert;
mod line;
mod names;
mod relay;
mod seeds;
mod seen;
mod tracer;

pub use account::{DeviceAccount, RelayCounts};
pub use clock::Arrival;
pub use names::Image;
pub use relay::{Event, Relay};

#[cfg(test)]
mod tests;
