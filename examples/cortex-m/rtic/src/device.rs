//! What RTIC needs to know of the chip, which is else a peripheral access crate.

use cortex_m::interrupt::InterruptNumber;

pub use Interrupt as interrupt;

/// Bits of a priority in the mps2-an386.
pub const NVIC_PRIO_BITS: u8 = 3;

/// The interrupts that the program uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(
    non_camel_case_types,
    reason = "named as in the manual, which RTIC's `binds` follows"
)]
#[repr(u16)]
pub enum Interrupt {
    /// A byte came; the program pends it itself.
    UART0_RX = 0,
    /// The transmitter is empty.
    UART0_TX = 1,
}

// SAFETY: the numbers are those of the board's vectors.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    fn UART0_RX();
    fn UART0_TX();
}

/// The vectors of the interrupts, behind those of the core.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); 2] = [UART0_RX, UART0_TX];
