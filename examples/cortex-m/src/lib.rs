//! The boards that the examples share: the mps2-an386, and for thumbv6m the mps2-an385, as QEMU emulates them.
#![no_std]

mod alarm;
#[cfg(feature = "relay")]
pub mod command;
pub mod count;
mod identity;
pub mod proof;
pub mod stack;
pub mod work;

use core::arch::asm;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SYST};
use cortex_m_semihosting::debug::{self, ExitStatus};
#[cfg(all(feature = "otlp", not(feature = "relay")))]
/// The format of the packets.
pub use picojaeger_core::wire::Otlp as Format;
#[cfg(not(any(feature = "otlp", feature = "relay")))]
/// The format of the packets.
pub use picojaeger_core::wire::ThriftCompact as Format;
#[cfg(feature = "relay")]
use picojaeger_core::wire::relay::Device;

pub use alarm::Alarm;
pub use identity::{board, seed};
use picojaeger_core::{
    BuildId, Clock, Decision, Description, Param, Program, Query, Sampler, SendOutcome, Transport,
};

/// The format of the packets.
#[cfg(feature = "relay")]
pub type Format = picojaeger_core::wire::RelayFrames<'static>;

/// CMSDK timer 0, which counts down from 2³² − 1 at 25 MHz.
pub struct Timer;

/// UART 0, polled; it sends packets in frames by RFC 1055 (SLIP), and those for the relay, which are
/// frames, as they are.
pub struct Uart;

/// The interrupt that comes with a byte.
#[derive(Clone, Copy)]
struct Received;

// SAFETY: the UART's receiver has the first interrupt of the board.
unsafe impl InterruptNumber for Received {
    fn number(self) -> u16 {
        0
    }
}

/// The watchdog, which runs at the core's clock; its first timeout is an interrupt that cannot be masked.
pub struct Watchdog;

/// A sampler with a switch, on at first.
pub struct Switch;

/// The board's clock and sampler.
pub type Board = (Timer, Switch);

/// The one board.
pub const BOARD: Board = (Timer, Switch);

const TIMER: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER_VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const TIMER_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;
const UART_DATA: *mut u32 = 0x4000_4000 as *mut u32;
const UART_STATE: *mut u32 = 0x4000_4004 as *mut u32;
const UART_CONTROL: *mut u32 = 0x4000_4008 as *mut u32;
const UART_INTERRUPT: *mut u32 = 0x4000_400c as *mut u32;
const UART_DIVISOR: *mut u32 = 0x4000_4010 as *mut u32;
#[cfg(target_abi = "eabihf")]
const FP_CONTEXT_CONTROL: *mut u32 = 0xe000_ef34 as *mut u32;
const WATCHDOG_LOAD: *mut u32 = 0x4000_8000 as *mut u32;
const WATCHDOG_CONTROL: *mut u32 = 0x4000_8008 as *mut u32;
const WATCHDOG_CLEAR: *mut u32 = 0x4000_800c as *mut u32;

/// RFC 1055: ends a frame.
pub const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;

/// Position of the switch.
static ON: AtomicBool = AtomicBool::new(true);

impl Timer {
    /// Ticks a second.
    pub const FREQUENCY: u64 = 25_000_000;

    /// Starts the counter.
    pub fn start() {
        // SAFETY: these are the timer's registers, and writing them touches no memory.
        unsafe {
            TIMER_RELOAD.write_volatile(u32::MAX);
            TIMER_VALUE.write_volatile(u32::MAX);
            TIMER.write_volatile(1);
        }
    }
}

impl Clock for Timer {
    const BITS: u32 = 32;

    #[inline(always)]
    fn ticks(&self) -> u64 {
        // SAFETY: reading the register has no side effect.
        let down = unsafe { ptr::read_volatile(TIMER_VALUE) };
        (!down).into()
    }

    fn frequency(&self) -> u64 {
        Self::FREQUENCY
    }
}

impl Uart {
    /// Turns the transmitter on.
    pub fn start() {
        Self::start_as(1);
    }

    /// Turns the transmitter on, and its interrupt, which comes when the transmitter is empty again.
    pub fn start_with_interrupt() {
        Self::start_as(1 | 1 << 2);
    }

    /// Turns the transmitter and the receiver on, and the receiver's interrupt.
    pub fn start_with_receiver() {
        Self::start_as(1 | 1 << 1 | 1 << 3);
        // SAFETY: no code relies on this interrupt to stay masked.
        unsafe { NVIC::unmask(Received) }
    }

    fn start_as(control: u32) {
        // SAFETY: these are the UART's registers, and writing them touches no memory.
        unsafe {
            UART_DIVISOR.write_volatile(16);
            UART_CONTROL.write_volatile(control);
        }
    }

    /// Takes note of the transmitter's interrupt, so that it comes again.
    pub fn clear_interrupt() {
        // SAFETY: writing the register touches no memory.
        unsafe { UART_INTERRUPT.write_volatile(1) }
    }

    /// Returns whether the transmitter takes a byte.
    pub fn is_ready() -> bool {
        // SAFETY: reading the register has no side effect; bit 0 is set while the transmitter is full.
        unsafe { UART_STATE.read_volatile() & 1 == 0 }
    }

    /// Sends a byte, once the transmitter accepts it.
    pub fn put(byte: u8) {
        while !Self::is_ready() {}
        // SAFETY: the data register takes one byte.
        unsafe { UART_DATA.write_volatile(byte.into()) }
    }
}

impl Uart {
    /// Returns the byte that came in, and takes note of its interrupt; `None` if there is none.
    pub fn take() -> Option<u8> {
        // SAFETY: bit 1 of the state is set while there is a byte, and reading it makes room for the next one.
        unsafe {
            UART_INTERRUPT.write_volatile(1 << 1);
            let is_full = UART_STATE.read_volatile() & 1 << 1 != 0;
            is_full.then(|| UART_DATA.read_volatile() as u8)
        }
    }
}

/// Text, which may share the line with frames for the relay.
impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(Self::put);
        Ok(())
    }
}

/// Each packet is a frame; a call waits until the last byte is on its way.
impl Transport for Uart {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        if cfg!(feature = "relay") {
            packet.iter().copied().for_each(Self::put);
            return SendOutcome::Accepted;
        }
        for byte in packet {
            framed(byte).iter().copied().for_each(Self::put);
        }
        Self::put(END);
        SendOutcome::Accepted
    }
}

impl Watchdog {
    /// Interrupts after so many ticks of the core's clock.
    pub fn start(ticks: u32) {
        // SAFETY: these are the watchdog's registers, and writing them touches no memory.
        unsafe {
            WATCHDOG_LOAD.write_volatile(ticks);
            WATCHDOG_CONTROL.write_volatile(1);
        }
    }

    /// Stops it, and takes its interrupt back.
    pub fn stop() {
        // SAFETY: as above. It counts on, from as far as can be.
        unsafe {
            WATCHDOG_CONTROL.write_volatile(0);
            WATCHDOG_LOAD.write_volatile(u32::MAX);
            WATCHDOG_CLEAR.write_volatile(1);
        }
    }
}

/// Returns what stands for a byte of a packet in its frame.
pub const fn framed(byte: &u8) -> &[u8] {
    match *byte {
        END => &[ESCAPE, ESCAPED_END],
        ESCAPE => &[ESCAPE, ESCAPED_ESCAPE],
        _ => core::slice::from_ref(byte),
    }
}

impl Switch {
    /// Samples every trace, or none.
    pub fn set(&self, on: bool) {
        ON.store(on, Ordering::Relaxed);
    }
}

impl Sampler for Switch {
    #[inline(always)]
    fn sample(&self, _query: &Query<'_>) -> Decision {
        if ON.load(Ordering::Relaxed) {
            Decision::Sample { code: 1 }
        } else {
            Decision::Drop
        }
    }

    fn description(&self, code: u8) -> Option<Description> {
        (code == 1).then_some(Description::new("const", Param::Bool(true)))
    }
}

/// Returns the encoder of the packets.
#[cfg(not(feature = "relay"))]
pub const fn format() -> Format {
    Format::new()
}

/// The board as the relay knows it: a fixed id, in its first boot.
#[cfg(feature = "relay")]
pub const DEVICE: Device<'static> = Device::new(b"mps2-an386", 1);

/// Returns the encoder of the packets.
#[cfg(feature = "relay")]
pub const fn format() -> Format {
    Format::new(DEVICE)
}

/// Returns the core's own timer, set to the core's clock and stopped; `None` after the first call.
pub fn sys_tick() -> Option<SYST> {
    let mut timer = cortex_m::Peripherals::take()?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    Some(timer)
}

/// Returns the running program, for a retained ring: its names lie in `.rodata`, its build id where
/// `build-id.x` puts it.
pub fn program() -> Program {
    unsafe extern "C" {
        static __srodata: u8;
        static __erodata: u8;
        static __build_id_start: u8;
        static __build_id_end: u8;
    }
    // SAFETY: the linker's symbols are the bounds of two sections, which nothing changes.
    let (names, note) = unsafe {
        (
            section(&raw const __srodata, &raw const __erodata),
            section(&raw const __build_id_start, &raw const __build_id_end),
        )
    };
    Program::new(names, BuildId::from_note(note))
}

/// # Safety
/// These are the bounds of a section of constants.
unsafe fn section(start: *const u8, end: *const u8) -> &'static [u8] {
    // SAFETY: passed on to the caller.
    unsafe { core::slice::from_raw_parts(start, end.addr() - start.addr()) }
}

/// Leaves an exception for the start of the program, as a reset would, but in microseconds where QEMU
/// needs some 5 ms. RAM that the start does not initialise is kept.
pub fn restart() -> ! {
    unsafe extern "C" {
        fn Reset() -> !;
        static _stack_start: u32;
    }
    // The floating-point unit would save the registers of the code that does not go on, once it is used.
    // SAFETY: reading and writing the register touches no memory.
    #[cfg(target_abi = "eabihf")]
    unsafe {
        const PENDING: u32 = 1;
        FP_CONTEXT_CONTROL.write_volatile(FP_CONTEXT_CONTROL.read_volatile() & !PENDING);
    }
    // What an exception returns to: eight registers, of which the last are the address and the state.
    let frame = [0, 0, 0, 0, 0, 0, Reset as *const () as u32 & !1, 1 << 24];
    // SAFETY: the frame lies in the oldest words of the stack, which belong to code that does not go
    // on, far from the words in use here.
    unsafe {
        let place = (&raw const _stack_start).cast_mut().sub(frame.len());
        place.cast::<[u32; 8]>().write_volatile(frame);
        // To thread mode and the main stack, without a frame of the floating-point unit.
        asm!("cpsie i", "msr msp, {}", "bx {}", in(reg) place, in(reg) 0xffff_fff9_u32, options(noreturn))
    }
}

/// Ends the program, and QEMU with it.
pub fn exit(status: ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}
