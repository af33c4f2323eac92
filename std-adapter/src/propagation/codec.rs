//! Selection of a codec, and the limit of its baggage.

use picojaeger_core::TextMapCodec;

use crate::config::PropagationSettings;
use crate::context::baggage::BaggageLimit;

/// Returns the codec of HTTP headers, or of text, with these settings.
pub(crate) fn text_map_codec(http: bool, settings: &PropagationSettings) -> TextMapCodec<'_> {
    let names = &settings.headers;
    let codec = if http {
        TextMapCodec::http()
    } else {
        TextMapCodec::text_map()
    };
    codec
        .with_baggage_limit(settings.max_baggage_size)
        .with_names(
            picojaeger_core::HeaderNames::DEFAULT
                .with_trace_context(&names.trace_context)
                .with_baggage_prefix(&names.baggage_prefix)
                .with_debug_id(&names.debug_id)
                .with_baggage(&names.baggage),
        )
}

/// Returns the limit of baggage as these settings inject it.
pub(crate) fn baggage_limit(settings: &PropagationSettings) -> BaggageLimit {
    BaggageLimit {
        size: settings.max_baggage_size,
        prefix: settings.headers.baggage_prefix.len(),
    }
}
