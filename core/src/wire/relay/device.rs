//! The identity of a device.

/// The identity of a device, which the relay tells devices, boots and tracers apart by.
///
/// ```
/// use picojaeger_core::wire::relay::Device;
///
/// # fn unique_id() -> [u8; 12] { [7; 12] }
/// # fn boots() -> u32 { 41 }
/// let id = unique_id(); // of the chip
/// let device = Device::new(&id, boots()).with_producer(1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device<'d> {
    pub(super) id: &'d [u8],
    pub(super) build: &'d [u8],
    pub(super) boot: u32,
    pub(super) producer: u8,
}

/// The most bytes of a device's id, and of a build's.
const LONGEST_ID: usize = 32;
const LONGEST_BUILD: usize = 20;

impl<'d> Device<'d> {
    /// Makes the identity of the device with this id, of 1 to 32 bytes, in this boot: a number that
    /// no other boot has, such as a count or a random one.
    ///
    /// What exceeds 32 bytes is left out.
    pub const fn new(id: &'d [u8], boot: u32) -> Self {
        Device {
            id: first(id, LONGEST_ID),
            build: &[],
            boot,
            producer: 0,
        }
    }

    /// Adds the GNU build id of the program, at most 20 bytes.
    #[must_use]
    pub const fn with_build(mut self, id: &'d [u8]) -> Self {
        self.build = first(id, LONGEST_BUILD);
        self
    }

    /// Sets the number of the tracer, if the device has several: each counts its frames and spans
    /// from 0. It is 0 at first.
    #[must_use]
    pub const fn with_producer(mut self, number: u8) -> Self {
        self.producer = number;
        self
    }
}

const fn first(bytes: &[u8], most: usize) -> &[u8] {
    match bytes.split_at_checked(most) {
        Some((first, _)) => first,
        None => bytes,
    }
}
