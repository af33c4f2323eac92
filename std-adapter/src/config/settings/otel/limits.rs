//! Limits of spans, and of the queue of finished ones.

use super::OtelName;
use crate::config::settings::collector::SPANS;
use crate::config::settings::limits::count;
use crate::config::settings::reporter::set_queue;
use crate::config::settings::tracer::LONGEST_TAG_VALUE;

pub(super) static NAMES: &[OtelName] = &[
    (
        &[
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ],
        |layer, entry, _| {
            // OpenTelemetry's limit is none, so a large one means no more than our largest.
            let length = entry.bytes()?.min(LONGEST_TAG_VALUE);
            layer.tracer.max_tag_value_length.set(entry, length)
        },
    ),
    (
        &[
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
        ],
        |layer, entry, _| layer.limits.tags_per_span.set(entry, count(entry)?),
    ),
    (
        &[
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
        ],
        |layer, entry, _| layer.limits.fields_per_log.set(entry, count(entry)?),
    ),
    (&["OTEL_SPAN_EVENT_COUNT_LIMIT"], |layer, entry, _| {
        // One place is for the log that counts the dropped ones.
        let most = count(entry)?.clamp(2, 65_535);
        layer.limits.logs_per_span.set(entry, most)
    }),
    (&["OTEL_SPAN_LINK_COUNT_LIMIT"], |layer, entry, _| {
        layer.limits.references_per_span.set(entry, count(entry)?)
    }),
    (&["OTEL_BSP_SCHEDULE_DELAY"], |layer, entry, _| {
        let delay = entry.milliseconds()?;
        layer.reporter.flush_interval.set(entry, delay)
    }),
    (&["OTEL_BSP_MAX_QUEUE_SIZE"], |layer, entry, _| {
        set_queue(layer, entry)
    }),
    // Packets to an agent are filled by size, and wait for no answer.
    (&["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], |layer, entry, _| {
        let spans = entry.as_integer();
        let spans = spans.ok_or_else(|| entry.wrong("not a number of spans", SPANS))?;
        layer.collector.max_batch_spans.set(entry, spans)
    }),
    (&["OTEL_BSP_EXPORT_TIMEOUT"], |layer, entry, _| {
        let time = entry.milliseconds()?;
        layer.collector.retry_time.set(entry, time)
    }),
];
