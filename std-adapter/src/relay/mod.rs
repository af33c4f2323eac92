//! Relay of devices: frames on serial lines to spans in Jaeger.
//!
//! A device writes frames of the core's relay encoder to a line, which text may share. [`Relay`]
//! reads them: it finds frames among other bytes ([`FrameReader`]), removes duplicates, dates spans
//! by the times of arrival, and keeps the account of each device. The program `picojaeger-relay`
//! feeds it from serial ports, TCP and files, and sends the spans on, as the device's own service.
//!
//! Any byte may be wrong, so input of any kind is at worst counted: nothing panics, and memory is bounded.
//!
//! Needs the feature `relay`.

mod device;
mod dump;
mod elf;
mod frame;
mod output;
mod payload;
mod program;
mod source;
#[cfg(test)]
mod test_device;

pub use device::{Arrival, DeviceAccount, Event, Image, Relay, RelayCounts};
pub use frame::{Frame, FrameReader, Piece};
pub use program::run;
