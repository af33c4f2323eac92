//! The choice of a codec.

use picojaeger_core::TextMapCodec;

use crate::config::HeaderNames;

/// Returns the codec of HTTP headers, or of text, with these names.
pub(crate) fn text_map_codec(http: bool, names: &HeaderNames) -> TextMapCodec<'_> {
    let codec = if http {
        TextMapCodec::http()
    } else {
        TextMapCodec::text_map()
    };
    codec.with_names(picojaeger_core::HeaderNames {
        trace_context: &names.trace_context,
        baggage_prefix: &names.baggage_prefix,
        debug_id: &names.debug_id,
        baggage: &names.baggage,
    })
}
