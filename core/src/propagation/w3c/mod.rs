//! The W3C's headers: `traceparent` and `tracestate` (Trace Context, level 2), and `baggage`.
//!
//! Sources: <https://www.w3.org/TR/trace-context-2/>, <https://www.w3.org/TR/baggage/>.

pub(super) mod baggage;
pub(super) mod traceparent;
pub(super) mod tracestate;
