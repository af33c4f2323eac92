//! One further transport: its ring of copies, its packets and its counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use picojaeger_core::adapter::record::Record;
use picojaeger_core::adapter::{PacketBuilder, PollContext};
use picojaeger_core::wire::ClientStats;
use picojaeger_core::{LossCause, Lost, SendOutcome};

use crate::config::Settings;
use crate::export::diagnosis::{last_error, too_large};
use crate::export::loss_log::LossLog;
use crate::export::packet_encoder::PacketEncoder;
use crate::export::sends::Sends;
use crate::export::steps::{End, Step};
use crate::export::unfinished::is_over;
use crate::memory::copy_ring::CopyRing;
use crate::stats::TransportStats;
use crate::transport::{BoxTransport, Transport as _};

/// A further transport.
pub(crate) struct Outlet {
    name: Arc<str>,
    ring: CopyRing,
    builder: PacketBuilder<PacketEncoder>,
    transport: BoxTransport,
    buffer: Vec<u8>,
    sends: Sends,
    losses: LossLog,
    /// The last packet was sent, and has no outcome yet.
    is_pending: bool,
    /// Nothing more can be sent in this pass.
    is_stuck: bool,
    /// The losses that its packets report.
    reported: ClientStats,
    copied: u64,
    full: u64,
    /// Records that the first transport skipped before they were copied.
    skipped: u64,
    late_refusals: u64,
}

impl Outlet {
    /// Makes an outlet with a ring of so many bytes; format and sizes of packets are those of the
    /// settings.
    pub(crate) fn new(
        name: Arc<str>,
        settings: &Settings,
        ring: usize,
        transport: BoxTransport,
    ) -> Self {
        let limit = settings.packet_limit().min(transport.mtu());
        let interval = settings.reporter.flush_interval;
        let encoder = PacketEncoder::new(settings);
        Outlet {
            losses: LossLog::of_transport(&name),
            name,
            ring: CopyRing::new(ring),
            builder: PacketBuilder::new(encoder, limit, interval.as_nanos() as u64),
            transport,
            buffer: vec![0; limit],
            sends: Sends::default(),
            is_pending: false,
            is_stuck: false,
            reported: ClientStats::NONE,
            copied: 0,
            full: 0,
            skipped: 0,
            late_refusals: 0,
        }
    }

    /// Begins a pass. `lost` are the spans that the tracer has lost, by sending too.
    pub(super) fn begin(&mut self, lost: &Lost) {
        self.is_stuck = false;
        let own = self.lost();
        let sending = own
            .with(LossCause::Full, own.full + lost.full)
            .with(LossCause::Memory, lost.memory)
            .with(LossCause::Closed, lost.closed);
        self.reported = ClientStats::from(&sending);
    }

    /// Takes a copy of a record; if there is no room, sends what can be sent first.
    pub(super) fn take(&mut self, record: &Record<'_>, context: &PollContext<'_>) {
        let mut fits = self.ring.push(record);
        if !fits && !self.is_stuck {
            self.send_each(&context.with_flush(true), None);
            fits = self.ring.push(record);
        }
        match fits {
            true => self.copied += 1,
            false => self.full += 1,
        }
    }

    /// Sends the packets that are due, until the time is over; at least one of them.
    pub(super) fn send(&mut self, context: &PollContext<'_>, until: Option<Instant>) -> End {
        let end = self.send_each(context, until);
        self.transport.settle();
        self.late_refusals += self.transport.take_late_refusals();
        end
    }

    fn send_each(&mut self, context: &PollContext<'_>, until: Option<Instant>) -> End {
        if !self.finish_last() {
            return self.stop();
        }
        while !self.ring.is_read() {
            if !self.transport.is_ready() {
                return self.stop();
            }
            match self.send_one(context) {
                Step::Again => return self.stop(),
                Step::NotDue => return End::NotDue,
                Step::Done if is_over(until) => break,
                Step::Done => {}
            }
        }
        match self.ring.is_read() {
            true => End::Passed,
            false => End::OutOfTime,
        }
    }

    fn stop(&mut self) -> End {
        self.is_stuck = true;
        End::Stuck
    }

    /// Asks for the outcome of a packet without one; returns whether others may be sent.
    fn finish_last(&mut self) -> bool {
        if !self.is_pending {
            return true;
        }
        let outcome = self.sends.poll(&mut self.transport);
        if let Some(packet) = self.builder.resume(self.ring.readers()) {
            packet.done(outcome);
        }
        self.is_pending = outcome == SendOutcome::Pending;
        !matches!(outcome, SendOutcome::Pending | SendOutcome::Retry)
    }

    fn send_one(&mut self, context: &PollContext<'_>) -> Step {
        let (context, skipped) = (
            context.with_stats(self.reported),
            self.builder.delivery().too_large,
        );
        let packet = self
            .builder
            .poll(self.ring.readers(), &context, &mut self.buffer);
        let Some(packet) = packet else {
            return match self.builder.delivery().too_large == skipped {
                true => Step::NotDue,
                false => Step::Done,
            };
        };
        let outcome = self.sends.send(&mut self.transport, packet.bytes(), true);
        packet.done(outcome);
        self.is_pending = outcome == SendOutcome::Pending;
        match outcome {
            SendOutcome::Pending | SendOutcome::Retry => Step::Again,
            _ => Step::Done,
        }
    }

    /// Counts the records that were skipped, of `all`.
    pub(super) fn settle(&mut self, all: u64) {
        self.skipped = all.saturating_sub(self.copied + self.full);
    }

    /// Logs losses, and returns the counts.
    pub(super) fn publish(&mut self, now: u64) -> TransportStats {
        let (stats, now) = (self.stats(), Duration::from_nanos(now));
        let Outlet {
            builder,
            transport,
            buffer,
            losses,
            ..
        } = self;
        let details = |cause: LossCause| match cause {
            LossCause::TooLarge => too_large(builder, buffer.len()),
            _ => last_error(Some(transport)),
        };
        losses.log(&stats.lost, now, details);
        losses.log_late(stats.late_refusals, now, details);
        stats
    }

    fn stats(&self) -> TransportStats {
        let delivery = self.builder.delivery();
        TransportStats {
            name: self.name.to_string(),
            delivered: delivery.delivered,
            lost: self.lost(),
            queued: self.copied - (delivery.delivered + delivery.lost()),
            late_refusals: self.late_refusals,
            exports: self.sends.counts(Some(&self.transport)),
        }
    }

    /// Returns the spans that this transport alone lost.
    fn lost(&self) -> Lost {
        let delivery = self.builder.delivery();
        Lost::default()
            .with(LossCause::Full, self.full)
            .with(LossCause::TooLarge, delivery.too_large + self.skipped)
            .with(LossCause::Refused, delivery.refused)
            .with(LossCause::Failed, delivery.failed)
            .with(LossCause::Unreachable, delivery.unreachable)
    }

    /// Returns the error that keeps the transport from sending, if it does.
    pub(super) fn obstacle(&self) -> Option<String> {
        let error = self.is_stuck.then(|| last_error(Some(&self.transport)));
        error.flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sampler};
    use crate::transport::Recorder;

    #[test]
    fn records_that_were_skipped_before_they_were_copied_are_counted() {
        let config = Config::new("outlet").sampler(Sampler::Const(true));
        let settings = config.resolve().unwrap();
        let recorder = Box::new(Recorder::new());
        let mut outlet = Outlet::new("second".into(), &settings, 0, recorder);
        (outlet.copied, outlet.full) = (4, 1);
        outlet.settle(7);
        let stats = outlet.stats();
        assert_eq!(
            (stats.queued, stats.lost.too_large, stats.lost.full),
            (4, 2, 1)
        );
    }
}
