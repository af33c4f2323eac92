//! QEMU's machine `virt`, as far as the firmware needs it.

use picojaeger_core::{Clock, SendOutcome, Transport};

const UART_DATA: *mut u8 = 0x1000_0000 as *mut u8;
const UART_STATUS: *const u8 = 0x1000_0005 as *const u8;
const UART_EMPTY: u8 = 1 << 5;
const TIME_LOW: *const u32 = 0x0200_bff8 as *const u32;
const TIME_HIGH: *const u32 = 0x0200_bffc as *const u32;
const ALARM_LOW: *mut u32 = 0x0200_4000 as *mut u32;
const ALARM_HIGH: *mut u32 = 0x0200_4004 as *mut u32;
const RTC_LOW: *const u32 = 0x0010_1000 as *const u32;
const RTC_HIGH: *const u32 = 0x0010_1004 as *const u32;
const EXIT: *mut u32 = 0x0010_0000 as *mut u32;

/// The lower half of the machine's time, at 10 MHz: a counter of 32 bits.
pub struct Timer;

/// UART 0, polled.
pub struct Uart;

impl Timer {
    pub const FREQUENCY: u64 = 10_000_000;

    /// Interrupts after so many ticks.
    pub fn set_alarm(ticks: u32) {
        // SAFETY: these are the timer's registers. The time is read again if its upper half has changed, and
        // the alarm is far away while it is half written.
        unsafe {
            let mut high = TIME_HIGH.read_volatile();
            let low = loop {
                let low = TIME_LOW.read_volatile();
                let again = TIME_HIGH.read_volatile();
                if again == high {
                    break low;
                }
                high = again;
            };
            let at = (u64::from(high) << 32 | u64::from(low)) + u64::from(ticks);
            ALARM_HIGH.write_volatile(u32::MAX);
            ALARM_LOW.write_volatile(at as u32);
            ALARM_HIGH.write_volatile((at >> 32) as u32);
        }
    }
}

impl Clock for Timer {
    const BITS: u32 = 32;

    #[inline(always)]
    fn ticks(&self) -> u64 {
        // SAFETY: reading the register has no side effect.
        unsafe { TIME_LOW.read_volatile() }.into()
    }

    fn frequency(&self) -> u64 {
        Self::FREQUENCY
    }
}

/// Packets of frames need no further framing. A call waits until the last byte is on its way.
impl Transport for Uart {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        for byte in packet {
            // SAFETY: the bit is set while the data register takes a byte.
            unsafe {
                while UART_STATUS.read_volatile() & UART_EMPTY == 0 {}
                UART_DATA.write_volatile(*byte);
            }
        }
        SendOutcome::Accepted
    }
}

/// Returns the Unix time of the real-time clock, in nanoseconds.
pub fn unix_nanos() -> u64 {
    // SAFETY: reading the lower half latches the upper one.
    let [low, high] = unsafe { [RTC_LOW.read_volatile(), RTC_HIGH.read_volatile()] };
    u64::from(high) << 32 | u64::from(low)
}

/// Ends QEMU; `ok` is its status 0.
pub fn exit(ok: bool) -> ! {
    const PASS: u32 = 0x5555;
    const FAIL: u32 = 1 << 16 | 0x3333;
    loop {
        // SAFETY: writing the register ends the machine.
        unsafe { EXIT.write_volatile(if ok { PASS } else { FAIL }) };
    }
}
