//! The work of a worker's pass: packs the records of rings and sends the packets.

use std::time::{Duration, Instant};

use picojaeger_core::adapter::{ClockSegment, PacketBuilder, PollContext, Timeline};
use picojaeger_core::wire::{ClientStats, EncodeContext, Process};
use picojaeger_core::{LossCause, SendOutcome, Stats};

use crate::config::Settings;
use crate::export::batching::Batching;
use crate::export::common::Common;
use crate::export::diagnosis::{last_error, too_large};
use crate::export::further::{Further, Outlet};
use crate::export::loss_log::LossLog;
use crate::export::packet_encoder::PacketEncoder;
use crate::export::process_tags::with_views;
use crate::export::sends::Sends;
use crate::export::steps::{End, Step};
use crate::export::timekeeper::Timekeeper;
use crate::export::unfinished::{Unfinished, conclude, is_over};
use crate::memory::hand_over::ReadingEnd as _;
use crate::memory::ring_ends::RingReader;
use crate::sys::clock::{TickSource, monotonic};
use crate::transport::{BoxTransport, Transport};
use crate::worker::parking::{Pass, Rest};

/// The consuming side of a tracer; one thread at a time drives it.
pub(crate) struct Exporter {
    reporter: PacketBuilder<PacketEncoder>,
    rings: Vec<RingReader>,
    /// The rule for batches to a collector, unless further transports want their copies soon.
    batching: Option<Batching>,
    transport: Option<BoxTransport>,
    timekeeper: Timekeeper,
    /// The end of the time for this pass, if it has one.
    until: Option<Instant>,
    /// The last packet, if it was sent and is not done with.
    unfinished: Option<Unfinished>,
    buffer: Vec<u8>,
    losses: LossLog,
    sends: Sends,
    further: Further,
}

/// The longest sleep while records wait: the clocks are read once a second, so that a step of the
/// Unix time is seen near the spans that it concerns, and a transport that is stuck is tried again.
const LONGEST: Duration = Duration::from_secs(1);

impl Exporter {
    /// Makes an exporter; without a transport, only the user's reporters get the spans.
    pub(crate) fn new(
        settings: &Settings,
        source: TickSource,
        transport: Option<BoxTransport>,
        further: Vec<Outlet>,
    ) -> Self {
        let interval = settings.reporter.flush_interval;
        let most = transport.as_ref().map_or(usize::MAX, Transport::mtu);
        let limit = settings.packet_limit().min(most);
        let batching = further.is_empty().then(|| Batching::new(settings, limit));
        Exporter {
            reporter: PacketBuilder::new(
                PacketEncoder::new(settings),
                limit,
                interval.as_nanos() as u64,
            ),
            rings: Vec::new(),
            batching: batching.flatten(),
            transport,
            timekeeper: Timekeeper::new(source),
            until: None,
            unfinished: None,
            buffer: vec![0; limit],
            losses: LossLog::new(),
            sends: Sends::default(),
            further: Further::new(further),
        }
    }

    /// Sends the spans that are due, or with `flush` all that finished before this call.
    pub(crate) fn pass(&mut self, common: &Common, flush: bool) -> Pass {
        self.until = None;
        self.run_pass(common, flush)
    }

    /// Sends all spans that finished before this call, until the time is over; at least one packet,
    /// or makes one call of a reporter.
    pub(crate) fn flush_until(&mut self, common: &Common, until: Option<Instant>) -> Pass {
        self.until = until;
        self.run_pass(common, true)
    }

    fn run_pass(&mut self, common: &Common, flush: bool) -> Pass {
        self.begin(common);
        // The worker may have slept for long.
        self.timekeeper.observe();
        common.stats_registry().obstacle = None;
        self.rings.iter_mut().for_each(|ring| ring.end.set_mark());
        let end = self.send_all(common, flush);
        self.note_obstacle(common, end);
        let longest = common.settings.reporter.flush_interval.min(LONGEST);
        self.reclaim(common);
        let rest = match end {
            End::OutOfTime => Rest::More,
            _ if self.backlog() == 0 && self.unfinished.is_none() => Rest::Nothing,
            End::Passed => Rest::More,
            End::NotDue if self.batching.is_some() => Rest::Filling(longest),
            End::NotDue => Rest::Held(longest),
            End::Stuck => Rest::Stuck(longest),
        };
        if rest == Rest::Nothing
            && let Some(batching) = &mut self.batching
        {
            batching.emptied();
        }
        let first = Pass {
            complete: end == End::Passed || rest == Rest::Nothing,
            rest,
        };
        let pass = self.further.join(first, longest);
        if pass.rest == Rest::Nothing {
            self.timekeeper.expire();
        }
        pass
    }

    /// Keeps the error that keeps a transport from sending, if one does.
    fn note_obstacle(&self, common: &Common, end: End) {
        let obstacle = match end {
            End::Stuck => last_error(self.transport.as_ref()),
            _ => self.further.obstacle(),
        };
        if obstacle.is_some() {
            common.stats_registry().obstacle = obstacle;
        }
    }

    /// Returns whether any record waits.
    pub(crate) fn holds(&mut self, common: &Common) -> bool {
        common.rings.take_readers(&mut self.rings);
        self.backlog() > 0
    }

    /// Drops and counts the records that raced with the close, and puts back the rings of threads
    /// that have ended since.
    pub(crate) fn sweep(&mut self, common: &Common) {
        self.begin(common);
        let swept: u64 = self.rings.iter_mut().map(|ring| ring.end.empty()).sum();
        common.stats_registry().swept += swept;
        self.reclaim(common);
    }

    /// Takes the rings of a tracer that is gone.
    pub(crate) fn take_rings(&mut self) -> Vec<RingReader> {
        std::mem::take(&mut self.rings)
    }

    /// Takes over new rings, and the records of a pass that panicked: their packet never had an
    /// outcome.
    fn begin(&mut self, common: &Common) {
        common.rings.begin_pass();
        if self.unfinished.is_none() {
            self.reporter.retry(&mut self.rings);
        }
        common.rings.take_readers(&mut self.rings);
    }

    /// Packs and sends until the marks are passed, or nothing is due. Does not wait until the rings
    /// are empty, which may never be, while flushes wait for the pass.
    fn send_all(&mut self, common: &Common, flush: bool) -> End {
        let end = with_views(&common.process, |tags| {
            let process = Process::new(&common.settings.process.service_name).with_tags(tags);
            let mut stats = self.publish_counts(common, monotonic());
            self.further.begin(&stats.lost);
            self.with_further(common, &process, |further, rings, context| {
                further.copy(rings, context);
            });
            let end = self.send_each(common, &process, &mut stats, flush);
            let until = self.until;
            self.with_further(common, &process, |further, _, context| {
                further.send(&context.with_flush(flush), until);
            });
            end
        });
        if let Some(transport) = &mut self.transport {
            transport.settle();
        }
        self.publish_counts(common, monotonic());
        self.publish_further(common);
        common.stats_registry().exports = self.sends.counts(self.transport.as_ref());
        end
    }

    /// Runs `f` on the further transports, if there are any.
    fn with_further(
        &mut self,
        common: &Common,
        process: &Process<'_>,
        f: impl FnOnce(&mut Further, &mut [RingReader], &PollContext<'_>),
    ) {
        if self.further.is_empty() {
            return;
        }
        in_context(&self.timekeeper, common, |encode| {
            let context = PollContext::new(monotonic(), process, encode);
            f(&mut self.further, &mut self.rings, &context);
        });
    }

    /// Publishes the counts of the further transports, and logs their losses.
    fn publish_further(&mut self, common: &Common) {
        if self.further.is_empty() {
            return;
        }
        if self.backlog() == 0 && self.unfinished.is_none() {
            let delivery = self.reporter.delivery();
            self.further.settle(delivery.delivered + delivery.lost());
        }
        let further = self.further.publish(monotonic());
        common.stats_registry().further = further;
    }

    /// Sends packets while more are due and the transport takes them.
    fn send_each(
        &mut self,
        common: &Common,
        process: &Process<'_>,
        stats: &mut Stats,
        flush: bool,
    ) -> End {
        let mut late = false;
        if self.unfinished.is_some() {
            let may_send = self.finish_last(common, process);
            *stats = self.publish_counts(common, monotonic());
            if !may_send {
                return End::Stuck;
            }
            late = self.unfinished.is_some() || is_over(self.until);
        }
        while !late && !has_passed(&self.rings) {
            if self
                .transport
                .as_mut()
                .is_some_and(|transport| !transport.is_ready())
            {
                return End::Stuck;
            }
            let flush = flush || self.is_shared_ring_used();
            match self.send_one(common, process, stats, flush) {
                Step::Done => {
                    self.reclaim(common);
                    late = is_over(self.until);
                }
                Step::NotDue => return End::NotDue,
                Step::Again => return End::Stuck,
            }
        }
        match self.unfinished.is_none() && has_passed(&self.rings) {
            true => End::Passed,
            false => End::OutOfTime,
        }
    }

    /// Goes on with a packet that is not done with; returns whether others may be sent after it.
    fn finish_last(&mut self, common: &Common, process: &Process<'_>) -> bool {
        let Some(unfinished) = self.unfinished else {
            return true;
        };
        let (outcome, calls) = match (unfinished, &mut self.transport) {
            (Unfinished::Unreported { outcome, calls }, _) => (outcome, calls),
            (Unfinished::Pending, Some(transport)) => (self.sends.poll(transport), 0),
            (Unfinished::Pending, None) => (SendOutcome::Failed, 0),
        };
        let (until, service) = (self.until, process.service);
        self.unfinished = self.reporter.resume(&mut self.rings).and_then(|packet| {
            in_context(&self.timekeeper, common, |encode| {
                conclude(packet, outcome, calls, until, common, service, encode)
            })
        });
        !matches!(outcome, SendOutcome::Pending | SendOutcome::Retry)
    }

    /// Sends one packet, if one is due. The packet carries `stats`, which are updated after it.
    fn send_one(
        &mut self,
        common: &Common,
        process: &Process<'_>,
        stats: &mut Stats,
        flush: bool,
    ) -> Step {
        self.timekeeper.observe();
        let now = monotonic();
        let is_due = flush || self.is_batch_due(stats.queued, now);
        if self.batching.is_some() && !is_due {
            return Step::NotDue;
        }
        let passed_over = self.reporter.delivery().too_large;
        let outcome = self.pack_and_send(common, process, stats, now, is_due);
        *stats = self.publish_counts(common, now);
        if has_passed(&self.rings)
            && let Some(batching) = &mut self.batching
        {
            batching.packed_all(now);
        }
        match outcome {
            Some(SendOutcome::Retry | SendOutcome::Pending) => Step::Again,
            None if self.reporter.delivery().too_large == passed_over => Step::NotDue,
            _ => Step::Done,
        }
    }

    /// Returns whether a batch to a collector is due, of this many waiting spans.
    fn is_batch_due(&mut self, spans: u64, now: u64) -> bool {
        let bytes = self.backlog();
        let batching = self.batching.as_mut();
        batching.is_some_and(|batching| batching.is_due(spans, bytes, now))
    }

    /// Packs a packet if one is due, and sends it; the user's reporters get its records once.
    fn pack_and_send(
        &mut self,
        common: &Common,
        process: &Process<'_>,
        stats: &Stats,
        now: u64,
        flush: bool,
    ) -> Option<SendOutcome> {
        in_context(&self.timekeeper, common, |encode| {
            let context = PollContext::new(now, process, encode)
                .with_flush(flush)
                .with_stats(ClientStats::from(&stats.lost));
            let packet = self
                .reporter
                .poll(&mut self.rings, &context, &mut self.buffer)?;
            let outcome = match &mut self.transport {
                Some(transport) => {
                    let is_last = has_passed(packet.consumers());
                    self.sends.send(transport, packet.bytes(), is_last)
                }
                None => SendOutcome::Accepted,
            };
            // Those that came since the last copy may be in the packet, whose end frees them.
            self.further.copy(&mut self.rings, &context);
            let (until, service) = (self.until, process.service);
            self.unfinished = self
                .reporter
                .resume(&mut self.rings)
                .and_then(|packet| conclude(packet, outcome, 0, until, common, service, encode));
            Some(outcome)
        })
    }

    /// Logs losses where no pass is needed.
    pub(crate) fn log_losses(&mut self, common: &Common) {
        self.publish_counts(common, monotonic());
    }

    /// Publishes and returns the counts of spans, and logs losses.
    fn publish_counts(&mut self, common: &Common, now: u64) -> Stats {
        let late = self
            .transport
            .as_mut()
            .map_or(0, |transport| transport.take_late_refusals());
        let (delivery, most) = (self.reporter.delivery(), self.buffer.len());
        let (before, stats) = {
            let mut stats_registry = common.stats_registry();
            let before = std::mem::replace(&mut stats_registry.delivery, delivery);
            stats_registry.late_refusals += late;
            (before, stats_registry.stats())
        };
        let fault = if delivery.too_large > before.too_large {
            too_large(&self.reporter, most)
        } else if late > 0 || delivery.lost() > before.lost() {
            last_error(self.transport.as_ref())
        } else {
            None
        };
        if fault.is_some() {
            common.stats_registry().fault = fault;
        }
        let now = Duration::from_nanos(now);
        let (transport, reporter) = (&self.transport, &self.reporter);
        let details = |cause: LossCause| match cause {
            LossCause::TooLarge => too_large(reporter, most),
            _ => last_error(transport.as_ref()),
        };
        self.losses.log(&stats.lost, now, details);
        self.losses.log_late(stats.late_refusals, now, details);
        stats
    }

    /// Puts back the rings that threads have returned, once they are empty. Not while a packet is
    /// not done with: its records have been read, and are still in their rings.
    fn reclaim(&mut self, common: &Common) {
        if self.unfinished.is_some() {
            return;
        }
        // The first test costs no lock; `is_over` repeats it in the right order.
        let is_over = |ring: &mut RingReader| ring.end.backlog() == 0 && ring.is_over();
        let over = self.rings.extract_if(.., is_over);
        over.filter_map(RingReader::join)
            .for_each(|ends| common.rings.put(ends));
    }

    fn backlog(&self) -> usize {
        self.rings.iter().map(|ring| ring.end.backlog()).sum()
    }

    /// Returns whether threads without a ring of their own have spans, which are sent at once.
    fn is_shared_ring_used(&self) -> bool {
        let mut shared = self.rings.iter().filter(|ring| ring.end.is_shared);
        shared.any(|ring| ring.end.backlog() > 0)
    }
}

/// Calls `f` with the clock's and the samplers' meaning of the records that are read now.
fn in_context<R>(
    timekeeper: &Timekeeper,
    common: &Common,
    f: impl FnOnce(&EncodeContext<'_>) -> R,
) -> R {
    let segments = [ClockSegment::new(timekeeper.rate(), timekeeper.anchors())];
    let samplers = |code| common.sampler.description(code);
    f(&EncodeContext::new(Timeline::new(&segments), &samplers))
}

/// Returns whether every record of the pass has been read.
fn has_passed(rings: &[RingReader]) -> bool {
    rings.iter().all(|ring| ring.end.has_passed_mark())
}

// The tests read packets by the collector's decoder.
#[cfg(all(test, feature = "receiver"))]
mod tests;
