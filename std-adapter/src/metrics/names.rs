//! The metrics: the names of Jaeger's Go client, as its Prometheus factory writes them, then ours.

use crate::metrics::Metric;

macro_rules! metrics {
    ($($constant:ident = $name:literal, $help:literal;)*) => {
        $(
        #[cfg_attr(
            not(feature = "http"),
            allow(dead_code, reason = "some count what servers answer")
        )]
        pub(super) static $constant: Metric = Metric { name: $name, help: $help };
        )*

        #[cfg(test)]
        pub(super) static ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    STARTED_SPANS = "jaeger_tracer_started_spans_total",
        "Spans started, by sampling decision";
    FINISHED_SPANS = "jaeger_tracer_finished_spans_total",
        "Spans finished, by sampling decision; unsampled ones with rpc_metrics only";
    REPORTER_SPANS = "jaeger_tracer_reporter_spans_total",
        "Finished spans delivered (ok), not sent (err), or dropped before sending (dropped)";
    QUEUE_LENGTH = "jaeger_tracer_reporter_queue_length",
        "Finished spans that wait to be sent";
    DECODING_ERRORS = "jaeger_tracer_span_context_decoding_errors_total",
        "Extractions that met a malformed header";
    OPEN_SPANS = "jaeger_tracer_open_spans",
        "Sampled spans that have not finished";
    CLEARED_SPANS = "jaeger_tracer_cleared_spans_total",
        "Sampled spans whose sampling.priority was set to 0";
    LOST_SPANS = "jaeger_tracer_lost_spans_total",
        "Lost spans, by cause";
    UNFINISHED_SPANS = "jaeger_tracer_unfinished_spans_total",
        "Copies of open spans that were sent; each counts as started too";
    LATE_REFUSALS = "jaeger_tracer_late_refusals_total",
        "Packets that were refused after they counted as sent";
    EXPORT_PACKETS = "jaeger_tracer_export_packets_total",
        "Packets accepted (ok) or failed (err)";
    EXPORT_BYTES = "jaeger_tracer_export_bytes_total",
        "Bytes of accepted packets";
    EXPORT_RETRIES = "jaeger_tracer_export_retries_total",
        "Packets to be sent again";
    EXPORT_DURATION = "jaeger_tracer_export_duration_seconds",
        "Time to the outcome of a packet";
    TRANSPORT_SPANS = "jaeger_tracer_transport_spans_total",
        "Spans that a further transport delivered (ok), could not send (err), or had no room for (dropped)";
    TRANSPORT_LOST_SPANS = "jaeger_tracer_transport_lost_spans_total",
        "Spans that a further transport lost, by cause";
    TRANSPORT_QUEUE_LENGTH = "jaeger_tracer_transport_queue_length",
        "Finished spans that wait for a further transport";
    TRANSPORT_PACKETS = "jaeger_tracer_transport_packets_total",
        "Packets of a further transport, accepted (ok) or failed (err)";
    TRANSPORT_BYTES = "jaeger_tracer_transport_bytes_total",
        "Bytes of the accepted packets of a further transport";
    TRANSPORT_RETRIES = "jaeger_tracer_transport_retries_total",
        "Packets of a further transport to be sent again";
    SAMPLER_QUERIES = "jaeger_tracer_sampler_queries_total",
        "Questions to the sampling server, answered (ok) or not (err)";
    SAMPLER_UPDATES = "jaeger_tracer_sampler_updates_total",
        "Answers of the sampling server, applied (ok) or no strategy (err)";
    THROTTLED_DEBUG_SPANS = "jaeger_tracer_throttled_debug_spans_total",
        "Demands for a forced trace that had no credit";
    THROTTLER_UPDATES = "jaeger_tracer_throttler_updates_total",
        "Questions for credits, answered (ok) or not (err)";
    BAGGAGE_UPDATES = "jaeger_tracer_baggage_updates_total",
        "Baggage items that were set (ok) or refused (err)";
    BAGGAGE_TRUNCATIONS = "jaeger_tracer_baggage_truncations_total",
        "Baggage items whose value was too long for its restriction";
    BAGGAGE_RESTRICTIONS_UPDATES = "jaeger_tracer_baggage_restrictions_updates_total",
        "Questions for baggage restrictions, answered (ok) or not (err)";
    TRACES = "jaeger_tracer_traces_total",
        "Traces that this process started, or joined by their context";
    REQUESTS = "jaeger_rpc_requests_total",
        "Finished spans of the kind server";
    REQUEST_LATENCY = "jaeger_rpc_request_latency",
        "Seconds from start to finish of spans of the kind server";
    HTTP_REQUESTS = "jaeger_rpc_http_requests_total",
        "Finished spans of the kind server, by class of HTTP status";
}

/// The label that each sample has.
pub(super) const SERVICE: &str = "service";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_unique() {
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        for metric in ALL {
            assert!(metric.name.starts_with("jaeger_"), "{metric:?}");
            let valid = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(metric.name.chars().all(valid), "{metric:?}");
            assert!(!metric.help.ends_with('.'), "{metric:?}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
