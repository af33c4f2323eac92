//! The store of a collector: traces up to a bound, counters, and the clients' own accounts.

mod client;
mod collected_span;
#[cfg(all(test, feature = "collector"))]
mod consistency_tests;
mod cost;
mod held_trace;
#[cfg(feature = "collector")]
mod in_parts;
mod leaving;
#[cfg(feature = "collector")]
mod losses;
#[cfg(feature = "collector")]
mod names;
#[cfg(feature = "collector")]
mod open_spans;
#[cfg(feature = "collector")]
mod program;
#[cfg(all(test, feature = "collector"))]
mod program_tests;
#[cfg(feature = "collector")]
mod search;
mod stats;
#[cfg(feature = "collector")]
mod summary;
#[cfg(test)]
mod tests;
#[cfg(feature = "collector")]
mod tracking;

pub use client::Client;
pub use collected_span::CollectedSpan;
#[cfg(feature = "collector")]
pub(crate) use in_parts::TraceState;
#[cfg(feature = "collector")]
pub(crate) use losses::{Loss, totals};
#[cfg(feature = "collector")]
pub(crate) use names::Catalogued;
#[cfg(feature = "collector")]
pub(crate) use open_spans::is_open;
#[cfg(feature = "collector")]
pub(crate) use program::{OpenSpan, Status};
#[cfg(feature = "collector")]
pub(crate) use search::{FoundTrace, Search, WantedTag};
pub use stats::CollectorStats;
#[cfg(feature = "collector")]
pub(crate) use summary::{ServiceCount, Summary, end_us, is_error};

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use log::Level;
use picojaeger_core::TraceId;

use super::decode::{DecodeError, ParsedBatch, parse};
use super::waterfall::Trace;
use crate::model::{Process, Span};
use crate::sys::log::log_guarded;
use client::Clients;
use held_trace::HeldTrace;
#[cfg(feature = "collector")]
use tracking::Tracking;

/// The content of a collector: traces, clients and counters.
///
/// It needs no socket: a host program that reads packets from a serial line passes them to
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
    held_bytes: usize,
    traces: BTreeMap<TraceId, HeldTrace>,
    arrival: VecDeque<TraceId>,
    /// The trace that left last, as far as it is not freed yet; its memory is in the account.
    leaving: Option<HeldTrace>,
    clients: Clients,
    last_process: Option<Arc<Process>>,
    last_rejection: Option<DecodeError>,
    stats: CollectorStats,
    /// Absent in a store that does not belong to the program.
    #[cfg(feature = "collector")]
    tracking: Option<Box<Tracking>>,
    #[cfg(feature = "collector")]
    held_spans: usize,
    #[cfg(feature = "collector")]
    revision: u64,
}

/// A batch whose spans are being stored.
pub(super) struct Arrival {
    process: Arc<Process>,
    spans: std::vec::IntoIter<Arc<Span>>,
}

impl Received {
    /// Memory limit of [`Received::default`]: 16 MiB.
    pub const DEFAULT_LIMIT: usize = 16 << 20;

    /// Holds traces of at most `limit` bytes by estimate; the oldest trace leaves first.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            held_bytes: 0,
            traces: BTreeMap::new(),
            arrival: VecDeque::new(),
            leaving: None,
            clients: Clients::default(),
            last_process: None,
            last_rejection: None,
            stats: CollectorStats::default(),
            #[cfg(feature = "collector")]
            tracking: None,
            #[cfg(feature = "collector")]
            held_spans: 0,
            #[cfg(feature = "collector")]
            revision: 0,
        }
    }

    /// Takes one datagram: its spans are stored, or it is counted as rejected.
    pub fn accept(&mut self, datagram: &[u8]) {
        self.take(datagram);
        while self.free_some() {}
    }

    /// Takes one datagram; what leaves to make room may still have to be freed.
    pub(super) fn take(&mut self, datagram: &[u8]) {
        self.stats.datagrams += 1;
        self.stats.bytes += datagram.len() as u64;
        match parse(datagram) {
            Ok(batch) => self.store(batch),
            Err(error) => {
                log_guarded(
                    Level::Debug,
                    format_args!("collector: datagram rejected: {error}"),
                );
                self.count_rejections(1, error);
            }
        }
    }

    /// Begins to take a batch that came some other way: its spans are stored by [`Received::store_some`].
    #[cfg(any(feature = "testing", feature = "collector"))]
    pub(super) fn begin_batch(&mut self, batch: crate::model::Batch) -> Arrival {
        self.begin(ParsedBatch {
            process: batch.process,
            spans: batch.spans.into_iter().map(Arc::new).collect(),
            seq_no: batch.seq_no,
            stats: batch.stats,
        })
    }

    /// Every trace held, in the order of arrival. Spans are shared, not copied.
    pub fn traces(&self) -> Vec<Trace> {
        self.arrival
            .iter()
            .filter_map(|&id| self.trace(id))
            .collect()
    }

    /// The spans of one trace that are held, in the order of arrival.
    pub fn trace(&self, trace_id: impl Into<TraceId>) -> Option<Trace> {
        let trace_id = trace_id.into();
        let held = self.traces.get(&trace_id)?;
        Some(Trace::new(trace_id, held.spans.clone()))
    }

    /// Every span held: trace by trace, in the order of arrival.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        let held = self.arrival.iter().filter_map(|id| self.traces.get(id));
        held.flat_map(|held| held.spans.iter().cloned()).collect()
    }

    /// The clients that sent lately: at most 256, the most recent one last. Clients whose names
    /// exceed 1 KiB are not remembered.
    pub fn clients(&self) -> Vec<Client> {
        self.clients.to_vec()
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        self.stats
    }

    /// The error of the datagram that was rejected last.
    pub fn last_rejection(&self) -> Option<&DecodeError> {
        self.last_rejection.as_ref()
    }

    /// Estimated memory of the traces held, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(super) fn count_receive_error(&mut self) {
        self.stats.receive_errors += 1;
        self.note_change();
    }

    fn count_rejections(&mut self, count: u64, error: DecodeError) {
        self.stats.rejected += count;
        self.last_rejection = Some(error);
        self.note_change();
    }

    fn store(&mut self, batch: ParsedBatch<Arc<Span>>) {
        let mut arrival = self.begin(batch);
        self.store_some(&mut arrival, usize::MAX);
    }

    /// Counts a batch.
    fn begin(&mut self, batch: ParsedBatch<Arc<Span>>) -> Arrival {
        self.stats.batches += 1;
        self.note_client(&batch);
        Arrival {
            process: self.share(batch.process),
            spans: batch.spans.into_iter(),
        }
    }

    /// Stores the next spans of a batch, and returns whether there are more.
    pub(super) fn store_some(&mut self, arrival: &mut Arrival, limit: usize) -> bool {
        self.note_change();
        for span in arrival.spans.by_ref().take(limit) {
            self.stats.spans += 1;
            let process = Arc::clone(&arrival.process);
            self.insert(CollectedSpan { process, span });
        }
        self.evict();
        arrival.spans.len() > 0
    }

    /// The process of a batch, shared with the batch before if both have the same.
    fn share(&mut self, process: Process) -> Arc<Process> {
        let last = self.last_process.take().filter(|last| **last == process);
        let process = last.unwrap_or_else(|| Arc::new(process));
        self.last_process = Some(Arc::clone(&process));
        process
    }

    /// Without the program, each span is appended.
    #[cfg(not(feature = "collector"))]
    fn insert(&mut self, span: CollectedSpan) {
        self.append(span, 0);
    }

    /// Appends a span to its trace, which is charged for `reserve` too, and returns the trace.
    fn append(&mut self, span: CollectedSpan, reserve: usize) -> &mut HeldTrace {
        let trace_id = span.span.trace_id;
        let held = self.traces.entry(trace_id).or_insert_with(|| {
            self.arrival.push_back(trace_id);
            HeldTrace::default()
        });
        self.held_bytes += held.push(span, reserve);
        held
    }

    #[cfg(not(feature = "collector"))]
    fn note_client(&mut self, batch: &ParsedBatch<Arc<Span>>) {
        self.clients.note(&batch.process, batch.seq_no, batch.stats);
    }

    /// Counts a change; only the program asks for it.
    #[cfg(not(feature = "collector"))]
    fn note_change(&mut self) {}

    #[cfg(not(feature = "collector"))]
    fn note_eviction(&mut self, _trace: TraceId, _held: &HeldTrace) {}

    #[cfg(not(feature = "collector"))]
    fn note_freed(&mut self, _span: &CollectedSpan) {}
}

#[cfg(all(test, feature = "collector"))]
impl Received {
    /// Takes a batch that came some other way.
    fn accept_batch(&mut self, batch: crate::model::Batch) {
        let mut arrival = self.begin_batch(batch);
        self.store_some(&mut arrival, usize::MAX);
        while self.free_some() {}
    }
}

impl Default for Received {
    fn default() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }
}
