//! A tracer in memory.

use std::time::Duration;

use crate::config::{Config, Sampler};
use crate::context::SpanContext;
use crate::model::Span as Finished;
use crate::reporters::InMemoryReporter;
use crate::scope::Scope;
use crate::tasks::{FutureInSpan, InSpan};
use crate::testing::{FinishedSpans, TestClock, TraceTree};
use crate::tracer::Tracer;
use crate::tracer::builder::TracerBuilder;
use crate::tracer::span::Span;

/// A tracer whose spans stay in memory, with the same ids at each run and a clock that stands still.
///
/// It samples each trace, has no thread, sends nothing, and reads neither the environment nor the global
/// tracer. Code that starts spans by a name, or by `#[traced]`, finds it where one of its spans is active, or within
/// [`TestTracer::in_scope`] and [`TestTracer::in_future`]; so tests with a tracer each run in parallel.
///
/// Ids are the same at each run as long as one thread starts spans, or each thread its first span in the
/// same order.
///
/// ```
/// use picojaeger_std::{InSpan, assert_trace};
/// use picojaeger_std::testing::TestTracer;
///
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut context) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!(),
/// #     }
/// # }
/// async fn order() {
///     async {}.in_span("look up").await;
///     async {}.in_span("pack").await;
/// }
///
/// let tracer = TestTracer::new();
/// block_on(tracer.in_future(order().in_span(tracer.start("order"))));
/// assert_trace!(
///     tracer,
///     "
///     order
///       look up
///       pack
///     "
/// );
/// ```
#[derive(Debug)]
pub struct TestTracer {
    tracer: Tracer,
    spans: InMemoryReporter,
    clock: TestClock,
}

/// The most spans that are kept.
const LIMIT: usize = 1_000_000;

/// The longest wait for other threads that send; the tracer sends by itself otherwise.
const SOON: Duration = Duration::from_secs(20);

impl TestTracer {
    /// Makes a tracer of the service `test`.
    pub fn new() -> Self {
        Self::with_config(Config::new("test"), 1)
    }

    /// Makes a tracer whose ids follow from this number. Two tracers that take part in one trace, as a
    /// client's and a server's, need different ones.
    ///
    /// ```
    /// use picojaeger_std::testing::TestTracer;
    ///
    /// let ids = |seed| TestTracer::with_seed(seed).start("order").context();
    /// assert_eq!(ids(2), ids(2));
    /// assert_ne!(ids(2), ids(3));
    /// ```
    pub fn with_seed(seed: u64) -> Self {
        Self::with_config(Config::new("test"), seed)
    }

    /// Makes a tracer with these settings, but for sampler, receivers and worker: it samples each trace, keeps its
    /// spans, and has no thread.
    ///
    /// # Panics
    /// A setting is wrong.
    pub fn with_config(config: Config, seed: u64) -> Self {
        let config = config.sampler(Sampler::Const(true)).agent(false);
        let config = config.background(false).flush_at_exit(false);
        let (spans, clock) = (InMemoryReporter::with_limit(LIMIT), TestClock::new());
        let builder = TracerBuilder::new(config).reporter(spans.clone());
        let built = builder.time_source(clock.clone()).seed(seed).build();
        let tracer = match built {
            Ok(tracer) => tracer,
            Err(error) => panic!("the settings of the test's tracer: {error}"),
        };
        TestTracer {
            tracer,
            spans,
            clock,
        }
    }

    /// Returns the tracer, for code that takes one.
    pub const fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Returns the clock, which stands still by itself.
    pub const fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Starts a span, like [`Tracer::start`].
    pub fn start(&self, operation: &'static str) -> Span {
        self.tracer.start(operation)
    }

    /// Runs `f`, in which spans that are started by a name are this tracer's. No span is active at its begin.
    pub fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let state = self.tracer.state().cloned();
        let _active = Scope::enter(Some(SpanContext::default()), state, None);
        f()
    }

    /// Makes a future in which spans that are started by a name are this tracer's, like [`TestTracer::in_scope`].
    pub fn in_future<F: Future>(&self, future: F) -> FutureInSpan<F> {
        self.in_scope(|| future.in_current_span())
    }

    /// Returns the spans that have finished, in the order of their ends.
    ///
    /// # Panics
    /// Spans were lost, as those that met exhausted memory.
    pub fn spans(&self) -> Vec<Finished> {
        let flushed = self.tracer.flush(SOON);
        assert!(flushed.is_ok(), "the test's tracer: {flushed:?}");
        self.spans.spans()
    }

    /// Returns the spans that have finished and forgets them.
    ///
    /// # Panics
    /// As for [`TestTracer::spans`].
    pub fn take(&self) -> Vec<Finished> {
        let spans = self.spans();
        self.spans.clear();
        spans
    }

    /// Returns the tree of the spans that have finished.
    ///
    /// # Panics
    /// As for [`TestTracer::spans`].
    pub fn tree(&self) -> TraceTree {
        TraceTree::of(self)
    }

    /// Returns the number of spans that have not finished.
    pub fn open(&self) -> u64 {
        self.tracer.stats().open
    }
}

impl Default for TestTracer {
    fn default() -> Self {
        Self::new()
    }
}

impl FinishedSpans for TestTracer {
    fn finished_spans(&self) -> Vec<Finished> {
        self.spans()
    }

    fn open_spans(&self) -> u64 {
        self.open()
    }
}
