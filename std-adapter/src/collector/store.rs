//! What the collector received: traces up to a bound, counters, and the clients' own accounts.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;
use std::sync::Arc;

use log::Level;

use crate::sys::log::log_guarded;

use super::decode::{DecodeError, Parsed, parse};
use super::waterfall::Trace;
use crate::model::{ClientStats, Log, Process, Span, SpanRef, Tag, TagValue};

/// Clients remembered; the one that was silent for longest is forgotten first.
const MAX_CLIENTS: usize = 256;

/// Longest service name and client-uuid of a remembered client, together, in bytes.
const MAX_CLIENT_NAME: usize = 1024;

/// Memory for the books of one trace, at worst.
const TRACE_COST: usize = 144;

/// Counters of a collector since it began.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::Received;
///
/// let mut received = Received::with_limit(1 << 20);
/// received.accept(b"not a batch");
/// assert_eq!((received.stats().datagrams, received.stats().rejected), (1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectorStats {
    /// Datagrams that arrived, the rejected ones included.
    pub datagrams: u64,
    /// Datagrams that were no batch.
    pub rejected: u64,
    /// Bytes of all datagrams.
    pub bytes: u64,
    /// Spans that arrived, the evicted ones included.
    pub spans: u64,
    /// Traces that left to make room for younger ones.
    pub evicted_traces: u64,
    /// Spans of these traces.
    pub evicted_spans: u64,
    /// Failed reads of the socket.
    pub receive_errors: u64,
}

/// A span with the process that it came from; dereferences to the [`Span`]. Cloning is cheap.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, Received, encode};
/// use picojaeger_std::model::{Batch, Process, Span};
///
/// let mut batch = Batch::new(Process::new("shop"));
/// batch.spans.push(Span::new(0x2a, 7, "query"));
/// let mut received = Received::default();
/// received.accept(&encode(&batch, Encoding::default())?);
///
/// let span = &received.spans()[0];
/// assert_eq!((span.service_name(), span.operation_name.as_str()), ("shop", "query"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CollectedSpan {
    process: Arc<Process>,
    span: Arc<Span>,
}

impl CollectedSpan {
    /// `span` as it would come from `process`.
    pub fn new(process: Arc<Process>, span: Span) -> Self {
        Self {
            process,
            span: Arc::new(span),
        }
    }

    /// The process that made the span.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Name of the service that made the span.
    pub fn service_name(&self) -> &str {
        &self.process.service_name
    }
}

impl Deref for CollectedSpan {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

/// What one client says of itself, as last received; clients differ by service and `client-uuid`.
///
/// Like Jaeger's agent, the collector ignores a batch number that is not greater than the last one
/// and takes a gap for lost batches. Batches lost before the first that arrived are not seen.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, Received, encode};
/// use picojaeger_std::model::{Batch, Process};
///
/// let mut received = Received::default();
/// for seq_no in [1, 2, 5] {
///     let batch = Batch { seq_no: Some(seq_no), ..Batch::new(Process::new("shop")) };
///     received.accept(&encode(&batch, Encoding::default())?);
/// }
/// assert_eq!(received.clients()[0].lost_batches, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// Name of the service.
    pub service_name: String,
    /// Process tag `client-uuid`, if it is sent.
    pub client_uuid: Option<String>,
    /// Greatest batch number.
    pub seq_no: Option<i64>,
    /// The client's statistics, of the batch with that number.
    pub stats: Option<ClientStats>,
    /// Batches that arrived.
    pub batches: u64,
    /// Batches that the gaps in `seq_no` say did not arrive.
    pub lost_batches: u64,
}

impl Client {
    fn is(&self, process: &Process) -> bool {
        self.service_name == process.service_name
            && self.client_uuid.as_deref() == process.client_uuid()
    }

    fn note(&mut self, seq_no: Option<i64>, stats: Option<ClientStats>) {
        self.batches += 1;
        match (self.seq_no, seq_no) {
            (Some(last), Some(new)) if new <= last => return,
            (Some(last), Some(new)) => {
                let lost = new.abs_diff(last) - 1;
                self.lost_batches = self.lost_batches.saturating_add(lost);
            }
            _ => {}
        }
        self.seq_no = seq_no.or(self.seq_no);
        self.stats = stats.or(self.stats);
    }
}

/// Everything that a collector received and still holds.
///
/// Usable without a socket too: a host program that gets packets over a serial line gives them to
/// [`accept`](Received::accept).
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, Received, encode};
/// use picojaeger_std::model::{Batch, Process, Span};
///
/// let mut batch = Batch::new(Process::new("pump-7"));
/// batch.spans.push(Span::new(0x2a, 7, "sample"));
/// let packet = encode(&batch, Encoding::default())?;
///
/// let mut received = Received::with_limit(1 << 20);
/// received.accept(&packet);
/// assert_eq!(received.trace(0x2a).map(|t| t.spans().len()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Received {
    limit: usize,
    queued: usize,
    traces: BTreeMap<u128, Held>,
    arrival: VecDeque<u128>,
    clients: VecDeque<Client>,
    last_process: Option<Arc<Process>>,
    last_rejection: Option<DecodeError>,
    stats: CollectorStats,
}

/// One trace in the store, with the memory it is estimated to take.
#[derive(Debug, Default)]
struct Held {
    spans: Vec<CollectedSpan>,
    bytes: usize,
}

impl Received {
    /// Memory limit of [`Received::default`]: 16 MiB.
    pub const DEFAULT_LIMIT: usize = 16 << 20;

    /// Holds traces of at most `limit` bytes by estimate; the oldest trace leaves first.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            queued: 0,
            traces: BTreeMap::new(),
            arrival: VecDeque::new(),
            clients: VecDeque::new(),
            last_process: None,
            last_rejection: None,
            stats: CollectorStats::default(),
        }
    }

    /// Takes one datagram: its spans are stored, or it is counted as rejected.
    pub fn accept(&mut self, datagram: &[u8]) {
        self.stats.datagrams += 1;
        self.stats.bytes += datagram.len() as u64;
        match parse(datagram) {
            Ok(batch) => self.store(batch),
            Err(error) => {
                log_guarded(
                    Level::Debug,
                    format_args!("collector: datagram rejected: {error}"),
                );
                self.stats.rejected += 1;
                self.last_rejection = Some(error);
            }
        }
    }

    /// Every trace held, in the order of arrival. Spans are shared, not copied.
    pub fn traces(&self) -> Vec<Trace> {
        self.arrival
            .iter()
            .filter_map(|&id| self.trace(id))
            .collect()
    }

    /// The spans of one trace that are held, in the order of arrival.
    pub fn trace(&self, trace_id: u128) -> Option<Trace> {
        let held = self.traces.get(&trace_id)?;
        Some(Trace::new(trace_id, held.spans.clone()))
    }

    /// Every span held: trace by trace, in the order of arrival.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        let held = self.arrival.iter().filter_map(|id| self.traces.get(id));
        held.flat_map(|held| held.spans.iter().cloned()).collect()
    }

    /// The clients heard of: at most 256, the most recent one last. Clients whose names exceed
    /// 1 KiB are not remembered.
    pub fn clients(&self) -> Vec<Client> {
        self.clients.iter().cloned().collect()
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        self.stats
    }

    /// Why the most recent rejected datagram was rejected.
    pub fn last_rejection(&self) -> Option<&DecodeError> {
        self.last_rejection.as_ref()
    }

    /// Estimated memory of the traces held, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.queued
    }

    pub(super) fn count_receive_error(&mut self) {
        self.stats.receive_errors += 1;
    }

    fn store(&mut self, batch: Parsed<Arc<Span>>) {
        self.note_client(&batch);
        let process = self.share(batch.process);
        for span in batch.spans {
            self.stats.spans += 1;
            let process = Arc::clone(&process);
            self.insert(CollectedSpan { process, span });
        }
        self.evict();
    }

    /// Batches of one process in a row share it.
    fn share(&mut self, process: Process) -> Arc<Process> {
        let last = self.last_process.take().filter(|last| **last == process);
        let process = last.unwrap_or_else(|| Arc::new(process));
        self.last_process = Some(Arc::clone(&process));
        process
    }

    fn insert(&mut self, span: CollectedSpan) {
        let held = self.traces.entry(span.trace_id).or_insert_with(|| {
            self.arrival.push_back(span.trace_id);
            Held::default()
        });
        let known = held
            .spans
            .last()
            .is_some_and(|last| Arc::ptr_eq(&last.process, &span.process));
        let mut bytes = span_bytes(&span);
        if !known {
            bytes += TRACE_COST + process_bytes(&span.process);
        }
        if held.spans.len() == held.spans.capacity() {
            held.spans.reserve_exact(held.spans.len().clamp(1, 4096));
        }
        held.spans.push(span);
        held.bytes += bytes;
        self.queued += bytes;
    }

    fn evict(&mut self) {
        while self.queued > self.limit {
            let Some(oldest) = self.arrival.pop_front() else {
                return;
            };
            if let Some(trace) = self.traces.remove(&oldest) {
                self.queued -= trace.bytes;
                self.stats.evicted_traces += 1;
                self.stats.evicted_spans += trace.spans.len() as u64;
            }
        }
    }

    fn note_client(&mut self, batch: &Parsed<Arc<Span>>) {
        let process = &batch.process;
        let uuid = process.client_uuid();
        if process.service_name.len() + uuid.map_or(0, str::len) > MAX_CLIENT_NAME {
            return;
        }
        let known = self.clients.iter().position(|c| c.is(process));
        let known = known.and_then(|at| self.clients.remove(at));
        let mut client = known.unwrap_or_else(|| Client {
            service_name: process.service_name.clone(),
            client_uuid: uuid.map(str::to_owned),
            seq_no: None,
            stats: None,
            batches: 0,
            lost_batches: 0,
        });
        client.note(batch.seq_no, batch.stats);
        if self.clients.len() == MAX_CLIENTS {
            self.clients.pop_front();
        }
        self.clients.push_back(client);
    }
}

impl Default for Received {
    fn default() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }
}

fn span_bytes(span: &Span) -> usize {
    let logs: usize = span
        .logs
        .iter()
        .map(|log| size_of::<Log>() + tags_bytes(&log.fields))
        .sum();
    size_of::<CollectedSpan>()
        + size_of::<Span>()
        + span.operation_name.len()
        + span.references.len() * size_of::<SpanRef>()
        + tags_bytes(&span.tags)
        + logs
}

fn process_bytes(process: &Process) -> usize {
    size_of::<Process>() + process.service_name.len() + tags_bytes(&process.tags)
}

fn tags_bytes(tags: &[Tag]) -> usize {
    let tag = |tag: &Tag| {
        let value = match &tag.value {
            TagValue::String(text) => text.len(),
            TagValue::Binary(bytes) => bytes.len(),
            TagValue::Double(_) | TagValue::Bool(_) | TagValue::Long(_) => 0,
        };
        size_of::<Tag>() + tag.key.len() + value
    };
    tags.iter().map(tag).sum()
}

#[cfg(test)]
mod tests {
    use super::super::encode::{Encoding, encode};
    use super::*;
    use crate::model::Batch;

    fn datagram(service: &str, seq_no: Option<i64>, ids: &[(u128, u64)]) -> Vec<u8> {
        let mut batch = Batch::new(Process::new(service));
        batch.seq_no = seq_no;
        batch.spans = ids.iter().map(|&(t, s)| Span::new(t, s, "op")).collect();
        encode(&batch, Encoding::default()).unwrap()
    }

    #[test]
    fn the_oldest_trace_leaves_first_and_is_counted() {
        let mut received = Received::default();
        received.accept(&datagram("a", None, &[(1, 1), (1, 2)]));
        let one_trace = received.held_bytes();
        received = Received::with_limit(2 * one_trace);
        for trace in 1..=4 {
            received.accept(&datagram("a", None, &[(trace, 1), (trace, 2)]));
        }
        let held: Vec<u128> = received.traces().iter().map(Trace::trace_id).collect();
        assert_eq!(held, [3, 4]);
        let stats = received.stats();
        assert_eq!((stats.spans, stats.datagrams), (8, 4));
        assert_eq!((stats.evicted_traces, stats.evicted_spans), (2, 4));
        assert_eq!(received.held_bytes(), 2 * one_trace);
        assert_eq!(received.spans().len(), 4);
        assert!(received.trace(2).is_none());
    }

    #[test]
    fn a_trace_above_the_limit_leaves_too() {
        let mut received = Received::with_limit(10);
        received.accept(&datagram("a", None, &[(1, 1)]));
        assert_eq!(
            (received.held_bytes(), received.stats().evicted_spans),
            (0, 1)
        );
    }

    #[test]
    fn gaps_in_the_batch_number_are_lost_batches() {
        let mut received = Received::default();
        for (service, seq_no) in [("a", 3), ("a", 4), ("b", 1), ("a", 7), ("a", 6), ("b", 2)] {
            received.accept(&datagram(service, Some(seq_no), &[]));
        }
        let clients = received.clients();
        let seen: Vec<_> = clients
            .iter()
            .map(|c| (c.service_name.as_str(), c.seq_no, c.batches, c.lost_batches))
            .collect();
        assert_eq!(seen, [("a", Some(7), 4, 2), ("b", Some(2), 2, 0)]);
    }

    #[test]
    fn extreme_batch_numbers_do_not_overflow() {
        let mut received = Received::default();
        for seq_no in [i64::MIN, i64::MAX] {
            received.accept(&datagram("a", Some(seq_no), &[]));
        }
        assert_eq!(received.clients()[0].lost_batches, u64::MAX - 1);
    }

    #[test]
    fn remembered_clients_are_bounded() {
        let mut received = Received::default();
        for n in 0..300 {
            received.accept(&datagram(&format!("service-{n}"), None, &[]));
        }
        received.accept(&datagram(&"x".repeat(2000), None, &[]));
        let clients = received.clients();
        assert_eq!(clients.len(), MAX_CLIENTS);
        assert_eq!(clients[0].service_name, "service-44");
        assert_eq!(received.stats().datagrams, 301);
    }

    #[test]
    fn batches_of_one_process_share_it() {
        let mut received = Received::default();
        received.accept(&datagram("a", None, &[(1, 1)]));
        received.accept(&datagram("a", None, &[(1, 2)]));
        received.accept(&datagram("b", None, &[(1, 3)]));
        let spans = received.spans();
        assert!(Arc::ptr_eq(&spans[0].process, &spans[1].process));
        assert_eq!(spans[2].service_name(), "b");
    }
}
