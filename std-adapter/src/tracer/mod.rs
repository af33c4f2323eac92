//! The tracer of servers.

mod before_start;
pub(crate) mod builder;
pub(crate) mod current_ids;
pub(crate) mod drain;
pub(crate) mod end_future;
pub(crate) mod errors;
#[cfg(all(test, unix, not(miri), feature = "receiver"))]
#[allow(unsafe_code, reason = "forks")]
mod fork_tests;
mod handle;
pub(crate) mod init;
#[cfg(feature = "tracing")]
mod late;
pub(crate) mod lifecycle;
#[cfg(test)]
mod limits_tests;
pub(crate) mod log_builder;
#[cfg(all(test, target_os = "linux", not(miri), feature = "receiver"))]
#[allow(unsafe_code, reason = "limits the process's memory")]
mod no_thread_tests;
#[cfg(all(test, feature = "observers"))]
mod observer_tests;
pub(crate) mod open_spans;
#[cfg(all(test, unix, not(miri), feature = "receiver"))]
#[allow(unsafe_code, reason = "sets an alarm")]
mod own_process;
#[cfg(test)]
mod propagation_only_tests;
#[cfg(test)]
mod propagation_tests;
mod record_error;
pub(crate) mod span;
pub(crate) mod span_builder;

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use picojaeger_core::{
    self as core, Extracted, Flags, InjectError, Key, Lost, Outgoing, Scan, Stats,
};

use crate::context::baggage::Baggage;
use crate::context::{NO_CONTEXT, SpanContext, ToContext};
use crate::metrics::MetricsSnapshot;
use crate::propagation::carriers::{Bridge, Carrier, CarrierMut};
use crate::propagation::{binary_codec, propagator};
use crate::state::TracerState;
use crate::stats::TransportStats;
use crate::sys::clock::monotonic;
use crate::tracer::errors::FlushError;
use crate::tracer::handle::Handle;
use crate::tracer::open_spans::OpenSpans;
use crate::tracer::span::Span;
use crate::tracer::span_builder::SpanBuilder;

/// A Jaeger tracer. Clones are handles of one tracer.
///
/// Spans go from the thread that finishes them through a ring of its own to one
/// worker, which sends them. Nothing blocks that thread: where memory or network
/// fall short, spans are lost and counted, see [`Tracer::stats`].
///
/// Not for signal handlers: one that starts, changes or ends a span may have interrupted a call
/// that holds a lock and would wait for it for good, or a change of the thread's own state.
///
/// When the last handle is dropped, what has finished is sent, for at most half a
/// second.
///
#[cfg_attr(feature = "receiver", doc = "```")]
#[cfg_attr(not(feature = "receiver"), doc = "```ignore")]
/// use std::time::Duration;
/// use picojaeger_std::collector::Collector;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let collector = Collector::bind("127.0.0.1:0")?;
/// let tracer = Config::new("shop")
///     .sampler(Sampler::Const(true))
///     .agent_host("127.0.0.1")
///     .agent_port(collector.local_addr().port())
///     .new_tracer()?;
/// tracer.start("order").tag("items", 3);
/// tracer.close(Duration::from_secs(2))?;
/// assert!(collector.wait_for_spans(1, Duration::from_secs(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tracer {
    /// `None` where tracing is disabled.
    handle: Option<Arc<Handle>>,
}

// A panic leaves no call of a tracer half done: users' code runs under `catch_unwind`, or outside of all locks.
impl UnwindSafe for Tracer {}
impl RefUnwindSafe for Tracer {}

/// Bytes for what extract keeps: `tracestate`, the debug id, and one baggage item at a time.
const EXTRACT: usize = 4096;

/// Bytes for what inject writes at a time: all of a header `baggage`, whose limit this is.
const INJECT: usize = 8192;

impl Tracer {
    /// Returns a tracer whose spans record nothing and have no ids, such as
    /// [`global_tracer`](crate::global_tracer) returns before it is set.
    ///
    /// ```
    /// use picojaeger_std::Tracer;
    ///
    /// let tracer = Tracer::disabled();
    /// assert!(!tracer.is_enabled());
    /// tracer.start("order").tag("items", 3);
    /// ```
    pub const fn disabled() -> Self {
        Tracer { handle: None }
    }

    /// Starts a span: a child of the thread's active one if there is one.
    ///
    /// A static name is kept by reference, any other is copied into the span.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let route = format!("GET /orders/{}", 7);
    /// tracer.start(&route).finish();
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    #[inline]
    pub fn start<'t>(&'t self, operation: impl Into<Key<'t>>) -> Span {
        self.span_builder(operation).start()
    }

    /// Returns a builder of a span with parents, tags or a start time.
    #[inline]
    pub fn span_builder<'t>(&'t self, operation: impl Into<Key<'t>>) -> SpanBuilder<'t> {
        SpanBuilder::new(&self.handle, operation.into())
    }

    /// Writes a span's context and baggage as HTTP headers, in each of the configured
    /// [formats](crate::config::PropagationSettings::formats): values are percent-encoded.
    ///
    /// Four kinds of baggage items are left out: those with a key that no header may have, those
    /// that take more than 8,192 bytes, those beyond
    /// [`max_baggage_size`](crate::config::PropagationSettings::max_baggage_size), and in the W3C's
    /// format those beyond 64 items and 8,192 bytes in all.
    ///
    /// # Errors
    /// Baggage was left out; all else is written. A context without ids is not
    /// written, which is no error.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let mut span = tracer.start("order");
    /// span.set_baggage_item("customer", "7 8")?;
    /// let mut headers = HashMap::new();
    /// tracer.inject(&span, &mut headers)?;
    /// assert_eq!(headers["uberctx-customer"], "7%208");
    ///
    /// let parent = tracer.extract(&headers).unwrap();
    /// assert_eq!(parent.span_id(), span.context().span_id());
    /// assert_eq!(parent.baggage_item("customer"), Some("7 8"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inject(
        &self,
        context: impl ToContext,
        headers: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        self.inject_as(true, context, headers)
    }

    /// Writes a span's context and baggage as text: values stay as they are.
    ///
    /// # Errors
    /// As for [`Tracer::inject`].
    pub fn inject_text_map(
        &self,
        context: impl ToContext,
        carrier: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        self.inject_as(false, context, carrier)
    }

    /// Reads a context and baggage from HTTP headers.
    ///
    /// The first valid context wins, in the order of the configured
    /// [formats](crate::config::PropagationSettings::formats). A malformed trace header, or one that
    /// comes twice with different values, is passed over, and does not affect baggage and debug id. Baggage items that are malformed, longer than 4 KiB,
    /// or beyond [`max_baggage_size`](crate::config::PropagationSettings::max_baggage_size) are left
    /// out. Both are counted in [`Stats::decode_errors`], and logged at most once a minute.
    pub fn extract(&self, headers: impl Carrier) -> Option<SpanContext> {
        self.extract_as(true, headers)
    }

    /// Reads a context and baggage from text.
    pub fn extract_text_map(&self, carrier: impl Carrier) -> Option<SpanContext> {
        self.extract_as(false, carrier)
    }

    /// Appends a span's context and baggage to `bytes`, in the binary form of Jaeger's clients. The
    /// short form, without baggage, is [`SpanContext::to_binary`].
    ///
    /// # Errors
    /// Baggage items beyond
    /// [`max_baggage_size`](crate::config::PropagationSettings::max_baggage_size) were left out; all
    /// else is written.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let mut span = tracer.start("order");
    /// span.set_baggage_item("customer", "7")?;
    /// let mut bytes = Vec::new();
    /// tracer.inject_binary(&span, &mut bytes)?;
    /// let parent = tracer.extract_binary(&bytes).unwrap();
    /// assert_eq!(parent.baggage_item("customer"), Some("7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inject_binary(
        &self,
        context: impl ToContext,
        bytes: &mut Vec<u8>,
    ) -> Result<(), InjectError> {
        let (Some(state), Some(context)) = (self.state(), context.to_context()) else {
            return Ok(());
        };
        let codec = binary_codec(&state.common.settings.propagation);
        let sizes = context
            .baggage
            .iter()
            .map(|(key, value)| 8 + key.len() + value.len());
        let (start, size) = (bytes.len(), core::BinaryCodec::LEN + sizes.sum::<usize>());
        bytes.resize(start + size, 0);
        let room = bytes.get_mut(start..).unwrap_or_default();
        let (written, drops) = codec.inject(&context.core, context.baggage.iter(), room)?;
        let end = start + written.len();
        bytes.truncate(end);
        match drops.is_empty() {
            true => Ok(()),
            false => Err(InjectError::Baggage(drops)),
        }
    }

    /// Reads a context and baggage in the binary form of Jaeger's clients. What cannot be read is
    /// counted as by [`Tracer::extract`].
    pub fn extract_binary(&self, bytes: &[u8]) -> Option<SpanContext> {
        let state = self.state()?;
        let mut baggage = Baggage::EMPTY;
        let codec = binary_codec(&state.common.settings.propagation);
        let found = codec.extract(bytes, &mut baggage);
        extracted(state, &found, baggage)
    }

    /// Sends every span that finished before this call, whatever its thread, and waits for the
    /// outcome. Without a worker, it sends on the calling thread, unless another thread does
    /// already. Inside a reporter or a logger that the worker calls, it only requests the flush, and
    /// returns [`FlushError::TimedOut`] at once.
    ///
    /// # Errors
    /// Spans were lost meanwhile, or the time ran out; then the worker goes on. Without a worker
    /// the time is exceeded by one packet, or one call of a user's reporter, at most; the next
    /// flush continues.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, lifecycle::flush)
    }

    /// Flushes and stops the tracer. Spans that finish afterwards are counted as
    /// lost; contexts stay valid.
    ///
    /// Over HTTP each batch gets one more attempt without a pause before it. When the time is over,
    /// the request that is under way is interrupted, and what is left is lost as `unreachable`.
    ///
    /// Spans that are open get a line in the log, and are named by the error if there is one.
    /// [`Tracer::drain`] waits for them.
    ///
    /// # Errors
    /// As for [`Tracer::flush`].
    pub fn close(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, lifecycle::close)
    }

    /// Sends the spans of this tracer that are active on the calling thread, as they are within
    /// [`InSpan`](crate::InSpan) and [`Span::in_scope`], and as they were when [`Span::activate`] was called, and then all that have finished: for a panic hook, since the process may end
    /// before the spans do. The setting [`flush_open`](crate::Config::flush_open) has to be on.
    ///
    /// Each is sent with the tag `picojaeger.unfinished`, ends now, and counts as a span of its own and
    /// in [`Stats::unfinished`]. When the span itself finishes, it is sent too, with the same ids.
    ///
    /// # Errors
    /// As for [`Tracer::flush`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let config = Config::new("shop").sampler(Sampler::Const(true)).flush_open(true);
    /// let tracer = config.agent(false).new_tracer()?;
    /// let (hook, in_hook) = (std::panic::take_hook(), tracer.clone());
    /// std::panic::set_hook(Box::new(move |info| {
    ///     let _late = in_hook.flush_open(Duration::from_secs(1));
    ///     hook(info);
    /// }));
    ///
    /// let order = tracer.start("order");
    /// let _active = order.activate();
    /// let _caught = std::panic::catch_unwind(|| panic!("out of stock"));
    /// assert_eq!(tracer.stats().unfinished, 1);
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn flush_open(&self, timeout: Duration) -> Result<(), FlushError> {
        if let Some(state) = self.state() {
            lifecycle::finish_copies(state);
        }
        self.flush(timeout)
    }

    /// Returns the counts of spans; all zero for a disabled tracer.
    ///
    /// They add up whenever no call is in progress. Takes a lock and walks over the threads'
    /// counters; for a closed tracer, counts the spans that raced with the close too.
    pub fn stats(&self) -> Stats {
        self.state().map(|state| state.stats()).unwrap_or_default()
    }

    /// Returns the counts of the transports beside the first, in the order in which they were named;
    /// those of the first are [`Tracer::stats`]. They are those of the worker's last pass: exact after a
    /// flush.
    pub fn further_transports(&self) -> Vec<TransportStats> {
        let further = |state: &Arc<TracerState>| state.common.stats_registry().further.clone();
        self.state().map(further).unwrap_or_default()
    }

    /// Returns the metrics: the counts of [`Tracer::stats`] and of packets, as Prometheus and others
    /// read them; nothing for a disabled tracer. Costs what [`Tracer::stats`] does, and allocates.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent(false).new_tracer()?;
    /// tracer.start("order").finish();
    /// tracer.flush(std::time::Duration::from_secs(2)).unwrap();
    /// let text = tracer.metrics().to_prometheus();
    /// assert!(text.contains("jaeger_tracer_reporter_spans_total{result=\"ok\",service=\"shop\"} 1"));
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn metrics(&self) -> MetricsSnapshot {
        let Some(state) = self.state() else {
            return MetricsSnapshot::default();
        };
        let stats = state.stats();
        let (exports, further) = {
            let registry = state.common.stats_registry();
            (registry.exports, registry.further.clone())
        };
        let service = &state.common.settings.process.service_name;
        let mut metrics = MetricsSnapshot::new(service, &stats, &exports, state.rpc.as_ref())
            .with_further(service, &further)
            .with_baggage(service, &state.baggage);
        if let Some(polls) = state.common.sampler.polls() {
            metrics = metrics.with_polls(service, &polls);
        }
        #[cfg(feature = "http")]
        if let Some(throttler) = &state.throttler {
            metrics = metrics.with_throttler(service, throttler);
        }
        #[cfg(feature = "http")]
        if let Some(restrictions) = &state.restrictions {
            metrics = metrics.with_restrictions(service, restrictions.answers());
        }
        metrics
    }

    /// Returns whether the tracer makes spans. One that only propagates makes none.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        let handle = self.handle.as_deref();
        handle.is_some_and(|handle| !handle.0.is_propagation_only())
    }

    /// Returns the process tags as they are sent, `client-uuid` included.
    pub fn process_tags(&self) -> Vec<(String, crate::config::TagValue)> {
        let state = self.state();
        state
            .map(|state| state.common.process.to_vec())
            .unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn state(&self) -> Option<&Arc<TracerState>> {
        self.handle.as_ref().map(|handle| handle.0.current())
    }

    fn inject_as(
        &self,
        http: bool,
        context: impl ToContext,
        carrier: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        match (self.state(), context.to_context()) {
            (Some(state), Some(context)) => inject_by(state, http, &context, carrier),
            _ => Ok(()),
        }
    }

    fn extract_as(&self, http: bool, carrier: impl Carrier) -> Option<SpanContext> {
        let state = self.state()?;
        let carrier = Bridge(carrier);
        let propagator = propagator(http, &state.common.settings.propagation);
        let mut scan = propagator.scan();
        scan.read(&carrier);
        match scan.sole_context() {
            Some(context) => with_baggage(state, context, Baggage::EMPTY),
            None => extract_more(state, &scan, &carrier),
        }
    }

    fn end_with(
        &self,
        timeout: Duration,
        end: fn(&Arc<TracerState>, Duration) -> bool,
    ) -> Result<(), FlushError> {
        let Some(state) = self.state() else {
            return Ok(());
        };
        let before = state.stats().lost;
        let complete = end(state, timeout);
        let stats = state.stats();
        let lost = stats.lost.since(&before);
        if complete && lost.total() == 0 {
            return Ok(());
        }
        let cause = cause_of(state, complete, &lost);
        // Those that are open at a flush go on.
        let open = match state.is_closed() {
            true => OpenSpans::of(state),
            false => OpenSpans::default(),
        };
        if complete {
            return Err(FlushError::Lost { lost, cause, open });
        }
        // A statement of its own: the lock ends with it.
        let further = state.common.stats_registry().queued_further();
        let queued = stats.queued + further;
        Err(FlushError::TimedOut {
            queued,
            cause,
            open,
        })
    }
}

/// Writes a context and its baggage by the settings of this tracer.
fn inject_by(
    state: &TracerState,
    http: bool,
    context: &SpanContext,
    carrier: &mut impl CarrierMut,
) -> Result<(), InjectError> {
    let settings = &state.common.settings.propagation;
    let (propagator, mut carrier) = (propagator(http, settings), Bridge(carrier));
    let (baggage, none) = (&context.baggage, std::iter::empty());
    let random = context.core.flags().contains(Flags::RANDOM)
        || settings.w3c_random_flag && !baggage.is_not_random();
    let outgoing = Outgoing::from(context.core)
        .with_tracestate(baggage.tracestate())
        .with_random(random);
    if baggage.is_empty() {
        return propagator.inject(&outgoing, none, &mut carrier, &mut []);
    }
    propagator.inject(&outgoing, baggage.iter(), &mut carrier, &mut [0; INJECT])
}

/// Returns the error behind a flush or close that sent not all in time, or that lost spans.
fn cause_of(state: &TracerState, complete: bool, lost: &Lost) -> Option<String> {
    known_cause(state, complete, lost).or_else(|| {
        let step = unfinished_step(state).filter(|_| !complete)?;
        let receivers = state.common.settings.receivers();
        Some(format!("the time was over {step} to {receivers}"))
    })
}

/// Returns what was under way when the time was over, which has no error yet; `None` if nothing is left to send.
fn unfinished_step(state: &TracerState) -> Option<&'static str> {
    if state.try_exporter().is_none() {
        return Some("while sending");
    }
    let queued = state.stats().queued;
    // A statement of its own: the lock ends with it.
    let further = state.common.stats_registry().queued_further();
    // The worker was woken, and has not come to it, or is between two passes.
    (queued + further > 0).then_some("before the rest was sent")
}

/// Returns the error that the transports have.
fn known_cause(state: &TracerState, complete: bool, lost: &Lost) -> Option<String> {
    let registry = state.common.stats_registry();
    let by_sending = lost.refused + lost.failed + lost.unreachable + lost.too_large > 0;
    let obstacle = registry.obstacle.as_ref().filter(|_| !complete);
    let fault = registry.fault.as_ref();
    obstacle
        .or(fault.filter(|_| !complete || by_sending))
        .cloned()
}

/// Extracts where there is more than a context. Apart, so that only then the stack holds the scratch
/// buffer.
#[inline(never)]
fn extract_more<C: Carrier>(
    state: &TracerState,
    scan: &Scan<'_>,
    carrier: &Bridge<C>,
) -> Option<SpanContext> {
    let (mut baggage, mut scratch) = (Baggage::EMPTY, [0; EXTRACT]);
    let found = scan.complete(carrier, &mut baggage, &mut scratch);
    extracted(state, &found, baggage)
}

/// Returns the context that was found and its baggage, if there is either; counts what could not be
/// read.
fn extracted(
    state: &TracerState,
    found: &Extracted<'_>,
    mut baggage: Baggage,
) -> Option<SpanContext> {
    let settings = &state.common.settings.propagation;
    let now = || Duration::from_nanos(monotonic());
    state.decode_errors.check(found, &settings.headers, now);
    let context = found.context.ok().flatten();
    let is_valid = context.is_some_and(|context| context.is_valid());
    if let (false, Ok(Some(id))) = (is_valid, found.debug_id) {
        baggage.set_debug_id(id);
    }
    if let Some(members) = found.tracestate {
        baggage.set_tracestate(members);
    }
    with_baggage(state, context, baggage)
}

/// Returns a context from elsewhere with its baggage, if there is either, and counts it.
#[inline]
fn with_baggage(
    state: &TracerState,
    context: Option<core::SpanContext>,
    mut baggage: Baggage,
) -> Option<SpanContext> {
    let settings = &state.common.settings.propagation;
    let context = match context {
        None if baggage.is_empty() => return None,
        None => NO_CONTEXT,
        Some(context) => context,
    };
    if context.is_valid() {
        if let Some(rpc) = &state.rpc {
            rpc.count_trace(true, context.is_sampled());
        }
        if settings.w3c_random_flag && !context.flags().contains(Flags::RANDOM) {
            baggage.set_not_random();
        }
    }
    Some(SpanContext {
        core: context,
        baggage,
    })
}
