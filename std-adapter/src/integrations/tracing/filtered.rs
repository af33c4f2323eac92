//! The layer with its filter.

use std::any::TypeId;

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::filter::DefaultFilter;
use super::layer::JaegerLayer;
use crate::tracer::Tracer;

/// Returns the layer with its [`DefaultFilter`].
///
/// ```
/// use picojaeger_std::Tracer;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let tracer = Tracer::disabled();
/// let subscriber = tracing_subscriber::registry().with(picojaeger_std::tracing::layer(&tracer));
/// # drop(subscriber);
/// ```
pub fn layer<S>(tracer: &Tracer) -> FilteredLayer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    JaegerLayer::new(tracer).filtered(DefaultFilter::new())
}

/// A [`JaegerLayer`] with a [`DefaultFilter`], from [`layer`] or [`JaegerLayer::filtered`].
///
/// It does what `with_filter` of `tracing-subscriber` does for less: the registry is not asked at each
/// enter and exit whether the span passed the filter, since the layer finds no other.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::tracing::{FilteredLayer, layer};
/// use tracing_subscriber::Registry;
///
/// let layer: FilteredLayer<Registry> = layer(&Tracer::disabled());
/// ```
#[derive(Debug)]
pub struct FilteredLayer<S> {
    filtered: Filtered<JaegerLayer, DefaultFilter, S>,
}

impl JaegerLayer {
    /// Puts a filter before the layer.
    pub fn filtered<S>(self, filter: DefaultFilter) -> FilteredLayer<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        FilteredLayer {
            filtered: self.behind_filter().with_filter(filter),
        }
    }
}

impl<S> Layer<S> for FilteredLayer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.filtered.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.filtered.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.filtered.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.filtered.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.filtered.max_level_hint()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.filtered.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.filtered.inner().on_record(id, values, context);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.filtered.inner().on_follows_from(id, follows, context);
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        self.filtered.event_enabled(event, context)
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.filtered.on_event(event, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.filtered.inner().on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.filtered.inner().on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.filtered.inner().on_close(id, context);
    }

    fn on_id_change(&self, old: &Id, new: &Id, context: Context<'_, S>) {
        self.filtered.inner().on_id_change(old, new, context);
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the contract is the caller's, and the answer is that of a layer which lies in this one.
        unsafe { self.filtered.downcast_raw(id) }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn miri_the_layer_is_found_in_its_filter() {
        let layer = JaegerLayer::new(&Tracer::disabled()).with_target(true);
        let layer = layer.filtered(DefaultFilter::new().with_max_level(LevelFilter::WARN));
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        let found = dispatch.downcast_ref::<JaegerLayer>();
        assert!(found.is_some_and(|layer| format!("{layer:?}").contains("with_target: true")));
        let wrapper = dispatch.downcast_ref::<FilteredLayer<Registry>>().unwrap();
        assert_eq!(
            Layer::<Registry>::max_level_hint(wrapper),
            Some(LevelFilter::WARN)
        );
        assert!(dispatch.downcast_ref::<DefaultFilter>().is_some());
    }
}
