//! Selection of a codec.

use picojaeger_core::TextMapCodec;

use crate::config::HeaderNames;

/// Returns the codec of HTTP headers, or of text, with these names.
pub(crate) fn text_map_codec(http: bool, names: &HeaderNames) -> TextMapCodec<'_> {
    let codec = if http {
        TextMapCodec::http()
    } else {
        TextMapCodec::text_map()
    };
    codec.with_names(
        picojaeger_core::HeaderNames::DEFAULT
            .with_trace_context(&names.trace_context)
            .with_baggage_prefix(&names.baggage_prefix)
            .with_debug_id(&names.debug_id)
            .with_baggage(&names.baggage),
    )
}
