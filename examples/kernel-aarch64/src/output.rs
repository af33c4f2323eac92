//! Where spans go, and in which format: Thrift by UDP, or with the feature `relay` frames by UART.

#[cfg(feature = "relay")]
pub use uart::{Format, Output, format, open};
#[cfg(not(feature = "relay"))]
pub use udp::{Format, Output, format, open};

#[cfg(not(feature = "relay"))]
mod udp {
    use picojaeger_core::wire::ThriftCompact;
    use static_cell::ConstStaticCell;

    use crate::net::{Memory, Network};

    pub type Format = ThriftCompact;
    pub type Output = Network;

    /// The port of the agent; QEMU's option `-device loader,addr=0x47fffffc,data=PORT,data-len=4`
    /// sets another one.
    const AGENT_PORT: u16 = 6831;
    const PORT_WORD: *const u32 = 0x47ff_fffc as *const u32;

    pub fn open() -> Option<Output> {
        static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
        // SAFETY: the word is the last of the machine's memory, and nothing else lies there.
        let port = match unsafe { PORT_WORD.read_volatile() } {
            0 => AGENT_PORT,
            port => port as u16,
        };
        Network::new(MEMORY.take(), port)
    }

    pub const fn format(_tracer: u8, _boot: u32) -> Format {
        ThriftCompact::new()
    }
}

#[cfg(feature = "relay")]
mod uart {
    use picojaeger_core::wire::relay::{Device, RelayFrames};

    use crate::machine;

    pub type Format = RelayFrames<'static>;
    pub type Output = machine::Uart;

    pub fn open() -> Option<Output> {
        Some(machine::Uart)
    }

    /// Returns the encoder of the tracer with this number. The machine has no serial number, as a chip
    /// would, and no place for a count of its boots, which is a random number instead.
    pub const fn format(tracer: u8, boot: u32) -> Format {
        RelayFrames::new(Device::new(b"virt", boot).with_producer(tracer))
    }
}
