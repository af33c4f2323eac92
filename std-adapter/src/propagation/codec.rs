//! Selection of the formats, and the limit of baggage.

use picojaeger_core::{BinaryCodec, Propagator, TextMapCodec};

use crate::config::PropagationSettings;
use crate::context::baggage::BaggageLimit;

/// Returns the propagator with these settings; `http` is whether Jaeger's headers are HTTP's, or
/// text.
pub(crate) fn propagator(http: bool, settings: &PropagationSettings) -> Propagator<'_> {
    let names = &settings.headers;
    let codec = if http {
        TextMapCodec::http()
    } else {
        TextMapCodec::text_map()
    };
    let codec = codec
        .with_baggage_limit(settings.max_baggage_size)
        .with_names(
            picojaeger_core::HeaderNames::DEFAULT
                .with_trace_context(&names.trace_context)
                .with_baggage_prefix(&names.baggage_prefix)
                .with_debug_id(&names.debug_id)
                .with_baggage(&names.baggage),
        );
    Propagator::new(&settings.formats, &settings.formats)
        .with_jaeger(codec)
        .with_requests(!settings.public_entrance)
}

/// Returns the codec of the binary form with these settings.
pub(crate) fn binary_codec(settings: &PropagationSettings) -> BinaryCodec {
    BinaryCodec::new().with_baggage_limit(settings.max_baggage_size)
}

/// Returns the limit of baggage as these settings inject it.
pub(crate) fn baggage_limit(settings: &PropagationSettings) -> BaggageLimit {
    BaggageLimit {
        size: settings.max_baggage_size,
        prefix: settings.headers.baggage_prefix.len(),
    }
}
