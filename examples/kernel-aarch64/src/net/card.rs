//! The network card of QEMU's machine `virt`, as smoltcp sees a card.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;
use static_cell::ConstStaticCell;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// The longest IP packet.
pub const MTU: usize = 1_500;
/// A frame behind virtio's header, rounded up; the driver wants 1,526 bytes at least.
const FRAME: usize = 1_536;
/// Frames that wait in each of the card's two queues: a power of two.
const QUEUE: usize = 4;

const SLOTS: usize = 0x0a00_0000;
const SLOT_SIZE: usize = 0x200;
const SLOT_COUNT: usize = 32;

type Driver = VirtIONetRaw<Identity, MmioTransport<'static>, QUEUE>;

/// A card with one buffer for each direction.
pub struct Card {
    driver: Driver,
    received: &'static mut Buffer,
    sent: &'static mut Buffer,
}

/// A buffer, and the number under which the card has it, if it does.
struct Buffer {
    bytes: [u8; FRAME],
    lent: Option<u16>,
}

impl Buffer {
    const fn new() -> Self {
        Buffer {
            bytes: [0; FRAME],
            lent: None,
        }
    }
}

impl Card {
    /// Returns the machine's first card; call it once.
    pub fn find() -> Option<Self> {
        static BUFFERS: ConstStaticCell<[Buffer; 2]> =
            ConstStaticCell::new([Buffer::new(), Buffer::new()]);
        let transport = (0..SLOT_COUNT).find_map(|slot| {
            let header = NonNull::new((SLOTS + slot * SLOT_SIZE) as *mut VirtIOHeader)?;
            // SAFETY: the machine has this many slots of this size, all of which are mapped.
            let transport = unsafe { MmioTransport::new(header, SLOT_SIZE) }.ok()?;
            (transport.device_type() == DeviceType::Network).then_some(transport)
        })?;
        let driver = Driver::new(transport).ok()?;
        let [received, sent] = BUFFERS.try_take()?;
        Some(Card {
            driver,
            received,
            sent,
        })
    }

    pub fn address(&self) -> EthernetAddress {
        EthernetAddress(self.driver.mac_address())
    }

    /// Lends the receiving buffer to the card, unless it has it.
    fn lend(&mut self) {
        if self.received.lent.is_none() {
            // SAFETY: the buffer is not touched until `take_received` has it back.
            let number = unsafe { self.driver.receive_begin(&mut self.received.bytes) };
            self.received.lent = number.ok();
        }
    }

    /// Takes the receiving buffer back if a frame has arrived; returns the frame's place.
    fn take_received(&mut self) -> Option<(usize, usize)> {
        let number = self.driver.poll_receive()?;
        // SAFETY: it is the buffer that was lent under this number, the only one.
        let place = unsafe {
            self.driver
                .receive_complete(number, &mut self.received.bytes)
        };
        self.received.lent = None;
        place.ok()
    }

    /// Whether the sending buffer is free: what was sent has left.
    pub fn can_send(&mut self) -> bool {
        if let Some(number) = self.sent.lent
            && self.driver.poll_transmit() == Some(number)
        {
            // SAFETY: it is the buffer that was lent under this number, the only one.
            let _ = unsafe { self.driver.transmit_complete(number, &self.sent.bytes) };
            self.sent.lent = None;
        }
        self.sent.lent.is_none()
    }
}

/// A frame that has arrived.
pub struct Received<'c>(&'c [u8]);

/// Room for a frame.
pub struct Sending<'c> {
    driver: &'c mut Driver,
    buffer: &'c mut Buffer,
}

impl Device for Card {
    type RxToken<'c> = Received<'c>;
    type TxToken<'c> = Sending<'c>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        self.lend();
        if !self.can_send() {
            return None;
        }
        let (header, length) = self.take_received()?;
        let Card {
            driver,
            received,
            sent,
        } = self;
        let frame = received.bytes.get(header..header + length)?;
        Some((
            Received(frame),
            Sending {
                driver,
                buffer: sent,
            },
        ))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        self.can_send().then_some(Sending {
            driver: &mut self.driver,
            buffer: self.sent,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU + 14;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let header = self
            .driver
            .fill_buffer_header(&mut self.buffer.bytes)
            .unwrap_or(0);
        // smoltcp asks for no more than the capabilities allow.
        let result = f(&mut self.buffer.bytes[header..header + length]);
        // SAFETY: the buffer is not touched until `can_send` has it back.
        let number = unsafe {
            self.driver
                .transmit_begin(&self.buffer.bytes[..header + length])
        };
        self.buffer.lent = number.ok();
        result
    }
}

/// Memory of the kernel as the card sees it: at the same addresses.
struct Identity;

/// The pages of the card's queues: two for each.
static mut PAGES: Pages = Pages([[0; PAGE_SIZE]; PAGE_COUNT]);
const PAGE_COUNT: usize = 4;

#[repr(C, align(4096))]
struct Pages([[u8; PAGE_SIZE]; PAGE_COUNT]);

// SAFETY: pages are handed out once and zeroed; memory is mapped to its own address and cached
// coherently with QEMU's devices.
unsafe impl Hal for Identity {
    fn dma_alloc(count: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        let page = (&raw mut PAGES)
            .cast::<[u8; PAGE_SIZE]>()
            .wrapping_add(first)
            .cast::<u8>();
        match NonNull::new(page) {
            Some(page) if first + count <= PAGE_COUNT => (page.as_ptr() as PhysAddr, page),
            _ => (0, NonNull::dangling()), // the driver's error
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0 // the card is kept for good
    }

    unsafe fn mmio_phys_to_virt(at: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(at as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
