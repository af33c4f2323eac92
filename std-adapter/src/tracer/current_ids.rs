//! The ids of a thread's active span, for log lines.

use std::fmt;

use picojaeger_core::{SpanId, TraceId};

use crate::scope::active_context;

/// The ids of the active span, from [`current_ids`].
///
/// Its text is `trace_id=… span_id=… sampled=…`. With the feature `log-kv` it is a
/// `Source` of key-values of the `log` crate, under the same names.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::current_ids;
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let span = tracer.start("order");
/// let _active = span.activate();
/// let line = match current_ids() {
///     Some(ids) => format!("packed {ids}"),
///     None => "packed".to_owned(),
/// };
/// assert_eq!(line, format!("packed trace_id={} span_id={} sampled=true",
///     span.context().trace_id(), span.context().span_id()));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct CurrentIds {
    /// The id of the trace.
    pub trace_id: TraceId,
    /// The id of the span.
    pub span_id: SpanId,
    /// Whether the span is recorded and sent.
    pub sampled: bool,
}

/// Returns the ids of the innermost active span of this thread, whatever its tracer; `None` if none
/// is active, or it is one of a disabled tracer.
///
/// For a logger that adds them to each line, see [`CurrentIds`].
pub fn current_ids() -> Option<CurrentIds> {
    let context = active_context().filter(|context| context.core.is_valid())?;
    Some(CurrentIds {
        trace_id: context.trace_id(),
        span_id: context.span_id(),
        sampled: context.is_sampled(),
    })
}

impl fmt::Display for CurrentIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CurrentIds {
            trace_id,
            span_id,
            sampled,
        } = self;
        write!(f, "trace_id={trace_id} span_id={span_id} sampled={sampled}")
    }
}

#[cfg(feature = "log-kv")]
impl log::kv::Source for CurrentIds {
    fn visit<'kvs>(
        &'kvs self,
        visitor: &mut dyn log::kv::VisitSource<'kvs>,
    ) -> Result<(), log::kv::Error> {
        use log::kv::Value;
        visitor.visit_pair("trace_id".into(), Value::from_display(&self.trace_id))?;
        visitor.visit_pair("span_id".into(), Value::from_display(&self.span_id))?;
        visitor.visit_pair("sampled".into(), Value::from(self.sampled))
    }

    fn count(&self) -> usize {
        3
    }
}

#[cfg(all(test, feature = "log-kv"))]
mod tests {
    use log::kv::{Key, Source, ToKey};

    use super::*;

    #[test]
    fn the_ids_are_key_values() {
        let ids = CurrentIds {
            trace_id: TraceId::from_parts(0, 0xab),
            span_id: SpanId::new(7),
            sampled: true,
        };
        let get = |key: &str| {
            let key: Key<'_> = key.to_key();
            ids.get(key).map(|value| value.to_string())
        };
        assert_eq!(get("trace_id").as_deref(), Some("00000000000000ab"));
        assert_eq!(get("span_id").as_deref(), Some("0000000000000007"));
        assert_eq!(get("sampled").as_deref(), Some("true"));
        assert_eq!(get("parent_id"), None);
        let record = log::Record::builder().key_values(&ids).build();
        assert_eq!(record.key_values().count(), 3);
    }
}
