//! Outputs of a relay.

use std::sync::Arc;

use crate::model::{Process, Span};

/// An output of a [`Relay`](super::Relay), which has an example.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A span of a device.
    Span {
        /// The device, as a process with a service and tags.
        process: Arc<Process>,
        /// The span.
        span: Box<Span>,
    },
    /// Text on a line. It may contain control characters.
    Text {
        /// The line's number.
        line: usize,
        /// The text.
        text: String,
    },
    /// A device told its time, and a time frame may answer.
    Status {
        /// The line's number.
        line: usize,
        /// The tracer's number.
        producer: u8,
        /// The low half of the boot's id.
        boot: u16,
        /// The device's ticks.
        ticks: u64,
    },
    /// A device sent a piece of its memory.
    Memory {
        /// The line's number.
        line: usize,
        /// The address and the bytes, as they were on the wire.
        payload: Vec<u8>,
    },
    /// Something that the user should know.
    Warning(String),
}

/// A function that takes events.
pub(super) type Sink<'s> = &'s mut dyn FnMut(Event);
