//! Relay of devices: frames on serial lines to spans in Jaeger.
//!
//! A device writes frames of the core's relay encoder to a line, which text may share. [`Relay`]
//! reads them: it finds frames among other bytes ([`FrameReader`]), removes duplicates, dates spans
//! by the times of arrival, and keeps the account of each device. The program `picojaeger-relay`
//! feeds it from serial ports, TCP and files, and sends the spans on, as the device's own service.
//!
//! Any byte may be wrong, so input of any kind is at worst counted: nothing panics, and memory is bounded.
//!
//! Needs the feature `frames`; the program needs `relay`.

mod device;
#[cfg(feature = "relay")]
mod dump;
#[cfg(feature = "relay")]
mod elf;
mod frame;
#[cfg(feature = "relay")]
mod output;
mod payload;
#[cfg(feature = "relay")]
mod program;
#[cfg(feature = "relay")]
mod source;
#[cfg(test)]
mod test_device;

pub use device::{Arrival, DeviceAccount, Event, Image, Relay, RelayCounts};
pub use frame::{Frame, FrameReader, Piece};
#[cfg(feature = "relay")]
#[cfg_attr(docsrs, doc(cfg(feature = "relay")))]
pub use program::run;
