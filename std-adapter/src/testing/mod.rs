//! For tests of programs that trace.
//!
//! - [`TestTracer`]: a tracer in memory, with the same ids at each run and a clock that the test sets. Tests
//!   may run in parallel, each with its own.
//! - [`assert_trace!`](crate::assert_trace): compares the spans that finished with an expected tree, and prints the difference.
//! - [`TraceTree`]: such a tree, for comparisons of your own.
//! - [`MockBackend`]: Jaeger's agent, collector, OTLP receiver and sampling server on free ports, with faults to inject.
//! - [`Recorder`](crate::transport::Recorder) and [`FaultInjector`](crate::transport::FaultInjector), transports in memory, are
//!   among the transports, with or without this feature.
//!
//! Needs the feature `testing`: among the `dev-dependencies`.
//!
//! ```
//! use picojaeger_std::testing::TestTracer;
//! use picojaeger_std::{IntoSpan, assert_trace, current};
//!
//! fn price(item: u64) {
//!     "price".into_span().in_scope(|| {
//!         current().tag("item", item);
//!     });
//! }
//!
//! let tracer = TestTracer::new();
//! tracer.in_scope(|| price(7));
//! assert_trace!(tracer, "price | item=7");
//! ```

mod backend;
mod clock;
mod finished;
mod tracer;
mod tree;

pub use backend::{Fault, Gate, MockBackend, MockRequest};
pub use clock::TestClock;
pub use finished::FinishedSpans;
pub use tracer::TestTracer;
#[doc(hidden)]
pub use tree::assert_same;
pub use tree::{ExpectedTreeError, TraceTree};
