//! A chip's tracer, a line that damages bytes, and the relay: what arrives is what was made, and the
//! accounts close.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::Process;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::{
    Clock, Const, Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer, Transport, Value,
};
use picojaeger_std::model::{Span, TagValue};
use picojaeger_std::relay::{Arrival, DeviceAccount, Event, Relay};

/// A timer of 1 MHz that a test sets.
struct Timer(AtomicU64);

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

type Board = (&'static Timer, Const);

/// A device with its line.
struct Chip {
    tracer: &'static Tracer<Board>,
    reporter: PacketReporter<'static, Board, RelayFrames<'static>>,
    timer: &'static Timer,
    line: Line,
}

/// The bytes on a line; one in `damage` is wrong, none if that is 0.
struct Line {
    bytes: Vec<u8>,
    random: u64,
    damage: u64,
}

impl Transport for Line {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        for byte in packet {
            let random = self.next();
            let is_wrong = self.damage != 0 && random.is_multiple_of(self.damage);
            self.bytes.push(if is_wrong {
                byte ^ (1 << ((random >> 40) % 8))
            } else {
                *byte
            });
        }
        SendOutcome::Accepted
    }
}

impl Line {
    fn next(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.random >> 16
    }
}

impl Chip {
    fn new(boot: u32, seed: u32, damage: u64) -> Self {
        let timer: &Timer = Box::leak(Box::new(Timer(AtomicU64::new(1_000))));
        let ring: &'static Ring = Box::leak(Box::<Ring<Interrupts, Bytes<2048>>>::default());
        let tracer: &Tracer<Board> = Box::leak(Box::new(Tracer::new((timer, Const(true)), ring)));
        tracer.seed(Seed::from_words([seed, 2, 3]));
        let device = Device::new(b"chip 7", boot);
        let process = Process::new("pump").with_tags(&[("zone", Value::Str("blue"))]);
        let reporter = tracer
            .reporter(RelayFrames::new(device), process)
            .expect("the first");
        let line = Line {
            bytes: Vec::new(),
            random: seed.into(),
            damage,
        };
        Chip {
            tracer,
            reporter,
            timer,
            line,
        }
    }

    fn pass(&self, micros: u64) {
        self.timer.0.fetch_add(micros, Ordering::Relaxed);
    }

    fn span(&self, n: i64) {
        let mut span = self.tracer.start::<160>("sample");
        span.tag("n", n).tag("mode", "fast");
        self.pass(40);
        span.log().field("event", "converted");
        self.pass(60);
    }

    /// Sends what waits, and returns the bytes of the line.
    fn drain(&mut self) -> Vec<u8> {
        let mut buffer = [0; 256];
        self.reporter.drain_all(&mut self.line, &mut buffer);
        std::mem::take(&mut self.line.bytes)
    }

    /// Sends a hello and a status, undamaged.
    fn announce(&mut self) -> Vec<u8> {
        let mut buffer = [0; 256];
        let packet = self.reporter.announce(&mut buffer).expect("there is room");
        let bytes = packet.bytes().to_vec();
        packet.done(SendOutcome::Accepted);
        // Ends what a damaged zero has left open.
        [vec![0], bytes].concat()
    }
}

const NOW: u64 = 1_700_000_000_000_000;

/// A relay with the spans and the text that came out of it.
#[derive(Default)]
struct Bench {
    relay: Relay,
    spans: Vec<Span>,
    text: String,
    warnings: Vec<String>,
}

impl Bench {
    fn take(&mut self, bytes: &[u8], ticks: u64) {
        let Bench {
            relay,
            spans,
            text,
            warnings,
        } = self;
        relay.receive(
            0,
            bytes,
            Arrival::At(NOW + ticks),
            &mut |event| match event {
                Event::Span { span, .. } => spans.push(*span),
                Event::Text { text: part, .. } => text.push_str(&part),
                Event::Warning(warning) => warnings.push(warning),
                _ => {}
            },
        );
    }

    fn account(&self) -> DeviceAccount {
        let [account] = &self.relay.accounts()[..] else {
            panic!("{:?}", self.relay.accounts());
        };
        account.clone()
    }
}

#[test]
fn spans_arrive_as_they_were_made() {
    let (mut chip, mut bench) = (Chip::new(9, 1, 0), Bench::default());
    let mut root = chip.tracer.start::<200>("sample");
    root.tag("channel", 3)
        .tag("mode", "fast")
        .tag("scale", 0.5)
        .tag("ok", true);
    root.tag("raw", &[1u8, 2][..]).tag("big", u64::MAX);
    chip.pass(250);
    root.log().field("event", "retry").field("attempt", 2);
    let context = root.context();
    chip.tracer
        .span_builder("child")
        .child_of(&root)
        .start::<32>()
        .tag("deep", true);
    chip.pass(750);
    root.finish();
    let (bytes, now) = (chip.drain(), chip.timer.ticks());
    bench.take(&bytes, now);
    let [child, root] = &bench.spans[..] else {
        panic!("{:?}", bench.spans);
    };
    assert_eq!(
        (root.trace_id, root.span_id),
        (context.trace_id(), context.span_id())
    );
    assert_eq!(
        (child.trace_id, child.parent_span_id),
        (root.trace_id, root.span_id)
    );
    assert_eq!(
        (root.start_time_us, root.duration_us),
        (NOW.cast_signed() + 1_000, 1_000)
    );
    assert_eq!(child.start_time_us, NOW.cast_signed() + 1_250);
    for (key, value) in [
        ("channel", TagValue::Long(3)),
        ("mode", "fast".into()),
        ("scale", 0.5.into()),
        ("ok", true.into()),
        ("raw", TagValue::Binary([1, 2].into())),
        ("big", u64::MAX.into()),
        ("sampler.type", "const".into()),
        ("sampler.param", true.into()),
    ] {
        assert_eq!(root.tag(key), Some(&value), "{key}");
    }
    assert_eq!(root.logs[0].timestamp_us, root.start_time_us + 250);
    assert_eq!(root.logs[0].field("attempt"), Some(&TagValue::Long(2)));
}

/// Runs a chip for 200 seconds on a line that damages one byte in `damage`; text stands between
/// packets. Spans that find no room are lost on the device.
fn run(seed: u32, damage: u64) -> (Bench, u64) {
    let (mut chip, mut bench) = (Chip::new(9, seed, damage), Bench::default());
    let mut made = 0;
    for second in 0..200 {
        let burst = if second % 9 == 0 { 40 } else { 4 };
        for _ in 0..burst {
            chip.span(made);
            made += 1;
        }
        chip.pass(1_000_000 - chip.timer.ticks() % 1_000_000);
        let mut bytes = chip.drain();
        bytes.extend(b"uptime\n");
        let (first, last) = bytes.split_at(bytes.len() / 3);
        bench.take(first, chip.timer.ticks());
        bench.take(last, chip.timer.ticks());
    }
    let bytes = chip.announce();
    bench.take(&bytes, chip.timer.ticks());
    (bench, made as u64)
}

#[test]
fn the_account_is_exact_on_a_line_that_damages() {
    for (seed, damage) in [(1, 0), (2, 2_000), (3, 500), (4, 200), (5, 20), (6, 20)] {
        let (bench, made) = run(seed, damage);
        let account = bench.account();
        let stats = account.stats.expect("a last status");
        let read = bench.spans.len() as u64;
        assert_eq!(
            (account.finished(), stats.queued, account.held),
            (made, 0, 0)
        );
        assert!(stats.lost.full > 0, "{stats:?}");
        assert_eq!(
            made,
            read + stats.lost.total() + account.lost_on_link,
            "damage {damage}"
        );
        assert!(account.adds_up());
        assert_eq!(account.lost_on_link == 0, damage == 0);
        let distinct: BTreeSet<_> = bench.spans.iter().map(|span| span.span_id.get()).collect();
        assert_eq!(distinct.len() as u64, read);
        for span in &bench.spans {
            assert_eq!(
                (span.operation_name.as_str(), span.duration_us),
                ("sample", 100)
            );
            assert_eq!(span.tag("mode"), Some(&"fast".into()));
        }
        let expected = if damage == 0 { 200 } else { 1 };
        assert!(
            bench.text.matches("uptime\n").count() >= expected,
            "{damage}"
        );
    }
}

#[test]
fn a_reset_in_the_middle_of_a_packet_costs_that_packet() {
    let (mut first, mut bench) = (Chip::new(9, 1, 0), Bench::default());
    first.span(0);
    let bytes = [first.drain(), {
        first.span(1);
        first.drain()
    }]
    .concat();
    bench.take(&bytes[..bytes.len() - 5], 1_000_000);
    let mut second = Chip::new(10, 2, 0);
    second.span(2);
    let bytes = [second.drain(), second.announce()].concat();
    bench.take(&bytes, 2_000_000);
    let accounts = bench.relay.accounts();
    let boots: Vec<_> = accounts
        .iter()
        .map(|it| (it.boot, it.read, it.lost_on_link))
        .collect();
    assert_eq!(boots, [(9, 1, 0), (10, 1, 0)]);
    assert_eq!(bench.spans[1].tag("n"), Some(&TagValue::Long(2)));
}

/// The handler of a fault sends what has finished by a reporter of its own, whose frames and deliveries
/// count from 0.
#[test]
fn a_fault_in_the_middle_keeps_the_account() {
    let (mut chip, mut bench) = (Chip::new(9, 1, 0), Bench::default());
    for n in 0..20 {
        chip.span(n);
        let bytes = chip.drain();
        bench.take(&bytes, chip.timer.ticks());
        chip.pass(150_000);
    }
    chip.span(20);
    chip.span(21);
    let process = Process::new("pump");
    let encoder = RelayFrames::new(Device::new(b"chip 7", 9));
    // SAFETY: the first reporter is not used again, and this is the only thread.
    let stolen = unsafe { chip.tracer.steal_reporter(encoder, process) }.expect("a reporter");
    std::mem::forget(std::mem::replace(&mut chip.reporter, stolen));
    let bytes = [chip.drain(), chip.announce()].concat();
    bench.take(&bytes, chip.timer.ticks());
    let account = bench.account();
    let stats = account.stats.expect("a status");
    assert_eq!(
        (account.finished(), account.read, account.lost_on_link),
        (22, 22, 0)
    );
    assert_eq!((stats.delivered, stats.queued), (22, 0), "{stats}");
    assert!(account.adds_up() && bench.warnings.is_empty());
}

#[test]
fn a_constant_seed_is_warned_of() {
    let mut bench = Bench::default();
    for boot in [9, 10] {
        let mut chip = Chip::new(boot, 7, 0);
        chip.span(0);
        let bytes = chip.drain();
        bench.take(&bytes, 1_000_000);
    }
    assert_eq!(bench.warnings.len(), 1);
    assert!(
        bench.warnings[0].contains("in boot 0x9")
            && bench.warnings[0].contains("draw the same ids")
    );
}
