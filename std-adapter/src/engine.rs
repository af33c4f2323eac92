//! What the worker does: rings to packets, packets to the network.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use picojaeger_core::record::{Record, Records};
use picojaeger_core::ring::{Consumer, Mark};
use picojaeger_core::wire::{ClientStats, Legend, Process, ThriftCompact};
use picojaeger_core::{self as core, Epoch, Reporter, Situation, Stats, Timeline, Value};

use crate::chunk::Chunk;
use crate::clock::{TickSource, Timekeeper};
use crate::config::{Settings, TagValue};
use crate::local::Returned;
use crate::loss_log::LossLog;

use crate::process::process_tags;
use crate::reporters::FinishedSpan;
use crate::sender::{Sender, UdpSender};
use crate::shared::{Shared, monotonic};

/// The consuming side of a tracer; one thread at a time drives it.
pub(crate) struct Engine {
    reporter: Reporter<ThriftCompact>,
    rings: Vec<Ring>,
    sender: Option<Box<dyn Sender>>,
    keeper: Timekeeper,
    process: Arc<[(String, TagValue)]>,
    buffer: Vec<u8>,
    interval: Duration,
    losses: LossLog,
}

/// A ring's consuming end, and where its producing end comes back.
pub(crate) struct Ring {
    consumer: Consumer<'static, Records>,
    returned: Option<Arc<Returned>>,
}

/// What a pass left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Whether everything that was asked for has its outcome.
    pub(crate) complete: bool,
    /// Whether records wait in rings.
    pub(crate) held: bool,
    /// How long to sleep at most if so.
    pub(crate) wait: Duration,
}

/// Process tags that are viewed without an allocation.
const FEW_TAGS: usize = 32;

impl Engine {
    pub(crate) fn new(
        settings: &Settings,
        source: TickSource,
        overflow: Option<Consumer<'static, Records>>,
        shared: Weak<Shared>,
    ) -> Self {
        let interval = settings.flush_interval;
        let limit = settings.max_packet_size;
        let sender = settings
            .agent
            .then(|| Box::new(udp_sender(settings, shared)) as Box<dyn Sender>);
        let uuid = getrandom::u64().unwrap_or_else(|_| monotonic());
        Engine {
            reporter: Reporter::new(ThriftCompact::new(), limit, interval.as_nanos() as u64),
            rings: overflow
                .into_iter()
                .map(|consumer| Ring::new(consumer, None))
                .collect(),
            sender,
            keeper: Timekeeper::new(source),
            process: process_tags(&settings.tags, uuid).into(),
            buffer: vec![0; limit],
            interval,
            losses: LossLog::new(),
        }
    }

    /// Sends what is due, or with `flush` whatever finished before this call.
    pub(crate) fn pass(&mut self, shared: &Shared, flush: bool) -> Pass {
        shared.take_incoming(&mut self.rings);
        let marks: Vec<Mark> = match flush {
            true => self.rings.iter().map(|ring| ring.consumer.mark()).collect(),
            false => Vec::new(),
        };
        let complete = self.send_all(shared, &marks);
        self.reclaim(shared);
        let held = self.backlog() > 0;
        Pass {
            complete,
            held: held || !complete,
            wait: self.interval,
        }
    }

    /// Whether any record waits.
    pub(crate) fn holds(&mut self, shared: &Shared) -> bool {
        shared.take_incoming(&mut self.rings);
        self.backlog() > 0
    }

    /// Counts what raced with the end of the tracer.
    pub(crate) fn sweep(&mut self, shared: &Shared) {
        if self.reporter.is_pending() {
            return;
        }
        shared.take_incoming(&mut self.rings);
        let mut swept = 0;
        for ring in &mut self.rings {
            while ring.consumer.peek().is_some() {
                ring.consumer.advance();
                swept += 1;
            }
            ring.consumer.release();
        }
        shared.ledger().swept += swept;
    }

    /// The common ring's end, emptied; for a tracer that is gone.
    pub(crate) fn take_overflow(&mut self) -> Option<Consumer<'static, Records>> {
        let at = self.rings.iter().position(|ring| ring.returned.is_none())?;
        let mut consumer = self.rings.swap_remove(at).consumer;
        while consumer.peek().is_some() {
            consumer.advance();
        }
        consumer.release();
        Some(consumer)
    }

    /// The process tags, as sent.
    pub(crate) fn process(&self) -> &[(String, TagValue)] {
        &self.process
    }

    /// What went wrong last with the agent.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.sender.as_ref()?.last_error()
    }

    /// Packs and sends until nothing is due and the marks are passed; `false` if
    /// there is nowhere to send to yet.
    fn send_all(&mut self, shared: &Shared, marks: &[Mark]) -> bool {
        let process = self.process.clone();
        // On the stack, since a pass allocates nothing; more tags than that are rare.
        let (mut few, many);
        let mut views = process
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_value()));
        let tags = if process.len() <= FEW_TAGS {
            few = [("", Value::Bool(false)); FEW_TAGS];
            few.iter_mut()
                .zip(&mut views)
                .for_each(|(to, tag)| *to = tag);
            few.get(..process.len()).unwrap_or(&few)
        } else {
            many = views.collect::<Vec<_>>();
            &many
        };
        let process = Process {
            service: &shared.settings.service_name,
            tags,
        };
        loop {
            if self.backlog() == 0 {
                return true;
            }
            if self.sender.as_mut().is_some_and(|sender| !sender.ready()) {
                return self.has_passed(marks);
            }
            let flush = !self.has_passed(marks);
            if !self.send_one(shared, &process, flush) {
                return self.has_passed(marks);
            }
        }
    }

    /// One packet, if one is due; whether there was one or records were passed over.
    fn send_one(&mut self, shared: &Shared, process: &Process<'_>, flush: bool) -> bool {
        self.keeper.observe();
        let stats = shared.ledger().stats();
        let anchors = [Epoch {
            rate: self.keeper.rate(),
            anchors: self.keeper.anchors(),
        }];
        let legend = Legend {
            timeline: Timeline { epochs: &anchors },
            samplers: &|code| shared.sampler.description(code),
        };
        let situation = Situation {
            now: monotonic(),
            flush,
            process,
            stats: client_stats(&stats),
            legend,
        };
        let passed_over = self.reporter.delivery().too_large;
        let packet = self
            .reporter
            .poll(&mut self.rings, &situation, &mut self.buffer);
        let Some(packet) = packet else {
            self.note(shared);
            return self.reporter.delivery().too_large != passed_over;
        };
        let outcome = match &mut self.sender {
            Some(sender) => sender.send(packet),
            None => core::Outcome::Accepted,
        };
        if outcome != core::Outcome::TooLarge && !shared.reporters.is_empty() {
            report(&mut self.rings, shared, process, &legend);
        }
        self.reporter.done(outcome, &mut self.rings);
        self.note(shared);
        true
    }

    /// Publishes what became of the spans, and speaks of losses.
    fn note(&mut self, shared: &Shared) {
        let stats = {
            let mut ledger = shared.ledger();
            ledger.delivery = self.reporter.delivery();
            ledger.stats()
        };
        let late = self
            .sender
            .as_mut()
            .map_or(0, |sender| sender.late_refusals());
        let late = shared.late_refusals.fetch_add(late, Ordering::Relaxed) + late;
        let now = Duration::from_nanos(monotonic());
        let cause = || self.sender.as_ref().and_then(|sender| sender.last_error());
        self.losses.note(&stats.lost, now, cause);
        self.losses.note_late(late, now, cause);
    }

    /// Frees the rings of threads that ended, once they are empty.
    fn reclaim(&mut self, shared: &Shared) {
        if self.reporter.is_pending() {
            return;
        }
        let over = self.rings.extract_if(.., |ring| {
            // The order matters: no record comes once the end is back.
            ring.returned
                .as_ref()
                .is_some_and(|returned| returned.is_back())
                && ring.consumer.backlog() == 0
        });
        for ring in over {
            let producer = ring.returned.and_then(|returned| returned.take());
            if let Some(producer) = producer {
                shared.free_chunk(Chunk {
                    producer,
                    consumer: ring.consumer,
                });
            }
        }
    }

    fn backlog(&self) -> usize {
        self.rings.iter().map(|ring| ring.consumer.backlog()).sum()
    }

    fn has_passed(&self, marks: &[Mark]) -> bool {
        let rings = self.rings.iter().zip(marks);
        rings
            .into_iter()
            .all(|(ring, mark)| ring.consumer.has_passed(*mark))
    }
}

impl Ring {
    pub(crate) fn new(
        consumer: Consumer<'static, Records>,
        returned: Option<Arc<Returned>>,
    ) -> Self {
        Ring { consumer, returned }
    }
}

impl AsMut<Consumer<'static, Records>> for Ring {
    fn as_mut(&mut self) -> &mut Consumer<'static, Records> {
        &mut self.consumer
    }
}

fn udp_sender(settings: &Settings, shared: Weak<Shared>) -> UdpSender {
    let waker = move || {
        if let Some(shared) = shared.upgrade() {
            shared.waker().wake(&shared);
        }
    };
    UdpSender::new(
        settings.agent_host.clone(),
        settings.agent_port,
        settings.ip_version,
        settings.resolve_interval,
        Arc::new(waker),
    )
}

/// Shows the user's reporters each record of the packet, once.
fn report(rings: &mut [Ring], shared: &Shared, process: &Process<'_>, legend: &Legend<'_>) {
    let each = |record: Record<'_>| {
        let span = FinishedSpan::new(process.service, record, legend);
        for reporter in shared.reporters.iter() {
            reporter.report(&span);
        }
    };
    for ring in rings {
        let end = ring.consumer.cursor();
        ring.consumer.rewind();
        while !ring.consumer.has_passed(end) {
            let Some(record) = ring.consumer.peek() else {
                break;
            };
            each(record);
            ring.consumer.advance();
        }
    }
}

/// The losses by the three causes that agents know.
fn client_stats(stats: &Stats) -> ClientStats {
    let lost = &stats.lost;
    let known = lost.too_large + lost.refused + lost.failed;
    ClientStats {
        full_queue_dropped_spans: (lost.total() - known) as i64,
        too_large_dropped_spans: lost.too_large as i64,
        failed_to_emit_spans: (lost.refused + lost.failed) as i64,
    }
}
