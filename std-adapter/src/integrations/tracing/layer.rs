//! The layer: spans of `tracing` as spans of a tracer.

use picojaeger_core::{Key, Value, tags};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::filter::is_ours;
use super::logs::{Log, is_from_log, is_own_line};
use super::otel;
use super::tags::Tags;
use crate::context::SpanContext;
use crate::scope::{Completion, Owner, SpanNumber, enter_numbered, is_any_there, leave_numbered};
use crate::spans::deferred;
use crate::spans::fast_path::release;
use crate::tasks::with_current;
use crate::tracer::Tracer;
use crate::tracer::span::Span;
use crate::tracer::span_builder::start_implicit;
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
}

impl JaegerLayer {
    /// Makes a layer whose spans are this tracer's.
    pub fn new(tracer: &Tracer) -> Self {
        JaegerLayer {
            tracer: tracer.clone(),
            owner: Owner::new(),
            with_target: false,
            with_location: false,
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

    pub(super) fn number(&self, id: &Id) -> SpanNumber {
        self.owner.number(id.into_u64())
    }

    /// Begins a root, which may get a parent later; `None` if the span has to start at once.
    #[inline]
    fn defer(&self, attributes: &Attributes<'_>) -> Option<(Span, Completion)> {
        let is_root = attributes.is_root() || attributes.is_contextual() && !is_any_there();
        is_root.then(|| self.defer_root(attributes)).flatten()
    }

    #[inline(never)]
    fn defer_root(&self, attributes: &Attributes<'_>) -> Option<(Span, Completion)> {
        let metadata = attributes.metadata();
        // It decides at once.
        if metadata.fields().field(tags::SAMPLING_PRIORITY).is_some() {
            return None;
        }
        let state = self.tracer.state()?;
        let slot = otel::with_name(attributes, |name| deferred::defer(state, name))?;
        let rest = Completion {
            name: metadata.name(),
            complete: deferred::complete,
        };
        Some((Span::from(Some(slot)), rest))
    }

    fn start(&self, attributes: &Attributes<'_>) -> Span {
        let metadata = attributes.metadata();
        let is_plain = attributes.is_contextual() && !otel::has_name(metadata);
        if is_plain && let Some(state) = self.tracer.state() {
            return start_implicit(state, Key::Static(metadata.name()));
        }
        let start = |name: Key<'_>| {
            let builder = self.tracer.span_builder(name);
            match attributes.parent() {
                Some(parent) => builder.child_of(self.number(parent).use_context()).start(),
                None if attributes.is_root() => builder.ignore_active_span().start(),
                None => builder.start(),
            }
        };
        match otel::has_name(metadata) {
            true => otel::with_name(attributes, start),
            false => start(Key::Static(metadata.name())),
        }
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
        let mut log = Log::begin(span, metadata);
        event.record(&mut log);
        if is_from_log(metadata) {
            return log.end_of_line(self.with_target, self.with_location);
        }
        self.write_origin(metadata, |key, value| log.field(key, value));
    }
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
        if is_ours(metadata.target()) || is_worker() {
            return;
        }
        let (span, rest) = match self.defer(attributes) {
            Some((span, rest)) => (span, Some(rest)),
            None => (self.start(attributes), None),
        };
        let is_deferred = rest.is_some();
        let mut begun = Begun { span, is_deferred };
        let span = &mut begun.span;
        let is_forced = || metadata.fields().field(tags::SAMPLING_PRIORITY).is_some();
        if span.is_sampled() || is_forced() {
            self.write_origin(metadata, |key, value| {
                span.tag(key, value);
            });
            attributes.record(&mut Tags::of_start(span));
        }
        if let Some(slot) = span.take_slot() {
            drop(Span::from(self.number(id).insert(slot, rest)));
        }
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
        let target = event.metadata().target();
        if event.is_root() || is_ours(target) || is_own_line(event) || is_worker() {
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
