//! The front door of servers.

pub(crate) mod lifecycle;
pub(crate) mod span;
pub(crate) mod span_builder;

use std::error::Error;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use log::Level;
use picojaeger_core::{InjectError, Key, Lost, Stats};

use crate::config::{Config, ConfigError, Settings};
use crate::context::baggage::Baggage;
use crate::context::{AsContext, NO_CONTEXT, SpanContext};
use crate::propagation::carriers::{Bridge, Carrier, CarrierMut};
use crate::reporters::Reporter;
use crate::state::thread_local as local;
use crate::state::{Lock, Parts, TracerState, at_exit};
use crate::sys::clock::TickSource;
use crate::sys::log::log_guarded;
use crate::tracer::span::Span;
use crate::tracer::span_builder::SpanBuilder;
use crate::transport::{Sender, UdpTransport};
use crate::worker::is_worker;

/// A Jaeger tracer. Clones are handles of one tracer.
///
/// Spans go from the thread that finishes them through a ring of its own to one
/// worker, which sends them. Nothing blocks that thread: where memory or network
/// fall short, spans are lost and counted, see [`Tracer::stats`].
///
/// When the last handle is dropped, what has finished is sent, for at most half a
/// second.
///
/// ```
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

/// Why a flush or close left spans behind.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent_host("127.0.0.1").agent_port(1).new_tracer()?;
/// tracer.start("order").finish();
/// let error = tracer.flush(Duration::from_secs(2)).unwrap_err();
/// assert!(error.to_string().contains("127.0.0.1"), "{error}");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FlushError {
    /// The time ran out; the worker goes on.
    TimedOut {
        /// Spans that have no outcome yet.
        queued: u64,
        /// What keeps them, such as a look-up that is under way, or what sending last failed with.
        cause: Option<String>,
    },
    /// Spans were lost since the call began, on any thread and of any cause.
    Lost {
        /// How many, by cause.
        lost: Lost,
        /// What sending last failed with, or the span that fitted no packet.
        cause: Option<String>,
    },
}

/// Why [`Config::initialize_tracer`] set no global tracer.
///
/// ```
/// use picojaeger_std::InitializeError;
///
/// assert!(InitializeError::AlreadyInitialized.to_string().contains("new_tracer"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum InitializeError {
    /// There is one already, and it stays.
    AlreadyInitialized,
    /// The configuration is wrong.
    Config(ConfigError),
}

/// Closes the tracer when the last of its clones goes.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<TracerState>);

/// The tracer of [`Config::initialize_tracer`].
static GLOBAL: OnceLock<Tracer> = OnceLock::new();
/// What [`global_tracer`] gives before there is one.
static DISABLED: Tracer = Tracer { handle: None };
/// Bytes for one header's value in either direction.
const HEADER: usize = 4096;

/// The tracer of [`Config::initialize_tracer`], or a disabled one before that.
///
/// ```
/// let mut span = picojaeger_std::global_tracer().start("order");
/// span.tag("items", 3);
/// ```
#[inline]
pub fn global_tracer() -> &'static Tracer {
    GLOBAL.get().unwrap_or(&DISABLED)
}

impl Config {
    /// Makes a tracer and sets it as the global one, which happens once in a process.
    ///
    /// # Errors
    /// A wrong setting, or [`InitializeError::AlreadyInitialized`], which changes nothing.
    pub fn initialize_tracer(&self) -> Result<Tracer, InitializeError> {
        if GLOBAL.get().is_some() {
            return Err(InitializeError::AlreadyInitialized);
        }
        let tracer = self.new_tracer().map_err(InitializeError::Config)?;
        match GLOBAL.set(tracer.clone()) {
            Ok(()) => Ok(tracer),
            Err(_) => Err(InitializeError::AlreadyInitialized),
        }
    }

    /// Makes a tracer. No thread starts and no name is looked up before its first
    /// sampled span, and an agent that cannot be reached is no error.
    ///
    /// # Errors
    /// A wrong setting.
    pub fn new_tracer(&self) -> Result<Tracer, ConfigError> {
        let settings = self.resolve()?;
        if settings.disabled {
            return Ok(Tracer { handle: None });
        }
        Ok(Tracer::new(settings, self.reporters()))
    }
}

impl Tracer {
    fn new(settings: Settings, mut reporters: Vec<Arc<dyn Reporter>>) -> Self {
        if settings.log_spans {
            reporters.push(Arc::new(crate::reporters::LoggingReporter));
        }
        let source = TickSource::choose(settings.clock);
        local::install_fork_hook();
        at_exit::install();
        let state = TracerState::new(Parts {
            settings: Arc::new(settings),
            reporters: reporters.into(),
            source,
            transport: Arc::new(agent_transport),
        });
        Tracer {
            handle: Some(Arc::new(Handle(state))),
        }
    }

    /// A tracer that sends by other means than UDP.
    #[cfg(test)]
    pub(crate) fn with_sender(config: &Config, sender: Box<dyn crate::transport::Sender>) -> Self {
        let settings = Arc::new(config.resolve().unwrap());
        let source = TickSource::choose(settings.clock);
        let reporters = config.reporters().into();
        let sender = std::sync::Mutex::new(Some(sender));
        let state = TracerState::new(Parts {
            settings,
            reporters,
            source,
            transport: Arc::new(move |_, _| sender.lock().unwrap().take()),
        });
        Tracer {
            handle: Some(Arc::new(Handle(state))),
        }
    }

    /// Starts a span: a child of the thread's active one if there is one.
    #[inline]
    pub fn start<'t>(&'t self, operation: impl Into<Key<'t>>) -> Span {
        self.span(operation).start()
    }

    /// Begins a span with parents, tags or a start time.
    #[inline]
    pub fn span<'t>(&'t self, operation: impl Into<Key<'t>>) -> SpanBuilder<'t> {
        SpanBuilder::new(&self.handle, operation.into())
    }

    /// Writes a span's context and baggage as HTTP headers: values are
    /// percent-encoded.
    ///
    /// Baggage items that cannot travel are left out: those with a key that no
    /// header may have, and those that take more than 4,096 bytes.
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
        context: impl AsContext,
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
        context: impl AsContext,
        carrier: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        self.inject_as(false, context, carrier)
    }

    /// Reads a context and baggage from HTTP headers.
    ///
    /// A trace header that cannot be read gives no parent, and leaves baggage and
    /// debug id as they are; one that comes twice with different values is such a
    /// header. Baggage items that cannot be read, or are longer than 4 KiB, are left
    /// out. Either is counted in [`Stats::decode_errors`].
    pub fn extract(&self, headers: impl Carrier) -> Option<SpanContext> {
        self.extract_as(true, headers)
    }

    /// Reads a context and baggage from text.
    pub fn extract_text_map(&self, carrier: impl Carrier) -> Option<SpanContext> {
        self.extract_as(false, carrier)
    }

    /// Sends every span that finished before this call, whatever its thread, and
    /// waits for the outcome. Where there may be no worker, it sends on the calling
    /// thread. Inside a reporter or a logger that the worker calls it only asks for the flush,
    /// and gives [`FlushError::TimedOut`] at once.
    ///
    /// # Errors
    /// Spans were lost meanwhile, or the time ran out; then the worker goes on.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, lifecycle::flush)
    }

    /// Flushes and stops the tracer. Spans that finish afterwards are counted as
    /// lost; contexts stay valid.
    ///
    /// # Errors
    /// As for [`Tracer::flush`].
    pub fn close(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, lifecycle::close)
    }

    /// What became of the spans; all zero for a disabled tracer.
    ///
    /// Adds up exactly when no call is in progress. Takes a lock and a walk over
    /// the threads' counters; of a closed tracer, also what raced with the close.
    pub fn stats(&self) -> Stats {
        self.state().map(|state| state.stats()).unwrap_or_default()
    }

    /// Whether the tracer makes spans.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.handle.is_some()
    }

    /// The process tags as they are sent, `client-uuid` among them.
    pub fn process_tags(&self) -> Vec<(String, crate::config::TagValue)> {
        let state = self.state();
        state
            .map(|state| state.common.process.to_vec())
            .unwrap_or_default()
    }

    /// Runs `f` while the calling thread holds one of the tracer's locks.
    #[doc(hidden)]
    pub fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        if let Some(state) = self.state() {
            state.while_locked(which, f);
        }
    }

    #[inline(always)]
    fn state(&self) -> Option<&Arc<TracerState>> {
        self.handle.as_ref().map(|handle| handle.0.current())
    }

    fn inject_as(
        &self,
        http: bool,
        context: impl AsContext,
        carrier: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        let (Some(state), Some(context)) = (self.state(), context.as_context()) else {
            return Ok(());
        };
        let codec = state.codec(http);
        codec.inject(
            &context.core,
            context.baggage.iter(),
            &mut Bridge(carrier),
            &mut [0; HEADER],
        )
    }

    fn extract_as(&self, http: bool, carrier: impl Carrier) -> Option<SpanContext> {
        let state = self.state()?;
        let mut baggage = Baggage::EMPTY;
        let mut scratch = [0; HEADER];
        let extracted = state
            .codec(http)
            .extract(&Bridge(carrier), &mut baggage, &mut scratch);
        let whole = extracted.context.is_ok() && extracted.debug_id.is_ok();
        if !whole || !extracted.dropped.is_empty() {
            state.decode_errors.fetch_add(1, Ordering::Relaxed);
        }
        let context = extracted.context.ok().flatten();
        if let (None, Ok(Some(id))) = (context, extracted.debug_id) {
            baggage.set_debug_id(id);
        }
        if context.is_none() && baggage.is_empty() {
            return None;
        }
        Some(SpanContext {
            core: context.unwrap_or(NO_CONTEXT),
            baggage,
        })
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
        if !complete {
            let stats_registry = state.common.stats_registry();
            let cause = stats_registry
                .obstacle
                .as_ref()
                .or(stats_registry.fault.as_ref());
            return Err(FlushError::TimedOut {
                queued: stats.queued,
                cause: cause.cloned(),
            });
        }
        let lost = stats.lost.since(&before);
        if lost.total() == 0 {
            return Ok(());
        }
        let by_sending = lost.refused + lost.failed + lost.too_large > 0;
        let cause = by_sending
            .then(|| state.common.stats_registry().fault.clone())
            .flatten();
        Err(FlushError::Lost { lost, cause })
    }
}

/// Makes what sends to the agent of these settings, if they have one.
fn agent_transport(settings: &Settings, waker: Waker) -> Option<Box<dyn Sender>> {
    if !settings.agent {
        return None;
    }
    Some(Box::new(UdpTransport::new(
        settings.agent_host.clone(),
        settings.agent_port,
        settings.ip_version,
        settings.resolve_interval,
        waker,
    )))
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.is_of_parent() {
            // What the parent left stays as the fork found it, its locks and its worker's
            // handle too.
            std::mem::forget(self.0.clone());
        }
        if let Some(state) = self.0.present().filter(|state| !state.is_closed()) {
            let complete = lifecycle::close(state, at_exit::LAST_FLUSH);
            // A worker cannot wait for itself: it sends what is held when it goes on.
            if complete || is_worker() {
                return;
            }
            let queued = state.stats().queued;
            if queued > 0 {
                let line = format_args!(
                    "the tracer is dropped with {queued} spans not sent in half a second; call close()"
                );
                log_guarded(Level::Warn, line);
            }
        }
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self {
            FlushError::TimedOut { queued, cause } => {
                write!(f, "the time ran out with {queued} spans not sent")?;
                cause
            }
            FlushError::Lost { lost, cause } => {
                write!(f, "{} spans lost{lost}", lost.total())?;
                cause
            }
        };
        match cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl Error for FlushError {}

impl fmt::Display for InitializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitializeError::AlreadyInitialized => {
                f.write_str("the global tracer is set already; use new_tracer() for another one")
            }
            InitializeError::Config(error) => error.fmt(f),
        }
    }
}

impl Error for InitializeError {}
