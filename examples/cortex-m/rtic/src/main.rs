//! The spans of `pump`, sent by the transmit interrupt of the UART, 16 bytes at a time.
//! See ../README.md.
#![no_std]
#![no_main]

mod device;
mod exclusion;
mod line;

use cortex_m_rt as _; // the start and the table of vectors
use cortex_m_semihosting::debug;
use picojaeger_cortex_m::exit;

#[rtic::app(device = crate::device, peripherals = false)]
mod app {
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use cortex_m::peripheral::SCB;
    use cortex_m_semihosting::{debug, hprintln};
    use picojaeger_core::ring::Bytes;
    use picojaeger_core::wire::{Process, ThriftCompact};
    use picojaeger_core::{Drained, PacketReporter, RawMutex, Ring, Tracer, Value};
    use picojaeger_cortex_m::{BOARD, Board, Timer, Uart, board, exit, seed, work};

    use crate::device::Interrupt;
    use crate::exclusion::{Exclusion, HIGHEST};
    use crate::line::Line;

    static RING: Ring<Exclusion, Bytes<4096>> = Ring::new();
    static TRACER: Tracer<Board, Ring<Exclusion>> = Tracer::new(BOARD, &RING);

    /// Everything is sent now, due or not.
    static FLUSHES: AtomicBool = AtomicBool::new(false);
    /// Times that the transmit interrupt left a packet in parts.
    static PARTS: AtomicU32 = AtomicU32::new(0);

    /// Runs of the control loop, which makes no spans.
    static CONTROLS: AtomicU32 = AtomicU32::new(0);

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        reporter: PacketReporter<'static, Board, ThriftCompact, Ring<Exclusion>>,
        line: Line,
        buffer: [u8; 1024],
    }

    #[init]
    fn init(mut context: init::Context) -> (Shared, Local) {
        Uart::start_with_interrupt();
        Timer::start();
        TRACER.seed(seed());
        TRACER.set_unix_time_at(0, work::UNIX_MICROS_AT_START, 0);
        work::start_beats(&mut context.core.SYST);
        let tags = cortex_m::singleton!(: [(&str, Value<'_>); 1] = [("board", board().into())]);
        let process = Process::new("pump-7").with_tags(tags.map_or(&[], |tags| tags));
        let Ok(reporter) = TRACER.reporter(ThriftCompact::new(), process) else {
            exit(debug::EXIT_FAILURE)
        };
        let local = Local {
            reporter,
            line: Line::default(),
            buffer: [0; 1024],
        };
        (Shared {}, local)
    }

    /// The main loop: it makes spans and hands them to the interrupt that sends them.
    #[idle]
    fn idle(_: idle::Context) -> ! {
        if !is_exclusive() {
            exit(debug::EXIT_FAILURE);
        }
        for number in 0..work::ROUNDS {
            work::round(&TRACER, number);
            rtic::pend(Interrupt::UART0_TX);
        }
        while !work::is_beaten() {
            cortex_m::asm::wfi();
        }
        FLUSHES.store(true, Ordering::Relaxed);
        rtic::pend(Interrupt::UART0_TX);
        loop {
            cortex_m::asm::wfi();
        }
    }

    /// Returns whether an interrupt that makes spans waits for the tracer's mutex, and the control loop does only
    /// where the chip masks all or nothing.
    fn is_exclusive() -> bool {
        let (control, beat) = Exclusion::INIT.lock(|| {
            let beats = work::beats();
            rtic::pend(Interrupt::UART0_RX);
            SCB::set_pendst();
            cortex_m::asm::isb();
            (CONTROLS.load(Ordering::Relaxed) == 1, work::beats() > beats)
        });
        !beat && control != cfg!(feature = "thumbv6m")
    }

    /// A control loop that no span may delay: its priority is above all that make some.
    #[task(binds = UART0_RX, priority = 3)]
    fn control(_: control::Context) {
        const { assert!(HIGHEST < 3) };
        CONTROLS.store(CONTROLS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    #[task(binds = SysTick, priority = 2)]
    fn beat(_: beat::Context) {
        work::beat(&TRACER);
    }

    /// Sends what is due, 16 bytes an interrupt: the next one comes when they have left.
    #[task(binds = UART0_TX, priority = 1, local = [reporter, line, buffer])]
    fn transmit(context: transmit::Context) {
        let transmit::LocalResources {
            reporter,
            line,
            buffer,
            ..
        } = context.local;
        line.begin();
        let flushes = FLUSHES.load(Ordering::Relaxed);
        let drained = match flushes {
            false => reporter.drain(line, buffer),
            true => reporter.drain_all(line, buffer),
        };
        match drained {
            Drained::Blocked => PARTS.store(PARTS.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
            Drained::All if flushes => end(reporter),
            Drained::All => {}
        }
    }

    fn end(reporter: &PacketReporter<'_, Board, ThriftCompact, Ring<Exclusion>>) -> ! {
        let (stats, parts) = (reporter.stats(), PARTS.load(Ordering::Relaxed));
        hprintln!("{}, {} times in parts", stats, parts);
        let all = stats.adds_up()
            && stats.delivered == work::SPANS
            && CONTROLS.load(Ordering::Relaxed) == 1;
        exit(if all && parts > 100 {
            debug::EXIT_SUCCESS
        } else {
            debug::EXIT_FAILURE
        })
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
