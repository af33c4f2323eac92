//! The devices of QEMU's machine `virt` that need no driver.

use core::arch::asm;
use core::fmt::{self, Write};
use core::hint::spin_loop;

use picojaeger_core::Clock;
#[cfg(feature = "relay")]
use picojaeger_core::{SendOutcome, Transport};

const UART_DATA: *mut u32 = 0x0900_0000 as *mut u32;
const UART_FLAGS: *const u32 = 0x0900_0018 as *const u32;
const UART_FULL: u32 = 1 << 5;
const RTC_SECONDS: *const u32 = 0x0901_0000 as *const u32;

/// The generic timer's counter, which all processors share and which never wraps.
pub struct Counter;

impl Clock for Counter {
    const BITS: u32 = 64;

    #[inline(always)]
    fn ticks(&self) -> u64 {
        let ticks: u64;
        // SAFETY: reading the counter has no side effect; the barrier keeps it in program order.
        unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
        ticks
    }

    fn frequency(&self) -> u64 {
        let frequency: u64;
        // SAFETY: reading the register has no side effect.
        unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack)) };
        frequency
    }
}

/// Waits for the real-time clock's next second; returns the Unix time in microseconds and the counter
/// before and after.
pub fn next_second() -> (u64, [u64; 2]) {
    // SAFETY: reading the register has no side effect.
    let seconds = || unsafe { RTC_SECONDS.read_volatile() };
    let first = seconds();
    loop {
        let before = Counter.ticks();
        let now = seconds();
        if now != first {
            return (u64::from(now) * 1_000_000, [before, Counter.ticks()]);
        }
    }
}

/// Draws from the processor's random number generator.
pub fn random() -> u64 {
    loop {
        let (number, failed): (u64, u64);
        // SAFETY: the register is there on each processor with FEAT_RNG; it sets flags on failure.
        unsafe {
            asm!("mrs {}, s3_3_c2_c4_0", "cset {}, eq", out(reg) number, out(reg) failed,
                 options(nomem, nostack));
        }
        if failed == 0 {
            return number;
        }
        spin_loop();
    }
}

/// Writes to UART 0.
pub fn print(text: fmt::Arguments<'_>) {
    // Never fails.
    let _ = Uart.write_fmt(text);
}

/// UART 0.
pub struct Uart;

impl Uart {
    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // SAFETY: the data register takes a byte while the flag is clear.
            unsafe {
                while UART_FLAGS.read_volatile() & UART_FULL != 0 {
                    spin_loop();
                }
                UART_DATA.write_volatile((*byte).into());
            }
        }
    }
}

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// For packets of frames, which share the line with text. A call waits until the last byte is on its way.
#[cfg(feature = "relay")]
impl Transport for Uart {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.put(packet);
        SendOutcome::Accepted
    }
}

#[cfg(feature = "relay")]
impl Uart {
    /// Does nothing: a UART needs no stack that is polled.
    pub fn poll(&mut self) {}

    /// Always true: what was sent has left.
    pub fn is_idle(&mut self) -> bool {
        true
    }
}

/// Ends QEMU with this status, by semihosting.
pub fn exit(status: u64) -> ! {
    const SYS_EXIT: u64 = 0x18;
    const APPLICATION_EXIT: u64 = 0x20026;
    let reason = [APPLICATION_EXIT, status];
    loop {
        // SAFETY: the call reads the block and ends the machine.
        unsafe { asm!("hlt #0xf000", in("x0") SYS_EXIT, in("x1") &reason) };
    }
}

/// Waits for an event or an interrupt.
pub fn wait() {
    // SAFETY: waiting changes nothing.
    unsafe { asm!("wfe", options(nomem, nostack)) };
}
