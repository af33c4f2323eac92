//! The ids of the active span in the lines of `tracing-subscriber`'s formatter.

use std::fmt;

use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::tracer::current_ids::current_ids;

/// A format of events with the ids of the active span in front of each line, as
/// `trace_id=… span_id=… sampled=…`.
///
/// For the formats that are text; [`JsonWithIds`] is for JSON. A line outside of spans is as it was.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::tracing::{TextWithIds, layer};
/// use tracing_subscriber::fmt;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let lines = fmt::layer().event_format(TextWithIds::new(fmt::format()));
/// let subscriber = tracing_subscriber::registry().with(layer(&Tracer::disabled())).with(lines);
/// # drop(subscriber);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TextWithIds<F> {
    format: F,
}

/// A format of events as JSON with the ids of the active span as the first members of each object: `trace_id`,
/// `span_id` and `sampled`.
///
/// A line outside of spans is as it was. Costs one allocation a line.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::tracing::{JsonWithIds, layer};
/// use tracing_subscriber::fmt;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let lines = fmt::layer().json().event_format(JsonWithIds::new(fmt::format().json()));
/// let subscriber = tracing_subscriber::registry().with(layer(&Tracer::disabled())).with(lines);
/// # drop(subscriber);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct JsonWithIds<F> {
    format: F,
}

impl<F> TextWithIds<F> {
    /// Puts ids in front of the lines of a format.
    pub const fn new(format: F) -> Self {
        TextWithIds { format }
    }
}

impl<F> JsonWithIds<F> {
    /// Puts ids into the objects of a format.
    pub const fn new(format: F) -> Self {
        JsonWithIds { format }
    }
}

impl<S, N, F> FormatEvent<S, N> for TextWithIds<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if let Some(ids) = current_ids() {
            write!(writer, "{ids} ")?;
        }
        self.format.format_event(context, writer, event)
    }
}

impl<S, N, F> FormatEvent<S, N> for JsonWithIds<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = current_ids() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::with_capacity(512);
        self.format
            .format_event(context, Writer::new(&mut line), event)?;
        let Some(members) = line.strip_prefix('{') else {
            return writer.write_str(&line); // no object
        };
        let (trace, span, sampled) = (ids.trace_id, ids.span_id, ids.sampled);
        write!(
            writer,
            r#"{{"trace_id":"{trace}","span_id":"{span}","sampled":{sampled}"#
        )?;
        if !members.trim_start().starts_with('}') {
            writer.write_char(',')?;
        }
        writer.write_str(members)
    }
}
