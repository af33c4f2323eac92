//! Links only if no panic is reachable from the core's entries: the panic handler calls an
//! undefined symbol. With the feature `control` one entry indexes a slice, and the program must
//! not link. `.ci/run panic` does both.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use cortex_m_rt::entry;
use picojaeger_core::adapter::record::Records;
use picojaeger_core::adapter::{PacketBuilder, PollContext};
use picojaeger_core::ring::{Bytes, Consumer, FrameRing, OverwriteOldest, Word, Words};
use picojaeger_core::wire::relay::{Device, HostTime, MemoryDump, RelayFrames, TimeReader};
use picojaeger_core::wire::{Otlp, Process, ThriftCompact};
use picojaeger_core::{
    BaggageTable, BinaryCodec, BuildId, Clock, CortexM, CurrentSpans, Drained, Format,
    FutureInSpan, GuaranteedThroughput, InSpan, Incoming, InjectError, Interrupts, Key, Outgoing,
    PacketReporter, PerOperation, Probabilistic, Program, Propagator, Query, RateLimiter,
    RateLimiting, Recovery, RetainedMemory, RetainedRing, Ring, Sampler, Seed, SendOutcome,
    SlipWriter, Span, SpanContext, SpanReference, SplitClock, SplitTimer, Stats, Suppression,
    TaskSpans, TextMap, ToContext, Tracer, Transport, Value, VariableClock, ZipkinSpan, tags,
};
use picojaeger_cortex_m::{BOARD, Board};

unsafe extern "C" {
    fn picojaeger_reached_a_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: never called, since a program that calls it does not link.
    unsafe { picojaeger_reached_a_panic() }
}

type Recorder = Ring<Interrupts, Bytes<1024>, OverwriteOldest>;
type Sample = Span<'static, Board, [MaybeUninit<u8>; 96]>;
type Recorded = Span<'static, Board, [MaybeUninit<u8>; 96], Recorder>;
type OwnSpan = FutureInSpan<'static, Soon, Sample, CurrentSpans<CortexM, 2>>;
type Packets = PacketReporter<'static, Board, ThriftCompact>;
type Requests = PacketReporter<'static, Board, Otlp>;
type Frames<const ADDRESSES: bool> =
    PacketReporter<'static, Board, RelayFrames<'static, ADDRESSES>>;
type Baggage = BaggageTable<4, 16, 32>;
type Headers = TextMap<4, 24, 64>;
type Plain<P> = FrameRing<Interrupts, u32, Bytes<256>, P, Words>;

const FORMATS: [Format; 5] = [
    Format::TraceContext,
    Format::Baggage,
    Format::Jaeger,
    Format::B3,
    Format::B3Multi,
];

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Board> = Tracer::new(BOARD, &RING);
static RECORDER: Recorder = Ring::new();
static MEMORY: RetainedMemory<1024> = RetainedMemory::new();
// SAFETY: the memory is given to this ring alone; nothing of this program runs.
static KEPT: RetainedRing<1024> = unsafe { RetainedRing::new(&MEMORY) };
static SURVIVOR: Tracer<Board, RetainedRing<1024>> = Tracer::new(BOARD, &KEPT);
static CURRENT: CurrentSpans<CortexM, 2> = CurrentSpans::new();
static REPORTING: Suppression<CortexM> = Suppression::new();
static TASKS: TaskSpans<Board, 4, 2> = TaskSpans::new(&TRACER, &CURRENT);
static NEWEST: Tracer<Board, Recorder> = Tracer::new(BOARD, &RECORDER);

/// Declares the entries, whose arguments come from outside, and the table that keeps them from
/// being removed.
macro_rules! entries {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {
        $($(#[$attribute])* fn $name($($argument: $type),*) $(-> $result)? $body)*

        /// Entries that the linker may not remove.
        #[used]
        static ENTRIES: Entries<{ [$($(#[$attribute])* { stringify!($name) }),*].len() }> =
            Entries([$($(#[$attribute])* { $name as *const () }),*]);
    };
}

struct Entries<const N: usize>([*const (); N]);

// SAFETY: the pointers are never dereferenced.
unsafe impl<const N: usize> Sync for Entries<N> {}

/// A timer whose registers are anything.
struct Split([u32; 2], bool);

impl SplitTimer for Split {
    const PERIOD: u32 = 25_000;
    fn periods(&self) -> u32 {
        self.0[0]
    }
    fn elapsed(&self) -> u32 {
        self.0[1]
    }
    fn is_pending(&self) -> bool {
        self.1
    }
    fn frequency(&self) -> u64 {
        self.0[0].into()
    }
}

/// A future that is ready if it says so.
struct Soon(bool);

impl Future for Soon {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// A serial line that takes as many bytes as it says, in turn.
struct Serial([Result<usize, embedded_io::ErrorKind>; 2]);

impl embedded_io::ErrorType for Serial {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Write for Serial {
    fn write(&mut self, _bytes: &[u8]) -> Result<usize, embedded_io::ErrorKind> {
        self.0.swap(0, 1);
        self.0[0]
    }
    fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> {
        Ok(())
    }
}

/// A transport that gives one outcome.
struct Fixed(SendOutcome);

impl Transport for Fixed {
    fn send(&mut self, _packet: &[u8]) -> SendOutcome {
        self.0
    }
}

entries! {
    fn seed(words: [u32; 3]) {
        TRACER.seed(Seed::from_words(words));
    }
    fn start(name: &'static str) -> Sample {
        TRACER.span_builder(name).start()
    }
    fn start_copied(name: &str) -> Sample {
        TRACER.span_builder(Key::copied(name)).start()
    }
    fn start_child(name: &'static str, parent: Option<SpanContext>) -> Sample {
        TRACER.span_builder(name).child_of(parent).start()
    }
    fn start_recorded(name: &'static str, parent: &Sample) -> Recorded {
        NEWEST.span_builder(name).child_of(parent).start()
    }
    fn start_with_all(
        name: Key<'_>,
        parent: Option<SpanContext>,
        other: Option<SpanContext>,
        references: &[SpanReference],
        given: &[(Key<'_>, Value<'_>)],
        unix_micros: u64,
    ) -> Sample {
        let builder = TRACER.span_builder(name).child_of(parent).follows_from(other);
        builder.references(references).tags(given).start_time(unix_micros).start()
    }
    fn tag(span: &mut Span<'_, Board>, key: Key<'_>, value: Value<'_>) {
        span.tag(key, value);
    }
    fn tag_text(span: &mut Sample, key: &'static str, value: &str) {
        span.tag(key, value);
    }
    fn tag_bytes(span: &mut Sample, key: &'static str, value: &[u8]) {
        span.tag(key, value);
    }
    fn tag_bool(span: &mut Sample, key: &'static str, value: bool) {
        span.tag(key, value);
    }
    fn tag_i64(span: &mut Sample, key: &'static str, value: i64) {
        span.tag(key, value);
    }
    fn tag_u64(span: &mut Sample, key: &'static str, value: u64) {
        span.tag(key, value);
    }
    fn tag_f64(span: &mut Sample, key: &'static str, value: f64) {
        span.tag(key, value);
    }
    fn tag_copied(span: &mut Sample, key: &str, value: Value<'_>) {
        span.tag(Key::copied(key), value);
    }
    fn tag_char(span: &mut Sample, key: &'static str, value: Option<char>) {
        span.tag(key, value);
    }
    fn tag_fmt(span: &mut Span<'_, Board>, key: Key<'_>, value: core::fmt::Arguments<'_>) {
        span.tag_fmt(key, value);
    }
    fn field_fmt(span: &mut Sample, key: Key<'_>, value: core::fmt::Arguments<'_>) {
        span.log().field_fmt(key, value);
    }
    fn priority(span: &mut Sample, value: i64) {
        span.tag(tags::SAMPLING_PRIORITY, value);
    }
    fn log(span: &mut Span<'_, Board>, key: Key<'_>, value: Value<'_>) {
        span.log().field(key, value).field(key, value);
    }
    fn log_at(span: &mut Sample, key: Key<'_>, value: Value<'_>, unix_micros: u64) {
        span.log_at(unix_micros).field(key, value);
    }
    fn set_operation_name(span: &mut Sample, name: &'static str) {
        span.set_operation_name(name);
    }
    fn set_copied_name(span: &mut Sample, name: &str) {
        span.set_operation_name(Key::copied(name));
    }
    fn finish(span: &mut Sample) {
        span.finish();
    }
    fn finish_unsized(span: &mut Span<'_, Board>) {
        span.finish();
    }
    fn finish_recorded(span: &mut Recorded) {
        span.finish();
    }
    fn finish_at(span: &mut Sample, unix_micros: u64) {
        span.finish_at(unix_micros);
    }
    fn finish_by_drop(span: &mut Option<Sample>) {
        *span = None;
    }
    fn read(span: &Sample) -> usize {
        let record = span.record();
        let fields: usize = record.logs().map(|log| log.fields().count()).sum();
        fields + record.tags().count() + record.references().count() + record.operation().len()
    }
    fn start_in_current(name: &'static str, outer: &Sample) -> usize {
        let _current = CURRENT.enter(outer);
        let mut span: Sample = TRACER.span_builder(name).child_of(&CURRENT).start();
        span.finish();
        CURRENT.missed()
    }
    fn poll_in_span(place: &mut Option<OwnSpan>, outer: Sample, soon: bool) -> bool {
        let future = place.insert(Soon(soon).in_span(outer, &CURRENT));
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(future).poll(&mut context).is_ready()
    }
    fn drain_suppressed(reporter: &mut Packets, query: &Query<'_>, results: [Result<usize, embedded_io::ErrorKind>; 2], buffer: &mut [u8]) -> bool {
        let sampler = REPORTING.sampler(BOARD.1);
        let mut line = REPORTING.transport(SlipWriter::new(Serial(results)));
        reporter.drain_all(&mut line, buffer) == Drained::All && sampler.sample(query).is_sample()
    }
    fn poll_task(task: u32, name: &'static str) -> usize {
        TASKS.spawned(task, name);
        TASKS.ready(task);
        TASKS.poll_begins(0, task);
        TASKS.ended(task);
        TASKS.poll_ends(0);
        TASKS.missed()
    }
    fn reporter(process: Process<'static>) -> Option<Packets> {
        TRACER.reporter(ThriftCompact::new(), process).ok()
    }
    fn poll(reporter: &mut Packets, buffer: &mut [u8], outcome: SendOutcome) {
        if let Some(packet) = reporter.poll(buffer) {
            packet.done(outcome);
        }
    }
    fn flush(reporter: &mut Packets, buffer: &mut [u8]) -> usize {
        reporter.flush(buffer).map_or(0, |packet| packet.bytes().len())
    }
    fn otlp_reporter(process: Process<'static>) -> Option<Requests> {
        TRACER.reporter(Otlp::new(), process).ok()
    }
    fn otlp_poll(reporter: &mut Requests, buffer: &mut [u8], outcome: SendOutcome) {
        if let Some(packet) = reporter.poll(buffer) {
            packet.done(outcome);
        }
    }
    fn otlp_flush(reporter: &mut Requests, buffer: &mut [u8]) -> usize {
        reporter.flush(buffer).map_or(0, |packet| packet.bytes().len())
    }
    fn relay_reporter(device: Device<'static>, process: Process<'static>) -> Option<Frames<false>> {
        TRACER.reporter(RelayFrames::new(device), process).ok()
    }
    fn relay_reporter_with_all(
        id: &'static [u8],
        build: &'static [u8],
        numbers: [u64; 2],
        producer: u8,
        process: Process<'static>,
    ) -> Option<Frames<true>> {
        let device = Device::new(id, numbers[0] as u32).with_build(build).with_producer(producer);
        let encoder = RelayFrames::with_addresses(device);
        let encoder = encoder.with_hello_every(numbers[0]).with_status_every(numbers[1]);
        TRACER.reporter(encoder, process).ok()
    }
    fn relay_poll(reporter: &mut Frames<false>, buffer: &mut [u8], outcome: SendOutcome) {
        if let Some(packet) = reporter.poll(buffer) {
            packet.done(outcome);
        }
    }
    fn relay_flush(reporter: &mut Frames<true>, buffer: &mut [u8]) -> usize {
        reporter.flush(buffer).map_or(0, |packet| packet.bytes().len())
    }
    fn relay_drain(reporter: &mut Frames<false>, outcome: SendOutcome, buffer: &mut [u8]) -> bool {
        reporter.drain_all(&mut Fixed(outcome), buffer) == Drained::All
    }
    fn relay_announce(reporter: &mut Frames<false>, buffer: &mut [u8], outcome: SendOutcome) {
        if let Some(packet) = reporter.announce(buffer) {
            packet.done(outcome);
        }
    }
    fn relay_announce_to(reporter: &mut Frames<false>, buffer: &mut [u8], outcome: SendOutcome) -> bool {
        reporter.announce_to(&mut Fixed(outcome), buffer) == Drained::All
    }
    fn relay_memory(dump: &mut MemoryDump<'_>, buffer: &mut [u8]) -> usize {
        dump.next_packet(buffer).map_or(0, |place| place.len())
    }
    fn relay_time(reader: &mut TimeReader, byte: u8) -> Option<HostTime> {
        reader.push(byte)
    }
    fn relay_set_time(time: &HostTime) -> Option<u32> {
        TRACER.set_host_time(time)
    }
    fn drain(reporter: &mut Packets, outcome: SendOutcome, buffer: &mut [u8]) -> bool {
        reporter.drain(&mut Fixed(outcome), buffer) == Drained::All
    }
    fn drain_all(reporter: &mut Packets, outcome: SendOutcome, buffer: &mut [u8]) -> bool {
        reporter.drain_all(&mut Fixed(outcome), buffer) == Drained::All
    }
    fn resume(reporter: &mut Packets, outcome: SendOutcome) {
        if let Some(packet) = reporter.resume() {
            packet.done(outcome);
        }
    }
    fn poll_at(reporter: &mut Packets) -> Option<u64> {
        reporter.poll_at()
    }
    fn hold_for_anchor(reporter: &mut Packets, ticks: u64) {
        reporter.hold_for_anchor(ticks);
    }
    fn set_times(reporter: &mut Packets, interval: u64, back_off: u64) {
        reporter.set_interval(interval);
        reporter.set_back_off(back_off);
    }
    fn set_limit(reporter: &mut Packets, bytes: usize) {
        reporter.set_limit(bytes);
    }
    fn set_unix_time_at(ticks: u64, micros: u64, uncertainty: u32) {
        TRACER.set_unix_time_at(ticks, micros, uncertainty);
    }
    fn emit(name: &'static str, start: u64, end: u64) {
        TRACER.emit::<96>(name, start).tag("n", 64).finish_ticks(end);
    }
    fn log_ticks(span: &mut Sample, key: Key<'_>, value: Value<'_>, ticks: u64) {
        span.log_ticks(ticks).field(key, value);
    }
    fn captured(ticks: u64) -> Option<u64> {
        TRACER.captured(ticks)
    }
    fn slept(since: u64, ticks: u64) {
        TRACER.slept(since, ticks);
    }
    fn frequency_changed(clock: &VariableClock<SplitClock<Split>>, hertz: u64) -> u64 {
        clock.frequency_changed(hertz);
        clock.slept_until(hertz);
        clock.ticks().wrapping_add(clock.read_within().unwrap_or(0))
    }
    fn poll_several(
        reporter: &mut PacketBuilder<ThriftCompact>,
        consumers: &mut [Consumer<'_, Records>],
        situation: &PollContext<'_>,
        buffer: &mut [u8],
        outcome: SendOutcome,
    ) -> usize {
        let mut length = 0;
        if let Some(mut packet) = reporter.poll(consumers, situation, buffer) {
            packet.for_each_record(|record| length = record.operation().len());
            packet.done(outcome);
        }
        length
    }
    fn drain_by_slip(reporter: &mut Packets, results: [Result<usize, embedded_io::ErrorKind>; 2], buffer: &mut [u8]) -> bool {
        let mut line = SlipWriter::new(Serial(results));
        reporter.drain_all(&mut line, buffer) == Drained::All
    }
    fn steal_reporter(process: Process<'static>) -> Option<Packets> {
        // SAFETY: never called.
        unsafe { TRACER.steal_reporter(ThriftCompact::new(), process) }
    }
    fn steal_recorder(process: Process<'static>) -> Option<PacketReporter<'static, Board, ThriftCompact, Recorder>> {
        // SAFETY: never called.
        unsafe { NEWEST.steal_reporter(ThriftCompact::new(), process) }
    }
    fn abandon_open(reporter: &mut Packets) -> usize {
        // SAFETY: never called.
        unsafe { reporter.abandon_open() }
    }
    fn recover(names: &'static [u8], note: &[u8], frequency: u64) -> u32 {
        KEPT.recover(&Program::new(names, BuildId::from_note(note)), frequency).spans
    }
    fn finish_kept(name: &'static str) {
        SURVIVOR.start::<32>(name).tag("n", 1);
    }
    fn anchor_kept(ticks: u64, micros: u64) {
        SURVIVOR.set_unix_time_at(ticks, micros, 0);
    }
    fn poll_recovered(recovery: &Recovery, outcome: SendOutcome, buffer: &mut [u8]) -> Option<Stats> {
        let encoder = recovery.encoder::<64, _>(ThriftCompact::new());
        let mut reporter = SURVIVOR.reporter(encoder, Process::new("")).ok()?;
        reporter.drain_all(&mut Fixed(outcome), buffer);
        Some(reporter.stats())
    }
    fn stats(reporter: &Packets) -> Stats {
        reporter.stats()
    }
    fn tick() {
        TRACER.tick();
    }
    fn reserve_and_commit(ring: &'static Plain<picojaeger_core::ring::DropNewest>, body: &[Word], words: usize) {
        if let (_, Ok(slot)) = ring.reserve(words, |count, _| *count = count.wrapping_add(1)) {
            slot.commit(body);
        }
    }
    fn reserve_evicting(ring: &'static Plain<OverwriteOldest>, body: &[Word], words: usize) {
        if let (_, Ok(slot)) = ring.reserve(words, |count, _| *count = count.wrapping_add(1)) {
            slot.commit(body);
        }
    }
    fn consume(consumer: &mut Consumer<'_, Words>) -> usize {
        let found = consumer.peek().map_or(0, |frame| frame.words.len());
        consumer.advance();
        consumer.release();
        consumer.rewind();
        found
    }
    fn inject(span: &Sample, baggage: &Baggage, headers: &mut Headers) -> Result<(), InjectError> {
        TRACER.inject(span, baggage.iter(), headers)
    }
    fn extract(headers: &Headers, baggage: &mut Baggage, scratch: &mut [u8]) -> Option<SpanContext> {
        TRACER.extract(headers, baggage, scratch).to_context()
    }
    fn extract_slice(headers: &[(&str, &[u8])], baggage: &mut Baggage, scratch: &mut [u8]) -> Sample {
        let found = TRACER.extract(headers, baggage, scratch);
        TRACER.span_builder("server").child_of(found).tags(found.tags()).start()
    }
    fn inject_formats(context: &SpanContext, state: &str, baggage: &Baggage, headers: &mut Headers, scratch: &mut [u8]) -> Result<(), InjectError> {
        let outgoing = Outgoing::from(*context).with_tracestate(state);
        Propagator::new(&[], &FORMATS).inject(&outgoing, baggage.iter(), headers, scratch)
    }
    fn extract_formats(headers: &[(&str, &[u8])], baggage: &mut Baggage, scratch: &mut [u8]) -> Sample {
        let found = Incoming::from(Propagator::new(&FORMATS, &[]).extract(headers, baggage, scratch));
        let state = found.tracestate().unwrap_or_default();
        TRACER.span_builder("server").child_of(found).tags(&[(Key::Static("state"), Value::Str(state))]).start()
    }
    fn inject_binary(context: &SpanContext, baggage: &Baggage, buffer: &mut [u8]) -> usize {
        let written = BinaryCodec::new().inject(context, baggage.iter(), buffer);
        written.map_or(0, |(bytes, _)| bytes.len())
    }
    fn extract_binary(bytes: &[u8], baggage: &mut Baggage) -> Option<SpanContext> {
        Incoming::from(BinaryCodec::new().extract(bytes, baggage)).to_context()
    }
    fn short_binary(bytes: &[u8]) -> Option<[u8; SpanContext::BINARY_LEN]> {
        SpanContext::from_binary(bytes).ok().map(|context| context.to_binary())
    }
    fn tchannel(bytes: &[u8; ZipkinSpan::LEN]) -> Option<[u8; ZipkinSpan::LEN]> {
        let context = ZipkinSpan::from_bytes(bytes).to_context()?;
        Some(ZipkinSpan::from(context).to_bytes())
    }
    fn parse_context(text: &str) -> Option<SpanContext> {
        text.parse().ok()
    }
    fn write_context(context: &SpanContext, buffer: &mut [u8; SpanContext::TEXT_LEN]) -> usize {
        context.write_text(buffer).len()
    }
    fn baggage(table: &mut Baggage, key: &str, value: &str) -> bool {
        table.set(key, value).is_ok() && table.get(key).is_some() && table.remove(key)
    }
    fn sample(query: &Query<'_>, sampler: &Probabilistic) -> bool {
        sampler.sample(query).is_sample()
    }
    fn limit(query: &Query<'_>, sampler: &RateLimiting<Interrupts>) -> bool {
        sampler.sample(query).is_sample()
    }
    fn guarantee(query: &Query<'_>, sampler: &GuaranteedThroughput<Interrupts>) -> bool {
        sampler.sample(query).is_sample()
    }
    fn per_operation(query: &Query<'_>, sampler: &PerOperation<Interrupts, 4, 16>) -> bool {
        sampler.sample(query).is_sample()
    }
    fn describe(code: u8, sampler: &PerOperation<Interrupts, 4, 16>) -> bool {
        sampler.description(code).is_some()
    }
    fn update(sampler: &PerOperation<Interrupts, 4, 16>, strategies: &[(&str, f64)], rate: f64, ticks: u64) -> bool {
        sampler.update(rate, rate, strategies, ticks).is_ok()
    }
    fn make_limiter(rate: f64, frequency: u64) -> Option<RateLimiter> {
        RateLimiter::new(rate, frequency).ok()
    }
    #[cfg(feature = "control")]
    fn control(words: &[u32], index: usize) -> u32 {
        words[index]
    }
}

#[entry]
fn main() -> ! {
    // SAFETY: reads a static; volatile, so that the table is kept.
    unsafe { core::ptr::read_volatile(&raw const ENTRIES.0) };
    loop {
        cortex_m::asm::wfi();
    }
}
