//! A timer that interrupts once.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// CMSDK timer 1, at the core's clock.
#[derive(Clone, Copy)]
pub struct Alarm;

// SAFETY: the number is that of the board's vector.
unsafe impl InterruptNumber for Alarm {
    fn number(self) -> u16 {
        9
    }
}

impl Alarm {
    const CONTROL: *mut u32 = 0x4000_1000 as *mut u32;
    const VALUE: *mut u32 = 0x4000_1004 as *mut u32;
    const CLEAR: *mut u32 = 0x4000_100c as *mut u32;

    /// Interrupts after so many ticks.
    pub fn start(self, ticks: u32) {
        // SAFETY: these are the timer's registers, and writing them touches no memory.
        unsafe {
            Self::VALUE.write_volatile(ticks.max(1));
            Self::CONTROL.write_volatile(1 | 1 << 3);
        }
    }

    /// Stops it, and takes its interrupt back.
    pub fn stop(self) {
        // SAFETY: as above.
        unsafe {
            Self::CONTROL.write_volatile(0);
            Self::CLEAR.write_volatile(1);
        }
        NVIC::unpend(self);
    }
}
