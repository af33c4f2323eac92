//! Open spans of servers.

use std::error::Error;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use picojaeger_core::record::{Reference, boundary};
use picojaeger_core::{BaggageError, Flags, Instant, Key, Value, tags};

use crate::baggage::Baggage;
use crate::context::{AsContext, SpanContext};
use crate::local::{with_desk, with_scopes};
use crate::scope::Scope;
use crate::short::{end, finish, put_away};
use crate::slot::Slot;

/// An open span; two words, which may go to any thread.
///
/// Dropping it finishes it. What is called after the finish is ignored, except
/// [`Span::context`] and [`Span::activate`]. A span of a disabled tracer does
/// nothing. A span that is dropped while its thread unwinds gets `error=true`.
///
/// A tag or log that finds no room in the span's 64 KiB is cut or refused, and
/// the span gets the tags `picojaeger.truncated` and `picojaeger.dropped`.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let mut span = tracer.start("order");
/// span.tag("items", 3).tag("express", true);
/// span.log().field("event", "packed").field("weight", 1.5);
/// span.finish();
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "a span that is dropped at once has no duration"]
pub struct Span {
    slot: Option<Box<Slot>>,
}

/// A log that is being written to a span, from [`Span::log`].
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let mut span = tracer.start("order");
/// span.log().field("event", "retry").field("attempt", 2);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct LogBuilder<'s> {
    /// `None` where the span takes no logs, or had no room for this one.
    slot: Option<&'s mut Box<Slot>>,
}

/// Why baggage was not set: the key cannot travel in a header.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let error = tracer.start("order").set_baggage_item("two words", "x").unwrap_err();
/// assert!(error.to_string().contains("two words"));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetBaggageError {
    key: String,
    cause: BaggageError,
}

impl Span {
    /// A span that does nothing.
    pub(crate) const NONE: Span = Span { slot: None };

    #[inline(always)]
    pub(crate) const fn new(slot: Box<Slot>) -> Self {
        Span { slot: Some(slot) }
    }

    /// Sets a tag; a key that is set twice is sent twice.
    ///
    /// Text and bytes beyond `max_tag_value_length` are cut. The tag
    /// `sampling.priority` decides whether the span is sampled: a number above 0
    /// makes it sampled and debug, 0 neither; other types do nothing.
    #[inline(always)]
    pub fn tag<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        if let Some(slot) = &mut self.slot {
            if key.as_str().len() == tags::SAMPLING_PRIORITY.len()
                && key.as_str() == tags::SAMPLING_PRIORITY
            {
                slot.set_priority(value);
            }
            if slot.image.is_writable() {
                slot.tag(key, value);
            }
        }
        self
    }

    /// Begins a log at the present time; its fields follow.
    #[inline]
    pub fn log(&mut self) -> LogBuilder<'_> {
        let slot = self.writable();
        LogBuilder {
            slot: slot.and_then(|slot| {
                let now = Instant::Ticks(slot.shared.source.ticks());
                slot.log(now)
            }),
        }
    }

    /// Begins a log at a given time.
    pub fn log_at(&mut self, time: SystemTime) -> LogBuilder<'_> {
        let slot = self.writable();
        LogBuilder {
            slot: slot.and_then(|slot| slot.log(Instant::UnixMicros(unix_micros(time)))),
        }
    }

    /// Renames the span: static text, or [`Copied`](crate::Copied), which is cut as
    /// a tag's value is.
    pub fn set_operation_name<'n>(&mut self, name: impl Into<Key<'n>>) -> &mut Self {
        if let Some(slot) = self.writable() {
            slot.set_operation(name.into());
        }
        self
    }

    /// Sets an item that travels to all later children, here and in other
    /// processes; what it replaces is lost. A sampled span logs the change.
    ///
    /// # Errors
    /// A key that is empty or has bytes that no header name may have.
    pub fn set_baggage_item(
        &mut self,
        key: &str,
        value: &str,
    ) -> Result<&mut Self, SetBaggageError> {
        if let Some(slot) = &mut self.slot {
            let replaced = slot
                .baggage
                .set(key, value)
                .map_err(|cause| SetBaggageError {
                    key: key.into(),
                    cause,
                })?;
            let context = slot.context();
            with_scopes(|scopes| scopes.refresh(&context));
            let mut log = self.log();
            log.field(tags::EVENT, "baggage")
                .field("key", key)
                .field("value", value);
            if replaced.is_some() {
                log.field("override", "true");
            }
        }
        Ok(self)
    }

    /// An item of the baggage.
    pub fn baggage_item(&self, key: &str) -> Option<&str> {
        self.slot.as_ref()?.baggage.get(key)
    }

    /// Removes an item of the baggage and gives its value.
    pub fn remove_baggage_item(&mut self, key: &str) -> Option<String> {
        let slot = self.slot.as_mut()?;
        let removed = slot.baggage.remove(key);
        let context = slot.context();
        with_scopes(|scopes| scopes.refresh(&context));
        removed
    }

    /// The span's identity and baggage; valid after the finish too. All zero for
    /// a span of a disabled tracer.
    #[inline]
    pub fn context(&self) -> SpanContext {
        match &self.slot {
            Some(slot) => slot.context(),
            None => SpanContext {
                core: picojaeger_core::SpanContext::default(),
                baggage: Baggage::EMPTY,
            },
        }
    }

    /// Whether the span is to be recorded and sent. A span that found no memory, or a
    /// closed tracer, says so too, and is counted as lost.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        let slot = self.slot.as_ref();
        slot.is_some_and(|slot| slot.image.flags().contains(Flags::SAMPLED))
    }

    /// Makes the span the implicit parent of those that this thread starts,
    /// until the scope is dropped.
    #[inline]
    pub fn activate(&self) -> Scope {
        Scope::enter(self.slot.as_ref().map(|slot| slot.context()))
    }

    /// Ends the span now. A second call does nothing.
    #[inline]
    pub fn finish(&mut self) {
        if let Some(slot) = &mut self.slot {
            finish(slot);
        }
    }

    /// Ends the span at a given time; one before the start gives no duration.
    pub fn finish_at(&mut self, time: SystemTime) {
        if let Some(slot) = self.writable() {
            slot.image.finish_at(unix_micros(time));
            slot.hand_over();
        }
    }

    #[inline(always)]
    fn writable(&mut self) -> Option<&mut Box<Slot>> {
        self.slot.as_mut().filter(|slot| slot.image.is_writable())
    }
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        match self.slot.take() {
            Some(slot) if slot.image.is_writable() => {
                // Asked here and not in `end`, which would need a frame for it.
                if std::thread::panicking() {
                    return end_unwinding(slot);
                }
                end(slot);
            }
            Some(slot) => put_away(slot),
            None => {}
        }
    }
}

impl AsContext for Span {
    #[inline]
    fn as_context(&self) -> Option<SpanContext> {
        self.slot.as_ref().map(|slot| slot.context())
    }
}

impl LogBuilder<'_> {
    /// Appends a field. What does not fit is cut or refused, and marked.
    #[inline]
    pub fn field<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        if let Some(slot) = &mut self.slot {
            slot.field(key.into(), value.into());
        }
        self
    }
}

impl Slot {
    #[inline(always)]
    pub(crate) fn context(&self) -> SpanContext {
        SpanContext {
            core: self.image.context(),
            baggage: self.baggage.clone(),
        }
    }

    /// Appends a tag, in a larger slot if need be.
    #[inline(always)]
    pub(crate) fn tag(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        // Each kind goes on as plain words, so that no enum need lie in memory.
        let Key::Static(key) = key else {
            return self.tag_any(key, value);
        };
        match value {
            Value::Str(text) => {
                if text.len() > self.value_limit || !self.try_tag(key, value) {
                    self.tag_text(key, text);
                }
            }
            Value::I64(number) => {
                if !self.try_tag(key, value) {
                    self.tag_word(key, |word| Value::I64(word as i64), number as u64);
                }
            }
            Value::U64(number) => {
                if !self.try_tag(key, value) {
                    self.tag_word(key, Value::U64, number);
                }
            }
            Value::F64(number) => {
                if !self.try_tag(key, value) {
                    self.tag_word(
                        key,
                        |word| Value::F64(f64::from_bits(word)),
                        number.to_bits(),
                    );
                }
            }
            Value::Bool(on) => {
                if !self.try_tag(key, value) {
                    self.tag_word(key, |word| Value::Bool(word != 0), on as u64);
                }
            }
            value => self.tag_any(Key::Static(key), value),
        }
    }

    #[inline(always)]
    fn try_tag(&mut self, key: &'static str, value: Value<'_>) -> bool {
        self.image.try_tag(Key::Static(key), value)
    }

    #[cold]
    #[inline(never)]
    fn tag_text(self: &mut Box<Self>, key: &'static str, text: &str) {
        self.tag_any(Key::Static(key), Value::Str(text));
    }

    #[cold]
    #[inline(never)]
    fn tag_word(
        self: &mut Box<Self>,
        key: &'static str,
        value: fn(u64) -> Value<'static>,
        word: u64,
    ) {
        self.tag_any(Key::Static(key), value(word));
    }

    #[inline(never)]
    fn tag_any(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        let value = self.limited(value);
        while !self.image.try_tag(key, value) {
            if !self.grow() {
                return self.image.tag(key, value);
            }
        }
    }

    fn field(self: &mut Box<Self>, key: Key<'_>, value: Value<'_>) {
        let value = self.limited(value);
        while !self.image.try_field(key, value) {
            if !self.grow() {
                return self.image.field(key, value);
            }
        }
    }

    fn log(self: &mut Box<Self>, time: Instant) -> Option<&mut Box<Self>> {
        while !self.image.try_log(time) {
            if !self.grow() {
                self.image.mark_dropped();
                return None;
            }
        }
        Some(self)
    }

    pub(crate) fn set_operation(self: &mut Box<Self>, name: Key<'_>) {
        match name {
            Key::Static(name) => self.image.set_operation(name),
            Key::Copied(name) => {
                let name = self.limited_text(name);
                while !self.image.try_copy_operation(name) {
                    if !self.grow() {
                        return self.image.copy_operation(name);
                    }
                }
            }
        }
    }

    pub(crate) fn reference(self: &mut Box<Self>, reference: Reference) {
        while !self.image.try_reference(reference) {
            if !self.grow() {
                return self.image.mark_dropped();
            }
        }
    }

    /// The value, cut to the configured length.
    fn limited<'v>(&mut self, value: Value<'v>) -> Value<'v> {
        match value {
            Value::Str(text) => Value::Str(self.limited_text(text)),
            Value::Bytes(bytes) if bytes.len() > self.value_limit => {
                self.image.mark_cut();
                Value::Bytes(bytes.get(..self.value_limit).unwrap_or(bytes))
            }
            other => other,
        }
    }

    /// The text, cut to the configured length at a boundary of UTF-8.
    fn limited_text<'v>(&mut self, text: &'v str) -> &'v str {
        if text.len() <= self.value_limit {
            return text;
        }
        self.image.mark_cut();
        text.get(..boundary(text.as_bytes(), self.value_limit))
            .unwrap_or("")
    }

    /// Takes `sampling.priority` into account.
    #[cold]
    #[inline(never)]
    fn set_priority(self: &mut Box<Self>, value: Value<'_>) {
        let Some(wanted) = priority(value) else {
            return;
        };
        if self.image.is_finished() || self.is_of_parent() {
            return;
        }
        let flags = self.image.flags();
        let forced = Flags::SAMPLED | Flags::DEBUG;
        match (wanted, flags.contains(Flags::SAMPLED)) {
            (true, true) => self.image.set_flags(flags | forced),
            (true, false) => self.upgrade(flags | forced),
            (false, true) => {
                self.image.set_flags(flags.without(forced));
                with_desk(&self.shared, |desk| desk.counts.cleared.increment());
            }
            (false, false) => {}
        }
        let context = self.context();
        with_scopes(|scopes| scopes.refresh(&context));
    }

    /// Makes an unsampled span a sampled one.
    fn upgrade(self: &mut Box<Self>, flags: Flags) {
        let shared = self.shared.clone();
        with_desk(&shared, |desk| {
            desk.counts.began.increment();
            // A span that was sampled before has its area still.
            let has_area = !self.is_bare()
                || desk.slots.full(&shared).is_some_and(|full| {
                    let freed = self.move_to(full);
                    freed.is_some_and(|bare| {
                        desk.slots.give(bare);
                        true
                    })
                });
            self.image.set_flags(flags);
            if shared.is_closed() || !has_area {
                let lost = if has_area {
                    &desk.counts.closed
                } else {
                    &desk.counts.memory
                };
                lost.increment();
                desk.counts.ended.increment();
                self.image.discard();
            }
        });
        if self.image.is_writable() && self.image.start() == Instant::Ticks(UNREAD) {
            self.image.set_start(Instant::Ticks(shared.source.ticks()));
            self.tag(Key::Static(LATE), Value::Bool(true));
        }
    }
}

#[cold]
#[inline(never)]
fn end_unwinding(mut slot: Box<Slot>) {
    slot.tag(Key::Static(tags::ERROR), Value::Bool(true));
    end(slot);
}

impl fmt::Display for SetBaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "baggage key {:?}: {}", self.key, self.cause)
    }
}

impl Error for SetBaggageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// The start of a span that never read the clock.
pub(crate) const UNREAD: u64 = 0;

/// The tag of a span that became sampled after its start, and starts there.
const LATE: &str = "picojaeger.sampled_late";

/// Whether `sampling.priority` asks for the span; `None` if the value is no number.
pub(crate) fn priority(value: Value<'_>) -> Option<bool> {
    match value {
        Value::I64(number) => Some(number > 0),
        Value::U64(number) => Some(number > 0),
        Value::F64(number) => Some(number > 0.0),
        Value::Bool(on) => Some(on),
        _ => None,
    }
}

/// Microseconds since 1970; 0 for earlier times, `i64::MAX` for those beyond what is sent.
pub(crate) fn unix_micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX) as u64
}
