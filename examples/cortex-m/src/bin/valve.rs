//! A valve that a server commands over the line, both in one trace; `examples/valve.rs` is the server.
//! See README.md.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::fmt::Write as _;
use core::mem;

use cortex_m::interrupt::{self, Mutex};
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::debug;
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::TimeReader;
use picojaeger_core::{Interrupts, Ring, Tracer};
use picojaeger_cortex_m::command::{Command, CommandReader, OFF};
use picojaeger_cortex_m::{BOARD, Board, DEVICE, Timer, Uart, exit, format, seed, sys_tick};

static RING: Ring<Interrupts, Bytes<2048>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

/// What comes down the line.
static LINE: Mutex<RefCell<Line>> = Mutex::new(RefCell::new(Line {
    times: TimeReader::new(&DEVICE),
    commands: CommandReader::new(),
    command: None,
    has_time: false,
}));

/// Percent above which the pressure is too high.
const TOO_FAR: u8 = 80;
/// Ticks of the core's clock from one look at the reporter to the next: 10 ms.
const LOOK: u32 = 250_000;

/// The two readers of the line, and what they have read.
struct Line {
    times: TimeReader,
    commands: CommandReader,
    command: Option<Command>,
    /// The relay has told the time.
    has_time: bool,
}

impl Line {
    fn take(&mut self, byte: u8) {
        let time = self.times.push(byte);
        self.has_time |= time.is_some_and(|time| TRACER.set_host_time(&time).is_some());
        if let Some(command) = self.commands.push(byte) {
            self.command = Some(command);
        }
    }
}

/// The interrupt of the receiver, the only one but for the timer's.
#[exception]
unsafe fn DefaultHandler(_: i16) {
    while let Some(byte) = Uart::take() {
        interrupt::free(|token| LINE.borrow(token).borrow_mut().take(byte));
    }
}

/// Wakes the main loop.
#[exception]
fn SysTick() {}

#[entry]
fn main() -> ! {
    Timer::start();
    TRACER.seed(seed());
    let Ok(mut reporter) = TRACER.reporter(format(), Process::new("valve")) else {
        exit(debug::EXIT_FAILURE)
    };
    Uart::start_with_receiver();
    start_looks();
    let mut buffer = [0; 512];
    // The relay answers by its time, for which spans wait a second at most.
    reporter.hold_for_anchor(Timer::FREQUENCY);
    reporter.announce_to(&mut Uart, &mut buffer);
    loop {
        let (command, has_time) = interrupt::free(|token| {
            let line = &mut *LINE.borrow(token).borrow_mut();
            (line.command.take(), mem::take(&mut line.has_time))
        });
        if has_time {
            reporter.announce_to(&mut Uart, &mut buffer);
            say(format_args!("ready\n"));
        }
        match command {
            Some(command) if command.percent == OFF => break,
            Some(command) => obey(&command),
            None => {}
        }
        reporter.drain(&mut Uart, &mut buffer);
        cortex_m::asm::wfi();
    }
    reporter.drain_all(&mut Uart, &mut buffer);
    reporter.announce_to(&mut Uart, &mut buffer);
    exit(debug::EXIT_SUCCESS)
}

fn start_looks() {
    if let Some(mut timer) = sys_tick() {
        timer.set_reload(LOOK);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
    }
}

/// Opens the valve as a server wants it: a child of the server's span.
fn obey(command: &Command) {
    let mut span = TRACER
        .span_builder("open")
        .child_of(command.context)
        .start::<32>();
    span.tag("percent", command.percent);
    let mut motor = TRACER.span_builder("motor").child_of(&span).start::<0>();
    cortex_m::asm::delay(Timer::FREQUENCY as u32 / 1_000); // the motor turns
    motor.finish();
    span.finish();
    say(format_args!("opened {}\n", command.percent));
    if command.percent > TOO_FAR {
        raise_alarm();
    }
}

/// Begins a trace, whose context goes up the line as text: the server's span is a child of this one.
fn raise_alarm() {
    let mut span = TRACER.start::<32>("pressure");
    span.tag("bar", 9.5);
    say(format_args!("alarm {}\n", span.context()));
}

/// Writes text to the line, between frames.
fn say(text: core::fmt::Arguments<'_>) {
    if Uart.write_fmt(text).is_err() {
        exit(debug::EXIT_FAILURE)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
