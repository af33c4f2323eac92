//! Any calls of a chip's tracer leave counts that add up, and packets that can be read.
#![no_main]

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use picojaeger_core::ring::{Bytes, DropNewest, OverwriteOldest, Policy};
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::wire::{Encoder, Process, ThriftCompact};
use picojaeger_core::{
    BaggageTable, Clock, Decision, Description, Interrupts, PacketReporter, Param, Platform, Query,
    Ring, Sampler, Seed, SendOutcome, Span, SpanBuilder, SpanContext, SpanReference, TextMap,
    ToContext, Tracer, Transport,
};
use picojaeger_fuzz::{AnyKey, AnyValue, Outcome, assert_prints, pairs};
use picojaeger_std::collector::decode;

#[path = "../../common/relay.rs"]
#[allow(dead_code, reason = "the target uses a part")]
mod relay;

type ChipRing<P> = Ring<Interrupts, Bytes<1024>, P>;
type ChipTracer<P> = Tracer<Board, ChipRing<P>>;
type OpenSpan<'t, P> = Box<Span<'t, Board, [MaybeUninit<u8>], ChipRing<P>>>;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    overwrites: bool,
    frames: bool,
    calls: Vec<Call<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    SetTicks(u32),
    SetSampling(Sampling),
    Seed([u32; 3]),
    Start {
        name: AnyKey<'a>,
        area: u8,
    },
    Build(Start<'a>),
    Write {
        span: u8,
        entry: Entry<'a>,
    },
    Finish {
        span: u8,
        at: Option<Time>,
    },
    Drop {
        span: u8,
    },
    Extract {
        headers: &'a [u8],
    },
    Inject {
        span: u8,
        value: &'a str,
    },
    UnixTime {
        ticks: u64,
        unix_micros: u64,
        uncertainty: u32,
    },
    Slept(u64),
    Captured(u32),
    Hold(u64),
    Settings {
        interval: u64,
        back_off: u64,
        limit: u16,
    },
    PollAt,
    Poll {
        buffer: u16,
        flush: bool,
        outcome: Option<Outcome>,
    },
    Drain {
        buffer: u16,
        all: bool,
        outcomes: [Outcome; 3],
    },
    NewReporter,
    Announce {
        buffer: u16,
        outcome: Option<Outcome>,
    },
}

#[derive(Arbitrary, Debug)]
struct Start<'a> {
    name: AnyKey<'a>,
    area: u8,
    parent: Option<u8>,
    follows: Option<u8>,
    references: [(bool, u8); 2],
    tag: (AnyKey<'a>, AnyValue<'a>),
    time: Option<Time>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Time {
    Unix(u64),
    Ticks(u64),
}

#[derive(Arbitrary, Debug)]
enum Entry<'a> {
    Tag(AnyKey<'a>, AnyValue<'a>),
    TagFmt(AnyKey<'a>, &'a str, f64),
    Log(Option<Time>, Vec<(AnyKey<'a>, AnyValue<'a>)>),
    LogFmt(AnyKey<'a>, &'a str, u64),
    Name(AnyKey<'a>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Sampling {
    All,
    None,
    Code(u8),
}

thread_local! {
    static TICKS: Cell<u32> = const { Cell::new(0) };
    static SAMPLING: Cell<Sampling> = const { Cell::new(Sampling::All) };
}

fuzz_target!(|input: Input<'_>| {
    TICKS.set(0);
    SAMPLING.set(Sampling::All);
    let calls = &input.calls;
    match (input.overwrites, input.frames) {
        (true, false) => run::<OverwriteOldest, ThriftCompact>(calls),
        (false, false) => run::<DropNewest, ThriftCompact>(calls),
        (true, true) => run::<OverwriteOldest, RelayFrames<'static>>(calls),
        (false, true) => run::<DropNewest, RelayFrames<'static>>(calls),
    }
});

fn run<P: Policy + 'static, E: Format>(calls: &[Call<'_>]) {
    let ring = Box::into_raw(Box::new(ChipRing::<P>::new()));
    // SAFETY: it came from a box, and all that borrows it ends in the block.
    {
        let tracer = Tracer::new(Board, unsafe { &*ring });
        let mut run = Run::<P, E>::new(&tracer);
        for call in calls {
            run.call(call);
            run.assert_adds_up();
        }
        run.end();
    }
    // SAFETY: it came from a box, and the tracer, its spans and its reporter are gone.
    drop(unsafe { Box::from_raw(ring) });
}

/// A tracer in use: its open spans and its reporter.
struct Run<'t, P: Policy + 'static, E> {
    tracer: &'t ChipTracer<P>,
    spans: Vec<OpenSpan<'t, P>>,
    reporter: Option<PacketReporter<'t, Board, E, ChipRing<P>>>,
    /// Spans in packets that were accepted from this reporter.
    arrived: u64,
    /// Spans that left the ring through former reporters, which count as queued.
    former: u64,
    /// Spans that have left an overwriting ring with a packet that has no outcome.
    undecided: u64,
}

impl<'t, P: Policy + 'static, E: Format> Run<'t, P, E> {
    fn new(tracer: &'t ChipTracer<P>) -> Self {
        let mut run = Run {
            tracer,
            spans: Vec::new(),
            reporter: None,
            arrived: 0,
            former: 0,
            undecided: 0,
        };
        run.take_reporter();
        run
    }

    fn take_reporter(&mut self) {
        if let Some(former) = self.reporter.take() {
            let (stats, before) = (former.stats(), self.tracer.stats());
            self.former += before.queued - stats.queued + std::mem::take(&mut self.undecided);
        }
        self.arrived = 0;
        let process = Process::new("chip");
        let reporter = self.tracer.reporter(E::encoder(), process);
        self.reporter = Some(reporter.expect("the former is gone"));
    }

    fn call(&mut self, call: &Call<'_>) {
        match call {
            Call::SetTicks(ticks) => TICKS.set(*ticks),
            Call::SetSampling(sampling) => SAMPLING.set(*sampling),
            Call::Seed(words) => self.tracer.seed(Seed::from_words(*words)),
            Call::Start { name, area } => {
                let builder = self.tracer.span_builder(name.key());
                self.spans.push(start(builder, *area));
            }
            Call::Build(start) => self.build(start),
            Call::Write { span, entry } => {
                if let Some(span) = self.span(*span) {
                    write(span, entry);
                }
            }
            Call::Finish { span, at } => match (self.span(*span), at) {
                (Some(span), Some(Time::Unix(time))) => span.finish_at(*time),
                (Some(span), Some(Time::Ticks(time))) => span.finish_ticks(*time),
                (Some(span), None) => span.finish(),
                (None, _) => {}
            },
            Call::Drop { span } if !self.spans.is_empty() => {
                self.spans
                    .swap_remove(usize::from(*span) % self.spans.len());
            }
            Call::Drop { .. } => {}
            Call::Extract { headers } => self.extract(headers),
            Call::Inject { span, value } => self.inject(*span, value),
            Call::UnixTime {
                ticks,
                unix_micros,
                uncertainty,
            } => {
                self.tracer
                    .set_unix_time_at(*ticks, *unix_micros, *uncertainty);
            }
            Call::Slept(ticks) => {
                let before = self.tracer.now();
                self.tracer.slept(before.unwrap_or(0), *ticks);
                assert!(self.tracer.now() >= before);
            }
            Call::Captured(ticks) => {
                let captured = self.tracer.captured((*ticks).into());
                assert!(captured.is_some());
            }
            Call::Hold(ticks) => self.reporter().hold_for_anchor(*ticks),
            Call::Settings {
                interval,
                back_off,
                limit,
            } => {
                let reporter = self.reporter();
                reporter.set_interval(*interval);
                reporter.set_back_off(*back_off);
                reporter.set_limit((*limit).into());
            }
            Call::PollAt => {
                let at = self.reporter().poll_at();
                assert!(at.is_some(), "a counter of 24 bits has a deadline");
            }
            Call::Poll {
                buffer,
                flush,
                outcome,
            } => self.poll(*buffer, *flush, *outcome),
            Call::Drain {
                buffer,
                all,
                outcomes,
            } => self.drain(*buffer, *all, outcomes),
            Call::NewReporter => self.take_reporter(),
            Call::Announce { buffer, outcome } => self.announce(*buffer, *outcome),
        }
    }

    fn build(&mut self, how: &Start<'_>) {
        let context = |which: u8| self.context(which).unwrap_or_default();
        let references = how.references.map(|(follows, which)| match follows {
            true => SpanReference::FollowsFrom(context(which)),
            false => SpanReference::ChildOf(context(which)),
        });
        let (key, value) = how.tag;
        let tags = [(key.key(), value.value())];
        let mut builder = self.tracer.span_builder(how.name.key());
        if let Some(parent) = how.parent {
            builder = builder.child_of(self.context(parent));
        }
        if let Some(other) = how.follows {
            builder = builder.follows_from(self.context(other));
        }
        if let Some(time) = how.time {
            builder = match time {
                Time::Unix(time) => builder.start_time(time),
                Time::Ticks(time) => builder.start_ticks(time),
            };
        }
        let span = start(builder.references(&references).tags(&tags), how.area);
        self.spans.push(span);
    }

    fn extract(&mut self, headers: &[u8]) {
        let (mut baggage, mut scratch) = (BaggageTable::<2, 8, 16>::new(), [0; 40]);
        let headers = pairs(headers, b':');
        let incoming = self
            .tracer
            .extract(&headers[..], &mut baggage, &mut scratch);
        let builder = self.tracer.span_builder("incoming").child_of(incoming);
        self.spans.push(start(builder.tags(incoming.tags()), 2));
    }

    fn inject(&mut self, span: u8, value: &str) {
        let Some(context) = self.context(span) else {
            return;
        };
        let mut headers = TextMap::<2, 24, 64>::new();
        let injected = self.tracer.inject(&context, [("key", value)], &mut headers);
        if let Err(error) = injected {
            assert_prints(&error);
        }
        let mut scratch = [0; 64];
        let incoming = self.tracer.extract(&headers, &mut (), &mut scratch);
        let read = incoming
            .to_context()
            .map(|read| (read.trace_id(), read.span_id()));
        let valid = context.is_valid();
        assert_eq!(read, valid.then(|| (context.trace_id(), context.span_id())));
    }

    fn poll(&mut self, buffer: u16, flush: bool, outcome: Option<Outcome>) {
        let mut buffer = vec![0; usize::from(buffer)];
        self.undecided = 0;
        let reporter = self.reporter.as_mut().expect("there is always one");
        let packet = match flush {
            true => reporter.flush(&mut buffer),
            false => reporter.poll(&mut buffer),
        };
        let Some(mut packet) = packet else {
            return;
        };
        let (spans, mut records) = (E::spans_in(packet.bytes()), 0);
        packet.for_each_record(|_| records += 1);
        assert!(records >= spans || records == 0, "{records} of {spans}");
        match outcome {
            Some(outcome) => {
                packet.done(outcome.into());
                self.arrived += if matches!(outcome, Outcome::Accepted) {
                    spans
                } else {
                    0
                };
            }
            // A ring that overwrites lets no record be read again.
            None if records == 0 => self.undecided = spans,
            None => {}
        }
    }

    fn announce(&mut self, buffer: u16, outcome: Option<Outcome>) {
        let mut buffer = vec![0; usize::from(buffer)];
        self.undecided = 0;
        if let Some(packet) = self.reporter().announce(&mut buffer) {
            assert_eq!(E::spans_in(packet.bytes()), 0);
            if let Some(outcome) = outcome {
                packet.done(outcome.into());
            }
        }
    }

    fn drain(&mut self, buffer: u16, all: bool, outcomes: &[Outcome]) {
        let mut buffer = vec![0; usize::from(buffer)];
        let mut line = Line::<E> {
            outcomes,
            arrived: 0,
            format: PhantomData,
        };
        self.undecided = 0;
        let reporter = self.reporter();
        match all {
            true => reporter.drain_all(&mut line, &mut buffer),
            false => reporter.drain(&mut line, &mut buffer),
        };
        self.arrived += line.arrived;
    }

    /// Finishes and sends all that is left.
    fn end(mut self) {
        self.spans.clear();
        self.reporter().set_limit(usize::MAX);
        self.drain(u16::MAX, true, &[]);
        self.assert_adds_up();
        let stats = self.reporter().stats();
        assert_eq!((stats.open, stats.queued), (0, self.former), "{stats}");
    }

    fn assert_adds_up(&mut self) {
        let (arrived, stats) = (self.arrived, self.tracer.stats());
        assert!(stats.adds_up(), "{stats}");
        let stats = self.reporter().stats();
        assert!(stats.adds_up(), "{stats}");
        assert_eq!(stats.delivered, arrived);
    }

    fn reporter(&mut self) -> &mut PacketReporter<'t, Board, E, ChipRing<P>> {
        self.reporter.as_mut().expect("there is always one")
    }

    fn span(&mut self, which: u8) -> Option<&mut OpenSpan<'t, P>> {
        let count = self.spans.len().max(1);
        self.spans.get_mut(usize::from(which) % count)
    }

    fn context(&self, which: u8) -> Option<SpanContext> {
        let count = self.spans.len().max(1);
        let span = self.spans.get(usize::from(which) % count)?;
        Some(span.context())
    }
}

/// Starts a span with an area of one of four sizes.
fn start<'t, P: Policy + 'static>(
    builder: SpanBuilder<'t, '_, Board, ChipRing<P>>,
    area: u8,
) -> OpenSpan<'t, P> {
    match area % 4 {
        0 => Box::new(builder.start::<0>()),
        1 => Box::new(builder.start::<32>()),
        2 => Box::new(builder.start::<96>()),
        _ => Box::new(builder.start::<1024>()),
    }
}

fn write<P: Policy + 'static>(span: &mut OpenSpan<'_, P>, entry: &Entry<'_>) {
    match entry {
        Entry::Tag(key, value) => {
            span.tag(key.key(), value.value());
        }
        Entry::TagFmt(key, text, number) => {
            span.tag_fmt(key.key(), format_args!("{text}{number}"));
        }
        Entry::Log(time, fields) => {
            let mut log = match time {
                Some(Time::Unix(time)) => span.log_at(*time),
                Some(Time::Ticks(time)) => span.log_ticks(*time),
                None => span.log(),
            };
            for (key, value) in fields {
                log.field(key.key(), value.value());
            }
        }
        Entry::LogFmt(key, text, number) => {
            let mut log = span.log();
            log.field_fmt(key.key(), format_args!("{text}{number}"));
        }
        Entry::Name(name) => {
            span.set_operation_name(name.key());
        }
    }
    let record = span.record();
    let fields = record.logs().map(|log| log.fields().count()).sum::<usize>();
    // Reads all that the area holds.
    assert!(record.tags().count() + fields + record.references().count() < 1_000);
}

/// A format of packets.
trait Format: Encoder {
    fn encoder() -> Self;
    /// The spans of a packet, which can be read.
    fn spans_in(packet: &[u8]) -> u64;
}

impl Format for ThriftCompact {
    fn encoder() -> Self {
        ThriftCompact::new()
    }
    fn spans_in(packet: &[u8]) -> u64 {
        decode(packet).expect("a packet").spans.len() as u64
    }
}

impl Format for RelayFrames<'static> {
    fn encoder() -> Self {
        RelayFrames::new(Device::new(b"fuzz", 1))
    }
    fn spans_in(packet: &[u8]) -> u64 {
        let frames = relay::frames(packet).into_iter();
        frames
            .map(|frame| match frame.kind {
                1 => (relay::read::<relay::Hello<'_>>(&frame.payload), 0).1,
                2 => (relay::read::<relay::Status>(&frame.payload), 0).1,
                3 => relay::spans::<&str>(&frame.payload).len() as u64,
                kind => panic!("a frame of kind {kind}"),
            })
            .sum()
    }
}

/// A transport with these outcomes, which then accepts all.
struct Line<'o, E> {
    outcomes: &'o [Outcome],
    arrived: u64,
    format: PhantomData<E>,
}

impl<E: Format> Transport for Line<'_, E> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let spans = E::spans_in(packet);
        let outcome = match self.outcomes {
            [first, rest @ ..] => {
                self.outcomes = rest;
                (*first).into()
            }
            [] => SendOutcome::Accepted,
        };
        if outcome == SendOutcome::Accepted {
            self.arrived += spans;
        }
        outcome
    }
}

/// A counter of 24 bits, and a sampler, that inputs set.
struct Board;

impl Platform for Board {
    type Clock = Board;
    type Sampler = Board;
    fn clock(&self) -> &Board {
        self
    }
    fn sampler(&self) -> &Board {
        self
    }
}

impl Clock for Board {
    const BITS: u32 = 24;
    fn ticks(&self) -> u64 {
        u64::from(TICKS.get() & 0xff_ffff)
    }
    fn frequency(&self) -> u64 {
        32_768
    }
}

impl Sampler for Board {
    fn sample(&self, _: &Query<'_>) -> Decision {
        match SAMPLING.get() {
            Sampling::All => Decision::Sample { code: 1 },
            Sampling::None => Decision::Drop,
            Sampling::Code(code) => Decision::Sample { code },
        }
    }
    fn description(&self, code: u8) -> Option<Description> {
        (code % 2 == 1).then_some(Description::new("fuzz", Param::Bool(true)))
    }
}
