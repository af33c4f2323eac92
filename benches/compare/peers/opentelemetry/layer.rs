//! The layer `tracing-opentelemetry` over the SDK.
//!
//! Settings: without location, threads, level, target and the tracking of inactivity, which are attributes that the other layer
//! here does not write either; the batch processor as around other bursts.

use opentelemetry::trace::TracerProvider as _;
use picojaeger_workloads::tracing::{WORKLOADS, burst};
use picojaeger_workloads::{Drained, Library, Workload};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

use super::Sdk;

/// The layer as a library under measure.
pub(crate) struct Layer {
    sdk: Sdk,
    dispatch: Option<Dispatch>,
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self {
            sdk: Sdk::new(),
            dispatch: None,
        }
    }

    fn dispatch(sdk: &Sdk) -> Dispatch {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(sdk.provider.tracer("benches"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        Dispatch::new(tracing_subscriber::registry().with(layer))
    }
}

impl Library for Layer {
    fn name(&self) -> &'static str {
        "tracing-opentelemetry"
    }

    fn package(&self) -> &'static str {
        "tracing-opentelemetry"
    }

    fn workloads(&self) -> &'static [Workload] {
        &WORKLOADS
    }

    fn burst(&mut self, workload: Workload) {
        let dispatch = self
            .dispatch
            .get_or_insert_with(|| Self::dispatch(&self.sdk));
        burst(dispatch, workload);
    }

    fn drain(&mut self) -> Drained {
        self.sdk.drain()
    }
}
