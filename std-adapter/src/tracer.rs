//! The front door of servers.

use std::error::Error;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use picojaeger_core::record::Reference;
use picojaeger_core::{
    self as core, Decision, Flags, InjectError, Instant, Key, Lost, Query, SpanId, Stats, TraceId,
    Value, tags,
};

use crate::baggage::Baggage;
use crate::carriers::{Bridge, Carrier, CarrierMut};
use crate::clock::TickSource;
use crate::config::{Config, ConfigError, Settings};
use crate::context::{AsContext, SpanContext};
use crate::local::{self, Desk, with_desk, with_scopes};
use crate::reporters::Reporter;
use crate::shared::{Lock, Shared};
use crate::slot::Slot;
use crate::span::{Span, UNREAD, priority, unix_micros};
use crate::{unix, worker};

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

/// A span that is about to start, from [`Tracer::span`].
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let request = tracer.start("request");
/// let query = tracer.span("query").child_of(&request).tag("db.type", "sql").start();
/// assert_eq!(query.context().trace_id(), request.context().trace_id());
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "the span starts with `start`"]
pub struct SpanBuilder<'t> {
    shared: Option<&'t Arc<Shared>>,
    operation: Key<'t>,
    parent: Option<SpanContext>,
    /// Whether the parent came by `child_of`.
    is_child: bool,
    implicit: bool,
    forced: Option<bool>,
    start: Option<u64>,
    /// Popped when the first tag or reference is written.
    slot: Option<Box<Slot>>,
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
        held: u64,
        /// What the agent's address last failed with.
        cause: Option<String>,
    },
    /// Spans were lost since the last flush began.
    Lost {
        /// How many, by cause.
        lost: Lost,
        /// What sending last failed with.
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

#[derive(Debug)]
struct Handle(Arc<Shared>);

const NO_CONTEXT: core::SpanContext = core::SpanContext::new(
    TraceId::from_parts(0, 0),
    SpanId::new(0),
    Flags::from_wire(0),
);

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
        unix::install(worker::flush_all);
        let shared = Shared::new(Arc::new(settings), reporters.into(), source);
        Tracer {
            handle: Some(Arc::new(Handle(shared))),
        }
    }

    /// A tracer that sends by other means than UDP.
    #[cfg(test)]
    pub(crate) fn with_sender(config: &Config, sender: Box<dyn crate::sender::Sender>) -> Self {
        let settings = Arc::new(config.resolve().unwrap());
        let source = TickSource::choose(settings.clock);
        let reporters = config.reporters().into();
        let shared = Shared::with_sender(settings, reporters, source, |_, _| Some(sender));
        Tracer {
            handle: Some(Arc::new(Handle(shared))),
        }
    }

    /// Starts a span: a child of the thread's active one if there is one.
    #[inline]
    pub fn start<'n>(&self, operation: impl Into<Key<'n>>) -> Span {
        let Some(shared) = self.shared() else {
            return Span::NONE;
        };
        let parent = with_scopes(|scopes| scopes.current()).flatten();
        open(shared, operation.into(), parent, None, None, None)
    }

    /// Begins a span with parents, tags or a start time.
    #[inline]
    pub fn span<'t>(&'t self, operation: impl Into<Key<'t>>) -> SpanBuilder<'t> {
        SpanBuilder {
            shared: self.shared(),
            operation: operation.into(),
            parent: None,
            is_child: false,
            implicit: true,
            forced: None,
            start: None,
            slot: None,
        }
    }

    /// Writes a span's context and baggage as HTTP headers: values are
    /// percent-encoded.
    ///
    /// Baggage items that cannot travel are left out, and the first is reported.
    ///
    /// # Errors
    /// The carrier is full, or baggage was left out. A context without ids is not
    /// written, which is no error.
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
    /// A header that cannot be read gives no parent, is counted in
    /// [`Stats::decode_errors`], and leaves baggage and debug id as they are.
    pub fn extract(&self, headers: impl Carrier) -> Option<SpanContext> {
        self.extract_as(true, headers)
    }

    /// Reads a context and baggage from text.
    pub fn extract_text_map(&self, carrier: impl Carrier) -> Option<SpanContext> {
        self.extract_as(false, carrier)
    }

    /// Sends every span that finished before this call, whatever its thread, and
    /// waits for the outcome.
    ///
    /// # Errors
    /// Spans were lost meanwhile, or the time ran out.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, worker::flush)
    }

    /// Flushes and stops the tracer. Spans that finish afterwards are counted as
    /// lost; contexts stay valid.
    ///
    /// # Errors
    /// As for [`Tracer::flush`].
    pub fn close(&self, timeout: Duration) -> Result<(), FlushError> {
        self.end_with(timeout, worker::close)
    }

    /// What became of the spans; all zero for a disabled tracer.
    ///
    /// Adds up exactly when no call is in progress. Takes a lock and a walk over
    /// the threads' counts.
    pub fn stats(&self) -> Stats {
        self.shared()
            .map(|shared| shared.stats())
            .unwrap_or_default()
    }

    /// Whether the tracer makes spans.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.handle.is_some()
    }

    /// The process tags as they are sent, `client-uuid` among them.
    pub fn process_tags(&self) -> Vec<(String, crate::config::TagValue)> {
        let shared = self.shared();
        shared
            .map(|shared| shared.process.to_vec())
            .unwrap_or_default()
    }

    /// Runs `f` while the calling thread holds one of the tracer's locks.
    #[doc(hidden)]
    pub fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        if let Some(shared) = self.shared() {
            shared.while_locked(which, f);
        }
    }

    #[inline(always)]
    fn shared(&self) -> Option<&Arc<Shared>> {
        self.handle.as_ref().map(|handle| handle.0.current())
    }

    fn inject_as(
        &self,
        http: bool,
        context: impl AsContext,
        carrier: &mut impl CarrierMut,
    ) -> Result<(), InjectError> {
        let (Some(shared), Some(context)) = (self.shared(), context.as_context()) else {
            return Ok(());
        };
        let codec = shared.codec(http);
        codec.inject(
            &context.core,
            context.baggage.iter(),
            &mut Bridge(carrier),
            &mut [0; HEADER],
        )
    }

    fn extract_as(&self, http: bool, carrier: impl Carrier) -> Option<SpanContext> {
        let shared = self.shared()?;
        let mut baggage = Baggage::EMPTY;
        let mut scratch = [0; HEADER];
        let extracted = shared
            .codec(http)
            .extract(&Bridge(carrier), &mut baggage, &mut scratch);
        if extracted.context.is_err() || extracted.debug_id.is_err() {
            shared.decode_errors.fetch_add(1, Ordering::Relaxed);
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
        end: fn(&Arc<Shared>, Duration) -> bool,
    ) -> Result<(), FlushError> {
        let Some(shared) = self.shared() else {
            return Ok(());
        };
        let before = shared.stats().lost;
        let complete = end(shared, timeout);
        let stats = shared.stats();
        if !complete {
            return Err(FlushError::TimedOut {
                held: stats.held,
                cause: shared.ledger().fault.clone(),
            });
        }
        let lost = stats.lost.since(&before);
        if lost.total() == 0 {
            return Ok(());
        }
        let cause = shared.ledger().fault.clone();
        Err(FlushError::Lost { lost, cause })
    }
}

impl<'t> SpanBuilder<'t> {
    /// Makes the span a child. The first `child_of` gives trace and baggage, and
    /// those after it are further references.
    #[inline]
    pub fn child_of(mut self, parent: impl AsContext) -> Self {
        if let (Some(_), Some(context)) = (self.shared, parent.as_context()) {
            if self.is_child {
                self.add_reference(false, &context);
            } else {
                self.parent = Some(context);
                self.is_child = true;
            }
            self.implicit = false;
        }
        self
    }

    /// Lets the span follow from another, which does not wait for it. Without a
    /// `child_of`, the first one gives trace and baggage.
    pub fn follows_from(mut self, other: impl AsContext) -> Self {
        if let (Some(_), Some(context)) = (self.shared, other.as_context()) {
            self.add_reference(true, &context);
            if self.parent.is_none() {
                self.parent = Some(context);
            }
            self.implicit = false;
        }
        self
    }

    /// Takes no notice of the thread's active span.
    #[inline]
    pub fn ignore_active_span(mut self) -> Self {
        self.implicit = false;
        self
    }

    /// Sets a tag, which samplers get to see first where it is `sampling.priority`.
    #[inline]
    pub fn tag<'k, 'v>(mut self, key: impl Into<Key<'k>>, value: impl Into<Value<'v>>) -> Self {
        let (key, value) = (key.into(), value.into());
        if key.as_str().len() == tags::SAMPLING_PRIORITY.len()
            && key.as_str() == tags::SAMPLING_PRIORITY
        {
            self.forced = priority(value).or(self.forced);
        }
        if let Some(slot) = self.slot() {
            slot.tag(key, value);
        }
        self
    }

    /// Lets the span start at another time than now.
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start = Some(unix_micros(time));
        self
    }

    /// Starts the span.
    #[inline]
    pub fn start(mut self) -> Span {
        let Some(shared) = self.shared.map(Shared::current) else {
            return Span::NONE;
        };
        if self.implicit {
            self.parent = with_scopes(|scopes| scopes.current()).flatten();
        }
        let (parent, slot) = (self.parent.take(), self.slot.take());
        // What was written before a fork is the parent's.
        let slot = slot.and_then(Slot::of_this_process);
        open(
            shared,
            self.operation,
            parent,
            self.forced,
            self.start,
            slot,
        )
    }

    fn add_reference(&mut self, follows: bool, context: &SpanContext) {
        if !context.core.is_valid() {
            return;
        }
        let reference = Reference {
            follows,
            trace: context.trace_id(),
            span: context.span_id(),
        };
        if let Some(slot) = self.slot() {
            slot.reference(reference);
        }
    }

    /// The slot to write to; `None` if no memory is left, which the start counts.
    #[inline]
    fn slot(&mut self) -> Option<&mut Slot> {
        if self.slot.is_none() {
            let shared = self.shared?.current();
            self.slot = with_desk(shared, |desk| desk.slots.full(shared));
            if let Some(slot) = &mut self.slot {
                slot.image
                    .restart("", NO_CONTEXT, SpanId::default(), UNREAD);
            }
        }
        self.slot.as_deref_mut()
    }
}

impl Drop for SpanBuilder<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take().and_then(Slot::of_this_process) {
            local::give_slot(slot);
        }
    }
}

/// Starts a span, in the slot that a builder has written to or in a new one.
#[inline(always)]
fn open(
    shared: &Arc<Shared>,
    operation: Key<'_>,
    parent: Option<SpanContext>,
    forced: Option<bool>,
    start: Option<u64>,
    slot: Option<Box<Slot>>,
) -> Span {
    if local::is_worker() {
        return Span::NONE;
    }
    with_desk(shared, |desk| {
        let identity = Identity::draw(shared, desk, operation, parent.as_ref(), forced);
        let baggage = parent.map_or(Baggage::EMPTY, |parent| parent.baggage);
        if !identity.context.is_sampled() {
            return unsampled(shared, desk, &identity, baggage, slot);
        }
        desk.counts.began.increment();
        let taken = slot.is_some();
        let slot = slot.or_else(|| desk.slots.full(shared));
        let Some(mut slot) = slot.filter(|_| !shared.is_closed()) else {
            return lost(shared, desk, &identity, baggage);
        };
        let name = match operation {
            Key::Static(name) => name,
            Key::Copied(_) => "",
        };
        if taken {
            slot.image
                .identify(identity.context, identity.parent, UNREAD);
            slot.image.set_operation(name);
        } else {
            slot.image
                .restart(name, identity.context, identity.parent, UNREAD);
        }
        slot.image.set_sampler(identity.sampler);
        if matches!(operation, Key::Copied(_)) {
            slot.set_operation(operation);
        }
        if !baggage.is_empty() {
            identity.inherit(&mut slot, baggage);
        }
        slot.image.set_start(match start {
            Some(micros) => Instant::UnixMicros(micros),
            None => Instant::Ticks(shared.source.ticks()),
        });
        Span::new(slot)
    })
}

/// A span that is not recorded: it has ids and passes them on.
#[inline(always)]
fn unsampled(
    shared: &Arc<Shared>,
    desk: &mut Desk,
    identity: &Identity,
    baggage: Baggage,
    written: Option<Box<Slot>>,
) -> Span {
    desk.counts.unsampled.increment();
    if let Some(written) = written {
        desk.slots.give(written);
    }
    Span::new(bare(shared, desk, identity, baggage))
}

/// A sampled span that found no memory, or a closed tracer.
#[cold]
#[inline(never)]
fn lost(shared: &Arc<Shared>, desk: &mut Desk, identity: &Identity, baggage: Baggage) -> Span {
    let counts = &desk.counts;
    counts.ended.increment();
    match shared.is_closed() {
        true => counts.closed.increment(),
        false => counts.memory.increment(),
    }
    let mut slot = bare(shared, desk, identity, baggage);
    slot.image.discard();
    Span::new(slot)
}

#[inline(always)]
fn bare(shared: &Arc<Shared>, desk: &mut Desk, identity: &Identity, baggage: Baggage) -> Box<Slot> {
    let mut slot = desk.slots.bare(shared);
    slot.image
        .restart("", identity.context, identity.parent, UNREAD);
    if !baggage.is_empty() {
        slot.baggage = baggage.without_debug_id();
    }
    slot
}

/// Who a new span is.
struct Identity {
    context: core::SpanContext,
    parent: SpanId,
    sampler: u8,
    is_root: bool,
}

impl Identity {
    #[inline(always)]
    fn draw(
        shared: &Arc<Shared>,
        desk: &mut Desk,
        operation: Key<'_>,
        parent: Option<&SpanContext>,
        forced: Option<bool>,
    ) -> Self {
        let valid = parent.filter(|parent| parent.core.is_valid());
        let mut identity = match valid {
            Some(parent) => Identity {
                context: core::SpanContext::new(
                    parent.trace_id(),
                    desk.generator.span_id(),
                    parent.flags() & Flags::WIRE,
                ),
                parent: parent.span_id(),
                sampler: 0,
                is_root: false,
            },
            None => {
                let (trace, span) = desk.generator.root(shared.settings.trace_id_128bit);
                Identity {
                    context: core::SpanContext::new(trace, span, Flags::default()),
                    parent: SpanId::default(),
                    sampler: 0,
                    is_root: true,
                }
            }
        };
        let deferred = valid.is_some_and(|parent| parent.flags().contains(Flags::DEFERRED));
        let debug =
            identity.is_root && parent.is_some_and(|parent| parent.baggage.debug_id().is_some());
        if forced.is_some() || debug {
            identity.force(forced.unwrap_or(true));
        } else if identity.is_root || deferred {
            identity.ask(shared, operation);
        }
        identity
    }

    fn force(&mut self, sampled: bool) {
        let forced = Flags::SAMPLED | Flags::DEBUG;
        let flags = self.context.flags().without(forced);
        self.set_flags(if sampled { flags | forced } else { flags });
    }

    #[inline(always)]
    fn ask(&mut self, shared: &Shared, operation: Key<'_>) {
        let decision = shared.sampler.sample(&Query {
            trace_id: self.context.trace_id(),
            operation: operation.as_str(),
            ticks: 0,
        });
        if let Decision::Sample { code } = decision {
            self.sampler = code;
            self.set_flags(self.context.flags() | Flags::SAMPLED);
        }
    }

    #[inline(always)]
    fn set_flags(&mut self, flags: Flags) {
        self.context =
            core::SpanContext::new(self.context.trace_id(), self.context.span_id(), flags);
    }

    /// Takes over what came with the parent.
    #[cold]
    fn inherit(&self, slot: &mut Slot, baggage: Baggage) {
        if let Some(id) = baggage.debug_id().filter(|_| self.is_root) {
            slot.tag(Key::Static("jaeger-debug-id"), Value::Str(id));
        }
        slot.baggage = baggage.without_debug_id();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.generation() != unix::generation() {
            // What the parent left stays as the fork found it, its locks and its worker's
            // handle too.
            std::mem::forget(self.0.clone());
        }
        if let Some(shared) = self.0.present().filter(|shared| !shared.is_closed()) {
            worker::close(shared, worker::LAST_FLUSH);
        }
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self {
            FlushError::TimedOut { held, cause } => {
                write!(f, "the time ran out with {held} spans not sent")?;
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
