//! The OpenTelemetry SDK, with its batch processor.
//!
//! Settings: the tracer is the SDK's own type and not behind a global; parents
//! are named, so that no context is looked up; names, keys and the string value
//! are static. Attributes are set on the span: given to the builder in one list
//! they cost 5 % less when sampled, and an allocation when not. Around bursts
//! the processor's delay is an hour and its batch larger than a burst, so that
//! its thread sleeps through every burst and works when flushed; its queue holds
//! many bursts. Whole programs have settings of their own.

mod client;
mod dropped;
mod layer;
mod propagation;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter,
};
use picojaeger_workloads::spans::{self, Spans};
use picojaeger_workloads::{BURST, CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, Workload};

use crate::burst::BurstTracer;
use crate::programs::{CLOSING, Program};
use client::Connection;

pub(crate) use layer::Layer;
pub(crate) use propagation::W3c;

/// A tracer, and what is needed to make roots.
pub(crate) struct Tracer {
    tracer: SdkTracer,
    /// A context without a span: its children are roots.
    nothing: Context,
}

/// The SDK as a library under measure.
pub(crate) struct Sdk {
    tracer: Tracer,
    provider: SdkTracerProvider,
    exported: Arc<AtomicU64>,
}

/// The SDK in a program of its own.
pub(crate) struct Traced(Sdk);

/// Settings of the batch processor.
struct Queue {
    spans: usize,
    batch: usize,
    delay: Duration,
}

/// The SDK's default. Flat out, fewer spans passed through larger queues.
const DEFAULT: Queue = Queue {
    spans: 2048,
    batch: 512,
    delay: Duration::from_secs(5),
};

/// Larger requests than the default: they make a span cheaper.
const SENDING: Queue = Queue {
    spans: 16 * 1024,
    batch: 4096,
    delay: Duration::from_secs(1),
};

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
    /// A parent span is held in a context.
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

    /// Makes a parent as if from another process; the default sampler follows it.
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
        let queue = Queue {
            spans: 16 * BURST,
            batch: 2 * BURST,
            delay: Duration::from_secs(3600),
        };
        Self::exporting(None, queue)
    }

    fn exporting(next: Option<opentelemetry_otlp::SpanExporter>, queue: Queue) -> Self {
        let exported = Arc::default();
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(queue.spans)
            .with_max_export_batch_size(queue.batch)
            .with_scheduled_delay(queue.delay);
        let counter = Counter {
            exported: Arc::clone(&exported),
            next,
        };
        let processor = BatchSpanProcessor::builder(counter)
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

    /// Exports what is in the queue; returns the number of spans exported since the last call.
    fn deliver(&self) -> u64 {
        self.provider.force_flush().expect("the processor runs");
        self.exported.swap(0, Ordering::Relaxed)
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

    /// The processor reports its losses only when it is shut down, so until then they
    /// show as missing spans.
    fn drain(&mut self) -> Drained {
        Drained {
            exported: self.deliver(),
            lost: 0,
        }
    }
}

impl Traced {
    /// Counts the exported spans.
    pub(crate) fn counting() -> Self {
        Self::exporting(None, DEFAULT)
    }

    /// Sends them by OTLP in protobuf over HTTP.
    pub(crate) fn sending(sink: SocketAddr) -> Self {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Connection::open(sink).expect("loopback connects"))
            .with_endpoint(format!("http://{sink}/v1/traces"))
            .build();
        let exporter = exporter.expect("the settings are right");
        Self::exporting(Some(exporter), SENDING)
    }

    fn exporting(next: Option<opentelemetry_otlp::SpanExporter>, queue: Queue) -> Self {
        dropped::listen();
        Self(Sdk::exporting(next, queue))
    }

    fn shut_down(&self) {
        if let Err(error) = self.0.provider.shutdown_with_timeout(CLOSING) {
            eprintln!("opentelemetry: {error}");
        }
    }
}

impl BurstTracer for Traced {
    fn make(&self, spans: usize) {
        spans::tree(&self.0.tracer, spans);
    }

    fn deliver(&self) -> u64 {
        self.0.deliver()
    }

    fn close(&mut self) -> u64 {
        self.shut_down();
        dropped::count()
    }
}

impl Program for Traced {
    fn burst(&self) {
        spans::burst(&self.0.tracer, Workload::W2);
    }

    /// Spans whose export failed are logged without a count, and so are missing.
    fn close(&mut self) -> Drained {
        self.shut_down();
        Drained {
            exported: self.0.exported.load(Ordering::Relaxed),
            lost: dropped::count(),
        }
    }
}

/// Counts the spans that the inner exporter exports, or drops them itself.
#[derive(Debug)]
struct Counter {
    exported: Arc<AtomicU64>,
    next: Option<opentelemetry_otlp::SpanExporter>,
}

impl SpanExporter for Counter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        if let Some(next) = &self.next {
            next.export(batch).await?;
        }
        self.exported.fetch_add(spans, Ordering::Relaxed);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(next) = &mut self.next {
            next.set_resource(resource);
        }
    }
}
