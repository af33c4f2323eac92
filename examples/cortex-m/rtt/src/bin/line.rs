//! Counts the instructions and bytes of a span, and of a log line of defmt with the same content, in one
//! run: name, ids, start, end, a number and a text. Both go to a channel of RTT.
//!
//! The features `no-span` and `no-line` leave one out, for the size of the other.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use picojaeger_cortex_m::count::count;
use picojaeger_cortex_m::{Timer, exit};
use rtt_target::{ChannelMode, rtt_init};

/// Returns the bytes that a channel has got so far, as its control block has them.
fn written(channel: usize) -> u32 {
    unsafe extern "C" {
        static _SEGGER_RTT: [u32; 18];
    }
    // SAFETY: two channels of six words each stand behind six words; the fourth of each is the place to write at.
    unsafe {
        (&raw const _SEGGER_RTT)
            .cast::<u32>()
            .add(6 + 6 * channel + 3)
            .read_volatile()
    }
}

#[cfg(not(feature = "no-line"))]
mod line {
    use core::hint::black_box;

    use picojaeger_core::Clock;
    use picojaeger_cortex_m::Timer;
    use picojaeger_cortex_m::count::count;

    defmt::timestamp!("{=u32}", Timer.ticks() as u32);

    /// Logs what a root span has; its end is the time of the line.
    #[inline(never)]
    fn log() {
        let id = black_box(0x0123_4567_89ab_cdef_u64);
        let start = Timer.ticks() as u32;
        defmt::info!(
            "sample: trace {=u64:016x}, span {=u64:016x}, start {=u32}, channel {=i64}, mode {=str}",
            id,
            id,
            start,
            black_box(3),
            black_box("fast")
        );
    }

    /// Returns the bytes of a line.
    pub fn run() -> u32 {
        log();
        let before = super::written(0);
        count("line", log);
        super::written(0) - before
    }
}

#[cfg(not(feature = "no-span"))]
mod span {
    use core::hint::black_box;

    use picojaeger_core::ring::Bytes;
    use picojaeger_core::wire::Process;
    use picojaeger_core::wire::relay::{Device, RelayFrames};
    use picojaeger_core::{Interrupts, Ring, Seed, SendOutcome, Tracer, Transport};
    use picojaeger_cortex_m::count::count;
    use picojaeger_cortex_m::{BOARD, Board};
    use rtt_target::UpChannel;

    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);

    struct Rtt(UpChannel);

    impl Transport for Rtt {
        fn send(&mut self, packet: &[u8]) -> SendOutcome {
            match self.0.write(packet) == packet.len() {
                true => SendOutcome::Accepted,
                false => SendOutcome::Failed,
            }
        }
    }

    #[inline(never)]
    fn make() {
        let mut span = TRACER.start::<96>("sample");
        span.tag("channel", black_box(3))
            .tag("mode", black_box("fast"));
    }

    /// Makes packets of one span and of two, after one that has what each first one has; returns the bytes of the
    /// second and of the third.
    pub fn run(channel: UpChannel) -> [u32; 2] {
        TRACER.seed(Seed::from_words(black_box([1, 2, 3])));
        let device = Device::new(b"mps2-an386", 1);
        let Ok(mut reporter) = TRACER.reporter(RelayFrames::new(device), Process::new("pump-7"))
        else {
            return [0; 2];
        };
        let (mut rtt, mut buffer) = (Rtt(channel), [0; 512]);
        let mut send = |name, spans| {
            (0..spans).for_each(|_| make());
            let before = super::written(1);
            count(name, || _ = reporter.drain_all(&mut rtt, &mut buffer));
            super::written(1) - before
        };
        send("send_first", 1);
        let bytes = [send("send_1", 1), send("send_2", 2)];
        count("record", make);
        bytes
    }
}

#[entry]
fn main() -> ! {
    let channels = rtt_init! {
        up: {
            0: { size: 1024, mode: ChannelMode::NoBlockSkip, name: "defmt" }
            1: { size: 1024, mode: ChannelMode::NoBlockSkip, name: "picojaeger" }
        }
    };
    Timer::start();
    count("nothing", || {});
    #[cfg(not(feature = "no-line"))]
    {
        rtt_target::set_defmt_channel(channels.up.0);
        hprintln!("size line {}", line::run());
    }
    #[cfg(not(feature = "no-span"))]
    {
        let [one, two] = span::run(channels.up.1);
        hprintln!("size span {}", two - one);
    }
    exit(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(debug::EXIT_FAILURE)
}
