//! The layer: spans of `tracing` as spans of a tracer.

use std::sync::Arc;

use picojaeger_core::{Key, Value, tags};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::filter::is_ours;
use super::logs::{Log, is_from_log, is_own_line, write_line};
use super::otel;
use super::tags::Tags;
use crate::context::SpanContext;
use crate::scope::{
    Completion, Owner, Parent, SpanNumber, active_context, active_parent, enter_numbered,
    leave_numbered,
};
use crate::spans::deferred;
use crate::spans::fast_path::release;
use crate::state::TracerState;
use crate::tasks::with_current;
use crate::tracer::Tracer;
use crate::tracer::span::Span;
use crate::tracer::span_builder::{start_explicit, start_under};
use crate::worker::is_worker;

/// A layer that makes spans of `tracing` spans of a tracer; see [the module](super).
///
/// It has no filter: of a subscriber with this layer alone every level of every crate costs. [`layer`](crate::tracing::layer()) has one.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::tracing::{DefaultFilter, JaegerLayer};
/// use tracing_subscriber::Layer as _;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let layer = JaegerLayer::new(&Tracer::disabled()).with_target(true).with_location(true);
/// let subscriber = tracing_subscriber::registry().with(layer.filtered(DefaultFilter::new()));
/// # drop(subscriber);
/// ```
#[derive(Debug)]
pub struct JaegerLayer {
    tracer: Tracer,
    /// Registries number alike, so each layer's numbers are its own.
    owner: Owner,
    with_target: bool,
    with_location: bool,
    /// Whether a [`DefaultFilter`](crate::tracing::DefaultFilter) stands before it, which asks a callsite once for what this asks each time.
    is_filtered: bool,
}

impl JaegerLayer {
    /// Makes a layer whose spans are this tracer's.
    pub fn new(tracer: &Tracer) -> Self {
        JaegerLayer {
            tracer: tracer.clone(),
            owner: Owner::new(),
            with_target: false,
            with_location: false,
            is_filtered: false,
        }
    }

    /// Sets whether spans and events have their target as `target`; off by default.
    #[must_use]
    pub const fn with_target(mut self, with_target: bool) -> Self {
        self.with_target = with_target;
        self
    }

    /// Sets whether spans and events have their place in the source as `code.filepath` and `code.lineno`; off by
    /// default.
    #[must_use]
    pub const fn with_location(mut self, with_location: bool) -> Self {
        self.with_location = with_location;
        self
    }

    /// Notes that what is of this crate does not get here.
    pub(super) const fn behind_filter(mut self) -> Self {
        self.is_filtered = true;
        self
    }

    /// Returns whether a span or event is of this crate.
    #[inline(always)]
    fn leaves_out(&self, metadata: &Metadata<'_>) -> bool {
        !self.is_filtered && is_ours(metadata.target())
    }

    #[inline]
    pub(super) fn number(&self, id: &Id) -> SpanNumber {
        self.owner.number(id.into_u64())
    }

    /// Starts a span that is no plain child of the active one, or begins it if it is a root: then something is left of its start.
    #[inline(never)]
    fn begin(
        &self,
        attributes: &Attributes<'_>,
        state: &Arc<TracerState>,
    ) -> (Span, Option<Completion>) {
        let parent = match attributes.is_contextual() {
            true => active_context(),
            false => self.explicit_parent(attributes),
        };
        if parent.is_none()
            && attributes.parent().is_none()
            && let Some((span, rest)) = defer_root(state, attributes)
        {
            return (span, Some(rest));
        }
        let metadata = attributes.metadata();
        if otel::has_name(metadata) {
            return (start_named(state, attributes, parent), None);
        }
        let name = Key::Static(metadata.name());
        (start_explicit(state, name, parent), None)
    }

    /// Puts a span that [`begin`](Self::begin) begins into the table.
    #[cold]
    #[inline(never)]
    fn new_otherwise(&self, attributes: &Attributes<'_>, id: &Id, state: &Arc<TracerState>) {
        let (span, rest) = self.begin(attributes, state);
        let is_deferred = rest.is_some();
        let mut begun = Begun { span, is_deferred };
        self.write_start(&mut begun.span, attributes);
        if let Some(slot) = begun.span.take_slot() {
            drop(Span::from(self.number(id).insert(slot, rest)));
        }
    }

    /// Writes what is known at a start.
    #[inline(always)]
    fn write_start(&self, span: &mut Span, attributes: &Attributes<'_>) {
        let metadata = attributes.metadata();
        let is_forced = || metadata.fields().field(tags::SAMPLING_PRIORITY).is_some();
        if span.is_sampled() || is_forced() {
            if self.with_target || self.with_location {
                self.write_origin(metadata, |key, value| {
                    span.tag(key, value);
                });
            }
            attributes.record(&mut Tags::of_start(span));
        }
    }

    #[inline(never)]
    fn explicit_parent(&self, attributes: &Attributes<'_>) -> Option<SpanContext> {
        self.number(attributes.parent()?).use_context()
    }

    fn write_origin(
        &self,
        metadata: &Metadata<'_>,
        mut write: impl FnMut(&'static str, Value<'_>),
    ) {
        if self.with_target {
            write("target", metadata.target().into());
        }
        if self.with_location {
            if let Some(file) = metadata.file() {
                write("code.filepath", file.into());
            }
            if let Some(line) = metadata.line() {
                write("code.lineno", line.into());
            }
        }
    }

    fn write_event(&self, span: &mut Span, event: &Event<'_>) {
        let metadata = event.metadata();
        if *metadata.level() == Level::ERROR {
            span.tag_error_once();
        }
        if is_from_log(metadata) {
            return write_line(span, event, self.with_target, self.with_location);
        }
        let mut log = Log::begin(span, metadata);
        event.record(&mut log);
        self.write_origin(metadata, |key, value| log.field(key, value));
    }
}

/// Begins a root, which may get a parent later; `None` if the span has to start at once.
#[inline(never)]
fn defer_root(state: &Arc<TracerState>, attributes: &Attributes<'_>) -> Option<(Span, Completion)> {
    let metadata = attributes.metadata();
    // It decides at once.
    if metadata.fields().field(tags::SAMPLING_PRIORITY).is_some() {
        return None;
    }
    let slot = otel::with_name(attributes, |name| deferred::defer(state, name))?;
    let rest = Completion {
        name: metadata.name(),
        complete: deferred::complete,
    };
    Some((Span::from(Some(slot)), rest))
}

/// Starts a span that may be named by a field.
#[inline(never)]
fn start_named(
    state: &Arc<TracerState>,
    attributes: &Attributes<'_>,
    parent: Option<SpanContext>,
) -> Span {
    otel::with_name(attributes, |name| start_explicit(state, name, parent))
}

/// A span whose fields are being written. If one of these panics, a deferred root is nothing yet: its slot goes back.
struct Begun {
    span: Span,
    is_deferred: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.is_deferred
            && let Some(slot) = self.span.take_slot()
        {
            release(slot);
        }
    }
}

impl<S: Subscriber> Layer<S> for JaegerLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        // On a worker nothing starts.
        if self.leaves_out(metadata) {
            return;
        }
        let Some(state) = self.tracer.state() else {
            return;
        };
        // A child that is named by its callsite: nearly every span.
        if attributes.is_contextual()
            && let Parent::Plain(parent) = active_parent()
            && !otel::has_name(metadata)
        {
            let mut span = Span::from(start_under(state, metadata.name(), parent));
            self.write_start(&mut span, attributes);
            if let Some(slot) = span.take_slot() {
                drop(Span::from(self.number(id).insert(slot, None)));
            }
            return;
        }
        self.new_otherwise(attributes, id, state);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.number(id).with(|slot| {
            Span::in_home(slot, |span| values.record(&mut Tags::late(span)));
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        if let Some(context) = self.number(follows).use_context() {
            self.add_reference(id, &context);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.is_root() || self.leaves_out(event.metadata()) || is_own_line(event) || is_worker()
        {
            return;
        }
        match event.parent() {
            Some(parent) => {
                let number = self.number(parent);
                number.with(|slot| Span::in_home(slot, |span| self.write_event(span, event)));
            }
            None => with_current(|span| self.write_event(span, event)),
        }
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        enter_numbered(self.number(id));
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        leave_numbered(self.number(id));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        drop(Span::from(self.number(&id).remove()));
    }

    fn on_id_change(&self, old: &Id, new: &Id, _: Context<'_, S>) {
        let (old, new) = (self.number(old), self.number(new));
        if let Some(slot) = old.remove() {
            drop(Span::from(new.insert(slot, None)));
        }
    }
}

impl JaegerLayer {
    /// Adds a reference to a span that has not ended.
    pub(super) fn add_reference(&self, id: &Id, context: &SpanContext) {
        self.number(id).with(|slot| {
            Span::in_home(slot, |span| {
                span.add_reference(true, context);
            });
        });
    }
}

/// Ends the spans that are open: their subscriber is gone.
impl Drop for JaegerLayer {
    fn drop(&mut self) {
        for slot in self.owner.take_all() {
            drop(Span::from(Some(slot)));
        }
    }
}
