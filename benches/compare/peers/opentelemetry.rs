//! The OpenTelemetry SDK, with its batch processor.
//!
//! Settings: the tracer is the SDK's own type and not behind a global; parents
//! are named, so that no context is looked up; names, keys and the string value
//! are static. The processor's delay is an hour and its batch larger than a
//! burst, so that its thread sleeps through every burst and works when flushed;
//! its queue holds a burst many times. Attributes are set on the span: in one
//! list given to the builder they cost the same when sampled, and an allocation
//! when not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter,
};
use picojaeger_workloads::spans::{self, Spans};
use picojaeger_workloads::{BURST, CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, Workload};

/// A tracer, and what is needed to make roots.
pub(crate) struct Tracer {
    tracer: SdkTracer,
    /// Without a span: what starts below it is a root.
    nothing: Context,
}

/// The SDK as a library under measure.
pub(crate) struct Sdk {
    tracer: Tracer,
    provider: SdkTracerProvider,
    exported: Arc<AtomicU64>,
}

impl Tracer {
    fn new(provider: &SdkTracerProvider) -> Self {
        Self {
            tracer: provider.tracer("benches"),
            nothing: Context::new(),
        }
    }
}

impl Spans for Tracer {
    type Root = Span;
    /// A span that others name as their parent lies in a context.
    type Parent = Context;
    type Child = Span;

    #[inline]
    fn root(&self) -> Span {
        self.tracer.start_with_context(ROOT, &self.nothing)
    }

    fn parent(&self) -> Context {
        let mut root = self.root();
        set_attributes(&mut root, 0);
        self.nothing.with_span(root)
    }

    /// As if it came from another process; the default sampler follows it.
    fn unsampled_parent(&self) -> Context {
        self.nothing.with_remote_span_context(SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::NOT_SAMPLED,
            true,
            TraceState::NONE,
        ))
    }

    #[inline]
    fn child(&self, parent: &Context, index: usize) -> Span {
        let mut span = self.tracer.start_with_context(CHILD, parent);
        set_attributes(&mut span, index);
        span
    }
}

#[inline]
fn set_attributes(span: &mut Span, index: usize) {
    span.set_attribute(KeyValue::new(COMPONENT.0, COMPONENT.1));
    span.set_attribute(KeyValue::new(ITEM_INDEX, index as i64));
}

impl Sdk {
    pub(crate) fn new() -> Self {
        let exported = Arc::default();
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(16 * BURST)
            .with_max_export_batch_size(2 * BURST)
            .with_scheduled_delay(Duration::from_secs(3600));
        let processor = BatchSpanProcessor::builder(Counter(Arc::clone(&exported)))
            .with_batch_config(config.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .build();
        Self {
            tracer: Tracer::new(&provider),
            provider,
            exported,
        }
    }
}

impl Library for Sdk {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    fn package(&self) -> &'static str {
        "opentelemetry_sdk"
    }

    fn burst(&mut self, workload: Workload) {
        spans::burst(&self.tracer, workload);
    }

    /// The processor tells what it lost when it is shut down, and not before:
    /// what is missing here was lost until then.
    fn drain(&mut self) -> Drained {
        self.provider.force_flush().expect("the processor runs");
        Drained {
            exported: self.exported.swap(0, Ordering::Relaxed),
            lost: 0,
        }
    }
}

/// Counts what it is given, and gives it up.
#[derive(Debug)]
struct Counter(Arc<AtomicU64>);

impl SpanExporter for Counter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
