//! The packets of a run, which leave at its end, so that no run takes longer for them.

use core::cell::UnsafeCell;

use picojaeger_core::{SendOutcome, Transport};

use crate::Uart;
use crate::proof::fail;

/// The buffer of a packet, and the packets before it, each behind its length.
///
/// It lies where no start clears it, since that would take longer than most scenes.
pub struct Packets(UnsafeCell<Kept>);

struct Kept {
    buffer: [u8; 512],
    packets: Sent,
}

/// A transport that takes every packet.
pub struct Sent {
    length: usize,
    bytes: [u8; 2048],
}

#[unsafe(link_section = ".uninit.packets")]
pub static PACKETS: Packets = Packets(UnsafeCell::new(Kept {
    buffer: [0; 512],
    packets: Sent {
        length: 0,
        bytes: [0; 2048],
    },
}));

// SAFETY: see `with`.
unsafe impl Sync for Packets {}

impl Packets {
    /// Forgets the packets of the run before.
    pub fn clear(&self) {
        // SAFETY: as in `with`; any bits are a number.
        unsafe { (&raw mut (*self.0.get()).packets.length).write_volatile(0) }
    }

    /// Runs `f` on the buffer and the packets.
    ///
    /// # Safety
    /// Nobody else does meanwhile.
    pub unsafe fn with<R>(&self, f: impl FnOnce(&mut [u8], &mut Sent) -> R) -> R {
        // SAFETY: the caller is alone, and any bits are bytes.
        let kept = unsafe { &mut *self.0.get() };
        f(&mut kept.buffer, &mut kept.packets)
    }
}

impl Transport for Sent {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let behind = self.bytes.get_mut(self.length..).unwrap_or_default();
        let place = behind
            .split_first_chunk_mut()
            .and_then(|(length, rest)| Some((length, rest.get_mut(..packet.len())?)));
        let Some((length, place)) = place else {
            fail("too many packets")
        };
        *length = (packet.len() as u16).to_le_bytes();
        place.copy_from_slice(packet);
        self.length += length.len() + packet.len();
        SendOutcome::Accepted
    }
}

impl Sent {
    /// Sends the packets by the UART.
    pub fn leave(&self) {
        let mut rest = self.bytes.get(..self.length).unwrap_or_default();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (packet, others) = behind.split_at(u16::from_le_bytes(*length).into());
            _ = Uart.send(packet);
            rest = others;
        }
    }
}
