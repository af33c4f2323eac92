//! Open spans of servers.

use std::fmt;
#[cfg(feature = "macros")]
use std::sync::Arc;
use std::time::SystemTime;

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::{Flags, Key, Value, tags};

use crate::context::{SpanContext, ToContext};
use crate::propagation::baggage_limit;
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
use crate::propagation::remove_contexts;
use crate::scope::{Home, Scope};
use crate::spans::fast_path::{end, finish, release};
use crate::spans::requests::is_noted;
use crate::spans::sampling_priority::is_priority;
use crate::spans::unfinished::copy_of;
use crate::state::Slot;
#[cfg(feature = "macros")]
use crate::state::TracerState;
use crate::sys::clock::unix_micros;
use crate::tracer::errors::{BaggageFault, SetBaggageError};
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
use crate::tracer::inject_by;
use crate::tracer::log_builder::LogBuilder;

/// An open span; two words, which may go to any thread.
///
/// Dropping it finishes it. Calls after the finish are ignored, except [`Span::context`] and
/// [`Span::activate`]. A span of a disabled tracer does nothing. A span that is dropped while its
/// thread unwinds gets `error=true`.
///
/// A tag or log that does not fit the span's 64 KiB is truncated or left out, and the span gets the
/// tags `picojaeger.truncated` and `picojaeger.dropped`.
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
    pub(super) slot: Option<Box<Slot>>,
}

impl Span {
    /// A span that does nothing.
    pub(crate) const NONE: Span = Span { slot: None };

    /// Sets a tag; a key that is set twice is sent twice.
    ///
    /// Text and bytes beyond `max_tag_value_length` are truncated. The tag `sampling.priority`
    /// decides whether the span is sampled: `true` or a number above 0 sets the sampled and the
    /// debug flag, `false` or any other number clears both; text and bytes have no effect.
    #[inline(always)]
    pub fn tag<'k, 'v>(
        &mut self,
        key: impl Into<Key<'k>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        if let Some(slot) = &mut self.slot {
            if is_priority(key) {
                slot.set_priority(value);
            }
            if is_noted(key) {
                slot.note_tag(key, value);
            }
            #[cfg(feature = "observers")]
            slot.notify_tag(key, value);
            if slot.image.is_writable() {
                slot.tag(key, value);
            }
        }
        self
    }

    /// Sets a tag whose value is formatted into the span's memory, without a string between.
    ///
    /// The text is truncated like that of [`Span::tag`]. `sampling.priority` has no effect here,
    /// since text has none.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// tracer.start("order").tag_fmt("basket", format_args!("{} of {}", 3, 7));
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn tag_fmt<'k>(&mut self, key: impl Into<Key<'k>>, value: fmt::Arguments<'_>) -> &mut Self {
        let key = key.into();
        #[cfg(feature = "observers")]
        if let Some(slot) = self.slot.as_ref().filter(|slot| slot.notes != 0) {
            slot.notify_tag(key, Value::Str(&value.to_string()));
        }
        if let Some(slot) = self.writable() {
            slot.tag_fmt(key, value);
        }
        self
    }

    /// Begins a log at the present time; its fields follow.
    #[inline]
    pub fn log(&mut self) -> LogBuilder<'_> {
        let slot = self.writable();
        LogBuilder {
            slot: slot.and_then(|slot| {
                let now = Timestamp::Ticks(slot.owner.source.ticks());
                slot.log(now)
            }),
        }
    }

    /// Begins a log at a given time.
    pub fn log_at(&mut self, time: SystemTime) -> LogBuilder<'_> {
        let slot = self.writable();
        LogBuilder {
            slot: slot.and_then(|slot| slot.log(Timestamp::UnixMicros(unix_micros(time)))),
        }
    }

    /// Renames the span. A name that is copied is truncated like a tag's value.
    pub fn set_operation_name<'n>(&mut self, name: impl Into<Key<'n>>) -> &mut Self {
        if let Some(slot) = self.unfinished() {
            slot.rename(name.into());
            slot.settle();
        }
        self
    }

    /// Sets an item that all later children get, here and in other processes; replaces its former
    /// value. A sampled span logs the change, or that it was refused. Where a server
    /// [restricts baggage](crate::config::RestrictionSettings), a longer value is truncated.
    ///
    /// # Errors
    /// A key that the restrictions do not allow, or that is empty or has bytes that no header name may have, a 181st item, or one with which
    /// the baggage would take more than
    /// [`max_baggage_size`](crate::config::PropagationSettings::max_baggage_size) bytes.
    pub fn set_baggage_item(
        &mut self,
        key: &str,
        value: &str,
    ) -> Result<&mut Self, SetBaggageError> {
        let Some(slot) = self.with_baggage() else {
            return Ok(self);
        };
        let state = &slot.owner;
        let limit = baggage_limit(&state.common.settings.propagation);
        let permitted = state.permitted(key, value);
        let outcome = match permitted {
            Some(value) => slot
                .baggage
                .set_within(key, value, limit)
                .map_err(BaggageFault::Invalid),
            None => Err(BaggageFault::Restricted),
        };
        let is_truncated = permitted.is_some_and(|it| it.len() < value.len());
        slot.owner.baggage.count(outcome.is_ok(), is_truncated);
        slot.refresh_scopes();
        self.log_baggage(key, permitted.unwrap_or(value), is_truncated, &outcome);
        match outcome {
            Ok(_) => Ok(self),
            Err(cause) => Err(SetBaggageError {
                key: key.into(),
                cause,
            }),
        }
    }

    /// Logs an item that was set or refused, by the names of Jaeger's clients.
    fn log_baggage(
        &mut self,
        key: &str,
        value: &str,
        is_truncated: bool,
        outcome: &Result<Option<String>, BaggageFault>,
    ) {
        let mut log = self.log();
        log.field(tags::EVENT, "baggage")
            .field("key", key)
            .field("value", value);
        let is_override = matches!(outcome, Ok(Some(_)));
        for (name, is_so) in [
            ("override", is_override),
            ("truncated", is_truncated),
            ("invalid", outcome.is_err()),
        ] {
            if is_so {
                log.field(name, "true");
            }
        }
    }

    /// Returns the value of a baggage item.
    pub fn baggage_item(&self, key: &str) -> Option<&str> {
        self.slot.as_ref()?.baggage.get(key)
    }

    /// Removes a baggage item and returns its value.
    pub fn remove_baggage_item(&mut self, key: &str) -> Option<String> {
        let slot = self.with_baggage()?;
        let removed = slot.baggage.remove(key);
        slot.refresh_scopes();
        removed
    }

    /// Returns the span's identity and baggage; valid after the finish too. All zero for a span of
    /// a disabled tracer.
    #[inline]
    pub fn context(&self) -> SpanContext {
        let slot = self.slot.as_ref();
        slot.map(|slot| slot.context()).unwrap_or_default()
    }

    /// Writes the context as HTTP headers, by the settings of the span's own tracer. Baggage that no header holds
    /// is left out.
    #[cfg(any(feature = "tower", feature = "reqwest-013"))]
    pub(crate) fn inject_into(&self, headers: &mut http::HeaderMap) {
        if let Some(slot) = &self.slot {
            remove_contexts(headers, &slot.owner.common.settings.propagation);
            // The rest is written; a client's call does not fail for an item of baggage.
            let _left_out = inject_by(&slot.owner, true, &slot.context(), headers);
        }
    }

    /// Returns whether tags matter to anyone: to the record, to the counts of requests, or to observers.
    #[cfg(any(feature = "tower", feature = "reqwest-013"))]
    pub(crate) fn takes_tags(&self) -> bool {
        let slot = self.slot.as_ref();
        slot.is_some_and(|slot| slot.image.is_writable() || slot.notes != 0)
    }

    /// Returns whether the span is to be recorded and sent. Also `true` for a span that got no
    /// memory or met a closed tracer, which counts as lost, and for a root whose decision waits for
    /// its operation name.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        let slot = self.slot.as_ref();
        slot.is_some_and(|slot| {
            slot.image.flags().contains(Flags::SAMPLED)
                && (slot.baggage.is_empty() || slot.is_kept())
        })
    }

    /// Makes the span the implicit parent of those that this thread starts,
    /// until the scope is dropped.
    ///
    /// With the setting [`flush_open`](crate::Config::flush_open) the scope keeps a copy of the span
    /// as it is now, for [`Tracer::flush_open`](crate::Tracer::flush_open).
    #[inline]
    pub fn activate(&self) -> Scope {
        let slot = self.slot.as_ref();
        let copy = slot.filter(|slot| slot.owner.common.settings.spans.flush_open);
        Scope::enter(
            slot.map(|slot| slot.context()),
            slot.map(|slot| slot.owner.clone()),
            copy.and_then(|slot| copy_of(slot)),
        )
    }

    /// Runs `f` with the span active on this thread, where [`current`](crate::current) can write to it.
    ///
    /// A span of a disabled tracer changes nothing: what is active around it stays so. A decision that
    /// [waits for a name](crate::config::SamplingSettings::late_binding) is made at this call.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    /// use picojaeger_std::current;
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let mut request = tracer.start("request");
    /// request.in_scope(|| {
    ///     current().tag("http.route", "/orders/{id}");
    ///     let query = tracer.start("query");
    ///     assert!(query.is_sampled());
    /// });
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn in_scope<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let home = self.take_home();
        let mut running = InScope { span: self, home };
        let entered = running.home.enter();
        let result = f();
        drop(entered);
        result
    }

    /// Runs `f` on the span whose slot lies in a home, and leaves it there, also if `f` unwinds.
    pub(crate) fn in_home<R>(home: &mut Option<Box<Slot>>, f: impl FnOnce(&mut Span) -> R) -> R {
        let span = Span::from(home.take());
        let mut lent = Lent { span, home };
        f(&mut lent.span)
    }

    /// Returns the tracer of the span; `None` if it is disabled.
    #[cfg(feature = "macros")]
    pub(crate) fn tracer(&self) -> Option<Arc<TracerState>> {
        self.slot.as_ref().map(|slot| slot.owner.clone())
    }

    /// Takes the span into a home, from which it gets active.
    pub(crate) fn take_home(&mut self) -> Home {
        let slot = self.slot.take();
        let context = slot.as_ref().map(|slot| slot.context());
        Home::of_span(slot, context)
    }

    /// Ends the span now. A second call does nothing.
    #[inline]
    pub fn finish(&mut self) {
        if let Some(slot) = &mut self.slot {
            finish(slot);
        }
    }

    /// Ends the span at a given time; a time before the start yields no duration.
    pub fn finish_at(&mut self, time: SystemTime) {
        match &mut self.slot {
            Some(slot) if slot.image.is_writable() => {
                slot.image.finish_at(unix_micros(time));
                slot.publish();
            }
            Some(slot) => {
                slot.image.discard();
                slot.unwatch(Timestamp::UnixMicros(unix_micros(time)));
            }
            None => {}
        }
    }

    /// Returns the slot if its baggage may change. That of a tracer without spans counts as finished
    /// from the start.
    fn with_baggage(&mut self) -> Option<&mut Box<Slot>> {
        let may =
            |slot: &&mut Box<Slot>| !slot.image.is_finished() || slot.owner.is_propagation_only();
        self.slot.as_mut().filter(may)
    }

    pub(super) fn unfinished(&mut self) -> Option<&mut Box<Slot>> {
        self.slot.as_mut().filter(|slot| !slot.image.is_finished())
    }

    /// Notes an error, sampled or not, where requests are counted.
    pub(super) fn note_error(&mut self) {
        if let Some(slot) = &mut self.slot {
            slot.note_tag(Key::Static(tags::ERROR), Value::Bool(true));
        }
    }

    #[inline(always)]
    pub(super) fn writable(&mut self) -> Option<&mut Box<Slot>> {
        self.slot.as_mut().filter(|slot| slot.image.is_writable())
    }
}

/// A span that goes back to its home when this is dropped.
struct Lent<'h> {
    span: Span,
    home: &'h mut Option<Box<Slot>>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.home = self.span.slot.take();
    }
}

/// A span that lies in a home, until this is dropped.
struct InScope<'s> {
    span: &'s mut Span,
    home: Home,
}

impl Drop for InScope<'_> {
    fn drop(&mut self) {
        self.span.slot = self.home.span().and_then(Option::take);
        self.home.return_held();
    }
}

impl From<Option<Box<Slot>>> for Span {
    #[inline(always)]
    fn from(slot: Option<Box<Slot>>) -> Self {
        Span { slot }
    }
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        match self.slot.take() {
            Some(slot) if slot.image.is_writable() => {
                // Checked here and not in `end`, which would need a stack frame for it.
                if std::thread::panicking() {
                    return end_unwinding(slot);
                }
                end(slot);
            }
            Some(slot) => release(slot),
            None => {}
        }
    }
}

impl ToContext for Span {
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        self.slot.as_ref().map(|slot| slot.context())
    }
}

#[cold]
#[inline(never)]
fn end_unwinding(mut slot: Box<Slot>) {
    slot.note_tag(Key::Static(tags::ERROR), Value::Bool(true));
    slot.mark_error();
    end(slot);
}

/// Starts a root on the fast path.
#[cfg(test)]
pub(crate) fn start_root(
    state: &std::sync::Arc<crate::state::TracerState>,
    operation: &'static str,
) -> Span {
    Span::from(crate::spans::fast_path::start_root(state, operation))
}
