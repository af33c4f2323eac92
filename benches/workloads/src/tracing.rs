//! Spans by the macros of the crate `tracing`, and what they come to.
//!
//! The registry is part of what is measured, and so is the look-up of the thread's subscriber, which costs more than that of
//! the process: libraries that take turns cannot each have the process.

use std::cell::Cell;
use std::time::Duration;

use picojaeger_std::Tracer;
use picojaeger_std::config::ClockSource;
use picojaeger_std::tracing::{JaegerLayer, layer};
use tracing::{Dispatch, Subscriber, dispatcher, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::picojaeger::sampling;
use crate::{BURST, CHILD, COMPONENT, Drained, Library, ROOT, TREE, Workload};

/// The workloads by macros.
pub const WORKLOADS: [Workload; 2] = [Workload::Tracing, Workload::TracingEvents];

/// Makes a burst on this thread under a subscriber.
pub fn burst(dispatch: &Dispatch, workload: Workload) {
    dispatcher::with_default(dispatch, || match workload {
        Workload::Tracing => plain(),
        Workload::TracingEvents => with_events(),
        _ => {}
    });
}

#[inline(never)]
fn plain() {
    for _ in 0..BURST / TREE {
        let root = info_span!(ROOT, component = COMPONENT.1, item.index = 0);
        let _entered = root.enter();
        for index in 1..TREE {
            let child = info_span!(CHILD, component = COMPONENT.1, item.index = index as i64);
            let _entered = child.enter();
        }
    }
}

#[inline(never)]
fn with_events() {
    for _ in 0..BURST / TREE {
        let root = info_span!(ROOT, component = COMPONENT.1, item.index = 0);
        let _entered = root.enter();
        info!(weight = 1, "packed");
        for index in 1..TREE {
            let child = info_span!(CHILD, component = COMPONENT.1, item.index = index as i64);
            let _entered = child.enter();
            info!(weight = 1, "packed");
        }
    }
}

/// A registry with a layer that does nothing: the floor of the others.
pub struct Registry {
    /// Made by the first burst: a subscriber that is there changes what others' spans cost.
    dispatch: Option<Dispatch>,
    made: Cell<u64>,
}

/// The layer as a measured library.
pub struct Layer {
    name: &'static str,
    tracer: Tracer,
    subscriber: fn(&Tracer) -> Dispatch,
    dispatch: Option<Dispatch>,
    before: Drained,
}

struct NoOp;

impl<S: Subscriber> tracing_subscriber::Layer<S> for NoOp {}

impl Registry {
    /// Makes the floor.
    #[expect(clippy::new_without_default, reason = "like the other libraries")]
    pub fn new() -> Self {
        Registry {
            dispatch: None,
            made: Cell::new(0),
        }
    }
}

impl Library for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn package(&self) -> &'static str {
        "tracing-subscriber"
    }

    fn workloads(&self) -> &'static [Workload] {
        &WORKLOADS
    }

    fn burst(&mut self, workload: Workload) {
        let make = || Dispatch::new(tracing_subscriber::registry().with(NoOp));
        burst(self.dispatch.get_or_insert_with(make), workload);
        self.made.set(workload.spans() as u64);
    }

    /// Nothing comes out, which is right here.
    fn drain(&mut self) -> Drained {
        Drained {
            exported: self.made.take(),
            lost: 0,
        }
    }
}

impl Layer {
    /// The layer with its default filter.
    #[expect(clippy::new_without_default, reason = "like the other libraries")]
    pub fn new() -> Self {
        Layer::with("picojaeger-tracing", |tracer| {
            Dispatch::new(tracing_subscriber::registry().with(layer(tracer)))
        })
    }

    /// The layer without a filter.
    pub fn unfiltered() -> Self {
        Layer::with("picojaeger-tracing-unfiltered", |tracer| {
            Dispatch::new(tracing_subscriber::registry().with(JaegerLayer::new(tracer)))
        })
    }

    fn with(name: &'static str, subscriber: fn(&Tracer) -> Dispatch) -> Self {
        let config = sampling(ClockSource::Tsc).trace_id_128bit(false);
        Layer {
            name,
            tracer: config.new_tracer().expect("the settings are right"),
            subscriber,
            dispatch: None,
            before: Drained::default(),
        }
    }
}

impl Library for Layer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn package(&self) -> &'static str {
        "picojaeger-std"
    }

    fn workloads(&self) -> &'static [Workload] {
        &WORKLOADS
    }

    fn burst(&mut self, workload: Workload) {
        let make = || (self.subscriber)(&self.tracer);
        burst(self.dispatch.get_or_insert_with(make), workload);
    }

    fn drain(&mut self) -> Drained {
        let flushed = self.tracer.flush(Duration::from_secs(10));
        flushed.expect("nothing is sent, so nothing fails");
        let stats = self.tracer.stats();
        let drained = Drained {
            exported: stats.delivered - self.before.exported,
            lost: stats.lost.total() - self.before.lost,
        };
        self.before = Drained {
            exported: stats.delivered,
            lost: stats.lost.total(),
        };
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_out() {
        let mut libraries: [Box<dyn Library>; 3] = [
            Box::new(Registry::new()),
            Box::new(Layer::new()),
            Box::new(Layer::unfiltered()),
        ];
        for library in &mut libraries {
            for &workload in library.workloads() {
                library.burst(workload);
                let expected = Drained {
                    exported: workload.exported() as u64,
                    lost: 0,
                };
                assert_eq!(library.drain(), expected, "{}", workload.name());
            }
        }
    }
}
