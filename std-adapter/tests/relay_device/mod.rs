//! A device whose line tests of the program read.

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::{Clock, Const, Interrupts, Ring, Seed, SendOutcome, Tracer};

struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        7_000
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

/// The bytes of a device's line: some text, and this many spans.
pub(crate) fn line(boot: u32, spans: usize) -> Vec<u8> {
    let ring: &'static Ring = Box::leak(Box::<Ring<Interrupts, Bytes<65_536>>>::default());
    let tracer: &Tracer<(Timer, Const)> =
        Box::leak(Box::new(Tracer::new((Timer, Const(true)), ring)));
    tracer.seed(Seed::from_words([boot, 2, 3]));
    let device = Device::new(b"chip 7", boot);
    let mut reporter = tracer
        .reporter(RelayFrames::new(device), Process::new("pump"))
        .expect("the first");
    let mut bytes = b"booting\n".to_vec();
    let mut buffer = [0; 512];
    for n in 0..spans {
        tracer.start::<32>("sample").tag("n", n as u64);
        if n % 100 == 99 || n + 1 == spans {
            while let Some(packet) = reporter.flush(&mut buffer) {
                bytes.extend(packet.bytes());
                packet.done(SendOutcome::Accepted);
            }
        }
    }
    bytes
}
