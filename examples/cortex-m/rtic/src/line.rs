//! A serial line that is fed by an interrupt, a few bytes at a time.

use picojaeger_core::{SendOutcome, Transport};
use picojaeger_cortex_m::{END, Uart, framed};

/// Bytes that one interrupt sends at most.
const AT_ONCE: usize = 16;

/// UART 0 with its transmit interrupt: each packet is a frame by RFC 1055 (SLIP).
///
/// No call waits for the line. It takes what the transmitter takes, at most 16 bytes, and returns
/// [`SendOutcome::Partial`] until the frame has left.
#[derive(Default)]
pub struct Line {
    /// Bytes of the packet that have left.
    sent: usize,
    /// Bytes of this interrupt.
    at_once: usize,
}

impl Line {
    /// Begins an interrupt.
    pub fn begin(&mut self) {
        Uart::clear_interrupt();
        self.at_once = 0;
    }

    /// Sends these bytes, all or none.
    fn take(&mut self, bytes: &[u8]) -> bool {
        if self.at_once + bytes.len() > AT_ONCE || !Uart::is_ready() {
            return false;
        }
        // The second byte of an escape may wait for the first one.
        bytes.iter().copied().for_each(Uart::put);
        self.at_once += bytes.len();
        true
    }
}

impl Transport for Line {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        for byte in packet.iter().skip(self.sent) {
            if !self.take(framed(byte)) {
                return SendOutcome::Partial;
            }
            self.sent += 1;
        }
        if !self.take(&[END]) {
            return SendOutcome::Partial;
        }
        self.sent = 0;
        SendOutcome::Accepted
    }
}
