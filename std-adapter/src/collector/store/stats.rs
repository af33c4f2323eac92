//! The counters of a collector.

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
    /// Datagrams that were no batch; in the program bodies of requests too, and spans that were rejected without the others
    /// of their request.
    pub rejected: u64,
    /// Bytes of all datagrams.
    pub bytes: u64,
    /// Batches that were stored.
    pub batches: u64,
    /// Spans that arrived, the evicted ones included.
    pub spans: u64,
    /// Traces that left to make room for younger ones.
    pub evicted_traces: u64,
    /// Spans of these traces.
    pub evicted_spans: u64,
    /// Failed reads of the socket.
    pub receive_errors: u64,
}
